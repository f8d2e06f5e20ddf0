"""How what steps write gets into the world: in order, and many chunks in one commit.

A step writes on whatever thread it runs on; the chunks of a run stand in one line. On the engine's
loop one commit of a run's chunks is in flight at a time, and what is written meanwhile goes into
the next one, together: there is no timer, and nothing is polled. A turn's own commit takes along
whatever stands in line, so that an attempt's outcome is never durable before what the attempt wrote.

A store that fails a commit has not written it, so its chunks go back to the head of the line.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from wf_notebook.engine.decide import StreamEnded
from wf_notebook.errors import PayloadError, StreamClosedError, WorldError
from wf_notebook.threads import Pending
from wf_notebook.world.store import Append, Chunk, RejectedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
    from concurrent.futures import Future

    from wf_notebook.engine.decide import Item
    from wf_notebook.engine.waker import Key
    from wf_notebook.world.store import EventStore

BUFFER_BYTES: Final = (
    8 << 20
)  # of one run and not yet durable, above which a thread that writes waits
BATCH_BYTES: Final = 1 << 20  # of one commit: packing more at once would hold the engine up


@dataclass(frozen=True, slots=True)
class Written:
    """A chunk in line, and about how many bytes it takes."""

    chunk: Chunk
    size: int


class Outbox:
    """What the attempts of one run have written and is not durable yet; for any thread.

    Args:
        run_id: the run.
        closed: streams that take no more.
        wake: asks for a commit, soon.
        post: tells the run what has happened.
    """

    def __init__(
        self,
        run_id: str,
        closed: Iterable[str],
        *,
        wake: Callable[[Outbox], None],
        post: Callable[[str, Item], None],
    ) -> None:
        self.run_id = run_id
        self.turn = asyncio.Lock()  # whose commit may be in flight; on the engine's loop
        self._wake = wake
        self._post = post
        self._gate = threading.Condition()
        self._line: deque[Written] = deque()
        self._bytes = 0
        self._accepted = 0
        self._durable = 0
        self._closed = set(closed)
        self._over: str | None = None  # why nothing more is taken
        self._woken = False
        self._waiting: list[tuple[int, Future[None]]] = []

    # --- for those who write

    def put(self, written: Written, stopped: threading.Event, *, waits: bool) -> None:
        """Take a chunk.

        Args:
            written: the chunk.
            stopped: set when its attempt may write no more.
            waits: whether to wait while too much is not durable yet.

        Raises:
            StreamClosedError: nothing more is taken.
        """
        with self._gate:
            if waits:
                self._gate.wait_for(lambda: self._has_room() or self._refused(stopped))
            self._check(written.chunk.stream, stopped)
            self._line.append(written)
            self._bytes += written.size
            self._accepted += 1
            if not self._woken:
                self._woken = True
                self._wake(self)

    def close(self, stream: str, stopped: threading.Event) -> Future[int] | None:
        """Close a stream; return what is done once that is durable, or None if it was closed.

        Raises:
            StreamClosedError: nothing more is taken, not even this.
        """
        with self._gate:
            if stream in self._closed:
                return None
            self._check(stream, stopped)
            self._closed.add(stream)
            reply: Future[int] = Pending()
            self._post(self.run_id, StreamEnded(stream, reply))
            return reply

    def is_closed(self, stream: str) -> bool:
        """Whether a stream takes no more."""
        with self._gate:
            return stream in self._closed

    def durable(self) -> Future[None]:
        """Return a future that is done once everything written so far is durable.

        It fails with a `WorldError` if a commit does: what was written is kept and tried again.
        """
        future: Future[None] = Pending()
        with self._gate:
            if self._over is not None and self._durable < self._accepted:
                future.set_exception(self._lost())
            elif self._durable == self._accepted:
                future.set_result(None)
            else:
                self._waiting.append((self._accepted, future))
        return future

    def look_again(self) -> None:
        """Let those who wait for room see whether they still may write."""
        with self._gate:
            self._gate.notify_all()

    def _has_room(self) -> bool:
        return self._bytes <= BUFFER_BYTES

    def _refused(self, stopped: threading.Event) -> bool:
        return self._over is not None or stopped.is_set()

    def _check(self, stream: str, stopped: threading.Event) -> None:
        if self._over is not None:
            raise StreamClosedError(f"The stream '{stream}' takes no more: {self._over}.")
        if stopped.is_set():
            why = "the attempt that writes it was told to stop, or has returned"
            raise StreamClosedError(f"The stream '{stream}' takes no more: {why}.")
        if stream in self._closed:
            raise StreamClosedError(f"The stream '{stream}' takes no more: it was closed.")

    def _lost(self) -> StreamClosedError:
        return StreamClosedError(f"Not all that was written is kept: {self._over}.")

    # --- for the engine's loop

    def take(self) -> list[Written]:
        """Take what a commit may hold from the line; if there is nothing, the next chunk wakes."""
        with self._gate:
            batch: list[Written] = []
            size = 0
            while self._line and size < BATCH_BYTES:
                batch.append(self._line.popleft())
                size += batch[-1].size
            self._woken = bool(batch)
            return batch

    def take_all(self) -> list[Written]:
        """Take everything from the line."""
        with self._gate:
            batch = list(self._line)
            self._line.clear()
            return batch

    def stored(self, batch: Sequence[Written]) -> None:
        """Note that a batch is durable."""
        with self._gate:
            self._durable += len(batch)
            self._bytes -= sum(written.size for written in batch)
            done = [future for count, future in self._waiting if count <= self._durable]
            self._waiting = [w for w in self._waiting if w[0] > self._durable]
            self._gate.notify_all()
        for future in done:
            _tell(future, None)

    def back(self, batch: Sequence[Written], error: BaseException) -> None:
        """Put a batch that was not written back to the head of the line; tell those who wait."""
        with self._gate:
            if self._over is None:
                self._line.extendleft(reversed(batch))
            failed, self._waiting = self._waiting, []
        for _, future in failed:
            _tell(future, _unwritten(self.run_id, error))

    def end(self, why: str) -> None:
        """Take no more; what is not durable is given up."""
        with self._gate:
            self._over = why
            self._line.clear()
            failed, self._waiting = self._waiting, []
            self._gate.notify_all()
        for _, future in failed:
            _tell(future, self._lost())


def _tell(future: Future[None], error: Exception | None) -> None:
    if not future.set_running_or_notify_cancel():
        return  # who waited has given up
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _unwritten(run_id: str, error: BaseException) -> WorldError:
    if isinstance(error, WorldError):
        return error
    said = f"What was written to the streams of run {run_id} is not durable yet ({error})."
    return WorldError(said, hint="It is kept and tried again.")


class Streams:
    """The outboxes of the runs of a world. Lives on the engine's loop.

    Args:
        store: the world.
        post: tells a run what has happened; on the loop.
        closed: names the streams of a run that take no more.
        wrote: called after a commit of chunks alone.
        later: calls back when a failed commit may be tried again, for a key.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        post: Callable[[str, Item], None],
        closed: Callable[[str], Iterable[str]],
        wrote: Callable[[str, Sequence[Chunk]], None],
        later: Callable[[Key, Callable[[], None]], None],
    ) -> None:
        self._store = store
        self._post = post
        self._closed = closed
        self._wrote = wrote
        self._later = later
        self._loop = asyncio.get_running_loop()
        self._boxes: dict[str, Outbox] = {}
        self._commits: set[asyncio.Task[None]] = set()

    def of(self, run_id: str) -> Outbox:
        """Return where the attempts of a run write to."""
        box = self._boxes.get(run_id)
        if box is None:
            box = self._boxes[run_id] = Outbox(
                run_id, self._closed(run_id), wake=self._wake, post=self._tell
            )
        return box

    @asynccontextmanager
    async def taken(self, run_id: str) -> AsyncGenerator[Sequence[Chunk]]:
        """Hand a turn what stands in line, for its own commit; put back if that fails."""
        box = self._boxes.get(run_id)
        if box is None:
            yield ()
            return
        async with box.turn:  # what is in flight is older: it must be in the world, or back in line
            batch = box.take_all()
            try:
                yield [written.chunk for written in batch]
            except BaseException as error:
                box.back(batch, error)
                raise
            box.stored(batch)

    def end(self, run_id: str) -> None:
        """Take no more for a run that has ended."""
        box = self._boxes.pop(run_id, None)
        if box is not None:
            box.end(f"run {run_id} has ended")

    async def close(self) -> None:
        """Take no more at all; return when nothing is in flight."""
        for box in self._boxes.values():
            box.end("the world was closed")
        if self._commits:
            await asyncio.wait(list(self._commits))

    def _wake(self, box: Outbox) -> None:
        self._loop.call_soon_threadsafe(self._begin, box)

    def _tell(self, run_id: str, item: Item) -> None:
        self._loop.call_soon_threadsafe(self._post, run_id, item)

    def _begin(self, box: Outbox) -> None:
        task = self._loop.create_task(self._flush(box))
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)

    async def _flush(self, box: Outbox) -> None:
        """Commit what stands in line until there is nothing more."""
        while True:
            async with box.turn:
                batch = box.take()
                if not batch or not await self._commit(box, batch):
                    return

    async def _commit(self, box: Outbox, batch: Sequence[Written]) -> bool:
        chunks = tuple([written.chunk for written in batch])
        try:
            await asyncio.wrap_future(self._store.commit(Append(box.run_id, (), chunks=chunks)))
        except RejectedError as error:
            box.end(f"run {box.run_id} refused it ({error})")
            return False
        except (WorldError, PayloadError) as error:
            self._later((box.run_id, "streams"), partial(self._begin, box))
            box.back(batch, error)
            return False
        box.stored(batch)
        self._wrote(box.run_id, chunks)
        return True
