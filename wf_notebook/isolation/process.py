"""Where guests run: each in a child process of its own, which can do nothing but answer.

The child has an empty environment, no descriptors but its messages, and limits of memory, CPU time
and wall clock. That keeps a source from harming the kernel by accident. With isolation="strict" it
is confined besides (`guest.seccomp`): whatever code runs in it, it can ask and answer, nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.config import Limits
from wf_notebook.errors import (
    GuestBudgetError,
    GuestDiedError,
    GuestProtocolError,
    IsolationError,
    IsolationUnavailable,
)
from wf_notebook.guest.agreed import EXIT_BROKEN, EXIT_MEMORY, EXIT_UNCONFINED
from wf_notebook.isolation.nursery import Child, Nursery, NurseryClosedError
from wf_notebook.isolation.proof import Proof, read_proof
from wf_notebook.isolation.protocol import Reply, parse_reply
from wf_notebook.isolation.wire import TooLongError, receive, receive_text, send

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.config import IsolationMode

__all__ = ["ProcessGuest", "ProcessIsolation"]

_REPORT_SECONDS: Final = 2.0
_REPORT_CHARS: Final = 1 << 18  # a guest that means harm may say anything, and go on saying it
_WORDS_CHARS: Final = 300
# A limit leaves a second more than an activation may take; until half of that may be used up, the
# next activation needs no new one.
_UNCOUNTED_SECONDS: Final = 0.5
_FRAME: Final = re.compile(r'File "(?P<file>.*)", line (?P<line>\d+) in ')
_LAST_FRAMES: Final = ('File "<string>", line', "\n  ...\n")  # of the zygote; of a long report
_LOOK: Final = "Look for a loop without an await, or move the work into a step."


class ProcessGuest:
    """A guest in a child process."""

    def __init__(self, child: Child, limits: Limits, ended: Callable[[ProcessGuest], None]):
        """Talk to a child that waits for its first message; `ended` is called once."""
        self._child = child
        self._limits = limits
        self._ended = ended
        self._filename = ""
        self._turn = asyncio.Lock()
        self._closed = False
        self._busy_seconds = 0.0  # since its limit of CPU time was last set

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def closed(self) -> bool:
        """Whether it takes no more messages."""
        return self._closed

    async def activate(self, message: Mapping[str, Any]) -> Reply:
        """Send a message and await the reply.

        Raises:
            GuestDiedError: it ended.
            GuestBudgetError: it used too much time or memory; it was stopped.
            GuestProtocolError: it sent something else than a reply; it was stopped.
        """
        self._filename = message.get("filename", self._filename)
        text = await self._exchange(message)
        try:
            return parse_reply(text)
        except GuestProtocolError:
            await self.close()
            raise

    async def where(self) -> list[int]:
        """Lines of the source at which the body's tasks are waiting, sorted.

        Raises:
            GuestDiedError, GuestBudgetError, GuestProtocolError: as for `activate`.
        """
        text = await self._exchange({"op": "where"})
        try:
            return parse_lines(text)
        except GuestProtocolError:
            await self.close()
            raise

    async def _exchange(self, message: Mapping[str, Any]) -> bytes:
        payload = json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii")
        if len(payload) > self._limits.message_bytes:
            raise self._too_long("message to the guest", len(payload))
        async with self._turn:
            if self._closed:
                msg = "The guest was closed."
                raise GuestDiedError(msg)
            try:
                return await self._talk(payload)
            except BaseException:
                await self._end()
                raise

    async def _talk(self, payload: bytes) -> bytes:
        limits, messages = self._limits, self._child.messages
        clock = asyncio.get_running_loop().time
        if self._busy_seconds > _UNCOUNTED_SECONDS:
            await self._child.allow_cpu(limits.activation_cpu_seconds)
            self._busy_seconds = 0.0
        begun = clock()
        try:
            async with asyncio.timeout(limits.activation_seconds):
                await send(messages, payload)
                return await receive(messages, limits.message_bytes)
        except TimeoutError:
            raise await self._overrun() from None
        except TooLongError as error:
            raise self._too_long("answer of the guest", error.size) from None
        except (EOFError, OSError):
            raise await self._death() from None
        finally:
            self._busy_seconds += clock() - begun

    def _too_long(self, what: str, size: int) -> GuestBudgetError:
        msg = f"The {what} has {size} bytes, more than {self._limits.message_bytes}."
        return GuestBudgetError(msg, hint="Pass references to large data instead of the data.")

    # -------------------------------------------------------------------- ends

    async def _overrun(self) -> IsolationError:
        await self._child.signal(signal.SIGUSR1)
        line = await self._reported_line()
        msg = f"One activation took more than {self._limits.activation_seconds:g} s"
        return GuestBudgetError(f"{msg}{_at(line)}.", line=line, hint=_LOOK)

    async def _death(self) -> IsolationError:
        """Say how a child ended that hung up; it has been reaped then."""
        status = await self._child.kill()
        if self._closed:
            return GuestDiedError("The guest was closed while it worked.")
        code = None if status is None else os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            line = await self._reported_line()
            msg = f"One activation used more than {self._limits.activation_cpu_seconds} s of CPU"
            return GuestBudgetError(f"{msg}{_at(line)}.", line=line, hint=_LOOK)
        if code == EXIT_MEMORY:
            msg = f"The guest needs more than {self._limits.memory_mb} MB of memory."
            return GuestBudgetError(msg, hint="Keep large data in steps; pass references.")
        if code == EXIT_UNCONFINED:
            msg = f"A guest could not be confined: {await _last_words(self._child)}."
            return IsolationUnavailable(msg, hint="`wf doctor` says what holds on this machine.")
        last = [await _last_words(self._child)] if code == EXIT_BROKEN else []
        return GuestDiedError(f"The guest's process ended ({': '.join([_how(code), *last])}).")

    async def _reported_line(self) -> int | None:
        """Return the innermost line of the source in the child's report, or None."""
        report = ""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_REPORT_SECONDS):
                while len(report) < _REPORT_CHARS and (
                    more := await receive_text(self._child.reports)
                ):
                    report += more
                    line = find_line(report, self._filename)
                    if line is not None or any(mark in report for mark in _LAST_FRAMES):
                        return line
        return find_line(report, self._filename)

    async def close(self) -> None:
        """Discard it; no `finally` in the source runs. Idempotent."""
        if self._closed:
            return
        self._closed = True
        await self._child.kill()
        async with self._turn:  # whoever waited for an answer is told first
            await self._end()

    async def _end(self) -> None:
        self._closed = True
        try:
            await self._child.kill()
        finally:
            self._child.close()
            self._ended(self)


