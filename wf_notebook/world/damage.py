"""What becomes of a damaged world: it is left as it is, copied aside once, and said with ways out."""

from __future__ import annotations

import filecmp
import glob
import os
import shutil
from typing import TYPE_CHECKING, Final

from wf_notebook.clock import iso
from wf_notebook.errors import WorldDamagedError
from wf_notebook.world.paths import HEAD_SUFFIX, WAL_SUFFIX, sync_file, sync_folder

if TYPE_CHECKING:
    from wf_notebook.world.chain import Log
    from wf_notebook.world.head import Head

_FILES: Final = ("", WAL_SUFFIX, HEAD_SUFFIX)
_INFIX: Final = ".damaged-"
_PRIVATE: Final = 0o700
_PART: Final = 1 << 20

# What can be done about a damaged world.
RESTORE: Final = "Put back a copy that is whole: the world, its .wal and its .head together."
LOOK: Final = f"Read what is whole with open_world(path, read_only=True) or wf runs. {RESTORE}"
ALL_WAYS: Final = (
    f"{LOOK} Or go on without what is lost, also if you put an older copy here on purpose:"
    " wf mend, or open_world(path, accept_loss=True)."
)


def differs(path: str, world_id: str, log: Log, head: Head) -> str | None:
    """Return what a log lacks that its head knows of, or None.

    Args:
        path: the world.
        world_id: its id.
        log: what it says of itself, and of the place that the head names.
        head: what lies beside it.
    """
    number, last = head.place.commit_no, log.end.commit_no
    if head.world_id != world_id:
        return f"{path} is not the world that was here: its head is of another one."
    if number > last:
        lost = f"its last {number - last} commits" if number - last > 1 else "its last commit"
        return f"{path} lacks {lost}: {number} were made, its log ends with {last}."
    if log.there is not None and log.there != head.place:
        return f"{path} has another log than was written: it differs at commit {number} or before."
    return None


def copies_of(path: str) -> list[str]:
    """Return the folders that hold copies of a world as it was when it was damaged, oldest first."""
    return sorted(glob.glob(glob.escape(os.path.realpath(path) + _INFIX) + "*"))


def set_aside(path: str, now_us: int) -> str:
    """Copy a world, its log and its head into a folder beside it, unless that was done before.

    Returns:
        the folder.

    Raises:
        OSError: there is no room for a copy, or it cannot be written.
    """
    files = [path + suffix for suffix in _FILES if os.path.exists(path + suffix)]
    for folder in copies_of(path):
        if _is_copy(folder, files):
            return folder
    stamp = iso(now_us)[:19].replace("-", "").replace(":", "") + "Z"
    folder = path + _INFIX + stamp
    number = 1
    while os.path.lexists(folder):
        number += 1
        folder = f"{path}{_INFIX}{stamp}-{number}"
    _copy_all(files, folder)
    return folder


def reported(error: WorldDamagedError, copies: str, *, ways: str) -> WorldDamagedError:
    """Return the error with where the copies are, and the ways out.

    Args:
        error: what is wrong.
        copies: a sentence about the copies.
        ways: what can be done: `RESTORE`, `LOOK` or `ALL_WAYS`.
    """
    what = error.message.rstrip(".")
    return WorldDamagedError(f"{what}. It was left as it is. {copies}", hint=ways)


def _is_copy(folder: str, files: list[str]) -> bool:
    """Whether a folder holds these files, byte for byte, and no others."""
    try:
        if sorted(os.listdir(folder)) != sorted(map(os.path.basename, files)):
            return False
        return all(
            filecmp.cmp(file, os.path.join(folder, os.path.basename(file)), shallow=False)
            for file in files
        )
    except OSError:
        return False


def _copy_all(files: list[str], folder: str) -> None:
    draft = folder + ".new"
    try:
        os.mkdir(draft, _PRIVATE)
        for file in files:
            _copy(file, os.path.join(draft, os.path.basename(file)))
        os.rename(draft, folder)
        sync_folder(folder)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _copy(source: str, target: str) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as copy, open(source, "rb") as file:
        shutil.copyfileobj(file, copy, _PART)
    sync_file(target)
