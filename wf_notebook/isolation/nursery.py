"""Where child processes come from: the host's end of a zygote."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from wf_notebook.errors import IsolationUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Child", "Nursery", "NurseryClosedError", "dismiss", "start_ahead"]

# A package of that name is made by hand: our own `__init__` belongs to the host, and the guest has
# no site-packages to import from. The arguments are its folder and the control descriptor.
_BOOT: Final = """\
import sys, types
package = types.ModuleType("wf_notebook")
package.__path__ = [sys.argv[1]]
sys.modules["wf_notebook"] = package
from wf_notebook.guest import zygote
zygote.main(int(sys.argv[2]))
"""
_PACKAGE: Final = Path(__file__).resolve().parent.parent
_START_SECONDS: Final = 60.0
_LEAVE_SECONDS: Final = 5.0
_CHUNK: Final = 1 << 16
_WAY_OUT: Final = 'Use isolation="inline" for sources that you trust.'


class NurseryClosedError(Exception):
    """The zygote is gone."""


class Child:
    """A guest's process, seen from the host.

    Attributes:
        pid: its process id.
        messages: the socket of its messages.
        reports: the socket on which it says where it is.
        nursery: where it comes from.
    """

    def __init__(self, pid: int, messages: socket.socket, reports: socket.socket, nursery: Nursery):
        self.pid = pid
        self.messages = messages
        self.reports = reports
        self.nursery = nursery

    async def signal(self, number: int) -> None:
        """Send it a signal, if it still lives."""
        with contextlib.suppress(NurseryClosedError):
            await self.nursery.request({"op": "signal", "pid": self.pid, "signal": number})

    async def allow_cpu(self, seconds: int) -> None:
        """Let it use so many more seconds of CPU time."""
        with contextlib.suppress(NurseryClosedError):
            request = {"op": "allow_cpu", "pid": self.pid, "seconds": seconds}
            await self.nursery.request(request)

    async def kill(self) -> int | None:
        """Kill and reap it; return how it ended, as waitpid says it, or None if nobody knows.

        Its sockets stay open for what it has left there.
        """
        if self.nursery.children.pop(self.pid, None) is None:
            return None
        with contextlib.suppress(NurseryClosedError):
            answer = await self.nursery.request({"op": "kill", "pid": self.pid})
            status: int | None = answer["status"]
            return status
        return None

    def orphaned(self) -> None:
        """Kill it without the zygote, which is gone; whoever waits for its answer is woken."""
        if self._lives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.messages.shutdown(socket.SHUT_RDWR)

    def _lives(self) -> bool:
        """Whether somebody holds the other end: then the pid is still the child's."""
        try:
            return bool(self.messages.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Close its sockets."""
        self.messages.close()
        self.reports.close()


class Nursery:
    """One zygote and its children. Used from one event loop, in whatever thread that runs.

    Attributes:
        children: those that live, by pid.
        closed: whether the zygote is gone.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket):
        self.children: dict[int, Child] = {}
        self.closed = False
        self._process = process
        self._control = control
        self._answers: deque[asyncio.Future[dict[str, Any]]] = deque()
        self._listener: asyncio.Task[None] | None = None
        _living.add(self)

    @classmethod
    async def start(cls) -> Nursery:
        """Start a zygote, or take the one started ahead; wait until it has imported everything.

        Raises:
            IsolationUnavailable: processes of this kind cannot be had here.
        """
        nursery = _taken() or cls.conceive()
        await nursery.begin()
        return nursery

    @classmethod
    def conceive(cls) -> Nursery:
        """Start a zygote that nobody listens to yet; from any thread.

        Raises:
            IsolationUnavailable: processes of this kind cannot be had here.
        """
        _require_posix()
        control, theirs = socket.socketpair()
        try:
            process = _spawn_zygote(theirs.fileno())
        except OSError as error:
            control.close()
            msg = f"The guest's parent process could not be started ({error})."
            raise IsolationUnavailable(msg, hint=_WAY_OUT) from error
        finally:
            theirs.close()
        control.setblocking(False)  # noqa: FBT003 - socket's own signature
        return cls(process, control)

    async def begin(self) -> None:
        """Listen to the zygote, and wait until it has imported everything.

        Raises:
            IsolationUnavailable: it has not started.
        """
        ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers.append(ready)
        self._listener = asyncio.create_task(self._listen(), name="wf-nursery")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await ready
        except (NurseryClosedError, TimeoutError):
            await self._abort()
            msg = f"The guest's parent process did not start{self._last_words()}."
            raise IsolationUnavailable(msg, hint=_WAY_OUT) from None
        except BaseException:
            await self._abort()
            raise
        finally:
            _stderr(self._process).close()

    async def _abort(self) -> None:
        """Stop a zygote that has no children and, while it imports, no ear for us."""
        self._process.kill()
        await self.close()

    def _last_words(self) -> str:
        words = _stderr(self._process).read().decode("utf-8", "replace").strip().splitlines()
        return f" ({words[-1]})" if words else ""

    # ----------------------------------------------------------------- requests

    async def fork(self, limits: Mapping[str, int]) -> Child:
        """Fork a child that waits for its first message.

        Raises:
            NurseryClosedError: the zygote is gone.
            IsolationUnavailable: the system has no room for another process.
        """
        messages, their_messages = socket.socketpair()
        reports, their_reports = socket.socketpair()
        descriptors = (their_messages.fileno(), their_reports.fileno())
        try:
            answer = await self.request({"op": "spawn", "limits": dict(limits)}, descriptors)
        except BaseException:
            messages.close()
            reports.close()
            raise
        finally:
            their_messages.close()
            their_reports.close()
        for channel in (messages, reports):
            channel.setblocking(False)  # noqa: FBT003
        return self._adopt(answer, messages, reports)

    def _adopt(
        self, answer: Mapping[str, Any], messages: socket.socket, reports: socket.socket
    ) -> Child:
        if "error" in answer:
            messages.close()
            reports.close()
            msg = f"Another guest process could not be forked ({answer['error']})."
            raise IsolationUnavailable(msg, hint="Let some runs end, or raise the process limit.")
        child = Child(answer["pid"], messages, reports, self)
        self.children[child.pid] = child
        return child

    async def request(
        self, message: Mapping[str, Any], descriptors: Sequence[int] = ()
    ) -> dict[str, Any]:
        """Ask the zygote for something and return its answer.

        Raises:
            NurseryClosedError: it is gone.
        """
        if self.closed:
            raise NurseryClosedError
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        try:
            socket.send_fds(self._control, [json.dumps(message).encode() + b"\n"], descriptors)
        except OSError as error:
            raise NurseryClosedError from error
        self._answers.append(answer)
        return await answer

    async def _listen(self) -> None:
        """Hand the zygote's answers to those who asked, in order, until it is gone."""
        loop, pending = asyncio.get_running_loop(), b""
        try:
            while data := await loop.sock_recv(self._control, _CHUNK):
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    answer = self._answers.popleft()
                    if not answer.done():
                        answer.set_result(json.loads(line))
        except OSError:
            pass
        finally:
            self._lost()

    def _lost(self) -> None:
        self.closed = True
        for answer in self._answers:
            if not answer.done():
                answer.set_exception(NurseryClosedError())
        self._answers.clear()
        for child in self.children.values():
            child.orphaned()
        self.children.clear()

    async def close(self) -> None:
        """Stop the zygote and every child; return when they are gone. Idempotent."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        with contextlib.suppress(OSError):
            # not close alone: a process that was forked from this one may hold the socket as well
            self._control.shutdown(socket.SHUT_RDWR)
        self._control.close()
        try:
            self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def unused(self) -> bool:
        """Whether it can still be taken: it lives, as far as can be seen without listening."""
        return not self.closed and self._process.poll() is None

    def dismiss(self) -> None:
        """End a zygote that has served nobody: it has no children to be ended first."""
        self.closed = True
        self._control.close()
        self._process.kill()
        self._process.wait()
        _stderr(self._process).close()

    def leave(self) -> None:
        """Let go of the zygote in a child made by fork: it ends with the process that it serves."""
        self._control.close()


_living: Final[weakref.WeakSet[Nursery]] = weakref.WeakSet()
_ahead: Final[list[Nursery]] = []  # one at most


def start_ahead() -> None:
    """Start a zygote before anybody asks for one: the next `Nursery.start` takes it.

    None is started where one lives already. Returns at once, while the zygote imports.

    Raises:
        IsolationUnavailable: processes of this kind cannot be had here.
    """
    if all(nursery.closed for nursery in list(_living)):
        _ahead.append(Nursery.conceive())


def dismiss() -> None:
    """End the zygote that was started ahead, if nobody has taken it."""
    nursery = _taken()
    if nursery is not None:
        nursery.dismiss()


def _taken() -> Nursery | None:
    try:
        nursery = _ahead.pop()
    except IndexError:
        return None
    if nursery.unused:
        return nursery
    nursery.dismiss()
    return None


atexit.register(dismiss)  # without it the zygote would end as well, but nobody would wait for it


def _leave_in_child() -> None:
    for nursery in list(_living):
        nursery.leave()
    _ahead.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_in_child)


def _require_posix() -> None:
    if os.name == "posix" and hasattr(socket, "send_fds") and sys.executable:
        return
    msg = "Guests in processes need Linux or macOS and a Python executable."
    raise IsolationUnavailable(msg, hint=_WAY_OUT)


def _spawn_zygote(control: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-s", "-P", "-S", "-B", "-c", _BOOT, str(_PACKAGE), str(control)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
        cwd="/",
        pass_fds=(control,),
        # jupyter_client interrupts the kernel's whole process group.
        start_new_session=True,
    )


def _stderr(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stderr is not None  # noqa: S101 - it is a pipe
    return process.stderr
