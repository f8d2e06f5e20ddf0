"""What an error of DuckDB means for a world."""

from __future__ import annotations

import os
from typing import Final

from wf_notebook.errors import (
    WorldDamagedError,
    WorldError,
    WorldFullError,
    WorldLockedError,
    WorldPathError,
    WorldVersionError,
)
from wf_notebook.world.opening import is_duckdb
from wf_notebook.world.paths import FULL

# On a full disk DuckDB quotes the system; Windows says it in its own words.
_FULL: Final = (
    *(os.strerror(code) for code in FULL),
    "not enough space",
)
# After a fatal error it says this, and no more, until it is opened again; `Connection` does that.
_GIVEN_UP: Final = "database has been invalidated"
# By name, because only world.database imports DuckDB.
_DAMAGE: Final = frozenset({"FatalException", "InternalException", "SerializationException"})
_DAMAGE_SIGNS: Final = ("Corrupt", "Could not read")

# What it says when a file does not open: a sign in its message, the error, what, and what to do.
_REFUSALS: Final[tuple[tuple[str, type[WorldError], str, str], ...]] = (
    (
        "Could not set lock",
        WorldLockedError,
        "is open in another program",
        "Close it there: DuckDB lets one process at a time use a file.",
    ),
    (
        "different configuration",
        WorldLockedError,
        "is open in this process, by DuckDB itself",
        "Close that connection first.",
    ),
    ("Permission denied", WorldPathError, "may not be opened", "Ask for the right to write it."),
    ("Read-only file system", WorldPathError, "may not be opened", "Open it with read_only=True."),
    (
        "version number",
        WorldVersionError,
        "was written by another version of DuckDB",
        "Install that version; the file was left as it is.",
    ),
)


def world_error(error: Exception, doing: str) -> WorldError:
    """Return what an error at an open world means.

    Args:
        error: any `duckdb.Error`.
        doing: what was being done, as the beginning of a sentence.
    """
    text = _first_line(error)
    if any(sign in text for sign in _FULL):
        return WorldFullError(f"{doing} found no space: {text}.")
    if _GIVEN_UP in text:
        return WorldError(f"{doing} failed: {text}", hint="It is opened again: ask once more.")
    if type(error).__name__ in _DAMAGE or any(sign in text for sign in _DAMAGE_SIGNS):
        return WorldDamagedError(
            f"{doing} failed: {text}", hint="Close the world; restore it from a copy if need be."
        )
    return WorldError(f"{doing} failed: {text}")


def refusal(error: Exception, path: str) -> WorldError:
    """Return what an error means with which a file did not open.

    Args:
        error: any `duckdb.Error`.
        path: the file.
    """
    text = _first_line(error)
    for sign, kind, what, hint in _REFUSALS:
        if sign in text:
            return kind(f"{path} {what}: {text}", hint=hint)
    if os.path.exists(path) and not is_duckdb(path):
        return WorldPathError(
            f"{path} is not a DuckDB file.", hint="It was left as it is; give another path."
        )
    if any(sign in text for sign in _FULL):
        return WorldFullError(f"{path} cannot be opened: {text}.")
    return WorldDamagedError(
        f"{path} cannot be read: {text}", hint="It was left as it is; restore it from a copy."
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
