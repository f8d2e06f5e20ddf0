"""The line of chunks of one run: its order, who waits for it, and what ends it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.engine import streams
from wf_notebook.engine.streams import Outbox, Written
from wf_notebook.engine.writer import CHUNK_BYTES, StreamWriter
from wf_notebook.errors import PayloadError, StreamClosedError, UsageError, WorldError
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.engine.decide import Item


class Box(Outbox):
    """An outbox whose engine is the test."""

    def __init__(self, *closed: str) -> None:
        self.woken = 0
        self.posted: list[Item] = []
        super().__init__("r", closed, wake=self._count, post=self._keep)

    def _count(self, _box: Outbox) -> None:
        self.woken += 1

    def _keep(self, _run_id: str, item: Item) -> None:
        self.posted.append(item)


def written(data: Any, size: int = 1) -> Written:
    return Written(Chunk("s", None, data), size)


def put(box: Box, data: Any, size: int = 1, *, waits: bool = False) -> None:
    box.put(written(data, size), threading.Event(), waits=waits)


def data_of(batch: list[Written]) -> list[Any]:
    return [w.chunk.data for w in batch]


@given(st.lists(st.sampled_from(["put", "take", "all", "fail"])), st.integers(1, 5))
def test_the_line_keeps_its_order(moves: list[str], size: int) -> None:
    """Whatever is taken, stored or put back: chunks are stored once, in the order written."""
    box, stored, count = Box(), [], 0
    for move in moves:
        if move == "put":
            put(box, count, size * streams.BATCH_BYTES // 4)
            count += 1
            continue
        batch = box.take_all() if move == "all" else box.take()
        if move == "fail":
            box.back(batch, WorldError("no"))
        else:
            stored += data_of(batch)
            box.stored(batch)
    rest = box.take_all()
    box.stored(rest)
    assert stored + data_of(rest) == list(range(count))
    assert box.durable().done()


def test_a_batch_is_not_larger_than_a_commit_should_be() -> None:
    """It ends with the chunk that fills it; a large chunk goes alone."""
    box = Box()
    for size in (streams.BATCH_BYTES - 1, 2, 5, streams.BATCH_BYTES * 2, 1):
        put(box, size, size)
    assert [len(box.take()) for _ in range(4)] == [2, 2, 1, 0]


def test_the_engine_is_woken_once_until_it_has_found_nothing() -> None:
    """A thousand writes cost one call to the loop, if the loop has not come round to look."""
    box = Box()
    for n in range(1000):
        put(box, n)
    assert box.woken == 1
    box.stored(box.take())
    put(box, "more")
    assert box.woken == 1
    assert box.take()
    assert not box.take()
    put(box, "anew")
    assert box.woken == 2


def test_who_drains_waits_for_what_was_written_before() -> None:
    """And for nothing that came later."""
    box = Box()
    put(box, "a")
    first = box.durable()
    put(box, "b")
    both = box.durable()
    batch = box.take_all()
    box.stored(batch[:1])
    assert (first.done(), both.done()) == (True, False)
    box.stored(batch[1:])
    assert both.done()


def test_a_failed_commit_is_told_and_tried_again() -> None:
    """Who waits hears of it; who asks afterwards waits for the next commit."""
    box = Box()
    put(box, "a")
    told = box.durable()
    given_up = box.durable()
    given_up.cancel()
    box.back(box.take(), WorldError("the disk"))
    with pytest.raises(WorldError, match="the disk"):
        told.result(timeout=0)
    again = box.durable()
    box.stored(box.take())
    assert again.result(timeout=0) is None


class Gate(threading.Condition):
    """A condition that says when somebody waits at it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.set()
        return super().wait(timeout)


def full(monkeypatch: pytest.MonkeyPatch) -> tuple[Box, Gate]:
    """An outbox with more than it should hold."""
    monkeypatch.setattr(streams, "BUFFER_BYTES", 100)
    box, gate = Box(), Gate()
    box._gate = gate
    put(box, "large", 101, waits=True)  # there was room when it came
    put(box, "from a loop", 101, waits=False)
    assert not gate.waiting.is_set()
    return box, gate


