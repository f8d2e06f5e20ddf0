from __future__ import annotations

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wf_notebook.world.chain import Place
from wf_notebook.world.head import HeadFile, read_head

if TYPE_CHECKING:
    from collections.abc import Iterator

WORLD = "0123456789abcdef01234567"


def place(number: int) -> Place:
    return Place(number, bytes([number]) * 32)


@pytest.fixture
def world(tmp_path: Path) -> str:
    return str(tmp_path / "w.duckdb")


@pytest.fixture
def head(world: str) -> Iterator[HeadFile]:
    head = HeadFile(world, WORLD)
    head.begin(place(7))
    yield head
    head.close()


def said(world: str) -> int | None:
    found = read_head(world)
    return None if found is None else found.place.commit_no


def test_it_says_what_was_noted_last(world: str, head: HeadFile) -> None:
    """Whose it is, and where that world's log ends; at once, without being closed."""
    for number in (8, 9, 10):
        head.note(place(number))
        found = read_head(world)
        assert found is not None
        assert (found.world_id, found.place) == (WORLD, place(number))
    head.sync()
    assert os.stat(head.path).st_size == 1024


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_it_is_private(head: HeadFile) -> None:
    """As the world is."""
    assert stat.S_IMODE(os.stat(head.path).st_mode) == 0o600


def test_it_goes_on(world: str, head: HeadFile) -> None:
    """A world that is opened again notes in the same file."""
    head.note(place(8))
    head.close()
    again = HeadFile(world, WORLD)
    again.resume(place(9))
    again.close()
    assert said(world) == 9


def test_one_that_is_begun_anew_forgets_what_it_said(world: str, head: HeadFile) -> None:
    """Also where it was further: a loss was accepted."""
    head.note(place(8))
    head.begin(place(3))
    assert said(world) == 3
    head.note(place(4))
    assert said(world) == 4
    assert os.listdir(os.path.dirname(world)) == ["w.duckdb.head"]


def test_a_write_that_was_torn_leaves_the_one_before(world: str, head: HeadFile) -> None:
    """Wherever it was torn: the head falls behind by one, and never says anything else."""
    head.note(place(8))
    before = Path(head.path).read_bytes()
    head.note(place(9))
    after = Path(head.path).read_bytes()
    slot = len(after) // 2
    last = max(n for n in range(len(after)) if before[n] != after[n])
    assert last > slot
    for end in range(slot, last + 1):
        Path(head.path).write_bytes(after[:end] + before[end:])
        assert said(world) == 8
    Path(head.path).write_bytes(after)
    assert said(world) == 9


@pytest.mark.parametrize("data", [b"", b"x" * 1024, bytes(1024), b"WFHEAD\r\n"])
def test_one_that_says_nothing_is_none(world: str, data: bytes) -> None:
    """It is made anew: what it protects is not lost with it."""
    assert said(world) is None
    Path(world + ".head").write_bytes(data)
    assert said(world) is None


def test_one_of_another_version_says_nothing(world: str, head: HeadFile) -> None:
    """Its digest is right; what it means is not known."""
    slot = Path(head.path).read_bytes()[512:]
    body = slot[:8] + b"\0\2" + slot[10:74]
    Path(head.path).write_bytes(body + hashlib.sha256(body).digest())
    assert said(world) is None
    body = slot[:74]
    Path(head.path).write_bytes(body + hashlib.sha256(body).digest())
    assert said(world) == 7


def test_one_that_cannot_be_written_falls_behind(
    world: str, head: HeadFile, caplog: pytest.LogCaptureFixture
) -> None:
    """A commit that is written is acknowledged all the same; it is said once."""
    assert head._file is not None
    head._file.close()
    head._file = open(head.path, "rb", buffering=0)  # noqa: SIM115 - the head closes it
    for number in (8, 9):
        head.note(place(number))
    assert said(world) == 7
    assert caplog.text.count("falls behind") == 1
