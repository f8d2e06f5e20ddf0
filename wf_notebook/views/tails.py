"""What is shown of a run's streams: the last lines of each, and what is new since the last look.

Chunks are sealed in the world: what is made of them here goes to people on the line, as messages,
and is kept nowhere that is saved. Nothing is read before somebody looks, nor more often than the
view is brought up to date.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from wf_notebook.definition.values import from_chunk, plain
from wf_notebook.views.words import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.world.store import Chunk

LINES: Final = 200
CHARS: Final = 64_000
CHUNKS: Final = 500  # read at once; a stream that is quicker is shown from its end
STREAMS: Final = 12  # shown of one run
_VALUE_CHARS: Final = 2_000
_KIB: Final = 1024


class Source(Protocol):
    """The streams of a run, as a view reads them."""

    @property
    def written(self) -> Mapping[str, int]:
        """A number for each stream, which changes when there is more of it."""
        ...

    def closed(self, name: str, /) -> bool:
        """Whether nothing more will come."""
        ...

    def stored(self) -> Future[Mapping[str, int]]:
        """Name to next index of each stream that has chunks."""
        ...

    def chunks(self, name: str, start: int, limit: int, /) -> Future[Sequence[Chunk]]:
        """The chunks from an index on, or the last `-start`; at most `limit`."""
        ...


def shown(value: object) -> str:
    """Return a chunk as a view shows it: text as it is, bytes as a size, other values as JSON.

    >>> shown("a token "), shown(b"abc"), shown({"loss": 0.25})
    ('a token ', '3 bytes', '{"loss": 0.25}')
    """
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if len(value) < _KIB else f"{len(value) / _KIB:.1f} KiB"
    bare = plain(value)
    try:
        text = json.dumps(bare, ensure_ascii=False, default=str)
    except TypeError:  # a dict whose keys are no text
        text = str(bare)
    return readable(text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}…")


def joined(values: Sequence[object], *, fresh: bool) -> str:
    r"""Return chunks as one text: what is no text has lines of its own.

    Args:
        values: the chunks' values.
        fresh: whether what stands before ends with its line.

    >>> joined(["step ", "one", {"n": 1}, "two\n"], fresh=True)
    'step one\n{"n": 1}\ntwo\n'
    """
    parts: list[str] = []
    for value in values:
        text = shown(value)
        if not isinstance(value, str):
            text = f"{text}\n" if fresh else f"\n{text}\n"
        if text:
            parts.append(text)
            fresh = text.endswith("\n")
    return "".join(parts)


@dataclass(slots=True)
class _Tail:
    """The end of one stream.

    Attributes:
        text: its last lines.
        index: of the next chunk; None before the first look.
        seen: what `written` said when it was last read.
        cut: whether something stands before the text.
        closed: whether the view was told that nothing more will come.
        reading: whether chunks are being read; `again`: whether there was news meanwhile.
    """

    name: str
    text: str = ""
    index: int | None = None
    seen: int = -1
    cut: bool = False
    closed: bool = False
    reading: bool = False
    again: bool = False

    def add(self, chunks: Sequence[Chunk]) -> dict[str, Any] | None:
        """Take in chunks; return what a view has to be told, or None."""
        new = [c for c in chunks if cast("int", c.index) >= (self.index or 0)]
        if not new:
            return None
        first, begun = cast("int", new[0].index), self.index
        whole = begun is None or first > begun
        if whole:
            self.text, self.cut = "", first > 0
        values = [from_chunk(c.data) for c in new]
        text = joined(values, fresh=not self.text or self.text.endswith("\n"))
        self._keep(text)
        self.index = cast("int", new[-1].index) + 1
        if whole or len(text) > len(self.text):
            return self.all()
        return {**self._head(), "from": begun, "text": text}

    def all(self) -> dict[str, Any]:
        """Return what a view that knows nothing of it has to be told."""
        return {**self._head(), "from": None, "text": self.text, "cut": self.cut}

    def _head(self) -> dict[str, Any]:
        return {"name": self.name, "to": self.index or 0, "closed": self.closed}

    def _keep(self, text: str) -> None:
        whole = self.text + text
        lines = whole[-CHARS:].splitlines(keepends=True)[-LINES:]
        self.text = "".join(lines)
        self.cut = self.cut or len(self.text) < len(whole)


class Tails:
    """The ends of a run's streams, for one view. Lives on the engine's loop.

    Args:
        source: the run's streams.
        tell: sends a view what is new of one stream.
        post: calls on the engine's loop, soon.
    """

    def __init__(
        self,
        source: Source,
        *,
        tell: Callable[[Mapping[str, Any]], None],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._source = source
        self._tell = tell
        self._post = post
        self._tails: dict[str, _Tail] = {}
        self._begun = False
        self._hidden: set[str] = set()

    def begin(self) -> None:
        """Follow the streams from now on: somebody looks."""
        if not self._begun:
            self._begun = True
            found = self._source.stored()
            found.add_done_callback(lambda _: self._post(lambda: self._found(found)))

    def all(self) -> list[dict[str, Any]]:
        """Return everything that is shown, for a view that has just been drawn."""
        return [self._counted(tail.all()) for tail in self._tails.values() if tail.text]

    def look(self) -> None:
        """Read what is new."""
        if self._begun:
            for name in list(self._source.written):
                self._look_at(name)

    def _found(self, found: Future[Mapping[str, int]]) -> None:
        if found.exception() is None:
            for name in found.result():
                self._look_at(name)
        self.look()

    def _look_at(self, name: str) -> None:
        if name not in self._tails and len(self._tails) >= STREAMS:
            self._hidden.add(name)
            return
        tail = self._tails.setdefault(name, _Tail(name))
        closed = self._source.closed(name)
        if tail.seen != self._source.written.get(name, 0) or closed != tail.closed:
            self._read(tail)

    def _read(self, tail: _Tail) -> None:
        if tail.reading:
            tail.again = True
            return
        tail.reading, tail.again = True, False
        tail.seen = self._source.written.get(tail.name, 0)
        closed = self._source.closed(tail.name)  # before the chunks: then they are all there
        start = -CHUNKS if tail.index is None else tail.index
        found = self._source.chunks(tail.name, start, CHUNKS)
        found.add_done_callback(lambda _: self._post(lambda: self._got(tail, found, closed=closed)))

    def _got(self, tail: _Tail, found: Future[Sequence[Chunk]], *, closed: bool) -> None:
        tail.reading = False
        if found.exception() is not None:
            return  # the world was closed, or is locked: the run itself says so
        chunks, was = found.result(), tail.closed
        tail.closed = closed
        if len(chunks) == CHUNKS and tail.index is not None:
            self._jump(tail)
            return
        told = tail.add(chunks)
        if told is None and closed != was:
            told = {**tail.all(), "from": tail.index or 0, "text": ""}
        if told is not None:
            self._tell(self._counted(told))
        if tail.again:
            self._read(tail)

    def _jump(self, tail: _Tail) -> None:
        """Go to the end of a stream that is quicker than it can be shown."""
        tail.index = None
        self._read(tail)

    def _counted(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "more": len(self._hidden)}
