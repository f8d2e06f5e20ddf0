from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings

from tests.conformance.random_logs import RUNS, appends
from tests.conformance.store_suite import add, created, event, hook, log, received, refused, step
from wf_notebook.errors import (
    WorldClosedError,
    WorldDamagedError,
    WorldError,
    WorldFullError,
    WorldKeyError,
    WorldLockedError,
    WorldPathError,
    WorldQueryError,
    WorldVersionError,
)
from wf_notebook.world import opening, worldfile, writer
from wf_notebook.world.duckdb import Connection, DuckDBStore
from wf_notebook.world.keys import GivenKey, KeyFolder
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, Chunk, RejectedError
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wf_notebook.world.connection import Statement
    from wf_notebook.world.store import EventStore

KEY = bytes(range(32))


def opened(path: str | Path, **more: Any) -> DuckDBStore:
    return DuckDBStore.open(path, key_provider=GivenKey(KEY), **more)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def store(place: Path) -> Iterator[DuckDBStore]:
    with closing(opened(place)) as store:
        yield store


def rows(store: DuckDBStore, query: str) -> list[tuple[Any, ...]]:
    return store.sql(query).result(timeout=30).rows


@contextlib.contextmanager
def writer_waits(store: DuckDBStore) -> Iterator[None]:
    """Nothing is written inside; what was handed in is written as one group after it."""
    go = threading.Event()
    store._writer.call(go.wait)
    yield
    go.set()


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


