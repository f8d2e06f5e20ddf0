from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wf_notebook.errors import WorldFullError, WorldLockedError, WorldPathError
from wf_notebook.world.lock import acquire

if TYPE_CHECKING:
    from pathlib import Path

OWNER = {"pid": os.getpid(), "notebook": "refund.ipynb", "since": "2026-01-01T00:00:00+00:00"}

HOLD = """
import os, sys
from wf_notebook.world.lock import acquire
owner = {"pid": os.getpid(), "notebook": "refund.ipynb", "since": "2026"}
lock = acquire(sys.argv[1], owner, shared=sys.argv[2] == "shared")
print("held", flush=True)
sys.stdin.read()
"""


def hold(world: Path, mode: str = "owned") -> subprocess.Popen[str]:
    """Start a process that holds the lock until its input is closed."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(world), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str]) -> None:
    child.communicate()


def test_one_of_several_readers_leaves_the_lock_to_the_others(tmp_path: Path) -> None:
    """Nobody owns a world that is being read; the last reader takes the lock file along."""
    world = str(tmp_path / "w.duckdb")
    first, second = (acquire(world, OWNER, shared=True) for _ in range(2))
    first.release()
    with pytest.raises(WorldLockedError):
        acquire(world, OWNER)
    second.release()
    assert os.listdir(tmp_path) == []
    acquire(world, OWNER).release()


def test_a_second_opener_hears_who_has_it(tmp_path: Path) -> None:
    """Notebook, pid and since, and the ways out."""
    world = tmp_path / "w.duckdb"
    child = hold(world)
    try:
        with pytest.raises(WorldLockedError, match=r"refund\.ipynb.*since 2026") as caught:
            acquire(str(world), OWNER)
        assert caught.value.owner["pid"] == child.pid
        assert str(child.pid) in caught.value.message
        assert "open_world" in caught.value.hint
    finally:
        end(child)


def test_the_same_process_gets_another_sentence(tmp_path: Path) -> None:
    """What helps there is the world that is open."""
    lock = acquire(str(tmp_path / "w"), OWNER)
    with pytest.raises(WorldLockedError, match="already opened"):
        acquire(str(tmp_path / "w"), OWNER)
    lock.release()


def test_a_released_lock_leaves_no_file(tmp_path: Path) -> None:
    """And can be had again; releasing is idempotent."""
    for _ in range(2):
        lock = acquire(str(tmp_path / "w"), OWNER)
        assert json.loads((tmp_path / "w.lock").read_text()) == OWNER
        lock.release()
        lock.release()
        assert not (tmp_path / "w.lock").exists()


def test_what_a_dead_owner_left_is_no_obstacle(tmp_path: Path) -> None:
    """The lock is what the system holds, not what the file says."""
    world = tmp_path / "w.duckdb"
    child = hold(world)
    child.kill()
    end(child)
    assert (tmp_path / "w.duckdb.lock").exists()
    acquire(str(world), OWNER).release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xff", b'{"pid": "x"}'])
def test_a_lock_file_may_say_anything(tmp_path: Path, content: bytes) -> None:
    """Its content is only ever shown."""
    first = acquire(str(tmp_path / "w"), OWNER)
    (tmp_path / "w.lock").write_bytes(content)
    with pytest.raises(WorldLockedError, match="is open in process"):
        acquire(str(tmp_path / "w"), OWNER)
    first.release()
    (tmp_path / "w.lock").write_bytes(content)
    acquire(str(tmp_path / "w"), OWNER).release()


@pytest.mark.skipif(sys.platform == "win32", reason="no shared locks there")
def test_readers_share_it_and_exclude_owners(tmp_path: Path) -> None:
    """Any number of readers, or one owner."""
    world = tmp_path / "w"
    child = hold(world, "shared")
    try:
        reader = acquire(str(world), OWNER, shared=True)
        with pytest.raises(WorldLockedError):
            acquire(str(world), OWNER)
        reader.close()
    finally:
        end(child)
    owner = acquire(str(world), OWNER)
    with pytest.raises(WorldLockedError):
        acquire(str(world), OWNER, shared=True)
    owner.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_does_not_keep_it(tmp_path: Path) -> None:
    """A multiprocessing worker that outlives its kernel must not keep the world locked."""
    lock = acquire(str(tmp_path / "w"), OWNER)
    begun, told = os.pipe()
    goes_on, ends = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        os.write(told, b"x")
        os.read(goes_on, 1)  # until the parent closes its end
        os._exit(0)
    os.read(begun, 1)
    lock.close()
    acquire(str(tmp_path / "w"), OWNER).release()
    for descriptor in (begun, told, goes_on, ends):
        os.close(descriptor)
    os.waitpid(child, 0)


def test_a_folder_that_is_not_there_is_a_path_error(tmp_path: Path) -> None:
    """The lock file has to be made somewhere."""
    with pytest.raises(WorldPathError, match="lock"):
        acquire(str(tmp_path / "nowhere" / "w"), OWNER)


def test_reading_needs_no_folder_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A world on a read-only medium can be read; to own it is an error."""

    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        acquire(str(tmp_path / "w"), OWNER, shared=True).release()
        with pytest.raises(WorldPathError, match="Read-only"):
            acquire(str(tmp_path / "w"), OWNER)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_without_room_there_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Neither a file that says nothing, nor a descriptor that holds it."""

    def full(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(WorldFullError, match="lock"):
            acquire(str(tmp_path / "w"), OWNER)
    assert os.listdir(tmp_path) == []
    acquire(str(tmp_path / "w"), OWNER).release()
