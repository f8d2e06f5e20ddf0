from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

from wf_notebook.errors import WorldDamagedError, WorldFullError, WorldPathError
from wf_notebook.world.paths import default_path, exists, make_folder, prepare, unmake, world_path

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "path",
    [
        "md:orders", "s3://bucket/w.duckdb", "http://x/w.duckdb", "https:x", "gcs:x", "file:///x",
        "sqlite:w.db", "ducklake:x", "motherduck:", "", "a\0b", ":memory:shared", ":x", "\udcff",
    ],
)  # fmt: skip
def test_only_local_paths_are_taken(path: str) -> None:
    """A scheme makes DuckDB load an extension or reach for the network."""
    with pytest.raises(WorldPathError) as caught:
        world_path(path)
    assert caught.value.hint


def test_a_drive_letter_is_no_scheme() -> None:
    r"""`C:\worlds` is a local path; so is a name with a colon in a folder."""
    assert world_path("C:w.duckdb").endswith("C:w.duckdb")
    assert world_path("./md:orders").endswith("md:orders")


def test_memory_is_taken_as_it_is() -> None:
    """It is no file."""
    assert world_path(":memory:") == ":memory:"
    assert not exists(":memory:")


def test_a_path_is_made_absolute_and_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names of one file get one lock."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real.duckdb").write_bytes(b"x")
    (tmp_path / "link.duckdb").symlink_to("real.duckdb")
    real = os.path.realpath(tmp_path / "real.duckdb")
    assert world_path("link.duckdb") == real
    assert world_path(tmp_path / "real.duckdb") == real
    monkeypatch.setenv("HOME", str(tmp_path))
    assert world_path("~/real.duckdb") == real


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, a path through a file."""
    with pytest.raises(WorldPathError, match="folder"):
        world_path(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorldPathError):
        world_path(tmp_path / "file" / "w.duckdb")
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(WorldPathError, match="regular"):
            world_path(tmp_path / "pipe")
    with pytest.raises(WorldPathError):
        world_path(tmp_path / ("x" * 5000))


def test_an_empty_file_is_damage(tmp_path: Path) -> None:
    """Something was there: it is not replaced by an empty world."""
    (tmp_path / "w.duckdb").touch()
    with pytest.raises(WorldDamagedError, match="empty"):
        world_path(tmp_path / "w.duckdb")


@pytest.mark.parametrize(("suffix", "what"), [(".wal", "log"), (".head", "head")])
def test_what_is_left_of_a_world_is_damage(tmp_path: Path, suffix: str, what: str) -> None:
    """An empty world would stand in its place, and take what is left for its own."""
    (tmp_path / f"w.duckdb{suffix}").write_bytes(b"x")
    with pytest.raises(WorldDamagedError, match=f"its {what}") as caught:
        world_path(tmp_path / "w.duckdb")
    assert f"move the {what} away" in caught.value.hint


def test_the_default_place_is_beside_the_notebook() -> None:
    """One world for each notebook; `world.duckdb` where there is none."""
    sep = os.sep
    assert default_path("a/refund.ipynb", f"{sep}home") == (
        f"{sep}home{sep}a{sep}.wf_notebook{sep}refund.duckdb"
    )
    assert default_path(None, f"{sep}home") == f"{sep}home{sep}.wf_notebook{sep}world.duckdb"
    elsewhere = os.path.join(os.path.abspath(sep), "b", "n.ipynb")
    assert default_path(elsewhere, f"{sep}home").endswith(f"b{sep}.wf_notebook{sep}n.duckdb")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_folders_that_we_make_are_private(tmp_path: Path) -> None:
    """0700 for each of them; a folder that was there keeps its mode."""
    tmp_path.chmod(0o755)
    prepare(str(tmp_path / "a" / ".wf_notebook" / "w.duckdb"))
    for folder in (tmp_path / "a", tmp_path / "a" / ".wf_notebook"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_our_folder_ignores_itself(tmp_path: Path) -> None:
    """Worlds do not get into version control; other folders are left alone."""
    prepare(str(tmp_path / ".wf_notebook" / "w.duckdb"))
    assert (tmp_path / ".wf_notebook" / ".gitignore").read_text() == "*\n"
    (tmp_path / ".wf_notebook" / ".gitignore").write_text("mine\n")
    prepare(str(tmp_path / ".wf_notebook" / "w.duckdb"))
    assert (tmp_path / ".wf_notebook" / ".gitignore").read_text() == "mine\n"
    prepare(str(tmp_path / "other" / "w.duckdb"))
    assert not (tmp_path / "other" / ".gitignore").exists()


def test_what_was_made_can_be_taken_back(tmp_path: Path) -> None:
    """But not what was there, nor a folder that something lies in by now."""
    made = prepare(str(tmp_path / "a" / ".wf_notebook" / "w.duckdb"))
    assert [os.path.basename(path) for path in made] == ["a", ".wf_notebook", ".gitignore"]
    assert prepare(str(tmp_path / "a" / ".wf_notebook" / "w.duckdb")) == []
    (tmp_path / "a" / "other").touch()
    unmake(made)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "other"]


@pytest.mark.parametrize("fails", ["mkdir", "open"])
def test_without_room_no_half_of_a_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Neither the folders above it, nor an empty .gitignore."""
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    real_mkdir, real_open = os.mkdir, open

    def mkdir(path: str, mode: int) -> None:
        if fails == "mkdir" and path.endswith(".wf_notebook"):
            raise full
        real_mkdir(path, mode)

    def opens(path: str, *more: str, **named: str) -> Any:
        real_open(path, *more, **named).close()
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", mkdir)
        if fails == "open":
            patch.setattr("builtins.open", opens)
        with pytest.raises(WorldFullError, match="No space"):
            prepare(str(tmp_path / "a" / ".wf_notebook" / "w.duckdb"))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_a_path_error(tmp_path: Path) -> None:
    """It names the folder."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorldPathError, match="file"):
        prepare(str(tmp_path / "file" / "sub" / "w.duckdb"))
    make_folder(str(tmp_path))
