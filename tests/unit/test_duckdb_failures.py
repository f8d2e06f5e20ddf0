from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.worlds import opened, raise_world_error, rows, wal, writer_waits
from wf_notebook.errors import (
    WorldError,
    WorldFullError,
)
from wf_notebook.testing.conformance.appends import add, created, event, hook, log, step
from wf_notebook.world import opening, worldfile, writer
from wf_notebook.world.database import Connection
from wf_notebook.world.head import HeadFile
from wf_notebook.world.heads import Heads
from wf_notebook.world.store import Append, Chunk
from wf_notebook.world.worldfile import WorldFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from wf_notebook.world.connection import Statement
    from wf_notebook.world.duckdb import DuckDBStore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def store(place: Path) -> Iterator[DuckDBStore]:
    with closing(opened(place)) as store:
        yield store


# --- failures ----------------------------------------------------------------------------------


def failing(
    monkeypatch: pytest.MonkeyPatch, when: str, error: WorldError, times: int = 1
) -> list[int]:
    """Let the next writes fail before or after they were done."""
    left = [times]
    real = Connection.write

    def write(self: Connection, statements: Sequence[Statement]) -> None:
        if left[0] <= 0:
            return real(self, statements)
        left[0] -= 1
        if when == "after":
            real(self, statements)
        raise error

    monkeypatch.setattr(Connection, "write", write)
    return left


