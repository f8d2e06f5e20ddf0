"""Which views can be asked with SQL, and what does each of their columns mean?

The views are the program's, not the file's: whoever answers a query makes them, as temporary ones,
on the connection that answers. So an older world, or one that is only looked at, has them all; what
the program says of them is true; and no file is changed for them. What they say of a run is what
the fold in world/state.py says. Names, states and times only: nothing in them is sealed.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wf_notebook.world.schema import TABLES, create_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PAYLOAD", "VIEWS", "View", "advice", "preparing"]

# A sleep may be due after the last year that a datetime can say.
_LAST_US: Final = 253_402_300_799_999_999
_QUOTED: Final = re.compile(r"(?:Table with name|Referenced table) \"?(\w+)\"?")
_COLUMN: Final = re.compile(r"[Cc]olumn(?: named)? \"")


@dataclass(frozen=True, slots=True)
class View:
    """A view.

    Attributes:
        about: what one of its rows is.
        query: what it shows; a time is in microseconds since 1970 (UTC), under its name with `_us`.
        columns: name to meaning, in order. A column of `times` is a TIMESTAMP, made of the one that
            the query gives with `_us`, which follows at the end.
        times: which of the columns are times.
    """

    about: str
    query: str
    columns: Mapping[str, str]
    times: tuple[str, ...] = ()

    @property
    def meanings(self) -> dict[str, str]:
        """All columns with their meanings, as they stand in the view."""
        precise = {f"{t}_us": f"{t}, in microseconds since 1970 (UTC)" for t in self.times}
        return {**self.columns, **precise}


_RUN: Final = {"run_id": "the run"}
_WORKFLOW: Final = {
    "workflow": "the name of the run's workflow",
    "source_hash": "the hash of the definition that the run executes",
}
_LINE: Final = {"line": "the line of the source that asked for it, from 1"}
_PLACE: Final = {
    "id": "its correlation id",
    "n": "its position among what the run asked for",
}
_ASKED: Final = {"created": "when it was asked for"}
_SEQ: Final = {"created_seq": "the event that asked for it: payload(run_id, created_seq)"}

# Of which workflow a run is, joined to what has only its id.
_OF: Final = (
    "join (select run_id, name as workflow, source_hash from run_index where entry = 'start') w"
    " on w.run_id = m.run_id"
)

_RUNS: Final = View(
    "a run; what it has asked for is in the other views",
    """
    with told as (
        select run_id,
            any_value(meta) filter (where type = 'run_created') as created,
            any_value(meta) filter (where type = 'run_failed') as failed,
            max(time_us) filter (where type = 'run_started') as started_us,
            arg_max(meta, seq) filter (where type = 'attr_set') as labelled,
            arg_max(meta, seq) filter (where type = 'run_adopted') as adopted
        from events
        where type in ('run_created', 'run_started', 'run_failed', 'attr_set', 'run_adopted')
        group by run_id
    ),
    counted as (select run_id, count(*) as events from events group by run_id)
    select s.run_id, s.name, s.source_hash, s.workflow_id, s.origin,
        coalesce(
            e.status, case when t.started_us is null then 'pending' else 'running' end
        ) as status,
        s.time_us as created_us, t.started_us, e.time_us as ended_us,
        (e.time_us - s.time_us) / 1e6 as seconds,
        t.failed ->> '$.code' as code, (t.failed ->> '$.line')::bigint as line,
        coalesce(t.labelled ->> '$.attributes', s.attributes) as attributes,
        coalesce(t.adopted ->> '$.notebook', s.origin) as notebook,
        t.created ->> '$.parent.run_id' as parent_run_id,
        t.created ->> '$.parent.step_id' as parent_step,
        case when t.created is not null
            then coalesce(t.created ->> '$.root', s.run_id) end as root_run_id,
        t.created ->> '$.rerun_of' as rerun_of,
        (t.created ->> '$.approval.name') || '@' || (t.created ->> '$.approval.revision')
            as approval,
        t.created ->> '$.key' as key, t.created ->> '$.isolation' as isolation,
        t.created ->> '$.language' as language, t.created ->> '$.python' as python,
        coalesce(c.events, 0) as events,
        case when e.run_id is not null then c.events end as ended_seq
    from (select * from run_index where entry = 'start') s
    left join (select * from run_index where entry = 'end') e on e.run_id = s.run_id
    left join told t on t.run_id = s.run_id
    left join counted c on c.run_id = s.run_id
    """,
    {
        "run_id": "its id",
        "name": "the name of its workflow",
        "status": "pending, running (waiting included), completed, failed, cancelled or forgotten",
        "created": "when it was created",
        "started": "when it first ran",
        "ended": "when it ended",
        "seconds": "from created to ended; null while it lives",
        "code": "why it failed, such as USER_ERROR",
        "line": "the line of the source where it failed, from 1",
        "source_hash": "the hash of its definition: source and steps",
        "workflow_id": "the id of its definition",
        "parent_run_id": "the run whose step started it",
        "parent_step": "the id of that step",
        "root_run_id": "the run at the head of its family; its own id if none started it",
        "rerun_of": "the run that it repeats",
        "approval": "the revision that it was started under, such as refund@3",
        "attributes": "its labels now, as a JSON object",
        "origin": "the notebook where it was started",
        "notebook": "the notebook that it belongs to now",
        "key": "its idempotency key",
        "isolation": "where its source runs: strict, process or inline",
        "language": "the version of the language that its source is written in",
        "python": "the version of Python that started it",
        "events": "how many events its log has",
        "ended_seq": "the event that ended it: payload(run_id, ended_seq)",
    },
    ("created", "started", "ended"),
)  # fmt: skip

_STEPS: Final = View(
    "a call of a step",
    f"""
    with later as (
        select run_id, correlation_id,
            arg_max(type, seq) as last_type, arg_max(meta, seq) as last_meta,
            arg_max(time_us, seq) as last_us, max(seq) as last_seq,
            count(*) filter (where type = 'step_started') as attempts,
            min(time_us) filter (where type = 'step_started') as started_us
        from events
        where type in ('step_started', 'step_retrying', 'step_completed', 'step_failed',
            'step_cancelled')
        group by run_id, correlation_id
    ),
    joined as (
        select m.run_id, m.correlation_id as id, m.meta, m.time_us as created_us,
            m.seq as created_seq, l.started_us, l.last_us, l.last_meta, l.last_seq,
            coalesce(l.attempts, 0) as attempts, w.workflow, w.source_hash,
            case coalesce(l.last_type, 'step_created')
                when 'step_created' then 'pending' when 'step_started' then 'running'
                else substr(l.last_type, 6) end as status,
            coalesce(
                l.last_type in ('step_completed', 'step_failed', 'step_cancelled'), false
            ) as over
        from (select * from events where type = 'step_created') m
        left join later l on l.run_id = m.run_id and l.correlation_id = m.correlation_id
        {_OF}
    )
    select run_id, workflow, source_hash, id, (meta ->> '$.n')::bigint as n,
        meta ->> '$.alias' as alias, meta ->> '$.step_id' as step_id,
        (meta ->> '$.line')::bigint as line, status, attempts, created_us, started_us,
        case when status = 'retrying'
            then (last_meta ->> '$.retry_at_us')::bigint end as retry_at_us,
        case when over then last_us end as ended_us,
        case when over then (last_us - created_us) / 1e6 end as seconds,
        created_seq, case when over then last_seq end as ended_seq
    from joined
    """,  # noqa: S608 - all of it stands here
    {
        **_RUN,
        **_WORKFLOW,
        **_PLACE,
        "alias": "what the source calls it",
        "step_id": "which function it is, as step//module//name",
        **_LINE,
        "status": "pending, running, retrying, completed, failed or cancelled",
        "attempts": "how often it was started",
        **_ASKED,
        "started": "when its first attempt began",
        "retry_at": "when the next attempt may begin, while it is retrying",
        "ended": "when its outcome was recorded",
        "seconds": "from created to ended, retries included; null until then",
        **_SEQ,
        "ended_seq": "the event with its outcome: payload(run_id, ended_seq)",
    },
    ("created", "started", "retry_at", "ended"),
)

_ATTEMPTS: Final = View(
    "an attempt of a step",
    f"""
    with told as (
        select *, lead(type) over p as next_type, lead(time_us) over p as next_us,
            lead(seq) over p as next_seq,
            max(meta) filter (where type = 'step_created') over (
                partition by run_id, correlation_id
            ) as asked
        from events
        where type in ('step_created', 'step_started', 'step_retrying', 'step_completed',
            'step_failed', 'step_cancelled')
        window p as (partition by run_id, correlation_id order by seq)
    )
    select m.run_id, w.workflow, w.source_hash, correlation_id as step,
        asked ->> '$.alias' as alias, (meta ->> '$.attempt')::bigint as number,
        coalesce((meta ->> '$.rerun') = 'true', false) as rerun,
        case when next_type <> 'step_started' then substr(next_type, 6) end as outcome,
        time_us as started_us,
        case when next_type <> 'step_started' then next_us end as ended_us,
        case when next_type <> 'step_started' then (next_us - time_us) / 1e6 end as seconds,
        seq, case when next_type <> 'step_started' then next_seq end as ended_seq
    from told m {_OF} where type = 'step_started'
    """,  # noqa: S608 - all of it stands here
    {
        **_RUN,
        **_WORKFLOW,
        "step": "the id of the step, as in steps.id",
        "alias": "what the source calls the step",
        "number": "1, 2, 3 …; one that is made again after a crash keeps its number",
        "rerun": "whether it was made again because the process died in the one before",
        "outcome": "completed, failed, retrying (it failed, another follows) or cancelled; null"
        " while it runs, or if the process died in it",
        "started": "when it began",
        "ended": "when its outcome was recorded",
        "seconds": "from started to ended",
        "seq": "the event that began it",
        "ended_seq": "the event with its outcome: payload(run_id, ended_seq)",
    },
    ("started", "ended"),
)

_HOOKS: Final = View(
    "a wait for a person",
    f"""
    with later as (
        select run_id, correlation_id,
            count(*) filter (where type = 'hook_received') as received,
            min(time_us) filter (where type = 'hook_received') as first_received_us,
            max(time_us) filter (where type = 'hook_received') as last_received_us,
            max(seq) filter (where type = 'hook_received') as last_received_seq,
            max(time_us) filter (where type = 'hook_disposed') as ended_us
        from events where type in ('hook_received', 'hook_disposed')
        group by run_id, correlation_id
    )
    select m.run_id, w.workflow, w.source_hash, m.correlation_id as id,
        (m.meta ->> '$.n')::bigint as n, m.meta ->> '$.token' as token,
        m.meta ->> '$.schema' as schema_name, (m.meta ->> '$.line')::bigint as line,
        case when m.type = 'hook_conflict' then 'conflict'
            when l.ended_us is not null then 'disposed' else 'open' end as status,
        m.type = 'hook_created' and l.ended_us is null and e.run_id is null as waiting,
        coalesce(l.received, 0) as received, m.meta ->> '$.owner' as owner,
        m.time_us as created_us, l.first_received_us, l.last_received_us, l.ended_us,
        (l.first_received_us - m.time_us) / 1e6 as answer_seconds,
        (l.ended_us - m.time_us) / 1e6 as seconds,
        m.seq as created_seq, l.last_received_seq
    from (select * from events where type in ('hook_created', 'hook_conflict')) m
    left join later l on l.run_id = m.run_id and l.correlation_id = m.correlation_id
    left join (select run_id from run_index where entry = 'end') e on e.run_id = m.run_id
    {_OF}
    """,  # noqa: S608 - all of it stands here
    {
        **_RUN,
        **_WORKFLOW,
        **_PLACE,
        "token": "what a resume names",
        "schema_name": "the name of the schema of its payloads",
        **_LINE,
        "status": "open (also if its run has ended without it), disposed or conflict",
        "waiting": "whether it can be resumed now",
        "received": "how many payloads were recorded",
        "owner": "with status conflict: the run that had the token",
        **_ASKED,
        "first_received": "when the first payload came",
        "last_received": "when the newest payload came",
        "ended": "when it was disposed of",
        "answer_seconds": "from created to the first payload; null until then",
        "seconds": "from created to ended; null until then",
        **_SEQ,
        "last_received_seq": "the event with the newest: payload(run_id, last_received_seq)",
    },
    ("created", "first_received", "last_received", "ended"),
)

_WAITS: Final = View(
    "a sleep, or a deadline of asyncio's",
    f"""
    select m.run_id, w.workflow, w.source_hash, m.correlation_id as id,
        (m.meta ->> '$.n')::bigint as n, (m.meta ->> '$.line')::bigint as line,
        m.meta ->> '$.kind' as kind,
        case when l.type is null then 'pending' else substr(l.type, 6) end as status,
        coalesce((l.meta ->> '$.woken') = 'true', false) as woken,
        m.time_us as created_us, (m.meta ->> '$.due_us')::bigint as due_us,
        l.time_us as ended_us, (l.time_us - m.time_us) / 1e6 as seconds
    from (select * from events where type = 'wait_created') m
    left join (select * from events where type in ('wait_completed', 'wait_cancelled')) l
        on l.run_id = m.run_id and l.correlation_id = m.correlation_id
    {_OF}
    """,  # noqa: S608 - all of it stands here
    {
        **_RUN,
        **_WORKFLOW,
        **_PLACE,
        "kind": "sleep, or timer for a deadline",
        **_LINE,
        "status": "pending, completed or cancelled",
        "woken": "whether it was ended early on request",
        **_ASKED,
        "due": "when it is to end",
        "ended": "when it ended",
        "seconds": "from created to ended; null until then",
    },
    ("created", "due", "ended"),
)

_STREAMS: Final = View(
    "a stream that steps wrote, or stdout with what the source printed",
    f"""
    with closed as (
        select run_id, meta ->> '$.stream' as stream, time_us as closed_us
        from events where type = 'stream_closed'
    ),
    written as (
        select run_id, stream, count(*) as chunks, max(idx) as last_idx,
            sum(octet_length(bytes))::bigint as sealed_bytes
        from stream_chunks group by run_id, stream
    )
    select m.run_id, w.workflow, w.source_hash, m.stream, coalesce(m.chunks, 0) as chunks,
        m.last_idx, coalesce(m.sealed_bytes, 0) as sealed_bytes, m.closed_us
    from (from written full join closed using (run_id, stream)) m {_OF}
    """,  # noqa: S608 - all of it stands here
    {
        **_RUN,
        **_WORKFLOW,
        "stream": "its name",
        "chunks": "how many pieces were written",
        "last_idx": "the index of the last one",
        "sealed_bytes": "how many bytes they take, sealed",
        "closed": "when it was closed",
    },
    ("closed",),
)

_ATTRIBUTES: Final = View(
    "a label that a run has now",
    """
    select r.run_id, r.name as workflow, r.source_hash, j.key as name, j.value ->> '$' as text
    from runs r, json_each(r.attributes) j
    """,
    {**_RUN, **_WORKFLOW, "name": "the label", "text": "what it says"},
)

_DEFINITIONS: Final = View(
    "a definition: a source with its steps, as runs have executed it",
    """
    select s.name, s.source_hash, s.workflow_id, count(*) as runs,
        count(*) filter (where e.status = 'completed') as completed,
        count(*) filter (where e.status = 'failed') as failed,
        count(*) filter (where e.status = 'cancelled') as cancelled,
        count(*) filter (where e.status = 'forgotten') as forgotten,
        count(*) filter (where e.status is null) as unfinished,
        quantile_cont((e.time_us - s.time_us) / 1e6, 0.5)
            filter (where e.status = 'completed') as p50_seconds,
        quantile_cont((e.time_us - s.time_us) / 1e6, 0.95)
            filter (where e.status = 'completed') as p95_seconds,
        min(s.time_us) as first_us, max(s.time_us) as last_us
    from (select * from run_index where entry = 'start') s
    left join (select * from run_index where entry = 'end') e on e.run_id = s.run_id
    group by s.name, s.source_hash, s.workflow_id
    """,
    {
        "name": "the workflow's name",
        "source_hash": "the hash of source and steps",
        "workflow_id": "its id",
        "runs": "how many runs there were",
        "completed": "how many of them completed",
        "failed": "how many failed",
        "cancelled": "how many were cancelled",
        "forgotten": "how many were forgotten",
        "unfinished": "how many have not ended",
        "p50_seconds": "how long half of the completed runs took at most, from created to ended",
        "p95_seconds": "how long 95 % of them took at most",
        "first": "when the first run was created",
        "last": "when the newest run was created",
    },
    ("first", "last"),
)

_APPROVALS: Final = View(
    "an approved revision of a source",
    """
    select name, number as revision, source_hash, record is null as erased, time_us as approved_us
    from reviews where kind = 'approval'
    """,
    {
        "name": "the workflow's name",
        "revision": "1, 2, 3 … of that name",
        "source_hash": "the hash of source and steps",
        "erased": "whether its source and notes were erased",
        "approved": "when it was approved",
    },
    ("approved",),
)

VIEWS: Final[Mapping[str, View]] = {
    "runs": _RUNS,
    "steps": _STEPS,
    "attempts": _ATTEMPTS,
    "hooks": _HOOKS,
    "waits": _WAITS,
    "streams": _STREAMS,
    "attributes": _ATTRIBUTES,
    "definitions": _DEFINITIONS,
    "approvals": _APPROVALS,
}

PAYLOAD: Final = (
    "payload(run_id, seq)",
    "what an event holds sealed, opened, as JSON: arguments, results, errors, payloads; or null",
)
OPENED: Final = "wf_opened"  # to JSON text; made of Python, see world/asking.py
TAKES: Final = ("VARCHAR", "VARCHAR", "BLOB", "VARCHAR", "BLOB")


def preparing(tables: Sequence[str]) -> list[str]:
    """Return the statements that make the views on a connection.

    Args:
        tables: those of the world; what an earlier version had no table for is empty.
    """
    lacking = [name for name in TABLES if name not in tables]
    return [
        *(create_table(name).replace("create", "create temp", 1) for name in lacking),
        *(line for name, view in VIEWS.items() for line in _making(name, view)),
    ]


def payload_macro() -> str:
    """Return the statement that makes `payload`, once there is the function `wf_opened`."""
    # What is given may be a column of the query around it, such as run_id: the names in here are ones
    # that no query has. The run's key comes with it: to look up each would take far longer.
    return f"""
        create temp macro payload(wf_of_run, wf_of_seq) as (
            select {OPENED}(
                wf_run, wf_event, wf_sealed, coalesce(wf_key, ''), coalesce(wf_wrapped, ''::blob)
            )
            from (
                select e.run_id as wf_run, e.seq as wf_seq, e.event_id as wf_event,
                    e.payload as wf_sealed, k.key_id as wf_key, k.wrapped as wf_wrapped
                from events e left join run_keys k on k.run_id = e.run_id
            )
            where wf_run = wf_of_run and wf_seq = wf_of_seq
        )
    """  # noqa: S608 - all of it stands here


def _making(name: str, view: View) -> list[str]:
    shown = [_shown(column, view.times) for column in view.meanings]
    return [
        f"create temp view {name} as select {', '.join(shown)} from ({view.query})",  # noqa: S608 - all of it stands above
        f"comment on view {name} is {_quoted(view.about)}",
        *(
            f"comment on column {name}.{column} is {_quoted(meaning)}"
            for column, meaning in view.meanings.items()
        ),
    ]


def _shown(column: str, times: Sequence[str]) -> str:
    if column not in times:
        return column
    return f"case when {column}_us <= {_LAST_US} then make_timestamp({column}_us) end as {column}"


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def advice(message: str) -> str:
    """Return what to do about a query that DuckDB has refused with that message.

    >>> advice('Catalog Error: Table with name runz does not exist!')
    'Did you mean runs? `wf sql` lists views and columns.'
    """
    found = _QUOTED.search(message)
    near = difflib.get_close_matches(found[1].lower(), VIEWS, n=3, cutoff=0.5) if found else []
    near = [name for name in near if f'Did you mean "{name}"' not in message]
    meant = f"Did you mean {' or '.join(near)}? " if near else _columns(message)
    return f"{meant}`wf sql` lists views and columns."


def _columns(message: str) -> str:
    """The columns of the views that stand in the line that the message quotes."""
    if not _COLUMN.search(message):
        return ""
    line = message.rpartition("LINE ")[2].lower()
    named = [name for name in VIEWS if re.search(rf"\b{name}\b", line)]
    return "".join(f"Columns of {name}: {', '.join(VIEWS[name].meanings)}. " for name in named[:1])
