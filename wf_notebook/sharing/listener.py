"""Where the owner of a world can be asked: a socket beside the file, and a token to be let in.

Both stand in the lock file, which only this user can read. The socket is made before the lock is
taken, so whoever finds the lock held can connect at once, and is answered as soon as the world is
open.
"""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import shutil
import socket
import stat
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Final, Protocol

from wf_notebook.ids import SystemIds

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX: Final = ".sock"
LOOPBACK: Final = "127.0.0.1:"  # where there are no sockets with a path
_FOLDER: Final = "wf-notebook-"
_PATH_BYTES: Final = 100  # of a socket's path: some systems take 103, none less
_RANDOM: Final = 8  # letters in the name of a socket
_BACKLOG: Final = 64

_log = logging.getLogger("wf_notebook")


class _Descriptor(Protocol):
    def fileno(self) -> int: ...


_kept: list[_Descriptor] = []


def close_in_children(held: _Descriptor) -> None:
    """Let a child made by fork close it: else the other side would never learn of our end."""
    _kept[:] = [one for one in _kept if one.fileno() >= 0]
    _kept.append(held)


def _close_in_child() -> None:
    for held in _kept:
        with contextlib.suppress(OSError):
            os.close(held.fileno())


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_child)


class Listener:
    """A socket that listens; see `listen`.

    Attributes:
        socket: to be served.
        words: what the lock file says of it: `socket` and `token`.
    """

    def __init__(self, found: socket.socket, place: str) -> None:
        self.socket = found
        self.words = {"socket": place, "token": SystemIds().seed().hex()}
        close_in_children(found)

    def close(self) -> None:
        """Stop listening, and remove its file. Idempotent."""
        self.socket.close()
        remove(self.words["socket"])


def listen(world: str) -> Listener | None:
    """Return a listening socket for a world; None where no socket can be had.

    Args:
        world: the world's real path.
    """
    try:
        if sys.platform == "win32":
            return _on_loopback()
        return _beside(world) or _apart()
    except OSError as error:
        _log.warning("Other processes cannot share %s: %s", world, error)
        return None


def _on_loopback() -> Listener:
    found = socket.socket(socket.AF_INET)
    found.bind(("127.0.0.1", 0))
    found.listen(_BACKLOG)
    return Listener(found, f"{LOOPBACK}{found.getsockname()[1]}")


def _beside(world: str) -> Listener | None:
    """A socket in the world's folder, unless its path is too long or the file system has none."""
    path = f"{world}.{SystemIds().seed().hex()[:_RANDOM]}{SUFFIX}"
    if len(os.fsencode(path)) > _PATH_BYTES:
        return None
    try:
        return _bound(path)
    except OSError:
        return None


def _apart() -> Listener:
    """A socket in a private folder of its own."""
    folder = tempfile.mkdtemp(prefix=_FOLDER)
    try:
        return _bound(os.path.join(folder, f"world{SUFFIX}"))
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _bound(path: str) -> Listener:
    found = socket.socket(socket.AF_UNIX)
    try:
        found.bind(path)
        os.chmod(path, 0o600)  # before anybody can connect
        found.listen(_BACKLOG)
    except OSError:
        found.close()
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
    return Listener(found, path)


def clean(world: str, left: Mapping[str, Any], listener: Listener) -> None:
    """Remove the sockets of owners that have died; who calls this owns the world.

    Args:
        world: the world's real path.
        left: what the lock file said before.
        listener: the one that stays.
    """
    named = left.get("socket")
    beside = glob.glob(f"{glob.escape(world)}.{'[0-9a-f]' * _RANDOM}{SUFFIX}")  # of no other world
    for place in {*beside, named if isinstance(named, str) else ""} - {listener.words["socket"]}:
        remove(place)


def remove(place: str) -> None:
    """Remove a socket of ours, and the folder that was made for it; nothing else."""
    if place.startswith(LOOPBACK) or not place.endswith(SUFFIX):
        return
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.lstat(place).st_mode):
            os.unlink(place)
    folder = os.path.dirname(place)
    if os.path.basename(folder).startswith(_FOLDER):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
