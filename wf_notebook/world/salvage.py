"""What of a damaged log can be replayed: its longest beginning that gives a log without a gap.

It is tried on the world itself, through a link to it in a folder of its own: DuckDB looks for the
log beside the name that it is given. Nothing beside the world is touched.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from wf_notebook.errors import WorldError
from wf_notebook.world.chain import FIRST_WITH_MARKS, walk
from wf_notebook.world.opening import identify, wal_bytes
from wf_notebook.world.paths import WAL_SUFFIX, sync_folder

if TYPE_CHECKING:
    from wf_notebook.world.connection import Connect


def is_whole(path: str, connect: Connect, length: int) -> bool:
    """Whether a world opens with so many bytes of its log, and gives a log without a gap."""
    with tempfile.TemporaryDirectory(prefix="wf-notebook-") as folder:
        try:
            connection = connect(lay_out(path, folder, length), read_only=True)
        except WorldError:
            return False
        try:
            found = identify(connection.query, path)
            return found.version < FIRST_WITH_MARKS or bool(list(walk(connection.query, path)))
        except WorldError:
            return False
        finally:
            connection.close()


def replayable(path: str, connect: Connect) -> int | None:
    """Return how many bytes of a world's log can be replayed; None if not even the file opens."""
    high = wal_bytes(path)
    if is_whole(path, connect, high):
        return high
    if not is_whole(path, connect, 0):
        return None
    low = 0
    while high - low > 1:  # whole with `low`, not with `high`
        middle = (low + high) // 2
        if is_whole(path, connect, middle):
            low = middle
        else:
            high = middle
    return low


def lay_out(path: str, folder: str, length: int) -> str:
    """Make a link to a world, with so many bytes of its log beside it; returns the link.

    Args:
        path: the world.
        folder: an empty one, or one of before.
        length: of the log.
    """
    link = os.path.join(folder, os.path.basename(path))
    os.symlink(path, link)
    if length:
        with open(path + WAL_SUFFIX, "rb") as log, open(link + WAL_SUFFIX, "wb") as part:
            part.write(log.read(length))
    return link


def shorten(path: str, length: int) -> None:
    """Cut a world's log off, at once or not at all.

    Raises:
        OSError: it cannot be.
    """
    log = path + WAL_SUFFIX
    if not length:
        os.unlink(log)
    else:
        with open(log, "rb") as whole, open(log + ".new", "wb") as part:
            os.chmod(log + ".new", 0o600)
            part.write(whole.read(length))
            part.flush()
            os.fsync(part.fileno())
        os.replace(log + ".new", log)
    sync_folder(log)
