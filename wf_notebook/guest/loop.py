"""When a body runs: asyncio's tasks and futures on a loop whose only clock is the log.

The loop runs what is ready until nothing is, and stops there; the machine delivers the next event.
A timer that is set for later becomes a durable wait. Nothing depends on addresses, on the wall
clock, or on how many loops the process has had.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from asyncio import events
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest.agreed import due_in

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
    from types import FrameType

    from wf_notebook.guest.journal import Journal

__all__ = ["DeterministicLoop", "DurableTimer", "GuestFuture", "GuestTask"]

_MICROSECONDS: Final = 1_000_000


class Handle:
    """A callback that is ready to run."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context
    ):
        self.callback = callback
        self.args = args
        self.context = context
        self.is_cancelled = False

    def cancel(self) -> None:
        """Don't run it."""
        self.is_cancelled = True

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        return self.is_cancelled


def _context(given: contextvars.Context | None) -> contextvars.Context:
    # Not `given or ...`: an empty context is false.
    return contextvars.copy_context() if given is None else given


class DurableTimer(Handle):
    """A callback that runs when a recorded wait ends."""

    __slots__ = ("_journal", "_loop", "_when", "line", "n", "open")

    def __init__(self, handle: Handle, when: float, loop: DeterministicLoop, journal: Journal):
        super().__init__(handle.callback, handle.args, handle.context)
        self.n = 0
        self.open = True
        self.line = journal.line()
        self._when = when
        self._loop = loop
        self._journal = journal
        due = due_in(when - loop.time(), journal.now_us)
        journal.ask(self, {"op": "wait", "kind": "timer", "due_us": due, "line": self.line})

    def when(self) -> float:
        """Return the loop's time at which it is due."""
        return self._when

    def cancel(self) -> None:
        """Don't run it, and say that nobody waits for it."""
        super().cancel()
        if self.open:
            self._journal.withdraw(self, "wait_cancel")

    def receive(self, event: Mapping[str, Any]) -> bool:
        """Run when the wait has ended."""
        if event["type"] != "wait_completed":
            return False
        if self.open:
            self.open = False
            self._loop.ready(self)
        return True


class GuestFuture(asyncio.Future[Any]):
    """A future whose hash and text don't depend on its address."""

    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        return f"<Future {_state(self)}>"


class GuestTask(asyncio.Task[Any]):
    """A task whose hash and text don't depend on its address."""

    __slots__ = ("number",)

    def __init__(self, number: int, coro: Coroutine[Any, Any, Any], **options: Any):
        self.number = number  # first: asyncio's own set of tasks asks for the hash
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.number

    def get_stack(self, *, limit: int | None = None) -> list[FrameType]:  # noqa: ARG002
        """Return nothing: frames are the machine's."""
        return []

    def print_stack(self, *, limit: int | None = None, file: object = None) -> None:
        """Print nothing."""

    def __repr__(self) -> str:
        return f"<Task {_state(self)} name={self.get_name()!r}>"


def _state(future: asyncio.Future[Any]) -> str:
    if not future.done():
        return "pending"
    return "cancelled" if future.cancelled() else "finished"


class DeterministicLoop(asyncio.AbstractEventLoop):
    """An event loop without a selector, a wall clock or threads."""

    def __init__(self, journal: Journal, report: Callable[[str], None]):
        """Begin with nothing to do; `report` is told of errors in callbacks."""
        self._journal = journal
        self._report = report
        self._ready: deque[Handle] = deque()
        self._stopped = False
        self._futures = 0
        self._tasks = 0

    # ------------------------------------------------------------------ running

    @contextmanager
    def entered(self) -> Generator[None]:
        """Be this thread's running loop."""
        outer = events._get_running_loop()  # noqa: SLF001 - how a loop says that it runs
        hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(self)  # noqa: SLF001
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._abandoned)
        try:
            yield
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(outer)  # noqa: SLF001

    def run_until_quiet(self) -> None:
        """Run what is ready until nothing is, or until `stop`.

        Raises:
            SystemExit, KeyboardInterrupt: a task raised it; asyncio lets it through.
            Halt: a task was stopped.
        """
        ready = self._ready
        while ready and not self._stopped:
            handle = ready.popleft()
            if handle.is_cancelled:
                continue
            try:
                handle.context.run(handle.callback, *handle.args)
            except Exception as error:  # noqa: BLE001 - asyncio logs these and goes on
                self._report(f"Exception in callback: {type(error).__name__}: {error}\n")

    def ready(self, handle: Handle) -> None:
        """Run a handle after those that are ready now."""
        self._ready.append(handle)

    def _abandoned(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Close an asynchronous generator that was dropped half-way, as asyncio does."""
        if not self._stopped:
            self.call_soon(self.create_task, generator.aclose())

    def stop(self) -> None:
        """Run nothing any more, not even what is ready."""
        self._stopped = True

    # -------------------------------------------------------------- scheduling

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Handle:
        """Run a callback after those that are ready now."""
        handle = Handle(callback, args, _context(context))
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Handle:
        """Run a callback that many seconds from now: a durable wait."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> Handle:
        """Run a callback at a time of this loop's clock: a durable wait, unless that is now."""
        if when <= self.time():
            return self.call_soon(callback, *args, context=context)
        handle = Handle(callback, args, _context(context))
        return DurableTimer(handle, when, self, self._journal)

    def time(self) -> float:
        """Seconds since the run began, by the last event that was delivered."""
        return (self._journal.now_us - self._journal.start_us) / _MICROSECONDS

    # ------------------------------------------------------- tasks and futures

    def next_number(self) -> int:
        """Return a fresh number: what futures of this loop have for a hash."""
        self._futures += 1
        return self._futures

    def create_future(self) -> asyncio.Future[Any]:
        """Return a pending future of this loop."""
        future = GuestFuture(loop=self)
        future.number = self.next_number()
        return future

    def create_task(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        name: object = None,
        **options: Any,
    ) -> asyncio.Task[Any]:
        """Return a task that runs a coroutine from the next turn on."""
        number = self.next_number()
        if name is None:
            # Not asyncio's own default: that counts the tasks of the whole process.
            self._tasks += 1
            name = f"Task-{self._tasks}"
        return GuestTask(number, coro, loop=self, name=name, **options)  # type: ignore[arg-type]

    # --------------------------------------------------- what asyncio asks for

    def get_debug(self) -> bool:
        """Return False: the debug mode measures time."""
        return False

    def is_running(self) -> bool:
        """Return whether the loop is this thread's running one."""
        return events._get_running_loop() is self  # noqa: SLF001

    def is_closed(self) -> bool:
        """Return False: it holds nothing that could be closed."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Do nothing: an exception that nobody retrieved is an outcome that nobody wanted."""
