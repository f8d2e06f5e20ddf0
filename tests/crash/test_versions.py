"""Worlds of other versions: an earlier one is migrated, a later one is left alone."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.worlds import contents, copies, opened, rows, wal
from wf_notebook import open_world, step
from wf_notebook.errors import WorldError, WorldFullError, WorldVersionError
from wf_notebook.testing.conformance.appends import add, created, log
from wf_notebook.world import opening, schema, views
from wf_notebook.world.database import Connection
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.connection import Statement

DUMPS = Path(__file__).parents[1] / "corpus" / "worlds"
KEY = bytes([7]) * 32
STATUSES = ["running", "cancelled", "failed", "completed"]


@pytest.fixture(scope="module", params=[1, 2, 3])
def version(request: pytest.FixtureRequest) -> int:
    """A version of the world's tables; one before ours, unless a test says otherwise."""
    return int(request.param)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, version: int) -> Path:
    place = tmp_path_factory.mktemp(f"version_{version}") / "w.duckdb"
    with duckdb.connect(str(place), config={"storage_compatibility_version": "v1.2.0"}) as file:
        file.execute((DUMPS / f"version_{version}.sql").read_text("utf-8"))
    return place


@pytest.fixture
def place(tmp_path: Path, written: Path) -> Path:
    """A world as that version has left it."""
    return Path(shutil.copy(written, tmp_path / "w.duckdb"))


def opened_old(place: Path, **more: Any) -> DuckDBStore:
    return DuckDBStore.open(place, key_provider=GivenKey(KEY), **more)


def charge_back(order: dict[str, Any], amount: int) -> str:
    return f"{order['id']}: {amount}"


def fetch_order(order_id: str) -> dict[str, Any]:
    raise AssertionError(f"{order_id} was fetched before")


def steps() -> list[Any]:
    for function in (fetch_order, charge_back):
        function.__module__ = "shop"
    return [step(fetch_order), step(charge_back)]


def test_a_world_of_an_earlier_version_goes_on(place: Path) -> None:
    """All of its runs read; one that waited for a person goes on, and its steps don't run again."""
    with open_world(place, key=KEY, isolation="inline", steps=steps()) as world:
        assert [row.status for row in world.rows()] == STATUSES
        done = world.runs(status="completed")[0]
        assert done.result(timeout=30) == "A-17: 20"
        assert "".join(done.stream("stdout")) == "fetched A-17\n"
        assert len(done.events()) == 13
        (run,) = world.unfinished()
        run.wait_for("hook", timeout=30)
        run.set_attributes({"by": "Ada"})
        world.resume("approve-A-19", {"amount": 5})
        assert run.result(timeout=30) == "A-19: 5"
        table = world.sql("select status, attributes from runs order by created_us desc limit 1")
    assert table.rows[0] == ("completed", '{"by":"Ada"}')


def test_it_is_of_our_version_afterwards(place: Path, version: int) -> None:
    """Tables and views are those of a new world; when each version came is noted; it has a head."""
    with closing(opened_old(place)) as store:
        found = rows(store, "select version, since_us is not null from schema_version")
        assert found == [(version, True), (schema.VERSION, True)]
        shape = made(store)
    with closing(opened_old(place)) as store:
        assert rows(store, "select count(*) from schema_version") == [(2,)]
        add(store, "r", created())
        assert rows(store, "select max(commit_no) from events") == [(19,)]
    assert (place.parent / "w.duckdb.head").exists()
    assert not copies(place)
    with closing(opened(":memory:")) as store:
        assert made(store) == shape


def made(store: DuckDBStore) -> list[tuple[Any, ...]]:
    query = """
        select table_name, column_name, data_type from duckdb_columns()
        where schema_name = 'main' and not internal order by all
    """
    return rows(store, query)


def test_reading_migrates_nothing(place: Path) -> None:
    """A world of an earlier version can be looked at as it is; nothing was reviewed in it."""
    before = contents(place)
    with closing(opened_old(place, read_only=True)) as store:
        listed = store.runs().result(timeout=30)
        assert [row.status for row in listed] == STATUSES
        assert sum(len(log(store, row.run_id)) for row in listed) == 36
        assert rows(store, "select count(*) from runs") == [(4,)]
        assert store.reviews().result(timeout=30) == []
    assert contents(place) == before


