from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from tests.behaviour.folded import check_views
from tests.behaviour.invariants import check_same_logs
from tests.conformance.random_logs import RUNS, appends
from tests.worlds import opened, rows, writer_waits
from wf_notebook.errors import (
    WorldDamagedError,
    WorldLockedError,
    WorldPathError,
)
from wf_notebook.testing.conformance.appends import add, created, event, log, refused, step
from wf_notebook.world.database import Connection
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append, Chunk, RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from wf_notebook.world.duckdb import DuckDBStore
    from wf_notebook.world.events import NewEvent
    from wf_notebook.world.store import EventStore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def store(place: Path) -> Iterator[DuckDBStore]:
    with closing(opened(place)) as store:
        yield store


# --- many logs at once -------------------------------------------------------------------------

LARGE = 20_000  # of a value that makes a log long, and is kept inline


def argued(args: object) -> NewEvent:
    return event("step_created", "s", data={"args": args}, n=1, alias="a", step_id="i")


def test_short_logs_are_read_together(store: DuckDBStore) -> None:
    """Two statements for any number of them: no long one, nor a value that is stored aside."""
    logs = {f"r{i}": add(store, f"r{i}", created(), step("s")) for i in range(20)}
    add(store, "long", created(), argued("x" * LARGE))
    add(store, "aside", created(), argued("x" * 100_000))
    store.unfinished().result(timeout=30)
    reading = store._file.queries
    assert reading is not None
    before = reading.statements
    found = store.short_logs([*logs, "long", "aside"]).result(timeout=30)
    assert {run_id: tuple(events) for run_id, events in found.items()} == logs
    assert reading.statements - before == 2


def test_a_damaged_log_is_left_to_be_read_by_itself(place: Path) -> None:
    """One that lacks an event, one that does not open, one without its key: the others are read."""
    with closing(opened(place)) as store:
        for run_id in ("gap", "altered", "keyless", "whole"):
            add(store, run_id, created(), definition={"source": "x"})
            add(store, run_id, argued(run_id), step("t", 2))
        for statement in (
            "delete from events where run_id = 'gap' and seq = 2",
            "update events set payload = 'x'::blob where run_id = 'altered' and seq = 2",
            "delete from run_keys where run_id = 'keyless'",
        ):
            store._writer.call(lambda s=statement: store._file.loaded_writing.query(s, [])).result()
        store._file.loaded_keyring.drop(["keyless"])
        found = store.short_logs(["gap", "altered", "keyless", "whole"]).result(timeout=30)
        assert set(found) == {"whole"}
        assert store.definitions(["gap", "keyless"]).result(timeout=30) == {"gap": {"source": "x"}}
        for run_id in ("gap", "altered", "keyless"):
            assert isinstance(store.read(run_id).exception(timeout=30), WorldDamagedError)


# --- what need not be looked for ----------------------------------------------------------------


def test_a_new_run_is_not_looked_for(place: Path) -> None:
    """Ids made later sort later: of one that sorts last it is known that no run has it."""
    with closing(opened(place)) as store:
        for i in range(5):
            add(store, f"wrun_0000{i}", created(), event("run_completed", data={}))
    with closing(opened(place)) as store:
        before = store.statements
        assert refused(store, "wrun_00003", created()).reason == "run_exists"
        assert store.statements == before + 1
        add(store, "wrun_00006", created())
        once = store.statements - before - 1
        add(store, "wrun_00007", created())
        add(store, "wrun_00005", created())  # a clock that was set back: this one is looked for
        assert store.statements - before - 1 == 3 * once + 1
        assert refused(store, "wrun_00005", created()).reason == "run_exists"
        add(store, "order-17", created())
        assert refused(store, "order-17", created()).reason == "run_exists"


