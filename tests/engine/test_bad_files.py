"""Whatever lies where a world should: a coded error with the way out, and nothing is touched."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.worlds import KEY, wal
from wf_notebook import WorkflowError, open_world, step
from wf_notebook.world import opening

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
NAME = "orders.duckdb"
OTHER_KEY = b"o" * 32
SOURCE = """
async def workflow():
    "use workflow"
    await steps.charge()
    await create_hook()
"""


# ------------------------------------------------------------------------- what may lie there


def a_folder(place: Path) -> None:
    place.mkdir()
    (place / "orders.csv").write_text("order,amount\n")


def text(place: Path) -> None:
    place.write_text("order,amount\n" * 1000)


def sqlite(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("create table orders (amount)")
        connection.commit()


def foreign(place: Path) -> None:
    with duckdb.connect(str(place)) as connection:
        connection.execute("create table events as select range as a from range(100000)")


def foreign_with_log(place: Path) -> None:
    foreign(place)
    with duckdb.connect(str(place)) as connection:
        connection.execute("pragma disable_checkpoint_on_shutdown")
        connection.execute("insert into events values (1)")
    assert wal(place)


def empty(place: Path) -> None:
    place.touch()


@step
def charge() -> int:
    return 20


@cache
def made(*, with_log: bool) -> dict[str, bytes]:
    """The files of a world whose one run waits for a person: made once, then copied."""
    with TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "has_room", lambda _path: not with_log)
        with open_world(Path(home) / NAME, key=KEY, isolation="inline") as found:
            found.start(SOURCE, steps=[charge]).wait_for("hook", timeout=30)
        return {path.name: path.read_bytes() for path in Path(home).iterdir()}


def world(place: Path) -> None:
    lay_out(place, made(with_log=False), NAME, f"{NAME}.head")


def world_with_log(place: Path) -> None:
    lay_out(place, made(with_log=True), NAME, f"{NAME}.head", f"{NAME}.wal")


def lay_out(place: Path, files: dict[str, bytes], *names: str) -> None:
    assert sorted(files) == sorted(names)
    for name, content in files.items():
        (place.parent / name).write_bytes(content)


def truncated(place: Path) -> None:
    world(place)
    os.truncate(place, 20_000)  # the headers, and nothing that they point to


def beheaded(place: Path) -> None:
    world(place)
    place.write_bytes(place.read_bytes()[5:])


def stump(place: Path) -> None:
    world(place)
    os.truncate(place, 4096)


def log_alone(place: Path) -> None:
    world_with_log(place)
    place.unlink()


def fifo(place: Path) -> None:
    os.mkfifo(place)


def device(place: Path) -> None:
    place.symlink_to("/dev/full")


def loop(place: Path) -> None:
    place.symlink_to(place.name + ".2")
    (place.parent / (place.name + ".2")).symlink_to(place.name)


def lock_is_a_folder(place: Path) -> None:
    world(place)
    (place.parent / (NAME + ".lock")).mkdir()


def parent_is_a_file(place: Path) -> None:
    place.parent.rmdir()
    place.parent.write_text("x")


def parent_is_missing(place: Path) -> None:
    place.parent.rmdir()


def parent_cannot_be_made(place: Path) -> None:
    place.parent.rmdir()
    place.parent.parent.chmod(0o555)


def nothing(place: Path) -> None:
    """A new world would be made."""


def folder_is_read_only(place: Path) -> None:
    place.parent.chmod(0o555)


def world_in_a_read_only_folder(place: Path) -> None:
    world(place)
    folder_is_read_only(place)


def world_with_log_in_a_read_only_folder(place: Path) -> None:
    world_with_log(place)
    folder_is_read_only(place)


def world_is_read_only(place: Path) -> None:
    world(place)
    place.chmod(0o444)


def world_is_secret(place: Path) -> None:
    world(place)
    place.chmod(0o000)


def folder_is_secret(place: Path) -> None:
    world(place)
    place.parent.chmod(0o000)


# ---------------------------------------------------------------------------- who opens it


def answers(path: str, key: bytes | str) -> list[tuple[str, str, str] | None]:
    """What is said to who opens it to read only, and to who opens it to write."""
    return [attempt(path, key, read_only=read_only) for read_only in (True, False)]


def attempt(path: str, key: bytes | str, *, read_only: bool) -> tuple[str, str, str] | None:
    """Open it, and ask for all that it holds; returns code, text and hint of the error, or None."""
    try:
        with open_world(path, key=key, read_only=read_only) as found:
            for row in found.rows():
                found.get(row.run_id).events()
    except WorkflowError as error:
        return error.code, error.message, error.hint
    return None


def here(place: Path, key: bytes | str) -> list[tuple[str, str, str] | None]:
    return answers(str(place), key)


def in_child(prepare: Callable[[], None], place: Path) -> list[tuple[str, str, str] | None]:
    """The same in a process that can do less."""
    script = "from tests.engine.test_bad_files import child as go; go()"
    child = subprocess.run(
        [sys.executable, "-c", script, prepare.__name__, str(place)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    return [answer and tuple(answer) for answer in json.loads(child.stdout)]


def child() -> None:
    prepare, path = sys.argv[1:]
    globals()[prepare]()
    print(json.dumps(answers(path, KEY)))


def without_privileges(place: Path, key: bytes) -> list[tuple[str, str, str] | None]:
    assert key == KEY
    return in_child(drop_privileges, place)


def on_a_full_disk(place: Path, key: bytes) -> list[tuple[str, str, str] | None]:
    assert key == KEY
    return in_child(fill_the_disk, place)


def drop_privileges() -> None:
    """Let modes of files count, for root as well: without CAP_DAC_OVERRIDE and ..._READ_SEARCH."""
    if os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.capget(header, data) == 0
    data[0] &= ~0b110
    data[1] &= ~0b110
    assert libc.capset(header, data) == 0, os.strerror(ctypes.get_errno())


def fill_the_disk() -> None:
    """Let no file have a single byte more."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


