"""How do threads hand each other work, so that an interrupt leaves no lock behind?

Python raises KeyboardInterrupt on the main thread as a call returns. The standard library's
conditions take their lock in a function of their own, so there is such a place between that and the
block that lets it go: the lock stays taken, and whoever resolves the future stands still for good,
the engine's thread say. Of the interrupts that hit a thread which did nothing but ask the engine, one
in 500 to 3,000 did that. A lock itself bears it, because its `with` is a single step.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

__all__ = ["Pending", "Worker", "failed", "resolved", "run_on"]

T = TypeVar("T")


class _Gate:
    """A condition that bears interrupts, as far as futures use one.

    >>> gate = _Gate()
    >>> with gate:
    ...     gate.wait(0.001)
    False
    """

    def __init__(self) -> None:
        lock = threading.RLock()
        self.acquire, self.release = lock.acquire, lock.release
        self._enter, self._exit = lock.__enter__, lock.__exit__
        self._waiting: deque[threading.Lock] = deque()

    # `with` looks both up first, and then calls the lock's own.
    @property
    def __enter__(self) -> Callable[[], bool]:
        return self._enter

    @property
    def __exit__(self) -> Callable[..., None]:  # noqa: PLE0302, PYI036 - a property, not the method
        return self._exit

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until `notify_all`; return False if that has not come in time."""
        bell = threading.Lock()
        bell.acquire()
        self._waiting.append(bell)
        try:
            self.release()
            return bell.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self.acquire()
            with contextlib.suppress(ValueError):  # it has been rung
                self._waiting.remove(bell)

    def notify_all(self) -> None:
        """Wake all who wait; with the lock held."""
        while self._waiting:
            self._waiting.popleft().release()


class Pending(Future[T]):
    """A future that a thread may wait for which gets interrupted.

    >>> future: Pending[int] = Pending()
    >>> future.set_result(1)
    >>> future.result()
    1
    """

    def __init__(self) -> None:
        super().__init__()
        self._condition: Any = _Gate()


def resolved(value: T) -> Future[T]:
    """Return a future that has its result."""
    future: Future[T] = Pending()
    future.set_result(value)
    return future


def failed(error: Exception) -> Future[Any]:
    """Return a future that has failed."""
    future: Future[Any] = Pending()
    future.set_exception(error)
    return future


class Worker:
    """One daemon thread that does one thing after the other; started with the first.

    Args:
        name: the thread's.

    >>> worker = Worker("wf-example")
    >>> worker.do(lambda: 6 * 7).result()
    42
    >>> worker.close()
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], Callable[[], None] | None] | None]
        self._jobs = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._given = 0
        self._done = 0

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Do it after what was given before; return what it will come to.

        Raises:
            RuntimeError: it was closed.
        """
        outcome: Future[T] = Pending()
        attempt = partial(_attempt, outcome, job)
        with self._gate:
            if self._closed:
                msg = f"The thread {self._name} has ended."
                raise RuntimeError(msg)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()  # interrupted here it runs or doesn't: another one is started then
                self._thread = thread
            self._given += 1
            self._jobs.put(attempt)
        return outcome

    def _run(self) -> None:
        with self._turn:  # one that an interrupt made too many waits here until the other ends
            while (attempt := self._jobs.get()) is not None:
                resolve = attempt()
                self._done += 1  # before anybody hears of it: who does may ask whether it is busy
                if resolve is not None:
                    resolve()
                del attempt, resolve  # nothing is held while there is nothing to do
            self._jobs.put(None)

    @property
    def busy(self) -> bool:
        """Whether something has not been done yet: perhaps somebody looks at a breakpoint."""
        return self._done < self._given

    def close(self, *, wait: bool = True) -> None:
        """Take nothing more, and end when everything is done. Idempotent.

        Args:
            wait: whether to return only then.
        """
        with self._gate:
            if not self._closed:
                self._closed = True  # before: a job behind that would never be done
                self._jobs.put(None)
            thread = self._thread
        if wait and thread is not None:
            thread.join()


def _attempt(outcome: Future[T], job: Callable[[], T]) -> Callable[[], None] | None:
    """Do a job, unless nobody wants it any more; return how to say what came of it."""
    if not outcome.set_running_or_notify_cancel():
        return None
    try:
        return partial(outcome.set_result, job())
    except BaseException as error:  # noqa: BLE001 - it belongs to who asked
        return partial(outcome.set_exception, error)


def run_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Run a coroutine on a loop, from any thread; cancelling the future cancels it.

    Raises:
        RuntimeError: the loop was closed.
    """
    future: Future[T] = Pending()
    try:
        loop.call_soon_threadsafe(_begin, loop, coroutine, future)
    except RuntimeError:
        coroutine.close()
        raise
    return future


def _begin(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], future: Future[T]
) -> None:
    task = loop.create_task(coroutine)

    def follow(done: Future[T]) -> None:
        if done.cancelled():
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(task.cancel)

    task.add_done_callback(partial(_tell, future))
    future.add_done_callback(follow)


def _tell(future: Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        future.cancel()
    if not future.set_running_or_notify_cancel():
        return
    if (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