def test_a_write_that_failed_leaves_no_trace(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each append of the group hears of it, also one that would have been refused; all may retry."""
    add(store, "r", created())
    failing(monkeypatch, "before", WorldFullError("no space"))
    with writer_waits(store):
        pending = [
            store.commit(Append("r", (step("s"), hook("h", "t", 2)))),
            store.commit(Append("r", (step("s"),))),
            store.commit(Append("q", (created(), event("run_completed")))),
        ]
    assert all(isinstance(p.exception(timeout=30), WorldFullError) for p in pending)
    assert len(log(store, "r")) == 1
    add(store, "r", step("s"), hook("h", "t", 2), fence=0)
    add(store, "q", created(), event("run_completed"))
    assert rows(store, "select commit_no from events order by commit_no") == [
        (1,), (2,), (2,), (3,), (3,),
    ]  # fmt: skip


def test_a_transaction_that_breaks_in_its_middle_is_rolled_back(store: DuckDBStore) -> None:
    """Of the events that end a run and its row in the index, neither is written."""
    add(store, "r", created())
    assert store._file.writing is not None
    alter = store._file.writing.query
    store._writer.call(lambda: alter("alter table run_index rename to x", [])).result(timeout=30)
    with pytest.raises(WorldError, match="Writing"):
        add(store, "r", event("run_completed"))
    store._writer.call(lambda: alter("alter table x rename to run_index", [])).result(timeout=30)
    assert len(log(store, "r")) == 1
    add(store, "r", event("run_completed"))
    assert [row.status for row in store.runs().result(timeout=30)] == ["completed"]


def test_a_write_that_was_done_is_acknowledged_even_if_it_raised(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception from a commit does not mean "not written": the file is asked."""
    add(store, "r", created())
    failing(monkeypatch, "after", WorldError("lost the answer"))
    assert add(store, "r", step("s"))[0].seq == 2
    failing(monkeypatch, "after", WorldError("lost the answer"))
    add(store, "r", chunks=(Chunk("out", 0, "x"),))
    add(store, "r", event("step_completed", "s"))
    assert [e.seq for e in log(store, "r")] == [1, 2, 3]
    assert store.commits == 4


def test_another_commit_is_not_taken_for_ours(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides are the ids and sealed bytes that were made for it, not its number."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        real = Connection.write

        def write(self: Connection, statements: Sequence[Statement]) -> None:
            sql, parameters = statements[0]
            other = ["e-other" if value == "e-ours" else value for value in parameters]
            real(self, [(sql, other)])
            raise WorldError("lost the answer")

        with monkeypatch.context() as patch:
            patch.setattr(Connection, "write", write)
            with pytest.raises(WorldError, match="not known"):
                add(store, "r", replace(step("s"), event_id="e-ours"))
            with pytest.raises(WorldError, match="not known"):
                add(store, "r", step("t", 2))


@pytest.mark.parametrize("when", ["before", "after"])
def test_chunks_alone_are_a_commit_that_can_be_looked_up(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """They have no event; what was sealed for them says whether they are there."""
    add(store, "r", created())
    failing(monkeypatch, when, WorldFullError("no space"))
    chunks = (Chunk("out", None, "x"), Chunk("out", None, "y"))
    if when == "before":
        with pytest.raises(WorldFullError):
            add(store, "r", chunks=chunks)
    add(store, "r", chunks=chunks)
    found = store.chunks("r", "out").result(timeout=30)
    assert [chunk.data for chunk in found] == ["x", "y"]


def test_a_large_value_of_a_failed_write_is_written_by_the_next(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not written does not count as stored."""
    big = {"args": "x" * 100_000}
    add(store, "r", created())
    failing(monkeypatch, "before", WorldFullError("no space"))
    made = event("step_created", "s", data=big, n=1, alias="a", step_id="i")
    with pytest.raises(WorldFullError):
        add(store, "r", made)
    add(store, "r", made)
    assert log(store, "r")[1].data == big


def test_an_unknown_outcome_stops_the_world(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the file cannot be asked either, nothing more is written until it is opened again."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        failing(monkeypatch, "after", WorldError("lost the answer"))
        with monkeypatch.context() as patch:
            patch.setattr("wf_notebook.world.commits.rows_of", raise_world_error)
            with pytest.raises(WorldError, match="not known") as caught:
                add(store, "r", step("s"))
        assert "open it again" in caught.value.hint
        with pytest.raises(WorldError, match="not known"):
            add(store, "r", step("t", 2))
        store.close()
        assert wal(place), "a checkpoint might have dropped what is only in the log"
    with closing(opened(place)) as store:
        assert [e.correlation_id for e in log(store, "r")] == [None, "s"]


def test_a_mistake_of_ours_hangs_nobody(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks in the writer, each future is resolved and the next commit goes through."""
    add(store, "r", created())

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "write", broken)
        with pytest.raises(ZeroDivisionError):
            add(store, "r", step("s"))
    add(store, "r", step("s"))
    with monkeypatch.context() as patch:
        patch.setattr(Heads, "advance", broken)
        with pytest.raises(ZeroDivisionError):
            add(store, "r", step("t", 2))
    add(store, "r", step("t", 2))


FULL = """
import resource, signal, sys
from wf_notebook.testing.conformance.appends import add, created, event, log
from tests.worlds import opened
from wf_notebook.errors import WorldFullError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = opened(sys.argv[1])
add(store, "r", created())
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
done, full = 0, 0
while full < 3:
    made = event("step_created", f"s{done}", data={"args": "x" * 3000}, n=1, alias="a", step_id="i")
    try:
        add(store, "r", made)
    except WorldFullError:
        full += 1
    else:
        done += 1
        assert not full
assert len(log(store, "r")) == done + 1
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
add(store, "r", made)
print(done + 1, flush=True)
if sys.argv[3] == "close":
    store.close()
else:
    import os
    os._exit(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE there")
@pytest.mark.parametrize("limit", [600_000, 1_000_000])
@pytest.mark.parametrize("end", ["close", "die"])
def test_a_full_disk_loses_nothing(place: Path, limit: int, end: str) -> None:
    """Each commit is acknowledged or WorldFullError; with space again the run goes on."""
    child = subprocess.run(
        [sys.executable, "-c", FULL, str(place), str(limit), end],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    with closing(opened(place)) as store:
        assert len(log(store, "r")) == int(child.stdout) + 1


GIVEN_UP = """
import resource, signal, sys
from wf_notebook.testing.conformance.appends import add, created, event, log
from tests.worlds import opened, rows
from wf_notebook.errors import WorldFullError
from wf_notebook.world import worldfile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
worldfile.CHECKPOINT_BYTES = 1
store = opened(sys.argv[1])
add(store, "r", created())
made = event("step_created", "s", data={"args": "x" * 3000}, n=1, alias="a", step_id="i")
add(store, "r", made)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, unlimited[1]))
store._writer.call(store._file.idle).result()
more = event("step_completed", "s", data={"result": 1}, attempt=1)
try:
    add(store, "r", more)
except WorldFullError:
    print("full", flush=True)
assert len(log(store, "r")) == 2
assert rows(store, "select count(*) from events") == [(2,)]
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
add(store, "r", more)
assert rows(store, "select count(*) from events") == [(3,)]
store._writer.call(store._file.idle).result()
store.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE there")
def test_a_checkpoint_that_found_no_space_does_not_end_the_world(place: Path) -> None:
    """It is fatal to DuckDB, which then answers nothing; the file is opened again, and goes on."""
    child = subprocess.run(
        [sys.executable, "-c", GIVEN_UP, str(place)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert child.stdout == "full\n"
    assert "No checkpoint" in child.stderr
    assert sorted(os.listdir(place.parent)) == ["w.duckdb", "w.duckdb.head"]
    with closing(opened(place)) as store:
        assert len(log(store, "r")) == 3


def test_a_commit_that_was_fatal_is_asked_after(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file, opened again, knows whether it was written."""
    add(store, "r", created())
    writing = store._file.writing
    assert isinstance(writing, Connection)

    class Dying:
        """DuckDB's connection, which dies after its next commit."""

        def __init__(self, real: Any) -> None:
            self.real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def execute(self, sql: str, *more: Any) -> Any:
            self.real.execute(sql, *more)
            raise duckdb.FatalException("lost the disk")

    writing.pair = writing.pair._replace(writes=Dying(writing.pair.writes))  # type: ignore[arg-type]
    assert add(store, "r", step("s"))[0].seq == 2
    assert not isinstance(writing.pair.writes, Dying)
    assert [e.seq for e in log(store, "r")] == [1, 2]


# --- checkpoints -------------------------------------------------------------------------------


def test_closing_moves_the_log_into_the_file(place: Path) -> None:
    """What is left is the file and its head."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        assert wal(place)
    assert sorted(os.listdir(place.parent)) == ["w.duckdb", "w.duckdb.head"]


def test_a_long_log_is_moved_when_nothing_happens(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint never makes a commit wait: it takes an idle moment."""
    monkeypatch.setattr(worldfile, "CHECKPOINT_BYTES", 1)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.01)
    moved = threading.Event()
    real = Connection.checkpoint

    def checkpoint(self: Connection) -> None:
        real(self)
        moved.set()

    with closing(opened(place)) as store:
        monkeypatch.setattr(Connection, "checkpoint", checkpoint)
        add(store, "r", created())
        assert moved.wait(30)
        add(store, "r", step("s"))
        assert len(log(store, "r")) == 2


def test_steady_work_does_not_let_the_log_grow_for_ever(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an idle moment, too, it is moved when it is too long; each time with a mark."""
    monkeypatch.setattr(worldfile, "BUSY_BYTES", 50_000)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 1e9)
    longest = 0
    with closing(opened(place)) as store:
        add(store, "r", created())
        for n in range(200):
            add(store, "r", chunks=(Chunk("out", None, "x" * 2000),))
            if n % 20 == 0:
                store._writer.call(lambda: None).result(timeout=30)
                longest = max(longest, wal(place))
        assert longest < 60_000
        marks = rows(store, "select commit_no, events from marks order by commit_no")
        assert len(marks) > 5
        assert all(events == 1 for _, events in marks[1:])
        assert len(store.chunks("r", "out").result(timeout=30)) == 200


def test_a_checkpoint_that_cannot_be_is_not_tried_at_each_commit(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only when the log has grown again by as much as an idle moment would wait for."""
    monkeypatch.setattr(worldfile, "BUSY_BYTES", 20_000)
    monkeypatch.setattr(worldfile, "CHECKPOINT_BYTES", 100_000)
    asked: list[int] = []
    monkeypatch.setattr(opening, "has_room", lambda path: bool(asked.append(wal(place))))
    with closing(opened(place)) as store:
        add(store, "r", created())
        for _ in range(150):
            add(store, "r", chunks=(Chunk("out", None, "x" * 2000),))
        store._writer.call(lambda: None).result(timeout=30)
        assert 3 <= len(asked) <= 5
        assert all(later - earlier >= 100_000 for earlier, later in pairwise(asked))


def test_the_head_is_durable_before_the_log_is_gone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure right after a checkpoint must not leave a head that knows nothing of it."""
    done: list[str] = []
    with closing(opened(place)) as store:
        add(store, "r", created())
        with monkeypatch.context() as patch:
            for kind, name in ((HeadFile, "sync"), (Connection, "checkpoint"), (WorldFile, "mark")):
                patch.setattr(kind, name, noted(getattr(kind, name), name, done))
            store.close()
    assert done == ["mark", "sync", "checkpoint"]


def noted(real: Callable[..., object], name: str, done: list[str]) -> Callable[..., object]:
    def spy(*args: object) -> object:
        done.append(name)
        return real(*args)

    return spy


def test_without_room_the_log_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that runs out of space half-way is not begun; nothing is lost."""
    with monkeypatch.context() as patch, closing(opened(place)) as store:
        patch.setattr(opening, "has_room", lambda _path: False)
        add(store, "r", created())
        store.close()
        assert wal(place)
    with closing(opened(place)) as store:
        assert len(log(store, "r")) == 1
    assert not wal(place)


def test_a_checkpoint_that_fails_is_said_and_survived(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log still holds everything."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "checkpoint", raise_world_error)
            store.close()
    assert "No checkpoint" in caplog.text
    with closing(opened(place)) as store:
        assert len(log(store, "r")) == 1