@pytest.mark.parametrize("version", [1, 2, 3, 4], indirect=True)
@pytest.mark.parametrize("read_only", [False, True])
def test_the_views_are_ours_whoever_wrote_the_file(place: Path, *, read_only: bool) -> None:
    """All of them, with all columns; payloads open; what that version had no table for is empty."""
    before = contents(place)
    with closing(opened_old(place, read_only=read_only)) as store:
        counts = {name: rows(store, f"select count(*) from {name}")[0][0] for name in views.VIEWS}
        assert counts == {
            "runs": 4, "steps": 5, "attempts": 5, "hooks": 3, "waits": 3, "streams": 3,
            "attributes": 1, "definitions": 2, "approvals": 0,
        }  # fmt: skip
        for name, view in views.VIEWS.items():
            assert [row[0] for row in rows(store, f"describe {name}")] == list(view.meanings)
        results = rows(store, "select payload(run_id, ended_seq) ->> '$.result' from runs")
        assert ("A-17: 20",) in results
    if read_only:
        assert contents(place) == before


@pytest.mark.parametrize("version", [4], indirect=True)
def test_a_world_of_this_version_is_taken_as_it_is(place: Path) -> None:
    """Its tables are ours: it is not migrated, and its run goes on."""
    test_a_world_of_an_earlier_version_goes_on(place)
    with closing(opened_old(place)) as store:
        assert rows(store, "select version from schema_version") == [(4,)]


def failing(monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    """Let the n-th statement of the migration fail."""
    real, left = Connection.write, [nth]

    def write(self: Connection, statements: Sequence[Statement]) -> None:
        broken = [*statements[: left[0]], ("select no_such_column", []), *statements[left[0] :]]
        real(self, broken)

    monkeypatch.setattr(Connection, "write", write)


@pytest.mark.parametrize("nth", [0, 3, 6, 7, 8, 14, 15, 16])
def test_a_migration_that_fails_changes_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, nth: int, version: int
) -> None:
    """It is one transaction: the world is what it was before, and migrates the next time."""
    with monkeypatch.context() as patch:
        failing(patch, nth)
        with pytest.raises(WorldError, match="no_such_column"):
            opened_old(place)
    with closing(opened_old(place, read_only=True)) as store:
        assert rows(store, "select max(version) from schema_version") == [(version,)]
        assert rows(store, "select count(*) from runs") == [(4,)]
    test_it_is_of_our_version_afterwards(place, version)


def test_a_migration_that_is_only_in_the_log_is_replayed(place: Path, version: int) -> None:
    """A process that dies right after it has done it."""
    with closing(opened_old(place)):
        files = contents(place)
    for name in ("w.duckdb", "w.duckdb.wal", "w.duckdb.head"):
        (place.parent / name).write_bytes(files[name])
    test_it_is_of_our_version_afterwards(place, version)


def test_a_migration_needs_room(place: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Without it the world is left as it is, and the error says what to do."""
    before = contents(place)
    with monkeypatch.context() as patch:
        patch.setattr(opening, "has_room", lambda _path: False)
        with pytest.raises(WorldFullError, match=f"from version {version}") as caught:
            opened_old(place)
    assert "Free" in caught.value.hint
    assert contents(place) == before
    opened_old(place).close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_later_version_is_left_alone(place: Path, *, read_only: bool) -> None:
    """It is refused, not downgraded: file, log and head stay as they are, byte for byte."""
    opened_old(place).close()
    with duckdb.connect(str(place)) as file:
        file.execute("pragma disable_checkpoint_on_shutdown")
        file.execute("insert into schema_version values (?, 0, '9.9')", [schema.VERSION + 1])
        file.execute("drop table marks")
    assert wal(place)
    before = contents(place)
    with pytest.raises(WorldVersionError, match=f"version {schema.VERSION + 1}"):
        opened_old(place, read_only=read_only)
    assert contents(place) == before
    assert not copies(place)
