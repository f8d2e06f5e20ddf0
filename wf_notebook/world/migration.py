"""How a world that an earlier version wrote becomes one of ours: in one transaction, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.errors import WorldFullError
from wf_notebook.world import opening, schema
from wf_notebook.world.chain import FIRST_WITH_MARKS, beginning, last_commit, mark

if TYPE_CHECKING:
    from wf_notebook.world.connection import Connection, Query, Statement
    from wf_notebook.world.opening import Identity

_TABLES_OF_1: Final = frozenset({
    "schema_version", "world", "events", "blobs", "stream_chunks", "definitions", "run_keys",
    "run_index",
})  # fmt: skip
# Views were in the file until they became the program's own: world/views.py.
_VIEWS: Final = ("runs", "steps", "attempts", "hooks", "waits", "streams", "approvals")
_TABLES_OF_2: Final = _TABLES_OF_1 | {"upkeep", "marks"}
_FIRST_WITH_REVIEWS: Final = 3


def migrate(
    connection: Connection, path: str, identity: Identity, *, now_us: int, engine: str
) -> None:
    """Bring the tables of a world to our version.

    It begins with a checkpoint: what is rewritten then lies in the file, not in the log.

    Args:
        connection: to the world; nobody else uses it.
        path: the world.
        identity: who it is.
        now_us: the time of it.
        engine: the version of DuckDB.

    Raises:
        WorldError: it cannot be; the world is what it was.
    """
    if not opening.has_room(path):
        raise WorldFullError(
            f"There is no room to bring {path} from version {identity.version} of the world's"
            f" tables to version {schema.VERSION}; it was left as it is.",
            hint="Free four times its size, and open it again.",
        )
    connection.checkpoint()
    version: list[object] = [schema.VERSION, now_us, engine]
    of_1 = identity.version < FIRST_WITH_MARKS
    connection.write([
        *((statement, []) for statement in _statements(identity.version)),
        (schema.insert("schema_version", 1), version),
        *([_first_mark(connection.query, identity)] if of_1 else []),
    ])  # fmt: skip


def _statements(version: int) -> list[str]:
    """From version 1: blobs got the number of their commit. From 2: approvals are reviews.

    From 3: chunks of bytes are sealed as they are; those that are there stay what they are.
    """
    unused = [f"drop view if exists {name}" for name in _VIEWS]
    if version >= _FIRST_WITH_REVIEWS:
        return unused
    of_1 = version < FIRST_WITH_MARKS
    there = _TABLES_OF_1 if of_1 else _TABLES_OF_2
    return [
        "drop table approvals",  # it was never written
        *unused,
        *(["alter table blobs add column commit_no BIGINT"] if of_1 else []),
        *(schema.create_table(name) for name in schema.TABLES if name not in there),
    ]


def _first_mark(query: Query, identity: Identity) -> Statement:
    """What was written before is taken as it is: the chain begins here."""
    place = beginning(identity.world_id, last_commit(query, ("events", "stream_chunks")))
    return mark(place)
