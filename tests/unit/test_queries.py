"""People's queries: what they may be, what they see, how they end; and what they cannot do."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from tests.behaviour.folded import check_views
from tests.conformance.random_logs import RUNS, appends
from tests.worlds import opened, rows
from wf_notebook.errors import (
    UsageError,
    WorldClosedError,
    WorldDamagedError,
    WorldKeyError,
    WorldQueryError,
)
from wf_notebook.testing.conformance.appends import add, created, event, log, received, step
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, Chunk
from wf_notebook.world.tables import Table
from wf_notebook.world.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOW = "select count(*) from range(1e9::bigint) a, range(1e9::bigint) b"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def store(place: Path) -> Iterator[DuckDBStore]:
    with closing(opened(place)) as store:
        yield store


# --- the views -----------------------------------------------------------------------------------


def test_views_give_times_to_read(store: DuckDBStore) -> None:
    """As TIMESTAMP, UTC; none for a sleep beyond the last year that a datetime can say."""
    add(store, "r", created(at=1_767_225_600_000_000))
    far = (1 << 62) - 1
    add(store, "r", event("wait_created", "w", at=1_767_225_600_000_000, n=1, due_us=far,
                          kind="sleep"))  # fmt: skip
    table = store.sql("select created, due_us, due from waits").result(timeout=30)
    assert table.columns == ("created", "due_us", "due")
    assert table.types == ("TIMESTAMP", "BIGINT", "TIMESTAMP")
    assert [(str(a), b, c) for a, b, c in table.rows] == [("2026-01-01 00:00:00", far, None)]


@given(appends())
@settings(max_examples=25)
def test_definitions_say_what_became_of_their_runs(made: list[Append]) -> None:
    """How many, how they ended, and how long those took that completed."""
    with closing(opened(":memory:")) as store:
        for append in made:
            store.commit(append).exception(timeout=30)
        states = [fold(log(store, run_id)) for run_id in RUNS if log(store, run_id)]
        found = store.sql("from definitions").result(timeout=30).records()
    if not states:
        assert found == []
        return
    (row,) = found
    spans = [(s.ended_us - s.created_us) / 1e6 for s in states
             if s.ended_us is not None and s.status == "completed"]  # fmt: skip
    assert row["runs"] == len(states)
    for status in ("completed", "failed", "cancelled"):
        assert row[status] == sum(s.status == status for s in states)
    assert row["unfinished"] == sum(not s.terminal for s in states)
    assert row["p50_seconds"] == (statistics.median(spans) if spans else None)
    assert row["first_us"] == min(s.created_us for s in states)
    assert row["last_us"] == max(s.created_us for s in states)
    assert (row["name"], row["source_hash"], row["workflow_id"]) == ("n", "h", "w")


def test_a_run_says_where_it_comes_from(store: DuckDBStore) -> None:
    """Its parent and root, what it repeats, under which approval, whose it is now."""
    came_from = {
        "parent": {"run_id": "p", "step_id": "s"}, "root": "top", "rerun_of": "before",
        "approval": {"name": "refund", "revision": 3}, "key": "once", "isolation": "strict",
        "language": 1, "python": "3.11.7", "origin": {"notebook": "a.ipynb"},
    }  # fmt: skip
    add(store, "r", created(**came_from), event("run_adopted", notebook="b.ipynb"))
    add(store, "q", created())
    asked = "approval, root_run_id, parent_run_id, parent_step, origin, notebook, language"
    assert rows(store, f"select {asked} from runs where run_id = 'r'") == [
        ("refund@3", "top", "p", "s", "a.ipynb", "b.ipynb", "1")
    ]
    for run_id in ("r", "q"):
        check_views(store, log(store, run_id))


def test_every_view_and_column_says_what_it_is(store: DuckDBStore) -> None:
    """To DuckDB's own listings, too: comments; and `describe` has the columns in that order."""
    about = dict(rows(store, "select view_name, comment from duckdb_views() where not internal"))
    assert about == {name: view.about for name, view in VIEWS.items()}
    for name, view in VIEWS.items():
        found = rows(store, "select column_name, comment from duckdb_columns()"
                     f" where table_name = '{name}' and not internal and comment is not null"
                     " order by column_index")  # fmt: skip
        assert dict(found) == view.meanings
        assert [row[0] for row in rows(store, f"describe {name}")] == list(view.meanings)
        assert all(view.meanings.values())


def test_a_file_has_no_views_of_its_own(place: Path, store: DuckDBStore) -> None:
    """They are the program's: who answers makes them, and nothing is written for that."""
    rows(store, "from runs")
    before = store.statements
    rows(store, "from steps")
    assert store.statements == before
    found = rows(store, "select count(*) from duckdb_views() where not temporary and not internal")
    assert found == [(0,)]


