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

    def text(self) -> str:
        """Return a line for each run."""
        return render_runs([self._listed(row) for row in self._rows], now_us=self._now_us)

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
        "steps": [_step_json(step) for step in state.steps.values()],
        "hooks": [hook_json(run, hook) for hook in state.hooks.values()],
        "waits": [_wait_json(wait) for wait in state.waits.values()],
    }


def _step_json(step: Step) -> dict[str, Any]:
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


def hooks_text(found: Sequence[tuple[Run, Hook]], now_us: int, *, titles: bool) -> str:
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
    return "\n".join(columns(rows))


def forget_text(world: World, run_ids: Sequence[str]) -> list[str]:
    """Return what a person reads before runs are forgotten: which, what goes, what stays."""
    names = {row.run_id: row.name for row in world.rows(limit=None)}
    return [
        *(f"  {visible(names[run_id])} ({run_id})" for run_id in run_ids),
        "This erases source, arguments, results, payloads, streams and labels, for good.",
        "Id, name, hash and times stay in the list. Copies and backups of the world that were made",
        "before stay readable with the master key.",
    ]


def calls_text(run: Run, now_us: int) -> str:
    """Return a line for each call of a step in a run."""
    if not run.steps:
        return f"{run.id} has called no step."
    return "\n".join(columns([_call(step, now_us) for step in run.steps]))


def streams_text(run: Run) -> str:
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
    return "\n".join(columns(rows))


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


def catalogue_text() -> str:
    """Return a line for each step that this process offers: its call, and its first line of help."""
    from wf_notebook.definition.steps import REGISTRY

    found = [step for name in REGISTRY.names() if (step := REGISTRY.by_name(name)) is not None]
    if not found:
        return "No step is registered in this process. Define one with @step, or import its module."
    return "\n".join(
        columns(
            [
                (
                    f"{step.name}{_signature(step.function)}",
                    (inspect.getdoc(step.function) or "").split("\n", 1)[0],
                    step.step_id,
                )
                for step in found
            ]
        )
    )


def _signature(function: Callable[..., object]) -> inspect.Signature:
    """A function's signature with its annotations as types, unless their names are gone."""
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:
        return inspect.signature(function)


def dumped(value: Any) -> str:
    """Return a value as JSON, for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)
