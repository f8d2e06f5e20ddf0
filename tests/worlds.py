"""World files for tests: one key, and short words for what tests do to them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wf_notebook.errors import WorldError
from wf_notebook.world import opening
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = bytes(range(32))
# For worlds of which many are made: what was really synced is the business of tests/crash.
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def opened(path: str | Path, **more: Any) -> DuckDBStore:
    return DuckDBStore.open(path, key_provider=GivenKey(KEY), **more)


def rows(store: DuckDBStore, query: str) -> list[tuple[Any, ...]]:
    return store.sql(query).result(timeout=30).rows


def wal(place: Path) -> int:
    """How long the world's log is."""
    return opening.wal_bytes(str(place))


def contents(place: Path) -> dict[str, bytes]:
    """What lies in a world's folder, but for the copies of what is damaged."""
    return {path.name: path.read_bytes() for path in place.parent.iterdir() if path.is_file()}


def copies(place: Path) -> list[Path]:
    """The folders into which a damaged world was copied, oldest first."""
    return sorted(place.parent.glob(f"{place.name}.damaged-*"))


def left_open(place: Path, fill: Callable[[DuckDBStore], object]) -> None:
    """Leave a world as one leaves it that is killed: with its log."""
    store = opened(place)
    fill(store)
    files = contents(place)
    store.close()
    for name, data in files.items():
        if not name.endswith(".lock"):
            (place.parent / name).write_bytes(data)


@contextlib.contextmanager
def abandoned(place: Path) -> Iterator[Path]:
    """A copy of a world as a crash would leave it now: its files as they are, and nobody's lock."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        for file in place.parent.glob(f"{place.name}*"):
            if file.suffix != ".lock":
                shutil.copy(file, folder)
        yield Path(folder) / place.name


@contextlib.contextmanager
def writer_waits(store: DuckDBStore) -> Iterator[None]:
    """Nothing is written inside; what was handed in is written as one group after it."""
    go = threading.Event()
    store._writer.call(go.wait)
    try:
        yield
    finally:
        go.set()


def raise_world_error(*_: object) -> bool:
    raise WorldError("the database was invalidated")