def test_a_thread_waits_while_too_much_is_not_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on when there is room."""
    box, gate = full(monkeypatch)
    done = threading.Event()

    def write() -> None:
        put(box, "next", waits=True)
        done.set()

    threading.Thread(target=write).start()
    assert gate.waiting.wait(10)
    gate.waiting.clear()
    batch = box.take_all()
    box.stored(batch[:1])
    assert gate.waiting.wait(10), "101 bytes are still too much"
    assert not done.is_set()
    box.stored(batch[1:])
    assert done.wait(10)
    assert data_of(box.take_all()) == ["next"]


@pytest.mark.parametrize("how", ["stopped", "over"])
def test_a_waiting_thread_is_let_go(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """An attempt that has to stop, or whose run has ended, doesn't wait for room."""
    box, gate = full(monkeypatch)
    stopped, errors = threading.Event(), []

    def write() -> None:
        try:
            box.put(written("late"), stopped, waits=True)
        except StreamClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    assert gate.waiting.wait(10)
    if how == "over":
        box.end("run r has ended")
    else:
        stopped.set()
        box.look_again()
    thread.join(10)
    assert [error.code for error in errors] == ["WF233"]


def test_the_end_gives_up_what_is_not_durable() -> None:
    """Who waits hears of it; who has everything durable doesn't."""
    box = Box()
    put(box, "a")
    box.stored(box.take())
    put(box, "b")
    told = box.durable()
    box.end("run r has ended")
    for future in (told, box.durable()):
        with pytest.raises(StreamClosedError, match="run r has ended"):
            future.result(timeout=0)
    with pytest.raises(StreamClosedError, match="run r has ended"):
        put(box, "c")
    box.back([written("d")], WorldError("too late"))
    assert box.take_all() == []


def test_a_stream_is_closed_once() -> None:
    """The second close is none; nothing is written after it, by whomever."""
    box, stopped = Box("shut"), threading.Event()
    first, other = (StreamWriter("s", box, threading.Event()) for _ in range(2))
    first.write("x")
    first.close()
    first.close()
    other.close()
    StreamWriter("shut", box, stopped).close()
    assert len(box.posted) == 1
    for writer in (first, other, StreamWriter("shut", box, stopped)):
        with pytest.raises(StreamClosedError, match="it was closed"):
            writer.write("y")
    StreamWriter("t", box, stopped).write("another stream goes on")
    stopped.set()
    with pytest.raises(StreamClosedError, match="told to stop"):
        StreamWriter("t", box, stopped).close()


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, "-a", "a/b", "a\n", "stdout"])
def test_names_are_plain(name: str) -> None:
    """A name that a world could not hold in plain, or that is the source's own, is refused."""
    with pytest.raises(UsageError):
        StreamWriter(name, Box(), threading.Event())


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "chunk of s"),
        ({"rows": [1, [2j]]}, "chunk of s.rows[1][0]"),
        ("x" * (CHUNK_BYTES + 1), "chunk of s"),
        (bytes(CHUNK_BYTES + 1), "chunk of s"),
    ],
)
def test_a_value_is_checked_when_it_is_written(value: object, path: str) -> None:
    """What cannot cross, or is too long, is refused at once, by name; nothing is in line."""
    box = Box()
    with pytest.raises(PayloadError) as caught:
        StreamWriter("s", box, threading.Event()).write(value)
    assert caught.value.path == path
    assert box.take_all() == []


def test_flush_never_stops_a_loop() -> None:
    """Where a loop runs it refuses and says what to do; drain waits there."""
    box = Box()
    writer = StreamWriter("s", box, threading.Event())

    async def main(act: Callable[[], None]) -> None:
        writer.write("x")
        with pytest.raises(UsageError, match="drain"):
            writer.flush()
        asyncio.get_running_loop().call_soon(act)
        await writer.drain()

    asyncio.run(main(lambda: box.stored(box.take())))
    writer.flush()
