"""How a world file is made anew, so that nothing that was deleted is left in it.

DuckDB keeps deleted bytes in its file, checkpoint or not. So what there is is copied into a new
file, which takes the old one's place at one stroke: at each moment there is one whole world, the old
one or the new one. Nobody has the file open meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import WorldError, WorldFullError
from wf_notebook.world import opening
from wf_notebook.world.paths import sync_file

if TYPE_CHECKING:
    from collections.abc import Callable

_LOGS: Final = ("", ".wal", ".wal.checkpoint", ".wal.recovery")
_SPILLED: Final = "duckdb_temp"  # how DuckDB's temporary files begin


def copy_path(path: str) -> str:
    """Return where the new file is made; what lies there is left over."""
    return path + ".rewrite"


def need_room(path: str) -> None:
    """Make sure that a second file of that size finds room beside the world.

    Raises:
        WorldFullError: there is too little.
    """
    if not opening.has_room(path):
        free = shutil.disk_usage(os.path.dirname(path)).free
        raise WorldFullError(
            f"{path} has to be rewritten, and {free >> 20} MiB are too little for that.",
            hint="Nothing was changed. Free some space, and ask again.",
        )


def rewrite(path: str, copy: Callable[[str, str], None]) -> None:
    """Put a copy of a world in its place; its log must have been moved into it.

    Args:
        path: the world; nobody has it open.
        copy: copies the database at one path into a new one at another, for good.

    Raises:
        WorldError, OSError: it was not done; the old file is as it was.
    """
    _need_whole(path)
    remove_leftovers(path)
    try:
        copy(path, copy_path(path))
        _need_whole(copy_path(path))
        sync_file(copy_path(path))
        opening.put(copy_path(path), path)
    except BaseException:
        with contextlib.suppress(OSError):
            remove_leftovers(path)
        raise


def _need_whole(path: str) -> None:
    """A file that takes another's place, or leaves its own, must hold all that its log holds."""
    if opening.wal_bytes(path):
        raise WorldError(f"{path} has a log beside it: it was not checkpointed.")


def remove_leftovers(path: str) -> None:
    """Remove what a rewriting that was cut off, or DuckDB in a process that died, left behind.

    Raises:
        OSError: it cannot be removed.
    """
    for ending in _LOGS:
        _unlink(copy_path(path) + ending)
    folder = path + ".tmp"
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            if name.startswith(_SPILLED):
                _unlink(os.path.join(folder, name))
        with contextlib.suppress(OSError):  # something that is not DuckDB's
            os.rmdir(folder)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
