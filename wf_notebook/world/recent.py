"""Which chunks were written last: whoever follows a stream gets them without asking the file.

They are noted once their commit is durable, so that nobody sees any before. What is kept is bounded
for the whole world; whoever is further behind, or comes later, reads the file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

RECENT_BYTES: Final = 16 << 20
_OVERHEAD: Final = 256  # bytes that a chunk takes besides its own

Numbered: TypeAlias = "tuple[int, bytes]"
_index = itemgetter(0)


@dataclass(slots=True)
class _Tail:
    """The end of one stream: all of its chunks from the index `since` on."""

    since: int
    kept: deque[Numbered] = field(default_factory=deque[Numbered])

    @property
    def following(self) -> int:
        """The index of the next chunk."""
        return self.kept[-1][0] + 1 if self.kept else self.since

    def part(self, start: int, limit: int | None) -> list[Numbered] | None:
        """Return what there is from an index on, or of the last `-start`; None if not all is here."""
        least = start if start >= 0 else max(self.following + start, 0)
        if least < self.since:
            return None
        first = bisect_left(self.kept, least, key=_index)
        return list(islice(self.kept, first, None if limit is None else first + limit))


@dataclass(slots=True)
class _Run:
    """The streams of one run; `whole` while it lives, if it was created here: others are empty."""

    whole: bool
    tails: dict[str, _Tail] = field(default_factory=dict[str, _Tail])


class Recent:
    """The chunks of a world that were written last; `wf-world` adds, any thread reads.

    Args:
        most: how many bytes are kept, about.
    """

    def __init__(self, most: int = RECENT_BYTES) -> None:
        self._most = most
        self._gate = Lock()
        self._runs: dict[str, _Run] = {}
        self._line: deque[tuple[str, str]] = deque()  # run and stream of each chunk, oldest first
        self._bytes = 0

    def begin(self, run_id: str) -> None:
        """Note that a run was created: it has no chunks yet."""
        with self._gate:
            self._runs[run_id] = _Run(whole=True)

    def add(self, run_id: str, chunks: Iterable[tuple[str, int, bytes]]) -> None:
        """Note chunks that are durable: of which stream, its index, and its bytes."""
        with self._gate:
            run = self._runs.setdefault(run_id, _Run(whole=False))
            for stream, index, data in chunks:
                tail = run.tails.get(stream)
                if tail is None:
                    tail = run.tails[stream] = _Tail(0 if run.whole else index)
                tail.kept.append((index, data))
                self._line.append((run_id, stream))
                self._bytes += len(data) + _OVERHEAD
            while self._bytes > self._most:
                self._let_go()
            self._tidy(run_id)

    def end(self, run_id: str) -> None:
        """Note that a run has ended: what is kept of it stays for those who are not done yet."""
        with self._gate:
            if run_id in self._runs:
                self._runs[run_id].whole = False
                self._tidy(run_id)

    def drop(self, run_ids: Iterable[str]) -> None:
        """Forget all of some runs, which are gone."""
        gone = set(run_ids)
        with self._gate:
            line, self._line = self._line, deque()
            for run_id, stream in line:
                if run_id not in gone:
                    self._line.append((run_id, stream))
                    continue
                _, data = self._runs[run_id].tails[stream].kept.popleft()
                self._bytes -= len(data) + _OVERHEAD
            for run_id in gone:
                self._runs.pop(run_id, None)

    def clear(self) -> None:
        """Forget all of them."""
        with self._gate:
            self._runs.clear()
            self._line.clear()
            self._bytes = 0

    def chunks(
        self, run_id: str, stream: str, start: int, limit: int | None
    ) -> Sequence[Numbered] | None:
        """Return a stream's chunks from index `start`, or the last `-start`; at most `limit`.

        None if they are not all here: the file has to be asked.
        """
        with self._gate:
            run = self._runs.get(run_id)
            if run is None:
                return None
            tail = run.tails.get(stream)
            if tail is None:
                return [] if run.whole else None
            return tail.part(start, limit)

    def _let_go(self) -> None:
        """Forget the oldest."""
        run_id, stream = self._line.popleft()
        tail = self._runs[run_id].tails[stream]
        index, data = tail.kept.popleft()
        tail.since = index + 1
        self._bytes -= len(data) + _OVERHEAD
        if not tail.kept:
            self._tidy(run_id)

    def _tidy(self, run_id: str) -> None:
        """Hold nothing of a run of which no chunk is here, unless it lives and all would be."""
        run = self._runs.get(run_id)
        if run is None or run.whole:
            return
        for stream in [stream for stream, tail in run.tails.items() if not tail.kept]:
            del run.tails[stream]
        if not run.tails:
            del self._runs[run_id]