def test_labels_are_rows(store: DuckDBStore) -> None:
    """As they are now, whatever stands in them."""
    add(store, "r", created(attributes={"a": "x"}))
    labels = {"who": 'Ada "A" \\ é', "empty": "", "none": "null"}
    add(store, "r", event("attr_set", attributes=labels))
    assert dict(rows(store, "select name, text from attributes")) == labels


# --- what is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    ["select 1 as a", "explain select 1", "from runs", "show tables", "describe events",
     "with x as (select 1) select * from x", "summarize run_index", "explain analyze from runs",
     "values (1)", "table runs", "(select 1) union (select 2)", "select 1;"],
)  # fmt: skip
def test_queries_are_answered(store: DuckDBStore, query: str) -> None:
    """Anything that is one SELECT or EXPLAIN."""
    add(store, "r", created())
    assert store.sql(query).result(timeout=30).columns


@pytest.mark.parametrize(
    "query",
    [
        "", "-- nothing", "select 1; select 2", "select", "nonsense",
        "insert into events select * from events", "delete from events", "drop view runs",
        "update events set seq = 1", "create table x (a int)", "checkpoint", "begin", "commit",
        "explain analyze delete from events", "create temp table x (a int)",
        "create temp view x as select 1", "drop macro payload", "comment on view runs is 'x'",
        "commit; insert into run_keys values ('a', 'b', null)",
        "set threads = 1", "pragma disable_checkpoint_on_shutdown", "attach 'x.duckdb'",
        "copy (select 1) to 'x.csv'", "copy (select 1) to 'x.parquet'", "install httpfs",
        "load httpfs", "call checkpoint()", "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'", "select * from glob('/*')", "export database 'x'",
        "select * from read_csv('/etc/passwd')", "select * from read_parquet('x.parquet')",
        "from read_json('x.json')", "from 'https://example.org/x.csv'", "from 's3://x/y.parquet'",
        "from query('delete from events')", "from sniff_csv('/etc/passwd')",
        "with x as (delete from events returning *) select * from x",
        "select * from store", "vacuum", "prepare x as delete from events", "use temp",
        "detach w", "import database 'x'", "reset threads", "analyze", "drop table events",
        "truncate events", "alter table events rename to x", "update extensions",
        "create secret (type s3)", "from read_blob('/etc/passwd')",
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


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("from runz", "runs"),
        ("from hocks", "hooks"),
        ("select 1 from attempt", "attempts"),
        ("select statsu from runs", "Columns of runs: run_id, name, status"),
        ("select s.sekonds from steps s", "Columns of steps: run_id, workflow"),
        ("selec 1", "`wf sql` lists"),
    ],
)
def test_a_query_that_is_refused_says_what_may_have_been_meant(
    store: DuckDBStore, query: str, says: str
) -> None:
    """DuckDB's own message, with the place; and the view or columns that come near."""
    with pytest.raises(WorldQueryError, match="LINE 1") as caught:
        store.sql(query).result(timeout=30)
    assert says in f"{caught.value}"


def test_values_are_bound(store: DuckDBStore) -> None:
    """By place or by name; what stands in them is never read as SQL."""
    evil = "'; drop table events; --"
    assert store.sql("select ?, ? + 1", [evil, 1]).result(30).rows == [(evil, 2)]
    values = {"a": date(2026, 1, 2), "b": Decimal("1.50"), "c": [1, 2], "d": None, "e": b"x"}
    found = store.sql("select $a, $b, $c, $d, $e", values).result(30)
    assert found.rows == [tuple(values.values())]
    for wrong in ([], [1, 2], {"b": 1}):
        with pytest.raises(WorldQueryError):
            store.sql("select $a", wrong).result(30)


def test_an_answer_has_a_bound(store: DuckDBStore) -> None:
    """One more row than may be is refused, with what to do; so many are given."""
    assert len(store.sql("from range(5)", most=5).result(30)) == 5
    with pytest.raises(WorldQueryError, match="more than 5 rows") as caught:
        store.sql("from range(6)", most=5).result(30)
    assert "LIMIT" in caught.value.hint
    assert len(store.sql("from range(25000)").result(30)) == 25_000


# --- how it ends ---------------------------------------------------------------------------------


def test_a_slow_query_delays_nothing(store: DuckDBStore) -> None:
    """A hundred commits and as many reads are done while a cross join runs."""
    slow = store.sql(SLOW, name="slow")
    for n in range(100):
        add(store, f"r{n}", created())
        assert len(log(store, f"r{n}")) == 1
    assert not slow.done()
    assert len(store.unfinished().result(timeout=30)) == 100
    while not slow.done():
        store.stop("slow")


