"""Follow a stream of a run: live, from any index, on any thread or loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.definition.values import from_chunk
from wf_notebook.errors import UsageError, WorldClosedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host
    from wf_notebook.world.state import RunState
    from wf_notebook.world.store import Chunk

__all__ = ["RunStream", "StreamInfo"]

_PAGE: Final = 256  # chunks read at once
_CLOSED: Final = "The world was closed."


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream of a run.

    Attributes:
        name: what steps call it; "stdout" is what the source prints.
        chunks: the index that its next chunk would have.
        closed: whether nothing more will come: it was closed, or its run has ended.
    """

    name: str
    chunks: int
    closed: bool


def listed(stored: Mapping[str, int], state: RunState) -> list[StreamInfo]:
    """Return the streams of a run, by name."""
    names = sorted({*stored, *state.closed_streams})
    return [StreamInfo(name, stored.get(name, 0), _closed(state, name)) for name in names]


def _closed(state: RunState, name: str) -> bool:
    return state.terminal or name in state.closed_streams


class RunChunks:
    """The streams of a run as a view reads them (a `views.tails.Source`)."""

    def __init__(self, host: Host, activity: Activity) -> None:
        self._host = host
        self._act = activity

    @property
    def written(self) -> Mapping[str, int]:
        """How often each stream was written since the run was taken up here."""
        return self._act.written

    def closed(self, name: str, /) -> bool:
        """Whether nothing more will come."""
        return _closed(self._act.state, name)

    def stored(self) -> Future[Mapping[str, int]]:
        """Return name to next index of each stream that has chunks."""
        return self._host.store.streams(self._act.run_id)

    def chunks(self, name: str, start: int, limit: int, /) -> Future[Sequence[Chunk]]:
        """Return the chunks from an index on, or the last `-start`; at most `limit`."""
        return self._host.store.chunks(self._act.run_id, name, start, limit=limit)


class RunStream:
    """The chunks of a stream, in order: iterate, or iterate asynchronously.

    It waits for chunks that are still to come, and ends when the stream is closed or its run has
    ended. Text comes back as text, bytes as bytes, models as records. Any number of readers follow
    the same stream, each with an object of its own. When its world is closed, a reader gets a
    `WorldClosedError`. In a notebook use `async for`: while a plain `for` waits, no click arrives.

    Args:
        host: the engine at work.
        activity: the run.
        reached: gives a future that is done once a predicate of the run holds.
        name: the stream.
        start: index of the first chunk wanted; a negative one counts from the end of what is there
            at the first look.
    """

    def __init__(
        self,
        host: Host,
        activity: Activity,
        *,
        reached: Callable[[Callable[[Activity], bool]], Future[None]],
        name: str,
        start: int,
    ) -> None:
        self._host = host
        self._act = activity
        self._reached = reached
        self._name = name
        self._next = start

    @property
    def index(self) -> int:
        """The index of the next chunk: where another reader goes on with `start=`."""
        return self._next

    def __iter__(self) -> Iterator[Any]:
        if self._host.on_steps:
            msg = "A step cannot wait for a stream on the thread that runs asynchronous steps."
            raise UsageError(msg, hint="Use `async for` there.")
        while True:
            seen, over = self._look()
            found = self._host.wait(self._page())
            yield from self._taken(found)
            if len(found) < _PAGE:
                if over:
                    return
                self._wait(self._more(seen))

    async def __aiter__(self) -> AsyncIterator[Any]:
        while True:
            seen, over = self._look()
            found = await asyncio.wrap_future(self._page())
            for value in self._taken(found):
                yield value
            if len(found) < _PAGE:
                if over:
                    return
                await asyncio.wrap_future(self._more(seen))

    def read(self) -> list[Any]:
        """Return what is there now, from the index on, and wait for nothing."""
        values: list[Any] = []
        while True:
            found = self._host.wait(self._page())
            values.extend(self._taken(found))
            if len(found) < _PAGE:
                return values

    def _look(self) -> tuple[int, bool]:
        """How often it was written, and whether it is over; before the chunks are read."""
        if self._host.closed:
            raise WorldClosedError(_CLOSED)
        return self._act.written[self._name], _closed(self._act.state, self._name)

    def _page(self) -> Future[Sequence[Chunk]]:
        return self._host.store.chunks(self._act.run_id, self._name, self._next, limit=_PAGE)

    def _taken(self, chunks: Sequence[Chunk]) -> Iterator[Any]:
        if not chunks:
            self._next = max(self._next, 0)  # what comes now is wanted from its beginning
        for chunk in chunks:
            self._next = cast("int", chunk.index) + 1
            yield from_chunk(chunk.data)

    def _more(self, seen: int) -> Future[None]:
        """Return a future that is done once there is more than was seen, or never will be."""
        name, host = self._name, self._host
        return self._reached(
            lambda act: act.written[name] != seen or _closed(act.state, name) or host.closed
        )

    def _wait(self, future: Future[None]) -> None:
        try:
            self._host.wait(future)
        finally:
            future.cancel()  # who was interrupted waits no longer
