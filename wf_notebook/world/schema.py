"""What a world file looks like: its tables, and their version.

Tables are only ever inserted into, but when a run is forgotten or the master key changed. What is
sealed is a BLOB; the rest is plain. Times are microseconds UTC. What people ask with SQL are the
views of world/views.py, which are not in the file.
"""

from __future__ import annotations

from functools import cache
from typing import Final

VERSION: Final = 4

# Columns with their types, in the order of the rows that are inserted.
TABLES: Final[dict[str, dict[str, str]]] = {
    "schema_version": {"version": "BIGINT", "since_us": "BIGINT", "engine": "VARCHAR"},
    "world": {"world_id": "VARCHAR", "key_id": "VARCHAR", "created_us": "BIGINT"},
    "events": {
        "commit_no": "BIGINT",
        "run_id": "VARCHAR",
        "seq": "BIGINT",
        "event_id": "VARCHAR",
        "type": "VARCHAR",
        "correlation_id": "VARCHAR",
        "time_us": "BIGINT",
        "meta": "VARCHAR",
        "payload": "BLOB",
    },
    # Those that version 1 has written have no `commit_no`.
    "blobs": {
        "blob_id": "VARCHAR",
        "run_id": "VARCHAR",
        "bytes": "BLOB",
        "commit_no": "BIGINT",
    },
    "stream_chunks": {
        "commit_no": "BIGINT",
        "run_id": "VARCHAR",
        "stream": "VARCHAR",
        "idx": "BIGINT",
        "bytes": "BLOB",
    },
    "definitions": {"run_id": "VARCHAR", "record": "BLOB"},
    "run_keys": {"run_id": "VARCHAR", "key_id": "VARCHAR", "wrapped": "BLOB"},
    # One row when a run begins (entry "start") and one when it ends (entry "end"). At its end
    # `attributes` are given only if they were set since.
    "run_index": {
        "run_id": "VARCHAR",
        "entry": "VARCHAR",
        "time_us": "BIGINT",
        "status": "VARCHAR",
        "workflow_id": "VARCHAR",
        "name": "VARCHAR",
        "source_hash": "VARCHAR",
        "origin": "VARCHAR",
        "attributes": "VARCHAR",
    },
    # What was done to the world as a whole: "forgotten" (subject: the run), "rotated" (the master
    # key's id), "reviewed" and "erased" (which source), "rewritten" (nothing of what was deleted up
    # to that commit is left in the file).
    "upkeep": {
        "commit_no": "BIGINT",
        "time_us": "BIGINT",
        "what": "VARCHAR",
        "subject": "VARCHAR",
    },
    # Sources that were proposed or approved; see world/reviews.py. An erased one has no record.
    "reviews": {
        "commit_no": "BIGINT",
        "kind": "VARCHAR",
        "name": "VARCHAR",
        "number": "BIGINT",
        "source_hash": "VARCHAR",
        "time_us": "BIGINT",
        "record": "BLOB",
    },
    # How far the log was at each checkpoint; see world/chain.py.
    "marks": {"commit_no": "BIGINT", "chain": "BLOB", "events": "BIGINT"},
}

# Sealed bytes get no smaller, and to try takes up to two thirds of a checkpoint.
_HOW: Final = {"BLOB": " using compression 'uncompressed'"}

# Up to this many rows one VALUES list is quicker, above it one list for each column.
_FEW_ROWS: Final = 5

# What heads are made of: of `meta`, only what a condition looks at.
HEADS: Final = """
    select run_id, seq, commit_no, type, correlation_id, time_us,
        case when type like 'hook_%' or type in ('step_cancelled', 'attr_set', 'stream_closed')
            then meta end
    from events semi join (select unnest(?::varchar[]) as run_id) as live using (run_id)
    order by run_id, seq
"""


def create() -> list[str]:
    """Return the statements that make the tables in an empty file."""
    return [create_table(name) for name in TABLES]


def create_table(name: str) -> str:
    """Return the statement that makes a table."""
    columns = [f"{column} {kind}{_HOW.get(kind, '')}" for column, kind in TABLES[name].items()]
    return f"create table {name} ({', '.join(columns)})"


@cache
def insert(table: str, rows: int) -> str:
    """Return the statement that inserts some rows; see `parameters` for what it takes.

    >>> insert("definitions", 2)
    'insert into definitions values (?, ?), (?, ?)'
    """
    types = TABLES[table].values()
    if rows <= _FEW_ROWS:
        values = ", ".join([f"({', '.join('?' for _ in types)})"] * rows)
        return f"insert into {table} values {values}"  # noqa: S608 - names from above, values apart
    # The lists are given in a query of their own: DuckDB names a column after what it is made of,
    # and would write out each blob for that, which takes longer than to store it.
    given = ", ".join(f"?::{kind}[] as {name}" for name, kind in TABLES[table].items())
    columns = ", ".join(f"unnest({name})" for name in TABLES[table])
    return f"insert into {table} select {columns} from (select {given})"  # noqa: S608 - the same


def parameters(rows: list[tuple[object, ...]]) -> list[object]:
    """Return the parameters of `insert` for these rows."""
    if len(rows) <= _FEW_ROWS:
        return [value for row in rows for value in row]
    return [list(column) for column in zip(*rows, strict=True)]
