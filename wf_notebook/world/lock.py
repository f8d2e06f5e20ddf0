"""Who owns a world: a lock file beside it, held as long as the world is open.

DuckDB's own lock is not enough: it is a POSIX lock, dropped when anything in the owner's process
opens and closes the file. Ours is an flock on a file of its own. The lock is what the system
holds, never what the file says: what a dead owner left in it is no obstacle.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import WorldLockedError
from wf_notebook.world.paths import path_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.errors import WorldError

SUFFIX: Final = ".lock"
_HINT: Final = (
    "Close the world there, shut that kernel down, or open another world with open_world(path)."
)

if sys.platform == "win32":
    import msvcrt

    _FAR: Final = 1 << 30  # what is locked cannot be read by others, and they read what it says

    def _lock(descriptor: int, *, shared: bool) -> bool:
        del shared  # there are no shared locks: those who read exclude each other, too
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class OwnerLock:
    """A held lock; see `acquire`."""

    def __init__(self, path: str, descriptor: int, *, shared: bool = False) -> None:
        self._path = path
        self._descriptor = descriptor
        self._shared = shared
        _held.add(self)

    def release(self) -> None:
        """Let go of it and remove its file. Idempotent."""
        if self._descriptor < 0:
            return
        # Removed before it is let go, so that no file is removed that somebody else has locked; one
        # of several who read leaves it to the last.
        if self._alone():
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self.close()

    def _alone(self) -> bool:
        return sys.platform == "win32" or not self._shared or _lock(self._descriptor, shared=False)

    def close(self) -> None:
        """Close the descriptor only: the lock lives on in the process that it was copied from."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_held: weakref.WeakSet[OwnerLock] = weakref.WeakSet()


def _close_in_child() -> None:
    """A child made by fork must not keep its parent's world locked."""
    for lock in list(_held):
        lock.close()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_child)


def acquire(world: str, owner: Mapping[str, Any], *, shared: bool = False) -> OwnerLock:
    """Return the lock of a world.

    Args:
        world: the world's real path.
        owner: JSON about who takes it: `pid`, `kernel` or `origin`, `notebook`, `since`.
        shared: for reading only; any number of those may hold it, while nobody owns the world.
            In a folder that cannot be written nobody can own one, and there is nothing to hold.

    Raises:
        WorldLockedError: somebody else has it; `owner` is what they said of themselves.
        WorldPathError, WorldFullError: the lock file cannot be made; nothing of it is left.
    """
    path = world + SUFFIX
    while True:
        descriptor = _open(path, shared=shared)
        if descriptor < 0:
            break
        if not _lock(descriptor, shared=shared):
            found = _read(descriptor)
            os.close(descriptor)
            raise _locked(world, found)
        if _is_at(descriptor, path):
            break
        os.close(descriptor)  # its holder removed the file between our opening and locking it
    lock = OwnerLock(path, descriptor, shared=shared)
    if descriptor >= 0:
        try:
            _write(descriptor, None if shared else owner)  # while it is read nobody owns it
        except OSError as error:
            lock.release()
            raise _unmade(path, error) from error
    return lock


def owner_of(world: str) -> dict[str, Any]:
    """Return what the lock file of a world says, the token included: who owns it, or did so last.

    Empty if there is none, or if it isn't this user's: what another user has written there could
    name a socket of theirs.

    Args:
        world: the world's real path.
    """
    try:
        descriptor = os.open(world + SUFFIX, os.O_RDONLY)
    except OSError:
        return {}
    try:
        ours = sys.platform == "win32" or os.fstat(descriptor).st_uid == os.geteuid()
        return _read(descriptor) if ours else {}
    finally:
        os.close(descriptor)


def _open(path: str, *, shared: bool) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        if shared and error.errno in (errno.EACCES, errno.EROFS):
            return -1
        raise _unmade(path, error) from error


def _unmade(path: str, error: OSError) -> WorldError:
    hint = "A world needs a folder that can be written; read_only=True is enough to look at one."
    return path_error(error, f"The lock file {path} cannot be made", hint=hint)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _write(descriptor: int, owner: Mapping[str, Any] | None) -> None:
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)  # it holds a token, and may be older than we are
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    if owner is not None:
        os.write(descriptor, json.dumps(dict(owner)).encode())


def _read(descriptor: int) -> dict[str, Any]:
    """Return what the owner said; empty if it says nothing, or is just writing it."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        found = json.loads(os.read(descriptor, 1 << 16))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _locked(world: str, found: Mapping[str, Any]) -> WorldLockedError:
    owner = {key: value for key, value in found.items() if key != "token"}  # errors are shown
    if owner.get("pid") == os.getpid():
        return WorldLockedError(
            f"This process has already opened {world}.",
            owner=owner,
            hint="Use the world that is open, or close it first.",
        )
    return WorldLockedError(f"{world} is open in {named(owner)}.", owner=owner, hint=_HINT)


def named(owner: Mapping[str, Any]) -> str:
    """Return who owns a world, in words.

    >>> named({"pid": 7, "notebook": "refund.ipynb"})
    'process 7, notebook refund.ipynb'
    """
    notebook = f", notebook {owner['notebook']}" if owner.get("notebook") else ""
    since = f", since {owner['since']}" if owner.get("since") else ""
    return f"process {owner.get('pid', 'unknown')}{notebook}{since}"
