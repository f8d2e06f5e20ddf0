"""What a prompt says of a run that failed: how it failed, and what it had asked for until then.

Messages of errors, arguments, results, payloads and titles are values of the run, sealed in its
world: without leave nothing of them is said.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.engine.failures import with_steps
from wf_notebook.views.details import tree_text
from wf_notebook.views.failures import failed, named
from wf_notebook.views.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.world.events import Event
    from wf_notebook.world.state import Hook, RunState, Step, Wait

__all__ = ["failure_text", "outline_of_run"]

_VALUE: Final = 600  # characters of a value
_MOST: Final = 200  # lines
_CARRIES: Final = {
    "step_created": "args",
    "step_completed": "result",
    "hook_received": "payload",
}


def failure_text(state: RunState, source: str, *, payloads: bool) -> str:
    """Return how a run failed: what was raised, where, and from which cause.

    Args:
        state: of a run that failed.
        source: what it ran.
        payloads: whether messages of errors may be said, and the tracebacks of steps.
    """
    error = with_steps(state.error or {}, state)
    if not payloads:
        error = _without_values(error)
    blocks = failed(error, source=source, origin={})
    code = "" if state.code in (None, "USER_ERROR") else f"{state.code}\n"
    where = "" if blocks or state.line is None else f"line {state.line}\n"
    return f"{code}{''.join(blocks)}{where}{named(error)}"


def _without_values(error: Mapping[str, Any]) -> dict[str, Any]:
    cause: Mapping[str, Any] | None = error.get("cause")
    return {
        **error,
        "message": "",
        "traceback": None,
        "cause": None if cause is None else _without_values(cause),
        "parts": [_without_values(part) for part in error.get("parts") or ()],
    }


def outline_of_run(state: RunState, events: Sequence[Event] = ()) -> str:
    """Return what a run asked for, a line each, in the order in which it did.

    Args:
        state: the run.
        events: its log, if its values may be said; else nothing.
    """
    values = _values(events)
    things: list[Step | Wait | Hook] = [
        *state.steps.values(),
        *(wait for wait in state.waits.values() if wait.kind == "sleep"),
        *state.hooks.values(),
    ]
    things.sort(key=lambda thing: thing.n)
    lines = [line for thing in things for line in (_line(thing), *values.get(thing.id, ()))]
    more = len(lines) - _MOST
    note = [f"… {more} lines before these", *lines[-_MOST:]] if more > 0 else lines
    return "\n".join(note) or "Nothing: it failed before it asked for anything."


def _line(thing: Any) -> str:
    where = "" if thing.line is None else f"line {thing.line}: "
    if hasattr(thing, "alias"):
        return f"{where}step {thing.alias}, {thing.status}{_attempts(thing)}"
    if hasattr(thing, "due_us"):
        return f"{where}sleep of {duration(thing.due_us - thing.created_us)}, {thing.status}"
    schema = f" {thing.schema}" if thing.schema else ""
    return f"{where}hook{schema}, {thing.status}, {thing.received} payloads received"


def _attempts(step: Step) -> str:
    """Say how its attempts failed, by type."""
    types = Counter(str(a.error.get("type")) for a in step.attempts if a.error)
    said = ", ".join(f"{name} ×{n}" if n > 1 else name for name, n in types.items())
    return f" (attempts failed with {said})" if said else ""


def _values(events: Sequence[Event]) -> dict[str, list[str]]:
    """Return what each step and hook was given and gave, as lines."""
    found: dict[str, list[str]] = {}
    for event in events:
        name = _CARRIES.get(event.type)
        if name is None or event.data is None or event.correlation_id is None:
            continue
        text = " ".join(tree_text(event.data.get(name)).split())
        cut = text if len(text) <= _VALUE else f"{text[:_VALUE]}…"
        found.setdefault(event.correlation_id, []).append(f"    {name}: {cut}")
    return found
