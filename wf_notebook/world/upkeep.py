"""What is done to a world as a whole: which rows go and come when a run is forgotten or the key turned.

A forgotten run leaves a line in the list: its id (so that an idempotency key stays used, and who has
a handle can be told), workflow id, name and hash (what ran) and its times. Notebook, attributes,
events, definition, payloads, streams and its key go. DuckDB leaves deleted bytes in its file, so the
file is due for rewriting until a note says that this was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.errors import RunNotFoundError, RunUnfinishedError
from wf_notebook.world.schema import insert, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.connection import Query, Row, Statement
    from wf_notebook.world.vault import Vault

FORGOTTEN: Final = "forgotten"  # also the status in the list
_EMPTIED: Final = ("events", "blobs", "stream_chunks", "definitions", "run_keys", "run_index")
_LINES: Final = """
    select s.run_id, s.time_us, s.workflow_id, s.name, s.source_hash, e.time_us, e.status
    from run_index s left join run_index e on e.run_id = s.run_id and e.entry = 'end'
    where s.entry = 'start' and s.run_id in (select unnest(?::varchar[]))
"""
# What a copy of the world is told, as `target`: nothing that was deleted is left in it.
REWRITTEN: Final = """
    insert into target.upkeep
    select max(commit_no), max(time_us), 'rewritten', '' from target.upkeep
"""
_DUE: Final = """
    select max(commit_no) filter (where what not in ('rewritten', 'reviewed'))
        > coalesce(max(commit_no) filter (where what = 'rewritten'), 0)
    from upkeep
"""


def to_forget(run_ids: Sequence[str], query: Query) -> list[Row]:
    """Return the lines of those runs that are not forgotten yet.

    Raises:
        RunNotFoundError: one is not in the world.
        RunUnfinishedError: one has not ended.
    """
    lines = {row[0]: row for row in query(_LINES, [list(run_ids)])}
    for run_id in run_ids:
        if run_id not in lines:
            raise RunNotFoundError(f"There is no run '{run_id}' in this world.")
        if lines[run_id][-1] is None:
            raise RunUnfinishedError(
                f"Run {run_id} has not ended.", run_id=run_id, hint="Cancel it first."
            )
    return [row for row in lines.values() if row[-1] != FORGOTTEN]


def forgetting(
    lines: Sequence[Row], *, commit_no: int, now_us: int
) -> tuple[list[Statement], list[Row]]:
    """Return what erases runs, but for their lines, and the notes that it was done."""
    run_ids = [row[0] for row in lines]
    emptied: list[Statement] = [(_emptied(table), [run_ids]) for table in _EMPTIED]
    starts: list[Row] = [
        (run_id, "start", time_us, "pending", workflow_id, name, source_hash, "", "{}")
        for run_id, time_us, workflow_id, name, source_hash, *_ in lines
    ]
    ends: list[Row] = [
        (row[0], "end", row[5], FORGOTTEN, None, None, None, None, None) for row in lines
    ]
    notes: list[Row] = [(commit_no, now_us, FORGOTTEN, run_id) for run_id in run_ids]
    index: Statement = (insert("run_index", 2 * len(lines)), parameters([*starts, *ends]))
    return [*emptied, index], notes


def _emptied(table: str) -> str:
    return f"delete from {table} where run_id in (select unnest(?::varchar[]))"  # noqa: S608 - a name from above


def turning(
    old: Vault, new: Vault, query: Query, *, commit_no: int, now_us: int
) -> tuple[list[Statement], list[Row]]:
    """Return what wraps every run's key with another master key, and the note that it was done.

    Raises:
        WorldDamagedError: a run's key does not open.
    """
    keys: list[Row] = [
        (run_id, new.key_id, old.rewrapped(run_id, wrapped, new))
        for run_id, wrapped in query("select run_id, wrapped from run_keys", [])
    ]
    wrapped: list[Statement] = [(insert("run_keys", len(keys)), parameters(keys))] if keys else []
    sealed: Statement = ("update world set key_id = ?", [new.key_id])
    note: Row = (commit_no, now_us, "rotated", new.key_id)
    return [("delete from run_keys", []), *wrapped, sealed], [note]


def is_forgotten(run_id: str, query: Query) -> bool:
    """Whether there was a run of that id, which was forgotten."""
    return bool(
        query("select 1 from run_index where run_id = ? and status = 'forgotten'", [run_id])
    )


def due(query: Query) -> bool:
    """Whether the file may still hold bytes of what was deleted."""
    return bool(query(_DUE, [])[0][0])
