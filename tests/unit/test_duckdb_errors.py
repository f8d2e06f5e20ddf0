from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import duckdb
import pytest

from wf_notebook.errors import (
    WorldDamagedError,
    WorldError,
    WorldFullError,
    WorldLockedError,
    WorldPathError,
    WorldVersionError,
)
from wf_notebook.world.duckdb_errors import refusal, world_error

if TYPE_CHECKING:
    from pathlib import Path

KINDS = sorted(
    (
        found
        for found in vars(duckdb).values()
        if isinstance(found, type) and issubclass(found, duckdb.Error)
    ),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_duckdb_has_a_meaning(kind: type[Exception], tmp_path: Path) -> None:
    """None gets through: not while a world is open, and not at its opening."""
    error = kind("Something went wrong\nand more of it")
    open_world = world_error(error, "Reading w")
    assert isinstance(open_world, WorldError)
    assert open_world.message == "Reading w failed: Something went wrong"
    assert isinstance(refusal(error, str(tmp_path / "w")), WorldDamagedError)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_full_disk_is_told_from_other_trouble(code: int, tmp_path: Path) -> None:
    """Whatever DuckDB's class for it: it quotes the system."""
    error = duckdb.TransactionException(f"Failed to commit: {os.strerror(code)}")
    assert isinstance(world_error(error, "Writing"), WorldFullError)
    assert isinstance(refusal(error, str(tmp_path / "w")), WorldFullError)


@pytest.mark.parametrize(
    "error",
    [
        duckdb.FatalException("oops"),
        duckdb.InternalException("oops"),
        duckdb.SerializationException("oops"),
        duckdb.IOException("Corrupt database file: checksum"),
        duckdb.IOException("Could not read enough bytes"),
    ],
)
def test_damage_is_told_from_other_trouble(error: Exception) -> None:
    """And the way out is a copy."""
    found = world_error(error, "Reading")
    assert isinstance(found, WorldDamagedError)
    assert "copy" in found.hint


def test_a_database_that_was_given_up_is_no_damage() -> None:
    """DuckDB answers nothing after an error that it takes for fatal; opened again, it does."""
    error = duckdb.FatalException("Failed: database has been invalidated because of a previous ...")
    found = world_error(error, "Reading")
    assert type(found) is WorldError
    assert "once more" in found.hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Could not set lock on file "w"', WorldLockedError),
        ("Can't open a connection to same database file with a different configuration",
         WorldLockedError),
        ('Cannot open file "w": Permission denied', WorldPathError),
        ('Cannot open file "w": Read-only file system', WorldPathError),
        ("Trying to read a database file with version number 99", WorldVersionError),
        ("Could not read enough bytes", WorldDamagedError),
    ],
)  # fmt: skip
def test_a_file_that_does_not_open_says_why(
    text: str, kind: type[WorldError], tmp_path: Path
) -> None:
    """Each reason has its own error, with the path and a way out."""
    found = refusal(duckdb.IOException(text), str(tmp_path / "w"))
    assert type(found) is kind
    assert str(tmp_path / "w") in found.message
    assert found.hint