def test_a_long_query_does_not_keep_a_world_open(place: Path) -> None:
    """It is interrupted when the world is closed; one that waits is told, too."""
    store = opened(place)
    slow = store.sql(SLOW)
    queued = store.sql("select 1")
    add(store, "r", created())
    assert not slow.done()
    store.close()
    assert isinstance(slow.exception(timeout=30), WorldClosedError)
    assert isinstance(queued.exception(timeout=30), WorldClosedError)
    assert isinstance(store.sql("select 1").exception(timeout=30), WorldClosedError)


def test_a_query_can_be_stopped(store: DuckDBStore) -> None:
    """It alone: those behind it run; to stop what is over is harmless."""
    slow = store.sql(SLOW, name="slow")
    other = store.sql("select 1", name="other")
    store.stop("nobody's")
    while not slow.done():
        store.stop("slow")
    with pytest.raises(WorldQueryError, match="was stopped"):
        slow.result(timeout=30)
    assert other.result(timeout=30).rows == [(1,)]
    store.stop("slow")
    assert rows(store, "select 1") == [(1,)]


def test_a_query_that_waits_can_be_stopped(store: DuckDBStore) -> None:
    """It is not begun."""
    slow, queued = store.sql(SLOW, name="slow"), store.sql("select 1", name="queued")
    store.stop("queued")
    while not slow.done():
        store.stop("slow")
    with pytest.raises(WorldQueryError, match="was stopped"):
        queued.result(timeout=30)


def test_many_queries_at_once(store: DuckDBStore) -> None:
    """From many threads, with commits between: each gets its own answer."""
    found: dict[int, Any] = {}

    def ask(n: int) -> None:
        add(store, f"r{n}", created())
        found[n] = store.sql("select ? + count(*) * 0 from runs", [n]).result(60).rows

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [(n,)] for n in range(20)}


# --- what is sealed ------------------------------------------------------------------------------

BIG = "y" * 100_000


def filled(store: DuckDBStore) -> None:
    add(store, "r", created(), event("hook_created", "h", data={"title": "T"}, n=1, token="t"))
    add(store, "r", received("h", "i1"))
    add(store, "r", event("step_created", "s", data={"args": {"x": BIG}}, n=2, alias="a",
                          step_id="i"))  # fmt: skip
    add(store, "q", created(), event("run_completed", data={"result": {"k": [1, {"$t": "s"}]}}))


def test_a_payload_is_opened_on_request(store: DuckDBStore) -> None:
    """As JSON text; large ones too; nothing for what isn't there."""
    filled(store)
    query = "select payload(run_id, created_seq) ->> '$.args.x' from steps"
    assert rows(store, query) == [(BIG,)]
    query = "select payload(run_id, ended_seq) from runs where status = 'completed'"
    assert json.loads(rows(store, query)[0][0]) == {"result": {"k": [1, {"$t": "s"}]}}
    # the name of a column, which is one of the log's own, too
    both = "select run_id, payload(run_id, 2) is not null from runs order by run_id"
    assert rows(store, both) == [("q", True), ("r", True)]
    assert rows(store, "select id from hooks where payload(run_id, created_seq) like '%T%'") == [
        ("h",)
    ]
    nothing = "select payload('r', 99), payload('nobody', 1), payload(null, 1), payload('r', null)"
    assert rows(store, nothing) == [(None, None, None, None)]


def test_payloads_of_many_runs_are_opened(store: DuckDBStore) -> None:
    """On whichever threads of DuckDB's, each with the key of its run and its large values."""
    for n in range(100):
        add(store, f"r{n:03}", created(), step(f"s{n}"))
        add(store, f"r{n:03}", event("run_completed", data={"result": f"{n:03}{BIG}"}))
    query = "select run_id, payload(run_id, ended_seq) ->> '$.result' from runs order by run_id"
    found = store.sql(query).result(timeout=120).rows
    assert found == [(f"r{n:03}", f"{n:03}{BIG}") for n in range(100)]


def test_a_locked_world_opens_no_payload(place: Path) -> None:
    """The views answer; who asks for a payload is told about the key."""
    with closing(opened(place)) as store:
        filled(store)
    with closing(DuckDBStore.open(place, key_provider=GivenKey(b"x" * 32))) as locked:
        assert rows(locked, "select count(*) from runs") == [(2,)]
        with pytest.raises(WorldKeyError, match="WF305"):
            rows(locked, "select payload(run_id, 1), payload(run_id, 2) from runs")
        assert rows(locked, "select payload('nobody', 1)") == [(None,)]


