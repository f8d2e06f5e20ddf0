from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from tests.conformance.random_logs import appends
from tests.sizes import sized
from tests.worlds import left_open, opened
from wf_notebook.errors import WorldDamagedError
from wf_notebook.testing.conformance.appends import add, created, event
from wf_notebook.world import chain, schema
from wf_notebook.world.chain import Place, beginning, look, walk
from wf_notebook.world.store import Append, Chunk, RejectedError

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.world.duckdb import DuckDBStore

START = beginning("w")
EVENT = (1, "r", 1, "e1", "run_created", None, 5, "{}", b"sealed")
CHUNK = (1, "r", "out", 0, b"sealed")
BLOB = ("b1", "r", b"sealed", 1)
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "events": [EVENT, (1, "r", 2, "e2", "run_started", None, 5, "{}", None)],
    "stream_chunks": [CHUNK],
    "blobs": [BLOB],
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


def end_of(store: DuckDBStore) -> Place:
    """Where the log ends, computed from its rows."""
    assert store._file.writing is not None
    query = store._file.writing.query
    return store._writer.call(lambda: look(query, "w", None).end).result(timeout=30)


def committed(store: DuckDBStore) -> Place:
    assert store._file.committer is not None
    return store._file.committer.place


def changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    return value + value[:1] if value else "x"


@pytest.mark.parametrize(
    ("table", "column"),
    [(t, n) for t in ROWS for n in range(len(schema.TABLES[t]))],
)
def test_every_value_counts(table: str, column: int) -> None:
    """A row that differs in any column gives another place; so does one that is not there."""
    first, *others = ROWS[table]
    row = (*first[:column], changed(first[column]), *first[column + 1 :])
    usual = START.after(ROWS)
    assert START.after({**ROWS, table: [row, *others]}) != usual
    assert START.after({**ROWS, table: others}) != usual
    assert beginning("v").after(ROWS) != usual


def test_the_order_of_rows_does_not_count() -> None:
    """A database gives them in any order, and a table may be the first or the last."""
    other = {table: rows[::-1] for table, rows in reversed(ROWS.items())}
    assert START.after(other) == START.after(ROWS)
    assert START.after(ROWS).commit_no == 1


def test_rows_cannot_pass_for_others() -> None:
    """Bytes don't run from one value, or one row, into the next."""
    one = {"stream_chunks": [(1, "r", "out", 0, b"ab"), (1, "r", "out", 1, b"c")]}
    two = {"stream_chunks": [(1, "r", "out", 0, b"a"), (1, "r", "out", 1, b"bc")]}
    assert START.after(one) != START.after(two)


@given(appends())
@settings(max_examples=sized(15, 500))
def test_what_is_read_gives_the_place_that_was_written(made: list[Append]) -> None:
    """Whatever is committed: the rows give the chain again, also with half characters in names."""
    with closing(opened(":memory:")) as store:
        for append in made:
            error = store.commit(append).exception(timeout=30)
            assert error is None or isinstance(error, RejectedError)
        assert end_of(store) == committed(store)
        assert committed(store).commit_no == store.commits


def test_names_of_streams_may_be_anything(place: Path) -> None:
    """The chain is of values, not of a text of them."""
    with closing(opened(place)) as store:
        add(store, "r", created(), chunks=(Chunk('o"\n,é\0', 0, "x"), Chunk("", 0, "y" * 70_000)))
        assert end_of(store) == committed(store)


def test_opening_computes_from_the_last_mark_on(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies before it is not read, however much it is."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        for n in range(9):
            add(store, "r", chunks=(Chunk("out", None, n),))
    left_open(place, lambda store: [add(store, "r", chunks=(Chunk("o", None, n),)) for n in (1, 2)])
    asked: list[tuple[int, int]] = []
    real = chain.rows_of

    def rows_of(query: Any, first: int, last: int) -> Any:
        asked.append((first, last))
        return real(query, first, last)

    monkeypatch.setattr(chain, "rows_of", rows_of)
    with closing(opened(place)) as store:
        assert committed(store).commit_no == 12
    assert [first for first, _ in asked] == [11]


def test_many_commits_are_read_in_pages(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held in memory is bounded by a page."""
    monkeypatch.setattr(chain, "_PAGE", 3)
    left_open(place, lambda store: [add(store, f"r{n}", created()) for n in range(10)])
    with closing(opened(place)) as store:
        assert committed(store).commit_no == 10


@pytest.mark.parametrize(
    ("marked", "statement", "says"),
    [
        (False, "delete from events where commit_no = 2", "lacks its commit 2"),
        (False, "delete from marks", "where its chain begins"),
        (True, "insert into events from events where commit_no = 3", "account for"),
        (True, "delete from events where seq = 3", "account for"),
    ],
)
def test_a_log_that_is_not_dense_is_damage(
    place: Path, statement: str, says: str, *, marked: bool
) -> None:
    """Nobody writes such a log: a commit is missing, or rows are there twice, or too few."""
    with closing(opened(place)) as store:
        add(store, "r", created())
        add(store, "r", event("run_started"))
        add(store, "r", event("run_completed"))
        file, writer = store._file, store._writer
        assert file.writing is not None
        query = file.writing.query
        if marked:
            writer.call(lambda: file.mark(committed(store))).result(timeout=30)
        writer.call(lambda: query(statement, [])).result(timeout=30)
        with pytest.raises(WorldDamagedError, match=says):
            writer.call(lambda: list(walk(query, "w"))).result(timeout=30)
