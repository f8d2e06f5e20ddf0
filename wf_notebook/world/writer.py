"""The one thread that writes a world: what has queued up is written as one commit.

Everything that touches the file's writing side happens here, in the order in which it was asked:
opening, commits, questions about heads, checkpoints, closing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from wf_notebook.errors import WorldClosedError
from wf_notebook.threads import Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from wf_notebook.world.events import Event
    from wf_notebook.world.rows import Packed

T = TypeVar("T")

IDLE_SECONDS: Final = 2.0  # without work, after which there is time for a checkpoint
_GROUP: Final = 256  # appends in one commit at most
_GROUP_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Commit:
    """An append that waits to be written."""

    item: Packed
    future: Future[tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class _Call:
    """Anything else that has to happen on the thread."""

    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Stop:
    """The last thing in the queue, and the last thing to do."""

    run: Callable[[], None]


_Job: TypeAlias = "Commit | _Call | _Stop"


class Writer:
    """The thread; it lives until `close`.

    Args:
        commit: writes a group; resolves the futures, and raises nothing.
        idle: called when there was work and then none for a while; raises nothing.
    """

    def __init__(
        self, commit: Callable[[Sequence[Commit]], None], idle: Callable[[], None]
    ) -> None:
        self._commit = commit
        self._idle = idle
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        # A daemon: an interpreter that ends without closing the world must not hang on it.
        self._thread = threading.Thread(target=self._run, name="wf-world", daemon=True)
        self._thread.start()

    def commit(self, item: Packed) -> Future[tuple[Event, ...]]:
        """Queue an append."""
        future: Future[tuple[Event, ...]] = Pending()
        self._put(Commit(item, future), future)
        return future

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Queue a function; what it returns or raises comes back in the future."""
        future: Future[T] = Pending()
        self._put(_Call(lambda: _resolve(future, function)), future)
        return future

    def close(self, last: Callable[[], None]) -> None:
        """Finish what is queued, then do one last thing, then end. Idempotent.

        If it is interrupted, it goes on when it is called again.
        """
        stop = _Stop(last)
        with self._gate:
            if not self._closed:
                try:
                    self._queue.put(stop)
                finally:
                    self._closed = True
        self._thread.join()

    def _put(self, job: _Job, future: Future[Any]) -> None:
        # A queued job will be done: nobody may cancel it and believe that it was not.
        future.set_running_or_notify_cancel()
        with self._gate:
            if not self._closed:
                self._queue.put(job)
                return
        future.set_exception(WorldClosedError("The world is closed."))

    def _run(self) -> None:
        job = self._queue.get()
        while not isinstance(job, _Stop):
            if isinstance(job, Commit):
                job = self._group(job) or self._next()
            else:
                job.run()
                job = self._next()
        job.run()

    def _next(self) -> _Job:
        try:
            return self._queue.get(timeout=IDLE_SECONDS)
        except Empty:
            self._idle()
        return self._queue.get()

    def _group(self, first: Commit) -> _Job | None:
        """Commit what has queued up; returns the job after it, if one was taken out."""
        group, size = [first], _size(first)
        after: _Job | None = None
        while len(group) < _GROUP and size < _GROUP_BYTES:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if not isinstance(job, Commit):
                after = job
                break
            group.append(job)
            size += _size(job)
        self._commit(group)
        return after


def _size(job: Commit) -> int:
    return sum(len(data) for data in (*job.item.payloads, *job.item.chunks) if data)


def _resolve(future: Future[T], function: Callable[[], T]) -> None:
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
        future.set_exception(error)
    else:
        future.set_result(result)
