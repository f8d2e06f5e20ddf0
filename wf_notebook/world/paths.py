"""Where a world may lie: a local file, in a folder that is there or that we make for it."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from wf_notebook import config
from wf_notebook.errors import WorldDamagedError, WorldFullError, WorldPathError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

MEMORY: Final = ":memory:"
FOLDER: Final = ".wf_notebook"
WAL_SUFFIX: Final = ".wal"  # DuckDB's own
HEAD_SUFFIX: Final = ".head"
_PRIVATE: Final = 0o700
# Two letters at least: a drive such as C: is no scheme. DuckDB would load an extension for these.
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HINT: Final = "Give the path of a local file, or ':memory:'."
FULL: Final = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)  # what a system says that has no room


def default_path(notebook: str | None, folder: str) -> str:
    """Return where a notebook's world lies: `.wf_notebook/<notebook>.duckdb` beside it.

    Args:
        notebook: the notebook's path, absolute or within `folder`; None for a script or terminal.
        folder: the working folder.

    >>> default_path("reports/refund.ipynb", "/home/ada").replace(os.sep, "/")
    '/home/ada/reports/.wf_notebook/refund.duckdb'
    """
    full = os.path.join(folder, notebook or "world")
    name = os.path.splitext(os.path.basename(full))[0] or "world"
    return os.path.join(os.path.dirname(full), FOLDER, name + ".duckdb")


def default_world_path() -> str:
    """Return where the world of this notebook (or folder) lies."""
    return config.world_path() or default_path(config.notebook_path(), os.getcwd())


def world_path(path: str | PathLike[str]) -> str:
    """Return the real, absolute path of a world, or ":memory:". Nothing is opened or made.

    Raises:
        WorldPathError: it has a scheme or a NUL, no database could be told it, or something else
            than a file is there.
        WorldDamagedError: the file is empty, or gone although its log or head is there.
    """
    text = os.fspath(path)
    if text == MEMORY:
        return MEMORY
    if not text or "\0" in text or text.startswith(":"):
        raise WorldPathError(f"{text!r} is not the path of a file.", hint=_HINT)
    if _SCHEME.match(text):
        raise WorldPathError(f"{text!r} is not a local path: it begins with a scheme.", hint=_HINT)
    full = os.path.realpath(os.path.expanduser(text))
    try:
        full.encode()
    except UnicodeEncodeError:
        raise WorldPathError(f"{full!r} is not a name in UTF-8.", hint=_HINT) from None
    try:
        _check_file(full)
    except OSError as error:
        raise path_error(error, f"{full} cannot be used") from error
    return full


def path_error(error: OSError, what: str, *, hint: str = _HINT) -> WorldPathError | WorldFullError:
    """Return what an error of the system means for a path: there is no room, or it won't do.

    Args:
        error: what the system said.
        what: what cannot be done, as the beginning of a sentence.
        hint: the way out, unless it is room.
    """
    text = f"{what}: {error.strerror}."
    return WorldFullError(text) if error.errno in FULL else WorldPathError(text, hint=hint)


def exists(path: str) -> bool:
    """Whether there is a world file to be opened, rather than one to be made."""
    return path != MEMORY and os.path.lexists(path)


def _check_file(path: str) -> None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        _check_nothing_is_left(path)
        return
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise WorldPathError(f"{path} is {what}.", hint=_HINT)
    if not found.st_size:
        raise WorldDamagedError(
            f"{path} is empty.", hint="Restore it from a copy, or move it away to begin anew."
        )


def _check_nothing_is_left(path: str) -> None:
    for suffix, what in ((WAL_SUFFIX, "log"), (HEAD_SUFFIX, "head")):
        if os.path.lexists(path + suffix):
            raise WorldDamagedError(
                f"{path} is gone, but its {what} {path}{suffix} is there.",
                hint=f"Put the world file back, or move the {what} away to begin a new world.",
            )


def prepare(path: str) -> list[str]:
    """Make the folder for a new world, private, if it isn't there; returns what was made.

    Raises:
        WorldPathError, WorldFullError: it cannot be made; nothing of it is left.
    """
    folder = os.path.dirname(path)
    made: list[str] = []
    try:
        made += make_folder(folder)
        if os.path.basename(folder) == FOLDER:
            made += _ignore(folder)
    except OSError as error:
        unmake(made)
        raise path_error(error, f"The folder {folder} cannot be made") from error
    return made


def make_folder(folder: str) -> list[str]:
    """Make a folder and those above it, each with mode 0700; returns those that were not there.

    Raises:
        OSError: it cannot be made; nothing of it is left.
    """
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    made: list[str] = []
    try:
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):  # somebody else was quicker
                os.mkdir(path, _PRIVATE)
                made.append(path)
    except OSError:
        unmake(made)
        raise
    return made


def unmake(made: Iterable[str]) -> None:
    """Remove what `prepare` has made, last things first; a folder that is used by now stays."""
    for path in reversed(list(made)):
        with contextlib.suppress(OSError):
            (os.rmdir if os.path.isdir(path) else os.unlink)(path)


def make_private(path: str) -> None:
    """Let only its user read a file, where the file system knows such things."""
    with contextlib.suppress(OSError):
        os.chmod(path, 0o600)


def sync_file(path: str) -> None:
    """Make durable what was written to a file that is closed.

    Raises:
        OSError: it cannot be.
    """
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes only what may be written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Make durable what the folder of a path says of it, where that can be asked for.

    Raises:
        OSError: it cannot be.
    """
    if os.name == "posix":
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def within(path: str, folder: str) -> bool:
    """Whether a real path is that of a folder, or of something in it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def notebook_folder(world: str) -> str:
    """Return the folder that a world's notebook lies in, going by the world's path.

    >>> notebook_folder("/home/ada/reports/.wf_notebook/refund.duckdb").replace(os.sep, "/")
    '/home/ada/reports'
    """
    folder = os.path.dirname(os.path.realpath(os.path.expanduser(world)))
    return os.path.dirname(folder) if os.path.basename(folder) == FOLDER else folder


def _ignore(folder: str) -> list[str]:
    """Keep worlds out of version control: they are data, and theirs is sealed for one user."""
    path = os.path.join(folder, ".gitignore")
    if os.path.exists(path):
        return []
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write("*\n")
    except OSError:
        unmake([path])
        raise
    return [path]
