"""What a world file looks like: its tables, its views, and the version of both.

Tables are only ever inserted into, but when a run is forgotten or the master key changed. What is
sealed is a BLOB; the rest is plain and made for queries. Times are microseconds UTC; the views give each as a TIMESTAMP, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

VERSION: Final = 3

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

# Up to this many rows one VALUES list is quicker, above it one list for each column.
_FEW_ROWS: Final = 5
# A sleep may be due after the last year that a datetime can say.
_LAST_US: Final = 253_402_300_799_999_999


@dataclass(frozen=True, slots=True)
class View:
    """A view.

    Attributes:
        query: what it shows; times end in `_us`.
        times: the names of its times, without that ending, which are added as TIMESTAMPs.
    """

    query: str
    times: tuple[str, ...] = ()


# The views agree with the fold in world/state.py, status for status.
VIEWS: Final[dict[str, View]] = {
    "runs": View(
        """
        select s.run_id, s.workflow_id, s.name, s.source_hash,
            coalesce(
                e.status, case when b.time_us is null then 'pending' else 'running' end
            ) as status,
            s.origin,
            coalesce(json_extract(a.meta, '$.attributes')::varchar, s.attributes) as attributes,
            json_extract_string(f.meta, '$.code') as code,
            json_extract_string(f.meta, '$.line')::bigint as line,
            s.time_us as created_us, b.time_us as started_us, e.time_us as ended_us
        from run_index s
        left join run_index e on e.run_id = s.run_id and e.entry = 'end'
        left join (
            select run_id, max(time_us) as time_us
            from events where type = 'run_started' group by run_id
        ) b on b.run_id = s.run_id
        left join events f on f.run_id = s.run_id and f.type = 'run_failed'
        left join (
            select run_id, arg_max(meta, seq) as meta
            from events where type = 'attr_set' group by run_id
        ) a on a.run_id = s.run_id
        where s.entry = 'start'
        """,
        ("created", "started", "ended"),
    ),
    "steps": View(
        """
        with made as (select * from events where type = 'step_created'),
        later as (
            select run_id, correlation_id,
                arg_max(type, seq) as last_type, arg_max(meta, seq) as last_meta,
                arg_max(time_us, seq) as last_us,
                count(*) filter (where type = 'step_started') as attempts,
                min(time_us) filter (where type = 'step_started') as started_us
            from events
            where type in ('step_started', 'step_retrying', 'step_completed', 'step_failed',
                'step_cancelled')
            group by run_id, correlation_id
        ),
        joined as (
            select m.run_id, m.correlation_id as id, m.meta, m.time_us as created_us,
                l.started_us, l.last_us, l.last_meta, coalesce(l.attempts, 0) as attempts,
                case coalesce(l.last_type, 'step_created')
                    when 'step_created' then 'pending' when 'step_started' then 'running'
                    else substr(l.last_type, 6) end as status
            from made m left join later l
                on l.run_id = m.run_id and l.correlation_id = m.correlation_id
        )
        select run_id, id, json_extract_string(meta, '$.n')::bigint as n,
            json_extract_string(meta, '$.alias') as alias,
            json_extract_string(meta, '$.step_id') as step_id,
            json_extract_string(meta, '$.line')::bigint as line,
            status, attempts, created_us, started_us,
            case when status = 'retrying'
                then json_extract_string(last_meta, '$.retry_at_us')::bigint end as retry_at_us,
            case when status in ('completed', 'failed', 'cancelled') then last_us end as ended_us
        from joined
        """,
        ("created", "started", "retry_at", "ended"),
    ),
    "attempts": View(
        """
        with told as (
            select *, lead(type) over w as next_type, lead(time_us) over w as next_us
            from events where type like 'step_%'
            window w as (partition by run_id, correlation_id order by seq)
        )
        select run_id, correlation_id as step, seq,
            json_extract_string(meta, '$.attempt')::bigint as number,
            coalesce(json_extract_string(meta, '$.rerun') = 'true', false) as rerun,
            case when next_type <> 'step_started' then substr(next_type, 6) end as outcome,
            time_us as started_us,
            case when next_type <> 'step_started' then next_us end as ended_us
        from told where type = 'step_started'
        """,
        ("started", "ended"),
    ),
    "hooks": View(
        """
        with made as (select * from events where type in ('hook_created', 'hook_conflict')),
        later as (
            select run_id, correlation_id,
                count(*) filter (where type = 'hook_received') as received,
                max(time_us) filter (where type = 'hook_received') as last_received_us,
                max(time_us) filter (where type = 'hook_disposed') as ended_us
            from events where type in ('hook_received', 'hook_disposed')
            group by run_id, correlation_id
        )
        select m.run_id, m.correlation_id as id, json_extract_string(m.meta, '$.n')::bigint as n,
            json_extract_string(m.meta, '$.token') as token,
            json_extract_string(m.meta, '$.schema') as schema_name,
            json_extract_string(m.meta, '$.line')::bigint as line,
            case when m.type = 'hook_conflict' then 'conflict'
                when l.ended_us is not null then 'disposed' else 'open' end as status,
            coalesce(l.received, 0) as received,
            json_extract_string(m.meta, '$.owner') as owner,
            m.time_us as created_us, l.last_received_us, l.ended_us
        from made m left join later l
            on l.run_id = m.run_id and l.correlation_id = m.correlation_id
        """,
        ("created", "last_received", "ended"),
    ),
    "waits": View(
        """
        select m.run_id, m.correlation_id as id, json_extract_string(m.meta, '$.n')::bigint as n,
            json_extract_string(m.meta, '$.line')::bigint as line,
            json_extract_string(m.meta, '$.kind') as kind,
            case when l.type is null then 'pending' else substr(l.type, 6) end as status,
            coalesce(json_extract_string(l.meta, '$.woken') = 'true', false) as woken,
            m.time_us as created_us,
            json_extract_string(m.meta, '$.due_us')::bigint as due_us,
            l.time_us as ended_us
        from (select * from events where type = 'wait_created') m
        left join (select * from events where type in ('wait_completed', 'wait_cancelled')) l
            on l.run_id = m.run_id and l.correlation_id = m.correlation_id
        """,
        ("created", "due", "ended"),
    ),
    "streams": View(
        """
        select run_id, stream, count(*) as chunks, max(idx) as last_idx,
            sum(octet_length(bytes))::bigint as sealed_bytes
        from stream_chunks group by run_id, stream
        """
    ),
    "approvals": View(
        """
        select name, number as revision, source_hash, record is null as erased,
            time_us as approved_us
        from reviews where kind = 'approval'
        """,
        ("approved",),
    ),
}

# What heads are made of: of `meta`, only what a condition looks at.
HEADS: Final = """
    select run_id, seq, type, correlation_id, time_us,
        case when type like 'hook_%' or type in ('step_cancelled', 'attr_set', 'stream_closed')
            then meta end
    from events semi join (select unnest(?::varchar[]) as run_id) as live using (run_id)
    order by run_id, seq
"""


def create() -> list[str]:
    """Return the statements that make tables and views in an empty file."""
    return [create_table(name) for name in TABLES] + create_views()


def create_table(name: str) -> str:
    """Return the statement that makes a table."""
    return f"create table {name} ({', '.join(f'{c} {t}' for c, t in TABLES[name].items())})"


def create_views() -> list[str]:
    """Return the statements that make all views."""
    return [_create_view(name, view) for name, view in VIEWS.items()]


def _create_view(name: str, view: View) -> str:
    times = [
        f"case when {time}_us <= {_LAST_US} then make_timestamp({time}_us) end as {time}"
        for time in view.times
    ]
    return f"create view {name} as select {', '.join(['*', *times])} from ({view.query})"  # noqa: S608 - all of it stands above


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
    columns = ", ".join(f"unnest(?::{kind}[])" for kind in types)
    return f"insert into {table} select {columns}"


def parameters(rows: list[tuple[object, ...]]) -> list[object]:
    """Return the parameters of `insert` for these rows."""
    if len(rows) <= _FEW_ROWS:
        return [value for row in rows for value in row]
    return [list(column) for column in zip(*rows, strict=True)]
