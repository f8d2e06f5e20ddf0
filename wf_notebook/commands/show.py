"""How is what a command found written: as text for people, as JSON for programs?"""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from wf_notebook.clock import iso
from wf_notebook.views.listing import listed, stored
from wf_notebook.views.publisher import blocked_words
from wf_notebook.views.text import render_runs
from wf_notebook.views.text import table as columns
from wf_notebook.views.words import duration, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.api import World
    from wf_notebook.run import Run
    from wf_notebook.views.listing import Chosen, Listed
    from wf_notebook.world.state import Hook, Step, Wait
    from wf_notebook.world.store import RunRow


_WHOLE = 1_000  # characters that a column has at least: it is not cut


class Listing:
    """Some runs of a world, newest first: a plain row for each, a handle for the live ones.

    Args:
        world: the world.
        chosen: which of its runs.
        limit: how many at most.
    """

    def __init__(self, world: World, chosen: Chosen, *, limit: int) -> None:
        from wf_notebook.worldruns import LIVE

        self._now_us = world.host.clock.now_us()
        self._live = {run.id: run for run in world.unfinished()}
        labels, status = chosen.labels, chosen.status
        if status in LIVE:
            found = world.rows(attributes=labels, limit=None)
            rows = (row for row in found if row.run_id in self._live)
            self._rows = [row for row in rows if self._live[row.run_id].status == status][:limit]
        else:
            self._rows = world.rows(status=status, attributes=labels, limit=limit)

    def text(self, width: int | None) -> str:
        """Return a line for each run, cut to so many columns, if a number is given."""
        listed_ = [self._listed(row) for row in self._rows]
        return render_runs(listed_, now_us=self._now_us, width=width)

    def _listed(self, row: RunRow) -> Listed:
        live = self._live.get(row.run_id)
        return stored(row) if live is None else listed(live.state, blocked_words(live.blocked))

    def json(self) -> list[dict[str, Any]]:
        """Return an object for each run."""
        return [self._object(row) for row in self._rows]

    def _object(self, row: RunRow) -> dict[str, Any]:
        live = self._live.get(row.run_id)
        return {
            "run_id": row.run_id,
            "name": row.name,
            "status": row.status if live is None else live.status,
            "workflow_id": row.workflow_id,
            "source_hash": row.source_hash,
            "created": iso(row.created_us),
            "ended": _time(row.ended_us),
            "origin": row.origin,
            "attributes": dict(row.attributes),
        }


def _reason(run: Run) -> str | None:
    return None if run.blocked is None else run.blocked.reason


def _time(us: int | None) -> str | None:
    return None if us is None else iso(us)


def run_json(run: Run) -> dict[str, Any]:
    """Return a run as an object: what it is, how it stands, its steps, hooks and waits. No values."""
    state = run.state
    return {
        "run_id": run.id,
        "name": run.name,
        "status": run.status,
        "workflow_id": run.workflow_id,
        "source_hash": run.source_hash,
        "created": iso(state.created_us),
        "ended": _time(state.ended_us),
        "code": state.code,
        "isolation": run.isolation,
        "language": state.created.get("language"),
        "python": state.created.get("python"),
        "attributes": dict(run.attributes),
        "parent": None if run.parent is None else run.parent[0],
        "notebook": run.notebook,
        "changed": list(run.changed),
        "locked": run.locked,
        "blocked": _reason(run),
        "events": state.seq,
        "steps": [step_json(step) for step in state.steps.values()],
        "hooks": [hook_json(run, hook) for hook in state.hooks.values()],
        "waits": [_wait_json(wait) for wait in state.waits.values()],
    }


def why_json(run: Run) -> dict[str, Any]:
    """Return how a run stands and what moves it, as an object."""
    return {
        "run_id": run.id,
        "name": run.name,
        "status": run.status,
        "why": run.why(),
        "blocked": _reason(run),
        "hooks": [hook.token for hook in run.hooks if hook.open],
        "due": [iso(wait.due_us) for wait in run.state.waits.values() if wait.open],
    }


def step_json(step: Step) -> dict[str, Any]:
    """Return a call of a step as an object."""
    return {
        "id": step.id,
        "alias": step.alias,
        "step_id": step.step_id,
        "status": step.status,
        "attempts": len(step.attempts),
        "created": iso(step.created_us),
        "ended": _time(step.ended_us),
        "line": step.line,
    }