def test_a_world_that_is_reopened_knows_what_it_knew(place: Path) -> None:
    """Fences, open entities, tokens, resume ids, chunks and large values of unfinished runs."""
    big = {"args": "x" * 100_000}
    with closing(opened(place)) as store:
        world_id = store.world_id
        add(store, "r", created(), step("s"), hook("h", "t", 2), received("h", "i"))
        add(store, "r", event("step_created", "b", data=big, n=3, alias="a", step_id="i"))
        add(store, "r", chunks=(Chunk("out", 0, "x"),))
        add(store, "done", created(), event("run_completed"))
        before = list(log(store, "r"))
    with closing(opened(place)) as store:
        assert store.world_id == world_id
        assert list(log(store, "r")) == before
        assert refused(store, "r", step("x", 9), fence=2).reason == "stale_fence"
        assert refused(store, "r", step("s")).reason == "entity_exists"
        assert refused(store, "r", received("h", "i")).detail == {"seq": 4}
        assert store.token_owner("t").result(timeout=30) == ("r", "h")
        assert add(store, "r", chunks=(Chunk("out", 0, "x"),)) == ()
        assert refused(store, "done", created()).reason == "run_exists"
        assert refused(store, "done", step("s")).reason == "run_ended"
        add(store, "r", event("step_created", "c", data=big, n=4, alias="a", step_id="i"), fence=3)
        assert rows(store, "select count(*) from blobs") == [(1,)]


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
        from tests.conformance.store_suite import add, created
        from tests.unit.test_duckdb_store import opened
        store = opened(sys.argv[1])
        add(store, "r", created())
        store.commit(__import__("wf_notebook.world.store").world.store.Append("q", (created(),)))
    """)
    subprocess.run([sys.executable, "-c", script, str(place)], check=True, timeout=60)
    assert sorted(os.listdir(place.parent)) == ["w.duckdb"]
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
        assert store.runs().result(timeout=30) == memory.runs().result()
        for run_id in RUNS:
            events = log(store, run_id)
            assert list(events) == log(memory, run_id)
            found = store.chunks(run_id, "out").result(timeout=30)
            assert found == memory.chunks(run_id, "out").result()
            if events:
                assert_views_agree(store, run_id)


def assert_views_agree(store: DuckDBStore, run_id: str) -> None:
    state = fold(log(store, run_id))

    def view(columns: str, name: str) -> list[tuple[Any, ...]]:
        query = f"select {columns} from {name} where run_id = '{run_id}'"
        return sorted(rows(store, query), key=repr)

    def folded(found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return sorted(found, key=repr)

    assert view("status, created_us, started_us, ended_us, code, line", "runs") == [
        (state.status, state.created_us, state.started_us, state.ended_us, state.code, state.line)
    ]
    columns = "id, n, alias, step_id, line, status, attempts, created_us, retry_at_us, ended_us"
    assert view(columns, "steps") == folded([
        (s.id, s.n, s.alias, s.step_id, s.line, s.status, len(s.attempts), s.created_us,
         s.retry_at_us, s.ended_us)
        for s in state.steps.values()
    ])  # fmt: skip
    assert view("step, number, rerun, started_us, ended_us", "attempts") == folded([
        (s.id, a.number, a.rerun, a.started_us, a.ended_us)
        for s in state.steps.values()
        for a in s.attempts
    ])  # fmt: skip
    columns = "id, n, token, schema_name, line, status, received, owner, created_us,"
    columns += " last_received_us, ended_us"
    assert view(columns, "hooks") == folded([
        (h.id, h.n, h.token, h.schema, h.line, h.status, h.received, h.owner, h.created_us,
         h.last_received_us, h.ended_us)
        for h in state.hooks.values()
    ])  # fmt: skip
    columns = "id, n, line, kind, status, woken, created_us, due_us, ended_us"
    assert view(columns, "waits") == folded([
        (w.id, w.n, w.line, w.kind, w.status, w.woken, w.created_us, w.due_us, w.ended_us)
        for w in state.waits.values()
    ])  # fmt: skip


def test_views_give_times_to_read(store: DuckDBStore) -> None:
    """As TIMESTAMP, UTC; none for a sleep beyond the last year that a datetime can say."""
    add(store, "r", created(at=1_767_225_600_000_000))
    far = (1 << 62) - 1
    add(store, "r", event("wait_created", "w", at=1_767_225_600_000_000, n=1, due_us=far,
                          kind="sleep"))  # fmt: skip
    table = store.sql("select created, due_us, due from waits").result(timeout=30)
    assert table.columns == ("created", "due_us", "due")
    assert [(str(a), b, c) for a, b, c in table.rows] == [("2026-01-01 00:00:00", far, None)]


def test_streams_can_be_counted(store: DuckDBStore) -> None:
    """How much a run has printed, without opening it."""
    add(store, "r", created(), chunks=(Chunk("stdout", 0, "a"), Chunk("stdout", 1, "b")))
    assert rows(store, "select run_id, stream, chunks, last_idx from streams") == [
        ("r", "stdout", 2, 1)
    ]


# --- queries -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["select 1 as a", "explain select 1", "from runs", "show tables", "describe events",
     "with x as (select 1) select * from x", "summarize run_index"],
)  # fmt: skip
def test_queries_are_answered(store: DuckDBStore, query: str) -> None:
    """Anything that is one SELECT or EXPLAIN."""
    assert store.sql(query).result(timeout=30).columns


@pytest.mark.parametrize(
    "query",
    [
        "", "-- nothing", "select 1; select 2", "select", "nonsense",
        "insert into events select * from events", "delete from events", "drop view runs",
        "update events set seq = 1", "create table x (a int)", "checkpoint", "begin", "commit",
        "explain analyze delete from events",
        "commit; insert into run_keys values ('a', 'b', null)",
        "set threads = 1", "pragma disable_checkpoint_on_shutdown", "attach 'x.duckdb'",
        "copy (select 1) to 'x.csv'", "install httpfs", "load httpfs", "call checkpoint()",
        "select * from read_text('/etc/passwd')", "select * from '/etc/passwd'",
        "select * from glob('/*')", "export database 'x'",
        "with x as (delete from events returning *) select * from x",
        "select * from store", "vacuum", "prepare x as delete from events",
    ],
)  # fmt: skip
def test_a_query_changes_nothing_and_reaches_nowhere(store: DuckDBStore, query: str) -> None:
    """Everything else is refused with a code, and the world goes on."""
    add(store, "r", created())
    with pytest.raises(WorldQueryError) as caught:
        store.sql(query).result(timeout=30)
    assert caught.value.hint
    assert rows(store, "select count(*) from events") == [(1,)]
    add(store, "r", step("s"))


def test_a_long_query_stops_neither_commits_nor_closing(place: Path) -> None:
    """It has a thread of its own, and is interrupted when the world is closed."""
    store = opened(place)
    slow = store.sql("select count(*) from range(1e9::bigint) a, range(1e9::bigint) b")
    queued = store.sql("select 1")
    add(store, "r", created())
    assert not slow.done()
    store.close()
    assert isinstance(slow.exception(timeout=30), WorldClosedError)
    assert isinstance(queued.exception(timeout=30), WorldClosedError)


def test_a_query_can_be_interrupted(store: DuckDBStore) -> None:
    """The next one runs; an interrupt with nothing to stop is harmless."""
    slow = store.sql("select count(*) from range(1e9::bigint) a, range(1e9::bigint) b")
    while not slow.done():
        store.interrupt()
    assert isinstance(slow.exception(timeout=30), WorldQueryError)
    store.interrupt()
    assert rows(store, "select 1") == [(1,)]


# --- threads -----------------------------------------------------------------------------------


def test_duckdb_is_only_called_on_our_threads(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt that hits the main thread cannot hit DuckDB."""
    seen: set[str] = set()
    for name in ("open", "query", "write", "select", "checkpoint", "close", "cursor"):
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
    assert {name.partition("_")[0] for name in seen} == {"wf-world", "wf-read"}


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


