"""Which file is a world of ours, and how a new one comes to be: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import (
    WorldDamagedError,
    WorldError,
    WorldPathError,
    WorldVersionError,
)
from wf_notebook.ids import SystemIds
from wf_notebook.world import schema
from wf_notebook.world.chain import beginning, mark
from wf_notebook.world.paths import WAL_SUFFIX, make_private, sync_folder

if TYPE_CHECKING:
    from wf_notebook.world.connection import Connection, Query

_MAGIC: Final = (b"DUCK", 8)  # of a DuckDB file: what, and where
_SPACE_FACTOR: Final = 4  # a checkpoint may need room for a copy of what it rewrites


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a world is.

    Attributes:
        world_id: random, made with the world.
        key_id: the name of the master key that it is sealed with.
        version: of its tables; an older one than ours until it is migrated.
    """

    world_id: str
    key_id: str
    version: int = schema.VERSION


def fill(connection: Connection, key_id: str, *, created_us: int, engine: str) -> Identity:
    """Make the tables of a new world in an empty database; returns who it is."""
    identity = Identity(SystemIds().event_id(), key_id)
    version: list[object] = [schema.VERSION, created_us, engine]
    world: list[object] = [identity.world_id, key_id, created_us]
    connection.write([
        *((statement, []) for statement in schema.create()),
        (schema.insert("schema_version", 1), version),
        (schema.insert("world", 1), world),
        mark(beginning(identity.world_id)),
    ])  # fmt: skip
    return identity


def identify(query: Query, path: str) -> Identity:
    """Return who the world in an open database is.

    Raises:
        WorldPathError: it is somebody else's database.
        WorldVersionError: a later version of wf_notebook wrote it.
        WorldDamagedError: it does not say who it is.
    """
    try:
        worlds = query("select world_id, key_id from world", [])
        version = query("select max(version) from schema_version", [])[0][0]
    except WorldDamagedError:
        raise
    except WorldError as error:
        raise WorldPathError(
            f"{path} is a DuckDB database, but not a world of wf_notebook.",
            hint="It was left as it is; give another path.",
        ) from error
    if version is not None and version > schema.VERSION:
        raise WorldVersionError(
            f"{path} was written with version {version} of the world's tables;"
            f" this wf_notebook reads them up to version {schema.VERSION}.",
            hint="Open it with the wf_notebook that wrote it; it was left as it is.",
        )
    if version is None or len(worlds) != 1:
        raise WorldDamagedError(
            f"{path} does not say which world it is.", hint="Restore it from a copy."
        )
    world_id, key_id = worlds[0]
    return Identity(world_id, key_id, version)


def is_duckdb(path: str) -> bool:
    """Whether a file begins as a DuckDB file does.

    Only for a file that could not be opened: closing it drops the locks that this process has
    on it.
    """
    magic, offset = _MAGIC
    try:
        with open(path, "rb") as file:
            return file.read(offset + len(magic))[offset:] == magic
    except OSError:
        return False


def draft_path(path: str) -> str:
    """Return where a new world is made; what lies there is left over."""
    return path + ".new"


def remove_draft(path: str) -> None:
    """Remove what an attempt to make a world left behind, if it left anything.

    Raises:
        OSError: it cannot be removed.
    """
    for leftover in (draft_path(path), draft_path(path) + WAL_SUFFIX):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(leftover)


def publish(path: str) -> None:
    """Put a finished draft in its place, private to its user, for good.

    Raises:
        OSError: it cannot be put there.
    """
    put(draft_path(path), path)


def put(new: str, path: str) -> None:
    """Let a finished file take the place of a world, or of none, at one stroke and for good.

    Raises:
        OSError: it cannot be put there.
    """
    make_private(new)
    os.replace(new, path)
    sync_folder(path)


def wal_bytes(path: str) -> int:
    """Return the length of a world's log; 0 if there is none."""
    try:
        return os.stat(path + WAL_SUFFIX).st_size
    except FileNotFoundError:
        return 0


def has_room(path: str) -> bool:
    """Whether a checkpoint cannot run out of space half-way."""
    needed = _SPACE_FACTOR * (os.stat(path).st_size + wal_bytes(path))
    return shutil.disk_usage(os.path.dirname(path)).free >= needed
