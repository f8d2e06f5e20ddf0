from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tests.worlds import KEY, contents, copies, opened, rows, wal
from wf_notebook.errors import (
    WorldDamagedError,
    WorldError,
    WorldFullError,
    WorldKeyError,
    WorldLockedError,
    WorldPathError,
    WorldVersionError,
)
from wf_notebook.testing.conformance.appends import add, created, event, hook, log, step
from wf_notebook.world import opening
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey, KeyFolder
from wf_notebook.world.store import Append, Chunk
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


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
            assert names == ["w.duckdb", "w.duckdb.head", "w.duckdb.lock", "w.duckdb.wal"]
            for name in names:
                assert stat.S_IMODE((place.parent / name).stat().st_mode) == 0o600, name
            store._writer.call(checkpoint).result(timeout=30)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def make_truncated(path: Path) -> None:
    make_world(path)
    path.write_bytes(path.read_bytes()[:20_000])  # the headers, and nothing that they point to


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


def read_runs(place: Path, *, read_only: bool) -> None:
    """One that is cut in its middle opens for reading: its tables are there, and some rows."""
    with closing(opened(place, read_only=read_only)) as store:
        assert store.damage is not None
        store.runs().result(timeout=30)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (make_truncated, WorldDamagedError),
        (make_flipped, WorldDamagedError),
        (make_future, WorldVersionError),
        (make_nameless, WorldDamagedError),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_world_that_cannot_be_used_is_left_as_it_is(
    place: Path, make: Any, error: type[WorldError], *, read_only: bool
) -> None:
    """A coded error with a way out; file and log are untouched, byte for byte."""
    make(place)
    before = contents(place)
    with pytest.raises(error) as caught:
        read_runs(place, read_only=read_only)
    assert str(place) in caught.value.message
    assert caught.value.hint
    assert contents(place) == before
    assert len(copies(place)) == (error is WorldDamagedError and not read_only)


def test_a_log_that_has_a_gap_is_damage(place: Path) -> None:
    """A log with something missing is reported, not replayed: at once, or when it is read."""
    make_world(place, "update events set seq = 3")
    with pytest.raises(WorldDamagedError, match="gap"):
        opened(place)
    with closing(opened(place, read_only=True)) as store, pytest.raises(WorldDamagedError):
        log(store, "r")
    make_altered(place, "delete from events where type = 'step_created'")
    with pytest.raises(WorldDamagedError, match="do not account for"):
        opened(place)
    make_altered(place, "update events set type = 'run_started' where type = 'step_created'")
    with pytest.raises(WorldDamagedError, match="not whole"):
        opened(place)


def make_altered(path: Path, statement: str) -> None:
    path.unlink()
    path.with_name("w.duckdb.head").unlink()
    with closing(opened(path)) as store:
        add(store, "r", created(), step("s"))
        add(store, "r", event("step_completed", "s"))
    with duckdb.connect(str(path)) as connection:
        connection.execute(statement)


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
    assert os.listdir(place.parent) == []
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_to_rename)
        with pytest.raises(WorldFullError, match="No space"):
            opened(place)
    assert os.listdir(place.parent) == []
    (place.parent / "w.duckdb.new").write_bytes(b"left by one that died")
    opened(place).close()
    assert sorted(os.listdir(place.parent)) == ["w.duckdb", "w.duckdb.head"]


def fail_to_rename(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
        script = "import sys; from tests.worlds import opened; opened(sys.argv[1])"
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


@pytest.mark.parametrize("log_left", [False, True])
def test_a_world_can_be_opened_for_reading(
    place: Path, monkeypatch: pytest.MonkeyPatch, *, log_left: bool
) -> None:
    """Everything can be read, nothing appended, and the file stays as it is, log included."""
    with monkeypatch.context() as patch, closing(opened(place)) as store:
        add(store, "r", created(), hook("h", "t"), definition={"source": "x"})
        patch.setattr(opening, "has_room", lambda _path: not log_left)
        store.close()
    assert bool(wal(place)) is log_left
    before = contents(place)
    with closing(opened(place, read_only=True)) as store:
        assert len(log(store, "r")) == 2
        assert store.definition("r").result(timeout=30) == {"source": "x"}
        assert store.token_owner("t").result(timeout=30) == ("r", "h")
        with pytest.raises(WorldError, match="reading only"):
            add(store, "r", step("s"))
        with closing(opened(place, read_only=True)):
            pass
    assert contents(place) == before


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
        assert not store.sealed
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
        assert store.sealed
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