# ------------------------------------------------------------------------------- the promise


@dataclass(frozen=True)
class Case:
    """What lies there, and with which code it is refused: to write, and to read only."""

    make: Callable[[Path], None]
    writing: str
    reading: str | None
    how: Callable[..., list[tuple[str, str, str] | None]] = here
    name: str = NAME
    key: bytes | str = KEY

    def __str__(self) -> str:
        how = "" if self.how is here else self.how.__name__
        name = "" if self.name == NAME else ascii(self.name[:12])
        key = "" if self.key == KEY else repr(self.key)[:6]
        return "-".join(part for part in (self.make.__name__, how, name, key) if part)


CASES = [
    Case(a_folder, "WF304", "WF304"),
    Case(text, "WF304", "WF304"),
    Case(sqlite, "WF304", "WF304"),
    Case(foreign, "WF304", "WF304"),
    Case(foreign_with_log, "WF304", "WF304"),
    Case(empty, "WF302", "WF302"),
    Case(truncated, "WF302", "WF302"),
    Case(stump, "WF302", "WF302"),
    Case(beheaded, "WF304", "WF304"),
    Case(log_alone, "WF302", "WF302"),
    Case(fifo, "WF304", "WF304"),
    Case(device, "WF304", "WF304"),
    Case(loop, "WF304", "WF304"),
    Case(lock_is_a_folder, "WF304", "WF304"),
    Case(parent_is_a_file, "WF304", "WF304"),
    Case(parent_is_missing, "WF305", "WF304", key="no key"),
    Case(parent_is_missing, "WF305", "WF304", key="no key", name=f".wf_notebook/{NAME}"),
    Case(nothing, "WF305", "WF304", key="no key"),
    Case(world, "WF305", "WF305", key=OTHER_KEY),
    Case(world_with_log, "WF305", "WF305", key=OTHER_KEY),
    Case(world, "WF305", "WF305", key="no key"),
    Case(nothing, "WF304", "WF304", name="\udcff.duckdb"),
    Case(nothing, "WF304", "WF304", name="a\0b.duckdb"),
    Case(nothing, "WF304", "WF304", name="x" * 300),
    Case(folder_is_read_only, "WF304", "WF304", without_privileges),
    Case(world_in_a_read_only_folder, "WF304", None, without_privileges),
    Case(world_with_log_in_a_read_only_folder, "WF304", None, without_privileges),
    Case(world_is_read_only, "WF304", None, without_privileges),
    Case(world_is_secret, "WF304", "WF304", without_privileges),
    Case(folder_is_secret, "WF304", "WF304", without_privileges),
    Case(parent_cannot_be_made, "WF304", "WF304", without_privileges),
    Case(nothing, "WF303", "WF304", on_a_full_disk),
    Case(parent_is_missing, "WF303", "WF304", on_a_full_disk),
    Case(parent_is_missing, "WF303", "WF304", on_a_full_disk, name=f".wf_notebook/{NAME}"),
    Case(world, "WF303", None, on_a_full_disk),
    Case(world_with_log, "WF303", None, on_a_full_disk),
]


@pytest.mark.skipif(sys.platform == "win32", reason="modes, pipes and limits are POSIX")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_there_is_left_as_it_is(tmp_path: Path, case: Case) -> None:
    """Its own code, the path and a way out; every file stays byte for byte, and none is added."""
    place = tmp_path / "home" / "data" / case.name
    place.parent.mkdir(parents=True)
    case.make(place)
    try:
        before = everything(tmp_path)
        reading, writing = case.how(place, case.key)
        after = everything(tmp_path)
        # a copy of what is damaged is laid aside
        assert {name: found for name, found in after.items() if ".damaged-" not in name} == before
        assert set(after) == set(before) or case.writing == "WF302"
    finally:
        for folder in (tmp_path / "home", tmp_path / "home" / "data"):
            if folder.is_dir():
                folder.chmod(0o755)  # pytest removes it
    assert writing, "it was opened"
    assert (reading and reading[0], writing[0]) == (case.reading, case.writing)
    for code, text, hint in filter(None, (reading, writing)):
        assert hint
        assert (
            case.name != NAME or code == "WF305" or os.path.dirname(os.path.realpath(place)) in text
        )


def everything(top: Path) -> dict[str, tuple[int, object]]:
    """Mode and content of all that lies in a folder; it is root that looks."""
    found: dict[str, tuple[int, object]] = {}
    for path in sorted(top.rglob("*")):
        info = path.lstat()
        is_file = stat.S_ISREG(info.st_mode)
        content: object = path.read_bytes() if is_file else None
        found[str(path.relative_to(top))] = (info.st_mode, content)
    return found
