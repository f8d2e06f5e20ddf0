"""What is said and known of a run whose log cannot be read, or is not what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.engine.activity import Activity, Blocked
from wf_notebook.errors import RunNotFoundError, WorldDamagedError, WorldError
from wf_notebook.world.state import RunState

if TYPE_CHECKING:
    from wf_notebook.world.store import RunRow

UNREADABLE: Final = (WorldError, RunNotFoundError, ValueError, KeyError, TypeError, IndexError)


def unread(row: RunRow, before: Activity | None, error: Exception) -> Activity:
    """Stand in for a run whose log cannot be read: what a list says of it, and why that is.

    Args:
        row: what a list says.
        before: what people hold of it, if anybody does.
        error: why it cannot be read.
    """
    created = {
        "name": row.name,
        "workflow_id": row.workflow_id,
        "source_hash": row.source_hash,
        "origin": {"notebook": row.origin},
    }
    state = RunState(row.run_id, created=created, created_us=row.created_us)
    act = before or Activity(row.run_id, state, b"", (), {}, behind=False)
    said = error if isinstance(error, WorldError) else broken_log(row.run_id, error)
    act.blocked = Blocked("world", said.message, said.hint)
    return act


def broken_log(run_id: str, error: Exception) -> WorldDamagedError:
    """Return what is wrong with a log that doesn't fold."""
    return WorldDamagedError(
        f"The log of run {run_id} cannot be read ({type(error).__name__}: {error}).",
        hint="The other runs go on. Restore a copy of the world to go on with this one.",
    )


def overtaken(act: Activity, error: Exception) -> WorldError:
    """Return what is said when an append was refused because the log has gone on."""
    return WorldError(
        f"Run {act.run_id} was moved on by somebody else meanwhile ({error}).",
        hint="It is read again.",
    )
