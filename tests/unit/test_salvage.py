from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.worlds import contents, copies, left_open, opened, wal
from wf_notebook.errors import WorldDamagedError
from wf_notebook.testing.conformance.appends import add, created, log, step
from wf_notebook.world import damage, salvage
from wf_notebook.world.database import Connection

if TYPE_CHECKING:
    from wf_notebook.world.duckdb import DuckDBStore

COMMITS = 12


def fill(store: DuckDBStore) -> None:
    add(store, "r", created(), definition={"source": "x"})
    for n in range(COMMITS - 1):
        add(store, "r", step(f"s{n}", n))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A world with a log of twelve commits."""
    place = tmp_path / "w.duckdb"
    left_open(place, fill)
    return place


def spoil(place: Path, offset: int) -> None:
    """Change a byte of the log."""
    path = place.with_name("w.duckdb.wal")
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)


def count(place: Path, length: int) -> int:
    """How many events the world has with so many bytes of its log."""
    with salvage.Apart(str(place)) as apart:
        connection = Connection.open(apart.lay_out(length), read_only=True)
        try:
            return int(connection.query("select count(*) from events", [])[0][0])
        finally:
            connection.close()


def test_the_longest_beginning_is_found(place: Path) -> None:
    """No commit is given up that lies before the damage; the world is not touched."""
    lengths = range(0, wal(place), 200)
    counts = [count(place, length) for length in lengths]
    assert counts[0] == 0
    spoil(place, wal(place) * 2 // 3)
    before = contents(place)
    length = salvage.replayable(str(place), Connection.open)
    assert length is not None
    assert contents(place) == before
    kept = count(place, length)
    assert 0 < kept < COMMITS
    pairs = list(zip(lengths, counts, strict=True))
    assert max(n for end, n in pairs if end <= length) <= kept
    assert min(n for end, n in pairs if end >= wal(place) * 2 // 3) in (kept, kept + 1)
    with pytest.raises(WorldDamagedError):
        count(place, length + 1)
    assert not list(place.parent.glob("*.part-*"))


@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_a_world_is_read_under_another_name(
    place: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Beside it, as the same file; where that cannot be, as a copy. With its own log or none."""

    def fail(*_: object) -> None:
        raise PermissionError

    if where == "elsewhere":
        monkeypatch.setattr(os, "link", fail)
    assert [count(place, length) for length in (0, wal(place))] == [0, COMMITS]
    with salvage.Apart(str(place)) as apart:
        path = apart.lay_out(0)
        assert (os.stat(path).st_ino == place.stat().st_ino) is (where == "beside")
    assert not os.path.exists(path)
    assert not list(place.parent.glob("*.part-*"))


def test_a_whole_log_is_kept(place: Path) -> None:
    """All of it."""
    assert salvage.replayable(str(place), Connection.open) == wal(place)


def test_of_a_file_that_does_not_open_nothing_is_left(place: Path) -> None:
    """Its log means nothing without it."""
    place.write_bytes(place.read_bytes()[:9000])
    assert salvage.replayable(str(place), Connection.open) is None
    with pytest.raises(WorldDamagedError, match="Nothing of it"):
        opened(place, read_only=True)
    with pytest.raises(WorldDamagedError) as caught:
        opened(place, accept_loss=True)
    assert "wf mend" not in caught.value.hint
    assert "Put back a copy" in caught.value.hint


@pytest.mark.parametrize("length", [0, 100])
def test_a_log_is_cut_at_once(place: Path, length: int) -> None:
    """What is left is its beginning, or no log."""
    log_file = place.with_name("w.duckdb.wal")
    whole = log_file.read_bytes()
    salvage.shorten(str(place), length)
    left = log_file.read_bytes() if log_file.exists() else b""
    assert left == whole[:length]
    assert log_file.exists() == bool(length)
    assert not place.with_name("w.duckdb.wal.new").exists()


def test_what_is_whole_is_read_and_gone_on_with(place: Path) -> None:
    """A log that DuckDB refuses: its beginning is read; when its loss is accepted, runs go on."""
    spoil(place, wal(place) * 2 // 3)
    with pytest.raises(WorldDamagedError) as caught:
        opened(place)
    assert "cannot be read" in caught.value.message
    with closing(opened(place, read_only=True)) as store:
        whole = log(store, "r")
    assert 0 < len(whole) < COMMITS
    with closing(opened(place, accept_loss=True)) as store:
        assert log(store, "r") == whole
        add(store, "r", step("more", 99))
    with closing(opened(place)) as store:
        assert store.damage is None
        assert len(log(store, "r")) == len(whole) + 1
    assert len(copies(place)) == 1


def test_what_is_read_apart_is_gone_afterwards(place: Path) -> None:
    """The part of the log that was laid out to be read."""
    spoil(place, wal(place) * 2 // 3)
    with closing(opened(place, read_only=True)):
        assert len(list(place.parent.glob("*.part-*"))) == 1
    assert not list(place.parent.glob("*.part-*"))


# --- copies --------------------------------------------------------------------------------------


def test_the_same_bytes_are_copied_once(place: Path) -> None:
    """However often it is tried; other bytes are another copy, also in the same second."""
    one = damage.set_aside(str(place), 0)
    assert one == f"{place}.damaged-19700101T000000Z"
    assert damage.set_aside(str(place), 10**12) == one
    spoil(place, 50)
    assert damage.set_aside(str(place), 0) == f"{one}-2"
    assert {p.name: p.read_bytes() for p in Path(f"{one}-2").iterdir()} == contents(place)


def test_without_room_for_a_copy_nothing_is_accepted(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damaged world is all there is: it is left as it is, and that is said."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spoil(place, wal(place) * 2 // 3)
    before = contents(place)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", fail)
        with pytest.raises(WorldDamagedError, match="could not be copied") as caught:
            opened(place, accept_loss=True)
    assert "No space" in caught.value.message
    assert contents(place) == before
    assert not list(place.parent.glob("*.damaged*"))
