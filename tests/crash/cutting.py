"""Cut the forgetting of runs, or the change of a key, off at each of its steps."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from tests.sizes import sized
from tests.worlds import KEY, opened, rows
from wf_notebook.errors import WorldFullError
from wf_notebook.world import database, opening, rewriting
from wf_notebook.world.commits import Committer
from wf_notebook.world.vault import key_id
from wf_notebook.world.worldfile import WorldFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wf_notebook.world.duckdb import DuckDBStore

NEW_KEY = bytes(range(100, 132))
STATEMENTS = len(database._copying("a", "b"))

# Name to what is wrapped, and whether it fails before or after it was done.
STEPS: dict[str, tuple[Any, str, bool]] = {
    "to be written": (Committer, "change", False),
    "written": (Committer, "change", True),
    "to be checkpointed": (database.Connection, "checkpoint", False),
    "checkpointed": (database.Connection, "checkpoint", True),
    "let go of": (WorldFile, "disconnect", True),
    "cleared": (rewriting, "remove_leftovers", True),
    "copied": (rewriting, "sync_file", False),
    "synced": (rewriting, "sync_file", True),
    "to be put": (opening, "put", False),
    "put": (opening, "put", True),
    "to be opened": (WorldFile, "reconnect", False),
}
POINTS = (*STEPS, *(f"copying {n}" for n in range(0, STATEMENTS, sized(3, 1))))
DONE = frozenset(POINTS) - {"to be written"}  # where the commit has been made


class TwoKeys:
    """A provider that knows several keys by their id."""

    def master_key(self, wanted: str | None) -> bytes | None:
        return {key_id(key): key for key in (KEY, NEW_KEY)}.get(str(wanted))

    def where(self, wanted: str) -> str:
        return "two keys"


def cut(point: str, fail: Callable[[], None], setattr_: Callable[[Any, str, Any], None]) -> None:
    """Let it fail at a point, once."""
    left = [fail]

    def once() -> None:
        if left:
            left.pop()()

    if point not in STEPS:
        setattr_(database, "_copying", _cut_copy(int(point.split()[1]), once))
        return
    owner, name, after = STEPS[point]
    inner = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not after:
            once()
        result = inner(*args, **kwargs)
        if after:
            once()
        return result

    setattr_(owner, name, wrapped)


def _cut_copy(n: int, once: Callable[[], None]) -> Callable[[str, str], Iterator[str]]:
    inner = database._copying

    def copying(path: str, target: str) -> Iterator[str]:
        for number, statement in enumerate(inner(path, target)):
            if number == n:
                once()
            yield statement

    return copying


def act(store: DuckDBStore, what: str) -> None:
    """Forget two runs of a world, or change its key."""
    if what == "forget":
        store.forget(["gone", "also"], now_us=5000).result(timeout=60)
    else:
        store.turn_key(NEW_KEY, now_us=5000).result(timeout=60)


def no_space() -> None:
    raise WorldFullError("no space")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(path: str, what: str, point: str) -> None:
    """Be killed at a point."""
    store = opened(path)
    cut(point, die, setattr)
    act(store, what)


# --- what is left of it ------------------------------------------------------------------------


def sealed_bytes(store: DuckDBStore, *run_ids: str) -> list[bytes]:
    """Of all that is sealed of runs, their wrapped keys included: beginning, middle and end."""
    names = ", ".join(f"'{run_id}'" for run_id in run_ids)
    ((file,),) = rows(store, "select current_database()")  # a view hides the table of that name
    found = rows(
        store,
        f"select payload from events where run_id in ({names}) and payload is not null"
        f" union all select bytes from blobs where run_id in ({names})"
        f" union all select bytes from stream_chunks where run_id in ({names})"
        f' union all select record from "{file}".main.definitions where run_id in ({names})'
        f" union all select wrapped from run_keys where run_id in ({names})",
    )
    return [
        value[at : at + 16] for (value,) in found for at in (0, len(value) // 2, len(value) - 16)
    ]


def wrapped_keys(store: DuckDBStore) -> list[bytes]:
    """The runs' keys as they are wrapped now."""
    return [row[0] for row in rows(store, "select wrapped from run_keys")]


def left_in(folder: Path, pieces: list[bytes]) -> int:
    """How many of some pieces are found in all files of a folder."""
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return sum(any(piece in data for data in files) for piece in pieces)


if __name__ == "__main__":
    main(*sys.argv[1:])
