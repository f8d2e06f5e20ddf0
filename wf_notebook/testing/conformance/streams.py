"""What a store does with the chunks of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.testing.conformance.appends import (
    SECONDS,
    add,
    all_of,
    created,
    event,
    refused,
    step,
)
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    from wf_notebook.guest.values import Tree

# of a stream of five chunks: start, limit, and the indices that are read
PARTS: Final[tuple[tuple[int, int | None, list[int]], ...]] = (
    (0, 2, [0, 1]),
    (3, None, [3, 4]),
    (-2, None, [3, 4]),
    (-2, 1, [3]),
    (-9, 1, [0]),
    (9, 5, []),
)


class Streams(Suite):
    """Their order, their indices and their ends."""

    def test_chunks_come_back_in_order(self) -> None:
        """Each stream of a run is read from an index on."""
        add(self.store, "r", created())
        add(
            self.store,
            "r",
            chunks=(Chunk("a", 0, {"x": 0}), Chunk("b", 0, "b"), Chunk("a", 1, "a1")),
        )
        assert self.store.chunks("r", "a").result(SECONDS) == [
            Chunk("a", 0, {"x": 0}),
            Chunk("a", 1, "a1"),
        ]
        assert self.store.chunks("r", "a", 1).result(SECONDS) == [Chunk("a", 1, "a1")]
        assert self.store.chunks("r", "c").result(SECONDS) == []

    def test_bytes_come_back_as_they_are(self) -> None:
        """A chunk may be bytes, whatever they are; one that stands for bytes in a tree stays one."""
        tagged: Tree = {"$t": "bytes", "v": "/w=="}
        given = (b"\x00\xff", b"", b'"text"', tagged)
        add(self.store, "r", created(), chunks=tuple(Chunk("a", None, data) for data in given))
        assert all_of(self.store, "r", "a") == list(enumerate(given))

    def test_a_chunk_without_an_index_gets_the_next_one(self) -> None:
        """Each stream counts for itself, over appends; given indices and drawn ones go together."""
        add(self.store, "r", created(), chunks=(Chunk("a", None, "0"), Chunk("b", None, "0")))
        add(
            self.store,
            "r",
            chunks=(Chunk("a", None, "1"), Chunk("a", 2, "2"), Chunk("a", None, "3")),
        )
        assert all_of(self.store, "r", "a") == [(0, "0"), (1, "1"), (2, "2"), (3, "3")]
        assert all_of(self.store, "r", "b") == [(0, "0")]
        assert self.store.streams("r").result(SECONDS) == {"a": 4, "b": 1}
        assert self.store.streams("nobody").result(SECONDS) == {}

    def test_an_index_may_be_left_out(self) -> None:
        """What a run prints beyond its limit has an index and no chunk."""
        add(self.store, "r", created(), chunks=(Chunk("out", 3, "x"), Chunk("out", 1, "late")))
        add(self.store, "r", chunks=(Chunk("out", None, "y"),))
        assert all_of(self.store, "r", "out") == [(3, "x"), (4, "y")]
        assert self.store.streams("r").result(SECONDS) == {"out": 5}

    def test_a_part_of_a_stream_is_read(self) -> None:
        """From an index on, or the last few, and no more than asked for."""
        add(self.store, "r", created(), chunks=tuple(Chunk("a", None, n) for n in range(5)))
        for start, limit, found in PARTS:
            part = self.store.chunks("r", "a", start, limit=limit).result(SECONDS)
            assert [chunk.index for chunk in part] == found
            assert self.store.chunks("r", "none", start, limit=limit).result(SECONDS) == []

    def test_a_closed_stream_takes_no_more(self) -> None:
        """It closes with its last chunks, once; the run's other streams go on."""
        add(self.store, "r", created())
        add(self.store, "r", event("stream_closed", stream="a"), chunks=(Chunk("a", None, 0),))
        found = refused(self.store, "r", chunks=(Chunk("b", None, 0), Chunk("a", None, 1)))
        assert (found.reason, found.detail) == ("stream_closed", {"stream": "a"})
        assert refused(self.store, "r", event("stream_closed", stream="a")).detail == {
            "stream": "a"
        }
        assert self.store.streams("r").result(SECONDS) == {"a": 1}
        assert add(self.store, "r", chunks=(Chunk("a", 0, "again"),)) == ()
        add(self.store, "r", event("run_completed"), chunks=(Chunk("b", None, 1),))
        assert all_of(self.store, "r", "b") == [(0, 1)]

    def test_a_chunk_is_stored_once(self) -> None:
        """A replay prints again; an append of nothing new is no commit."""
        add(self.store, "r", created(), chunks=(Chunk("out", 0, "x"), Chunk("out", 0, "y")))
        before = self.store.commits
        assert add(self.store, "r", chunks=(Chunk("out", 0, "z"),)) == ()
        assert self.store.commits == before
        add(self.store, "r", step("s"), chunks=(Chunk("out", 0, "z"), Chunk("out", 1, "w")))
        assert [c.data for c in self.store.chunks("r", "out").result(SECONDS)] == ["x", "w"]