def hook_json(run: Run, hook: Hook) -> dict[str, Any]:
    """Return a hook as an object; its title is sealed and stays out."""
    return {
        "token": hook.token,
        "run_id": run.id,
        "name": run.name,
        "schema": hook.schema,
        "status": hook.status,
        "received": hook.received,
        "created": iso(hook.created_us),
        "line": hook.line,
    }


def _wait_json(wait: Wait) -> dict[str, Any]:
    return {
        "id": wait.id,
        "kind": wait.kind,
        "status": wait.status,
        "due": iso(wait.due_us),
        "woken": wait.woken,
        "line": wait.line,
    }


def hooks_text(
    found: Sequence[tuple[Run, Hook]], now_us: int, *, titles: bool, width: int | None = None
) -> str:
    """Return a line for each open hook: token, schema, how long it is open, who asks, its title."""
    if not found:
        return "No hook is open."
    rows = [
        (
            visible(hook.token),
            visible(hook.schema or "any JSON"),
            f"open for {duration(now_us - hook.created_us)}",
            f"{run.name} ({run.id})",
            visible(hook.title or "") if titles else "",
        )
        for run, hook in found
    ]
    return "\n".join(columns(rows, width, least={0: _WHOLE}))  # only a whole token can be resumed


def forget_text(world: World, run_ids: Sequence[str]) -> list[str]:
    """Return what a person reads before runs are forgotten: which, what goes, what stays."""
    names = {row.run_id: row.name for row in world.rows(limit=None)}
    return [
        *(f"  {visible(names[run_id])} ({run_id})" for run_id in run_ids),
        "This erases source, arguments, results, payloads, streams and labels, for good.",
        "Id, name, hash and times stay in the list. Copies and backups of the world that were made",
        "before stay readable with the master key.",
    ]


def calls_text(run: Run, calls: Sequence[Step], now_us: int, *, width: int | None = None) -> str:
    """Return a line for each of these calls of steps in a run."""
    if not calls:
        return f"{run.id} has called no step."
    return "\n".join(columns([_call(step, now_us) for step in calls], width))


def streams_json(run: Run) -> list[dict[str, Any]]:
    """Return an object for each stream of a run."""
    return [
        {"name": found.name, "chunks": found.chunks, "closed": found.closed}
        for found in run.streams
    ]


def streams_text(run: Run, width: int | None = None) -> str:
    """Return a line for each stream of a run: its name, how long it is, whether more may come."""
    if not run.streams:
        return f"{run.id} has written no stream."
    rows = [
        (
            visible(found.name),
            f"{found.chunks} chunk" + ("" if found.chunks == 1 else "s"),
            "closed" if found.closed else "open",
        )
        for found in run.streams
    ]
    return "\n".join(columns(rows, width))


def _call(step: Step, now_us: int) -> tuple[str, ...]:
    attempts = len(step.attempts)
    return (
        step.alias,
        step.status,
        f"line {step.line}" if step.line is not None else "",
        f"{attempts} attempt" + ("" if attempts == 1 else "s"),
        duration((step.ended_us or now_us) - step.created_us),
        step.step_id,
    )


def catalogue() -> list[dict[str, str]]:
    """Return an object for each step that this process offers: its call, and a line of help."""
    from wf_notebook.definition.steps import REGISTRY

    found = [step for name in REGISTRY.names() if (step := REGISTRY.by_name(name)) is not None]
    return [
        {
            "call": f"{step.name}{_signature(step.function)}",
            "help": (inspect.getdoc(step.function) or "").split("\n", 1)[0],
            "step_id": step.step_id,
        }
        for step in found
    ]


def catalogue_text(width: int | None = None) -> str:
    """Return a line for each step that this process offers."""
    found = catalogue()
    if not found:
        return "No step is registered in this process. Define one with @step, or import its module."
    return "\n".join(columns([tuple(one.values()) for one in found], width))


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """A function's signature with its annotations as types, unless their names are gone."""
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:
        return inspect.signature(function)


def dumped(value: Any) -> str:
    """Return a value as JSON, for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)
