"""What is kept of the chunks written last: all that it says is so, and it never holds much."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.world.recent import _OVERHEAD, Numbered, Recent

MOST = 6 * _OVERHEAD
RUNS = ("new", "other", "old")  # "old" was there before, with chunks that only the file has
STREAMS = ("a", "b")
BEFORE = 3

Move: TypeAlias = "tuple[str, str, str, int]"

moves = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "add", "end", "drop", "clear"]),
        st.sampled_from(RUNS),
        st.sampled_from(STREAMS),
        st.integers(0, 2 * _OVERHEAD),
    ),
    max_size=40,
)


@dataclass
class World:
    """All that was written, and what is kept of it."""

    recent: Recent = field(default_factory=lambda: Recent(MOST))
    chunks: dict[tuple[str, str], list[Numbered]] = field(default_factory=lambda: defaultdict(list))
    over: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.chunks["old", "a"] = [(index, b"") for index in range(BEFORE)]
        self.recent.begin("new")
        self.recent.begin("other")

    def move(self, what: str, run: str, stream: str, size: int) -> None:
        match what:
            case "add" if run not in self.over:
                self._add(run, stream, size)
            case "end" if run not in self.over:
                self.over.add(run)
                self.recent.end(run)
            case "drop" if run in self.over:
                self.recent.drop([run])
                for name in STREAMS:
                    self.chunks[run, name].clear()
            case "clear":
                self.recent.clear()
            case _:
                pass

    def _add(self, run: str, stream: str, size: int) -> None:
        there = self.chunks[run, stream]
        chunk = ((there[-1][0] if there else -1) + 1 + size % 2, bytes(size))  # some are left out
        there.append(chunk)
        self.recent.add(run, [(stream, *chunk)])
        assert self.recent.chunks(run, stream, chunk[0], None) == [chunk]

    def read(self, run: str, stream: str, start: int, limit: int | None) -> list[Numbered]:
        """What the file would answer."""
        there = self.chunks[run, stream]
        least = start if start >= 0 else (there[-1][0] + 1 if there else 0) + start
        return [chunk for chunk in there if chunk[0] >= least][:limit]


@given(moves, st.integers(-4, 6), st.sampled_from([None, 1, 2]))
def test_what_it_says_is_what_the_file_would(
    moves: list[Move], start: int, limit: int | None
) -> None:
    """Whatever is written, ends, is forgotten or let go of: it answers as the file would, or not."""
    world = World()
    for move in moves:
        world.move(*move)
        for run in RUNS:
            for stream in STREAMS:
                found = world.recent.chunks(run, stream, start, limit)
                assert found in (None, world.read(run, stream, start, limit))


@given(moves)
def test_it_is_bounded(moves: list[Move]) -> None:
    """No more bytes than allowed are held, and of runs that are over nothing without a chunk."""
    world = World()
    for move in moves:
        world.move(*move)
        recent = world.recent
        kept = [
            (run_id, data)
            for run_id, run in recent._runs.items()
            for tail in run.tails.values()
            for _, data in tail.kept
        ]
        assert len(kept) == len(recent._line)
        assert sum(len(data) + _OVERHEAD for _, data in kept) == recent._bytes <= MOST
        assert {run for run in recent._runs if run in world.over} <= {run for run, _ in kept}


def test_a_new_run_is_known_from_its_beginning() -> None:
    """Who waits for its first chunk asks no file; of a run that was there before nothing is known."""
    recent = Recent()
    recent.begin("r")
    assert recent.chunks("r", "s", 0, None) == recent.chunks("r", "s", -5, None) == []
    assert recent.chunks("older", "s", 0, None) is None
    recent.add("older", [("s", 7, b"x")])
    assert recent.chunks("older", "s", 7, None) == recent.chunks("older", "s", -1, None)
    assert recent.chunks("older", "s", 6, None) is None
    assert recent.chunks("older", "t", 0, None) is None


def test_who_is_far_behind_reads_the_file() -> None:
    """The oldest chunks are let go of first, whichever stream they are of; a huge one at once."""
    recent = Recent(3 * _OVERHEAD)
    recent.begin("r")
    recent.add("r", [("a", n, b"") for n in range(4)])
    assert recent.chunks("r", "a", 0, None) is None
    assert recent.chunks("r", "a", 1, 2) == [(1, b""), (2, b"")]
    recent.add("r", [("b", 0, bytes(4 * _OVERHEAD))])
    assert recent.chunks("r", "a", 3, None) is None
    assert recent.chunks("r", "a", 4, None) == recent.chunks("r", "b", 1, None) == []