def test_a_payload_that_does_not_open_is_not_left_out(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query fails with what is wrong, not with what DuckDB makes of it."""
    filled(store)
    writing = store._file.loaded_writing
    changing = "update events set payload = 'x'::blob where run_id = 'r' and seq = 2"
    store._writer.call(lambda: writing.query(changing, [])).result()
    with pytest.raises(WorldDamagedError, match="WF302"):
        rows(store, "select payload(run_id, created_seq) from hooks")
    assert rows(store, "select count(*) from hooks") == [(1,)]


def test_a_run_whose_key_is_gone_is_not_left_out(store: DuckDBStore) -> None:
    """Nor is it opened as nothing."""
    filled(store)
    writing = store._file.loaded_writing
    store._writer.call(lambda: writing.query("delete from run_keys", [])).result()
    store._file.loaded_keyring.drop(["r", "q"])
    with pytest.raises(WorldDamagedError, match="key of run"):
        rows(store, "select payload(run_id, created_seq) from hooks")


def test_what_was_forgotten_has_no_payload(store: DuckDBStore) -> None:
    """The run's line stays, with its definition; nothing else."""
    filled(store)
    store.forget(["q"], now_us=9_000_000).result(timeout=60)
    query = "select status, events, ended_seq, payload(run_id, 2), root_run_id from runs"
    assert rows(store, f"{query} where run_id = 'q'") == [("forgotten", 0, None, None, None)]
    assert rows(store, "select runs, forgotten, unfinished from definitions") == [(2, 1, 1)]
    assert rows(store, f"{query} where run_id = 'r'")[0][3]


def test_a_payload_needs_numpy(place: Path) -> None:
    """DuckDB takes it for functions; without it views answer, and the hint says what to install."""
    script = textwrap.dedent("""
        import sys
        sys.modules["numpy"] = None
        from tests.worlds import opened, rows
        store = opened(sys.argv[1])
        print(rows(store, "select count(*) from runs"))
        try:
            rows(store, "select payload(run_id, 1) from runs")
        except Exception as error:
            print(error.code, error.hint)
        store.close()
    """)
    with closing(opened(place)) as store:
        filled(store)
    done = subprocess.run(
        [sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=True
    )
    assert "[(2,)]\nWF308" in done.stdout
    assert "pip install 'wf-notebook[data]'" in done.stdout


# --- frames --------------------------------------------------------------------------------------

TYPES = """
    select true as a, 1::tinyint b, 2::bigint c, 3::hugeint d, 1.5::double e, 2.50::decimal(5,2) f,
        'é' g, 'x'::blob h, date '2026-01-02' i, timestamp '2026-01-02 03:04:05' j,
        interval 90 second k, [1, 2] l, {'x': 1} m, uuid() n, 'u'::enum('u', 'v') o
"""


def test_an_answer_becomes_a_frame(store: DuckDBStore) -> None:
    """With the types that DuckDB gave it, also where every value is missing or there is no row."""
    table = store.sql(TYPES).result(30)
    arrow = table.to_arrow()
    assert [str(field.type) for field in arrow.schema] == [
        "bool", "int8", "int64", "decimal128(38, 0)", "double", "decimal128(5, 2)", "string",
        "binary", "date32[day]", "timestamp[us]", "duration[us]", "list<item: int64>",
        "struct<x: int64>", "string", "string",
    ]  # fmt: skip
    frame = table.to_pandas()
    assert frame["j"][0] == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 - UTC without a zone
    assert frame["k"][0] == timedelta(seconds=90)
    assert table.to_polars()["g"].to_list() == ["é"]
    empty = store.sql(f"from ({TYPES}) where not a").result(30)
    assert [str(f.type) for f in empty.to_arrow().schema][:11] == [
        str(f.type) for f in arrow.schema
    ][:11]
    missing = store.sql("select null::bigint as a, null::timestamp as b").result(30).to_arrow()
    assert [str(field.type) for field in missing.schema] == ["int64", "timestamp[us]"]


def test_every_view_becomes_a_frame(store: DuckDBStore) -> None:
    """Of each library."""
    filled(store)
    add(store, "r", chunks=(Chunk("stdout", 0, "a"),))
    for name in VIEWS:
        table = store.sql(f"from {name}").result(30)
        for kind in ("pandas", "polars", "arrow"):
            frame = table.frame(kind)
            assert len(frame) == len(table.rows)


def test_what_arrow_cannot_hold_is_named() -> None:
    """With the column, and a way out."""
    table = Table(("big",), [(1 << 200,)], ("HUGEINT",))
    with pytest.raises(WorldQueryError, match="column big") as caught:
        table.to_arrow()
    assert "big::varchar" in caught.value.hint


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pyarrow") as caught:
        Table(("a",), [(1,)]).to_arrow()
    assert "wf-notebook[data]" in caught.value.hint
    with pytest.raises(UsageError, match="no kind of frame"):
        Table(("a",), [(1,)]).frame("spark")
