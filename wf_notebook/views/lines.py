"""Which lines of the cell a run has reached, and on which it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.views.model import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.world.state import Hook, RunState, Step, Wait


def reached(state: RunState) -> list[int]:
    """Return the lines that an event of the run names, as the user sees them in the cell."""
    offset = origin_of(state)[1]
    lines = {entity.line for entity in _entities(state)} | {state.line}
    return sorted(line + offset for line in lines if line is not None)


def waiting(state: RunState) -> list[int]:
    """Return the lines whose steps, sleeps or hooks are open; none once the run has ended."""
    if state.terminal:
        return []
    offset = origin_of(state)[1]
    lines = {entity.line for entity in _entities(state) if entity.open}
    return sorted(line + offset for line in lines if line is not None)


def _entities(state: RunState) -> Iterator[Step | Hook | Wait]:
    yield from state.steps.values()
    yield from state.hooks.values()
    yield from state.waits.values()