def test_of_a_live_run_only_what_came_after_its_beginning_is_read(place: Path) -> None:
    """What is older is not gone through; also in a world that was opened again, or rewritten."""
    with closing(opened(place)) as store:
        add(store, "old", created(), event("run_completed", data={}))
        add(store, "live", created())
        add(store, "new", created(), step("s"))
        add(store, "live", step("s"))
        assert dict(store._file._stored.begun) == {"live": 2, "new": 3}
        assert [e.seq for e in log(store, "live")] == [1, 2]
    with closing(opened(place)) as store:
        assert dict(store._file._stored.begun) == {"live": 2, "new": 3}
        store.forget(["old"], now_us=1).result(timeout=30)
        assert [e.seq for e in log(store, "live")] == [1, 2]
        add(store, "live", event("run_completed", data={}))
        assert dict(store._file._stored.begun) == {"new": 3}
        assert [e.seq for e in log(store, "live")] == [1, 2, 3]


# --- group commit ------------------------------------------------------------------------------


def test_what_has_queued_up_is_one_commit_of_one_statement(store: DuckDBStore) -> None:
    """Fifty runs that move at once cost one transaction; refused appends stay out of it."""
    for i in range(50):
        add(store, f"r{i}", created())
    commits, statements = store.commits, store.statements
    with writer_waits(store):
        pending = [store.commit(Append(f"r{i}", (step("s"),))) for i in range(50)]
        late = store.commit(Append("r0", (step("s"),)))
    assert all(p.result(timeout=30)[0].seq == 2 for p in pending)
    assert isinstance(late.exception(timeout=30), RejectedError)
    assert (store.commits - commits, store.statements - statements) == (1, 1)
    assert rows(store, "select count(distinct commit_no), count(*) from events where seq = 2") == [
        (1, 50)
    ]


