"""Ways to damage a world that is closed, each told where by chance; and the world they damage."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb

from tests.worlds import contents, opened
from wf_notebook.testing.conformance.appends import add, created, event, log, step
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from wf_notebook.world.duckdb import DuckDBStore
    from wf_notebook.world.events import Event

RUNS: Final = ("a", "b", "c")
NAMES: Final = ("w.duckdb", "w.duckdb.wal", "w.duckdb.head")


@dataclass(frozen=True)
class Written:
    """A world that a process left when it was killed, and what it had acknowledged.

    Attributes:
        folder: where it lies, as `w.duckdb`, with its log and head.
        before: the same as it was at its last checkpoint but one, with the log that it had then.
        logs: of each run, in order.
        chunks: of each run's stream, in order.
    """

    folder: Path
    before: Path
    logs: dict[str, list[Event]]
    chunks: dict[str, list[Chunk]]


def written(folder: Path) -> Written:
    """Make the world: commits in its file, and commits in its log."""
    place = folder / "live" / "w.duckdb"
    place.parent.mkdir()
    with closing(opened(place)) as store:
        for run_id in RUNS:
            add(store, run_id, created(), definition={"source": f"# {run_id}" * 300})
        commit_some(store, 0, 12)
        before = left(place, folder / "before")
        checkpoint(store)
        commit_some(store, 12, 40)
        now = left(place, folder / "now")
        logs = {run_id: list(log(store, run_id)) for run_id in RUNS}
        chunks = {r: list(store.chunks(r, "out").result(timeout=30)) for r in RUNS}
    return Written(now, before, logs, chunks)


def commit_some(store: DuckDBStore, first: int, last: int) -> None:
    """Commits of every kind: events, chunks alone, long values."""
    for n in range(first, last):
        run_id = RUNS[n % len(RUNS)]
        if n % 4 == 3:
            add(store, run_id, chunks=(Chunk("out", None, f"line {n}"),))
            continue
        size = 70_000 if n % 13 == 6 else 40 * n
        done = event("step_completed", f"s{n}", data={"result": f"{n}" + "x" * size}, attempt=1)
        add(store, run_id, step(f"s{n}", n), done)


def checkpoint(store: DuckDBStore) -> None:
    file = store._file
    assert file.committer is not None
    assert file.writing is not None
    writing, place = file.writing, file.committer.place
    store._writer.call(lambda: file._move(writing, place)).result(timeout=30)


def left(place: Path, folder: Path) -> Path:
    """Copy a world that is open, as a process leaves it that is killed."""
    folder.mkdir()
    for name, data in contents(place).items():
        if name in NAMES:
            (folder / name).write_bytes(data)
    return folder


# --- damage --------------------------------------------------------------------------------------


def flip(file: Path, chance: Random) -> None:
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(data)


def cut(file: Path, chance: Random) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: chance.randrange(len(data))])


def blank(file: Path, chance: Random) -> None:
    """A sector or a page of zeros, as a disk leaves it that had no time."""
    data = bytearray(file.read_bytes())
    size = chance.choice([512, 4096])
    start = chance.randrange(len(data)) // size * size
    end = min(start + size, len(data))
    data[start:end] = bytes(end - start)
    file.write_bytes(data)


def append(file: Path, chance: Random) -> None:
    data = file.read_bytes()
    start = chance.randrange(len(data))
    file.write_bytes(data + chance.choice([data[start:], chance.randbytes(300), bytes(700)]))


def gone(file: Path, chance: Random) -> None:
    file.unlink()


def older(*names: str) -> Callable[[Path, Written, Random], None]:
    """Put files of an earlier day back, and not the others."""

    def put_back(folder: Path, world: Written, chance: Random) -> None:
        for name in names:
            shutil.copy(world.before / name, folder / name)

    return put_back


def foreign(name: str) -> Callable[[Path, Written, Random], None]:
    """A file of another world in the place of ours."""

    def put(folder: Path, world: Written, chance: Random) -> None:
        other = folder / "other" / "w.duckdb"
        other.parent.mkdir()
        with closing(opened(other)) as store:
            add(store, "z", created(), definition={"source": "other"})
            checkpoint(store)
            commit_some_of_z(store, chance.randrange(1, 60))
            data = (other.parent / name).read_bytes()
        shutil.rmtree(other.parent)
        (folder / name).write_bytes(data)

    return put


def commit_some_of_z(store: DuckDBStore, count: int) -> None:
    for n in range(count):
        add(store, "z", step(f"s{n}", n))


SWAPS: Final = {
    "events": "payload",
    "stream_chunks": "bytes",
    "blobs": "bytes",
    "definitions": "record",
    "run_keys": "wrapped",
}


def swap(folder: Path, world: Written, chance: Random) -> None:
    """Move sealed bytes from one row to another, in the file or in its log."""
    table = chance.choice(list(SWAPS))
    column = SWAPS[table]
    with duckdb.connect(str(folder / "w.duckdb")) as file:
        if chance.random() < 0.5:
            file.execute("pragma disable_checkpoint_on_shutdown")
        some = f"from {table} where {column} is not null"
        found = file.execute(f"select rowid, {column} {some}").fetchall()
        (one, first), (two, second) = chance.sample(found, 2)
        file.execute(f"update {table} set {column} = ? where rowid = ?", [second, one])
        file.execute(f"update {table} set {column} = ? where rowid = ?", [first, two])


def on(name: str, damage: Any) -> Callable[[Path, Written, Random], None]:
    return lambda folder, world, chance: damage(folder / name, chance)


FILE, LOG, HEAD = NAMES
DAMAGE: Final[dict[str, Callable[[Path, Written, Random], None]]] = {
    "flip in the log": on(LOG, flip),
    "cut log": on(LOG, cut),
    "blank in the log": on(LOG, blank),
    "longer log": on(LOG, append),
    "no log": on(LOG, gone),
    "flip in the file": on(FILE, flip),
    "cut file": on(FILE, cut),
    "blank in the file": on(FILE, blank),
    "longer file": on(FILE, append),
    "no file": on(FILE, gone),
    "flip in the head": on(HEAD, flip),
    "cut head": on(HEAD, cut),
    "longer head": on(HEAD, append),
    "no head": on(HEAD, gone),
    "older file": older(FILE),
    "older log": older(LOG),
    "older head": older(HEAD),
    "older file and log": older(FILE, LOG),
    "foreign file": foreign(FILE),
    "foreign log": foreign(LOG),
    "foreign head": foreign(HEAD),
    "swapped": swap,
}
