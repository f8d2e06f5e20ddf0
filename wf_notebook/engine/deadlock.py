"""Whether a run waits for something that can never come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.engine.decide import GaveUp
from wf_notebook.errors import IsolationError

if TYPE_CHECKING:
    from wf_notebook.engine.activity import Activity
    from wf_notebook.guest.values import Tree


async def deadlock(act: Activity) -> GaveUp | None:
    """Return what ends a run that waits for something which no step, sleep or hook can end."""
    state = act.state
    busy = state.open_steps or state.open_waits or state.open_hooks or act.ended is not None
    if busy or act.guest is None or act.inbox or state.status == "pending":
        return None
    try:
        lines = await act.guest.where()
    except IsolationError:
        lines = []
    message = "The source waits for something that no step, sleep or hook can end."
    error: dict[str, Tree] = {"type": "Deadlock", "message": message}
    return GaveUp("DEADLOCK", error, lines[0] if lines else None)