def test_commits_are_numbered_without_gaps(place: Path) -> None:
    """Also across reopening: `commit_no` is the world's."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        add(store, "r", step("s"))
        refused(store, "r", step("s"))
    with closing(opened(place)) as store:
        add(store, "r", step("t", 2))
        assert store.commits == 1
        found = rows(store, "select commit_no, seq from events order by seq")
    assert found == [(1, 1), (2, 2), (3, 3)]


def test_creation_and_end_are_one_commit_each(store: DuckDBStore) -> None:
    """Events, definition, key and index row are there together or not at all."""
    add(store, "r", created(), definition={"source": "x"})
    add(store, "r", event("run_completed"))
    assert store.commits == 2
    assert rows(store, "select entry, status from run_index order by time_us, entry desc") == [
        ("start", "pending"),
        ("end", "completed"),
    ]
    assert rows(store, "select count(*) from definitions, run_keys") == [(1,)]


def test_long_groups_are_written_alike(store: DuckDBStore) -> None:
    """Few rows go as VALUES, many as lists: nulls, blobs and text come back the same."""
    add(store, "r", created())
    for count in (1, 4, 5, 6, 7, 40):
        first = len(log(store, "r"))
        added = add(store, "r", *(step(f"{count}-{i}", i + 1) for i in range(count - 1)),
                    event("run_started"))  # fmt: skip
        assert log(store, "r", after=first) == list(added)


# --- reopening ---------------------------------------------------------------------------------


def test_a_long_text_is_stored_once(place: Path) -> None:
    """Whatever stands around it, in one commit or a later one; half characters too."""
    long, other = "x\ud800" * 50_000, "y" * 100_000
    values: list[Mapping[str, Any]] = [
        {"args": {"x": long}},
        {"args": [long, {"$t": long}, other]},
        {"args": {"x": [{"y": long}]}},
        {"args": ["z"] * 50_000, "also": other},  # long without its text, too
    ]
    with closing(opened(place)) as store:
        add(store, "r", created(), _asking("a", 1, values[0]))
        add(store, "r", _asking("b", 2, values[1]), fence=1)
    with closing(opened(place)) as store:
        add(store, "r", _asking("c", 3, values[2]), _asking("d", 4, values[3]), fence=2)
        assert [e.data for e in log(store, "r", after=1)] == values
        assert rows(store, "select count(*) from blobs") == [(3,)]


def _asking(key: str, n: int, data: Mapping[str, Any]) -> NewEvent:
    return event("step_created", key, data=data, n=n, alias="a", step_id="i")


def test_finished_runs_take_no_memory(store: DuckDBStore) -> None:
    """Heads are of unfinished runs only."""
    for i in range(20):
        add(store, f"r{i}", created(), step("s"))
        add(store, f"r{i}", event("run_completed"))
    assert store._file.heads.runs == {}


def test_a_world_that_was_never_closed_is_whole(place: Path) -> None:
    """An interpreter that ends without closing hangs on nothing and loses nothing."""
    script = textwrap.dedent("""
        import sys
        from wf_notebook.testing.conformance.appends import add, created
        from tests.worlds import opened
        store = opened(sys.argv[1])
        add(store, "r", created())
        store.commit(__import__("wf_notebook.world.store").world.store.Append("q", (created(),)))
    """)
    subprocess.run([sys.executable, "-c", script, str(place)], check=True, timeout=60)
    assert sorted(os.listdir(place.parent)) == ["w.duckdb", "w.duckdb.head"]
    with closing(opened(place)) as store:
        assert [r.run_id for r in store.unfinished().result(timeout=30)] == ["q", "r"]


# --- the two stores, the fold and the views ------------------------------------------------------


def answer(store: EventStore, append: Append) -> object:
    error = store.commit(append).exception(timeout=30)
    if isinstance(error, RejectedError):
        return error.reason, error.detail
    assert error is None
    return None


@given(appends())
@settings(max_examples=25)
def test_both_stores_give_equal_logs_and_the_views_agree_with_the_fold(made: list[Append]) -> None:
    """I12: refusals, events, chunks and lists are the same. I11: so are fold and SQL."""
    memory = MemoryStore()
    with closing(opened(":memory:")) as store:
        for append in made:
            assert answer(store, append) == answer(memory, append)
        check_same_logs(store, memory, RUNS)
        for run_id in RUNS:
            if events := log(store, run_id):
                check_views(store, events)


def test_sealed_bytes_are_not_compressed(store: DuckDBStore) -> None:
    """They get no smaller by it, and it would be tried at each checkpoint."""
    add(store, "r", created(), chunks=tuple(Chunk("s", None, bytes(16_000)) for _ in range(100)))
    how = "select distinct compression from pragma_storage_info('stream_chunks')"

    def found() -> set[str]:
        store._file.move_log()
        query = store._file.loaded_writing.query
        return {kind for (kind,) in query(f"{how} where column_name = 'bytes'", [])}

    assert store._writer.call(found).result(timeout=60) <= {"Uncompressed", "Constant"}


# --- threads -----------------------------------------------------------------------------------


def test_duckdb_is_only_called_on_our_threads(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt that hits the main thread cannot hit DuckDB."""
    seen: set[str] = set()
    for name in ("open", "query", "write", "select", "checkpoint", "close", "cursor",
                 "equip", "inside"):  # fmt: skip
        method = getattr(Connection, name)
        real = getattr(method, "__func__", method)

        def spy(*args: Any, _real: Any = real, **more: Any) -> Any:
            seen.add(threading.current_thread().name)
            return _real(*args, **more)

        is_class = isinstance(Connection.__dict__[name], classmethod)
        monkeypatch.setattr(Connection, name, classmethod(spy) if is_class else spy)
    with closing(opened(place)) as store:
        add(store, "r", created())
        log(store, "r")
        rows(store, "select 1")
    assert {name.partition("_")[0] for name in seen} == {"wf-world", "wf-read", "wf-sql"}


def test_closing_leaves_no_thread(place: Path) -> None:
    """Nor does an opening that failed."""
    before = set(threading.enumerate())
    opened(place).close()
    place.write_bytes(b"no world")
    with pytest.raises(WorldPathError):
        opened(place)
    assert set(threading.enumerate()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_closing_in_a_forked_child_is_the_parents_business(place: Path) -> None:
    """The child neither hangs nor takes the world with it."""
    with closing(opened(place)) as store:
        child = os.fork()
        if child == 0:
            store.close()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        add(store, "r", created())
        with pytest.raises(WorldLockedError):
            opened(place)
