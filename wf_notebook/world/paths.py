"""Where a world may lie: a local file, in a folder that is there or that we make for it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import WorldDamagedError, WorldPathError

if TYPE_CHECKING:
    from os import PathLike

MEMORY: Final = ":memory:"
FOLDER: Final = ".wf_notebook"
_PRIVATE: Final = 0o700
# Two letters at least: a drive such as C: is no scheme. DuckDB would load an extension for these.
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HINT: Final = "Give the path of a local file, or ':memory:'."


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


def world_path(path: str | PathLike[str]) -> str:
    """Return the real, absolute path of a world, or ":memory:". Nothing is opened or made.

    Raises:
        WorldPathError: it has a scheme or a NUL, or something else than a file is there.
        WorldDamagedError: the file is empty, or gone although its log is there.
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
        _check_file(full)
    except OSError as error:
        raise WorldPathError(f"{full} cannot be used: {error.strerror}.", hint=_HINT) from error
    return full


def exists(path: str) -> bool:
    """Whether there is a world file to be opened, rather than one to be made."""
    return path != MEMORY and os.path.lexists(path)


def _check_file(path: str) -> None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        if os.path.lexists(path + ".wal"):
            raise WorldDamagedError(
                f"{path} is gone, but its log {path}.wal is there.",
                hint="Put the world file back, or move the log away to begin a new world.",
            ) from None
        return
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise WorldPathError(f"{path} is {what}.", hint=_HINT)
    if not found.st_size:
        raise WorldDamagedError(
            f"{path} is empty.", hint="Restore it from a copy, or move it away to begin anew."
        )


def prepare(path: str) -> None:
    """Make the folder for a new world, private, if it isn't there.

    Raises:
        WorldPathError: it cannot be made.
    """
    folder = os.path.dirname(path)
    try:
        make_folder(folder)
        if os.path.basename(folder) == FOLDER:
            _ignore(folder)
    except OSError as error:
        raise WorldPathError(
            f"The folder {folder} cannot be made: {error.strerror}.", hint=_HINT
        ) from error


def make_folder(folder: str) -> None:
    """Make a folder and those above it, each with mode 0700; one that is there is left alone.

    Raises:
        OSError: it cannot be made.
    """
    if os.path.isdir(folder):
        return
    make_folder(os.path.dirname(folder))
    with contextlib.suppress(FileExistsError):  # somebody else was quicker
        os.mkdir(folder, _PRIVATE)


def make_private(path: str) -> None:
    """Let only its user read a file, where the file system knows such things."""
    with contextlib.suppress(OSError):
        os.chmod(path, 0o600)


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


def _ignore(folder: str) -> None:
    """Keep worlds out of version control: they are data, and theirs is sealed for one user."""
    path = os.path.join(folder, ".gitignore")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write("*\n")