# --- what may be opened ------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_files_are_private(place: Path) -> None:
    """File, log and lock are for their user only, also after a checkpoint."""
    with closing(opened(place)) as store:
        assert store._file.writing is not None
        checkpoint = store._file.writing.checkpoint
        for _ in range(2):
            add(store, f"r{store.commits}", created())
            names = sorted(os.listdir(place.parent))
            assert names == ["w.duckdb", "w.duckdb.lock", "w.duckdb.wal"]
            for name in names:
                assert stat.S_IMODE((place.parent / name).stat().st_mode) == 0o600, name
            store._writer.call(checkpoint).result(timeout=30)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def make_text(path: Path) -> None:
    path.write_text("hello\n" * 1000)


def make_sqlite(path: Path) -> None:
    import sqlite3

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table a (b)")
        connection.commit()


def make_foreign(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table events as select range as a from range(100000)")


def make_foreign_with_log(path: Path) -> None:
    make_foreign(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute("insert into events values (1)")


def make_truncated(path: Path) -> None:
    make_world(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def make_flipped(path: Path) -> None:
    make_world(path)
    data = bytearray(path.read_bytes())
    data[4200] ^= 0xFF
    path.write_bytes(data)


def make_world(path: Path, statement: str = "select 1") -> None:
    with closing(opened(path)) as store:
        add(store, "r", created(), definition={"source": "x"})
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)


def make_future(path: Path) -> None:
    make_world(path, "insert into schema_version values (99, 0, '9.9')")


def make_nameless(path: Path) -> None:
    make_world(path, "delete from world")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (make_text, WorldPathError),
        (make_sqlite, WorldPathError),
        (make_foreign, WorldPathError),
        (make_foreign_with_log, WorldPathError),
        (make_truncated, WorldDamagedError),
        (make_flipped, WorldDamagedError),
        (make_future, WorldVersionError),
        (make_nameless, WorldDamagedError),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_world_of_ours_is_left_as_it_is(
    place: Path, make: Any, error: type[WorldError], *, read_only: bool
) -> None:
    """A coded error with a way out; file and log are untouched, byte for byte."""
    make(place)
    before = {path.name: path.read_bytes() for path in place.parent.iterdir()}
    with pytest.raises(error) as caught:
        opened(place, read_only=read_only)
    assert str(place) in caught.value.message
    assert caught.value.hint
    assert {path.name: path.read_bytes() for path in place.parent.iterdir()} == before


def test_a_log_that_has_a_gap_is_damage(place: Path) -> None:
    """A shortened log is reported, not replayed."""
    make_world(place, "update events set seq = 3")
    with closing(opened(place)) as store, pytest.raises(WorldDamagedError, match="gap"):
        log(store, "r")
    make_world_with_orphan(place)
    with pytest.raises(WorldDamagedError, match="not whole"):
        opened(place)


def make_world_with_orphan(path: Path) -> None:
    path.unlink()
    with closing(opened(path)) as store:
        add(store, "r", created(), step("s"))
        add(store, "r", event("step_completed", "s"))
    with duckdb.connect(str(path)) as connection:
        connection.execute("delete from events where type = 'step_created'")


def test_a_value_that_was_moved_does_not_open(place: Path) -> None:
    """Each is sealed for its own event."""
    with closing(opened(place)) as store:
        add(store, "r", created(), step("s"), step("t", 2))
    with duckdb.connect(str(place)) as connection:
        connection.execute(
            "update events set payload = (select payload from events where seq = 3) where seq = 2"
        )
    with closing(opened(place)) as store, pytest.raises(WorldDamagedError, match="altered"):
        log(store, "r")


@pytest.mark.parametrize(
    ("table", "reads"),
    [("run_keys", "read"), ("run_keys", "definition"), ("definitions", "definition"),
     ("blobs", "read")],
)  # fmt: skip
def test_a_row_that_is_gone_is_damage(place: Path, table: str, reads: str) -> None:
    """Whatever it was: the run's key, its definition, a large value."""
    with closing(opened(place)) as store:
        add(store, "r", event("run_created", data={"args": "x" * 70_000}), definition={"a": 1})
    with duckdb.connect(str(place)) as connection:
        connection.execute(f"delete from {table}")
    with closing(opened(place)) as store, pytest.raises(WorldDamagedError):
        getattr(store, reads)("r").result(timeout=30)


def test_a_new_world_is_whole_or_not_there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails half-way leaves nothing that would be taken for a world."""

    def fail(*_: object, **__: object) -> None:
        raise WorldFullError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(opening, "fill", fail)
        with pytest.raises(WorldFullError):
            opened(place)
    assert not place.exists()
    (place.parent / "w.duckdb.new").write_bytes(b"left by one that died")
    opened(place).close()
    assert os.listdir(place.parent) == ["w.duckdb"]


def test_a_world_in_our_folder_brings_it_along(tmp_path: Path) -> None:
    """The default place need not be there."""
    with closing(opened(tmp_path / ".wf_notebook" / "n.duckdb")) as store:
        assert store.path.endswith("n.duckdb")
    assert (tmp_path / ".wf_notebook" / ".gitignore").exists()


def test_an_open_world_is_locked(place: Path) -> None:
    """For this process and others; the lock names the notebook that was given."""
    with closing(opened(place, owner={"notebook": "refund.ipynb"})):
        with pytest.raises(WorldLockedError, match="already opened"):
            opened(place)
        with pytest.raises(WorldLockedError):
            opened(place, read_only=True)
        script = "import sys; from tests.unit.test_duckdb_store import opened; opened(sys.argv[1])"
        child = subprocess.run(
            [sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=False
        )
        assert "WF301" in child.stderr
        assert "refund.ipynb" in child.stderr
    opened(place).close()


def test_a_file_that_duckdb_has_open_is_locked(place: Path) -> None:
    """In this process or in another one."""
    opened(place).close()
    with duckdb.connect(str(place)), pytest.raises(WorldLockedError, match="DuckDB itself"):
        opened(place)
    script = "import duckdb,sys; c=duckdb.connect(sys.argv[1]); print(1,flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(WorldLockedError, match="another program"):
            opened(place)
        child.communicate(b"\n")


# --- reading only ------------------------------------------------------------------------------


def test_a_world_can_be_opened_for_reading(place: Path) -> None:
    """Everything can be read, nothing appended, and the file stays as it is, log included."""
    with closing(opened(place)) as store:
        add(store, "r", created(), hook("h", "t"), definition={"source": "x"})
    before = {path.name: path.read_bytes() for path in place.parent.iterdir()}
    with closing(opened(place, read_only=True)) as store:
        assert len(log(store, "r")) == 2
        assert store.definition("r").result(timeout=30) == {"source": "x"}
        assert store.token_owner("t").result(timeout=30) == ("r", "h")
        with pytest.raises(WorldError, match="reading only"):
            add(store, "r", step("s"))
        with closing(opened(place, read_only=True)):
            pass
    assert {path.name: path.read_bytes() for path in place.parent.iterdir()} == before


def test_reading_makes_no_world(tmp_path: Path) -> None:
    """A mistyped path is an error."""
    with pytest.raises(WorldPathError, match="no world"):
        opened(tmp_path / "sub" / "w.duckdb", read_only=True)
    with pytest.raises(WorldPathError):
        opened(":memory:", read_only=True)
    assert os.listdir(tmp_path) == []


# --- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", [GivenKey(bytes(32)), KeyFolder("/nowhere/keys")])
def test_without_its_key_a_world_is_locked_not_lost(place: Path, provider: Any) -> None:
    """Lists and queries work; what needs opening says which key it wants. No key is made."""
    with closing(opened(place)) as store:
        add(store, "r", created(), hook("h", "t"), definition={"source": "x"},
            chunks=(Chunk("out", 0, "x"),))  # fmt: skip
    with closing(DuckDBStore.open(place, key_provider=provider)) as store:
        assert store.locked is not None
        assert store.key_id == key_id(KEY)
        assert [r.run_id for r in store.runs().result(timeout=30)] == ["r"]
        assert rows(store, "select token, status from hooks") == [("t", "open")]
        assert store.token_owner("t").result(timeout=30) == ("r", "h")
        for pending in (
            store.read("r"),
            store.definition("r"),
            store.chunks("r", "out"),
            store.commit(Append("r", (step("s"),))),
            store.commit(Append("q", (created(),))),
        ):
            error = pending.exception(timeout=30)
            assert isinstance(error, WorldKeyError)
            assert key_id(KEY) in error.message
            assert "WF_NOTEBOOK_KEY" in error.hint
    with closing(opened(place)) as store:
        assert store.locked is None
        assert len(log(store, "r")) == 2


def test_a_malformed_key_opens_nothing(place: Path) -> None:
    """And makes no world, no lock and no thread."""
    with pytest.raises(WorldKeyError):
        DuckDBStore.open(place, key_provider=GivenKey("secret"))
    assert os.listdir(place.parent) == []


def test_no_secret_is_in_the_files(place: Path) -> None:
    """P7: source, arguments, results, errors, payloads, titles and prints are sealed at once."""
    canary = "canary-7f3a"
    store = opened(place)
    with closing(store):
        add(store, "r", event("run_created", data={"args": [canary], "seed": canary}, name="n"),
            definition={"source": f"# {canary}"})  # fmt: skip
        add(
            store, "r",
            event("step_created", "s", data={"args": {"x": canary * 9000}}, n=1, alias="a",
                  step_id="i"),
            event("step_completed", "s", data={"result": canary}),
            event("hook_created", "h", data={"title": canary}, n=2, token="t"),
            event("hook_received", "h", data={"payload": canary}, resume_id="i"),
            event("run_failed", data={"error": {"message": canary}}, code="X"),
            chunks=(Chunk("stdout", 0, canary),),
        )  # fmt: skip
        assert (place.parent / "w.duckdb.wal").stat().st_size > 0
        assert not found_in_files(place.parent, canary)
        assert canary in repr(log(store, "r"))
        assert canary not in "".join(
            repr(rows(store, f"from {name}"))
            for (name,) in rows(store, "select table_name from information_schema.tables")
        )
    assert not found_in_files(place.parent, canary)
    assert not found_in_files(place.parent, KEY)


def found_in_files(folder: Path, needle: str | bytes) -> list[str]:
    raw = needle.encode() if isinstance(needle, str) else needle
    return [path.name for path in folder.iterdir() if raw in path.read_bytes()]


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
            patch.setattr("wf_notebook.world.commits.is_written", raise_world_error)
            with pytest.raises(WorldError, match="not known") as caught:
                add(store, "r", step("s"))
        assert "open it again" in caught.value.hint
        with pytest.raises(WorldError, match="not known"):
            add(store, "r", step("t", 2))
        store.close()
        assert wal(place), "a checkpoint might have dropped what is only in the log"
    with closing(opened(place)) as store:
        assert [e.correlation_id for e in log(store, "r")] == [None, "s"]


def raise_world_error(*_: object) -> bool:
    raise WorldError("the database was invalidated")


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


FULL = """
import resource, signal, sys
from tests.conformance.store_suite import add, created, event, log
from tests.unit.test_duckdb_store import opened
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
print(done + 1)
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


# --- checkpoints -------------------------------------------------------------------------------


def wal(place: Path) -> int:
    return opening.wal_bytes(str(place))


def test_closing_moves_the_log_into_the_file(place: Path) -> None:
    """What is left is one file."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        assert wal(place)
    assert os.listdir(place.parent) == ["w.duckdb"]


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