def parse_lines(text: bytes) -> list[int]:
    """Read the reply to `where`.

    Raises:
        GuestProtocolError: it is something else.
    """
    try:
        lines = json.loads(text)["lines"]
        if all(type(line) is int and line > 0 for line in lines):
            return sorted(lines)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    msg = "The guest was asked where it waits and answered something else."
    raise GuestProtocolError(msg)


def find_line(report: str, filename: str) -> int | None:
    r"""Return the first line of a file in a report of faulthandler, which begins innermost.

    >>> find_line('Current thread:\n  File "a.py", line 7 in f\n  File "b", line 2 in g\n', "b")
    2
    """
    written = filename.encode("ascii", "backslashreplace").decode("ascii")
    for found in _FRAME.finditer(report):
        if found["file"] == written:
            return int(found["line"])
    return None


def _at(line: int | None) -> str:
    return "" if line is None else f", at line {line}"


def _how(code: int | None) -> str:
    if code is None:
        return "its parent is gone, too"
    if code < 0:
        return signal.Signals(-code).name
    return f"exit status {code}"


class ProcessIsolation:
    """A zygote, one child for each run, and a spare one.

    Used from one event loop, in whatever thread that runs.
    """

    def __init__(self, limits: Limits | None = None, *, strict: bool = False):
        """Start nothing yet.

        Args:
            limits: those of each guest.
            strict: whether guests are confined by the filter, or there are none.
        """
        self._limits = limits or Limits()
        self._strict = strict
        self._nursery: Nursery | None = None
        self._starting = asyncio.Lock()
        self._forks: deque[asyncio.Task[Child]] = deque()
        self._awaited: set[asyncio.Task[Child]] = set()
        self._guests: set[ProcessGuest] = set()
        self._closed = False

    @property
    def mode(self) -> IsolationMode:
        """Which promise it makes."""
        return "strict" if self._strict else "process"

    async def prove(self) -> Proof:
        """Have a child of the same kind try what it can do; it is gone afterwards.

        Raises:
            IsolationUnavailable: no child can be had on this machine.
        """
        child = await self._forked({"probe": True})
        try:
            async with asyncio.timeout(self._limits.activation_seconds):
                return read_proof(await receive(child.messages, self._limits.message_bytes))
        except (TimeoutError, TooLongError, GuestProtocolError):
            return Proof(trouble="the guest did not say what it tried")
        except (EOFError, OSError):
            return Proof(trouble=await _last_words(child))
        finally:
            await child.kill()
            child.close()

    async def prepare(self) -> None:
        """Start the zygote and the spare child now, before they are needed.

        Raises:
            IsolationUnavailable: none can be had on this machine.
        """
        self._keep_spare()
        await asyncio.shield(self._forks[0])

    async def spawn(self) -> ProcessGuest:
        """A fresh guest.

        Raises:
            IsolationUnavailable: none can be had on this machine.
        """
        child = await self._take()
        self._keep_spare()
        guest = ProcessGuest(child, self._limits, self._guests.discard)
        self._guests.add(guest)
        return guest

    async def _take(self) -> Child:
        """Return the spare child, or a new one."""
        while True:
            self._keep_spare()
            child = await self._result(self._forks.popleft())
            if child.pid in child.nursery.children:
                return child
            child.close()  # its zygote died meanwhile

    async def _result(self, fork: asyncio.Task[Child]) -> Child:
        self._awaited.add(fork)
        try:
            return await asyncio.shield(fork)
        except asyncio.CancelledError:
            if self._closed:
                raise _closed() from None
            self._forks.appendleft(fork)  # whoever asks next gets it
            raise
        finally:
            self._awaited.discard(fork)

    def _keep_spare(self) -> None:
        if self._closed:
            raise _closed()
        while self._forks and _failed(self._forks[0]):
            self._forks.popleft()
        if not self._forks:
            self._forks.append(asyncio.create_task(self._fork(), name="wf-fork"))

    async def _fork(self) -> Child:
        return await self._forked({"probe": False})

    async def _forked(self, purpose: Mapping[str, bool]) -> Child:
        limits = {
            "memory_mb": self._limits.memory_mb,
            "cpu_seconds": self._limits.activation_cpu_seconds,
            "strict": self._strict,
            **purpose,
        }
        try:
            return await (await self._living()).fork(limits)
        except NurseryClosedError:
            # It died between two requests: one more try, with a new one.
            return await (await self._living()).fork(limits)

    async def _living(self) -> Nursery:
        async with self._starting:
            if self._nursery is not None and self._nursery.closed:
                await self._nursery.close()
                self._nursery = None
            if self._nursery is None:
                self._nursery = await Nursery.start()
            return self._nursery

    async def close(self) -> None:
        """Stop every guest and leave no process behind. Idempotent."""
        self._closed = True
        await asyncio.gather(*(guest.close() for guest in tuple(self._guests)))
        forks = [*self._forks, *self._awaited]
        self._forks.clear()
        for fork in forks:
            fork.cancel()
        for forked in await asyncio.gather(*forks, return_exceptions=True):
            if isinstance(forked, Child):
                forked.close()
        if self._nursery is not None:
            await self._nursery.close()
            self._nursery = None


async def _last_words(child: Child) -> str:
    """Return what a child said of its end."""
    report = ""
    with contextlib.suppress(OSError):
        while len(report) < _REPORT_CHARS and (more := await receive_text(child.reports)):
            report += more
    return (report.strip().splitlines() or ["the guest ended without a word"])[-1][:_WORDS_CHARS]


def _closed() -> IsolationUnavailable:
    msg = "The world that this guest would belong to was closed."
    return IsolationUnavailable(msg, hint="Open it again with open_world(...).")


def _failed(task: asyncio.Task[Child]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
