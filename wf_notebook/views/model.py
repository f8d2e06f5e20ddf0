"""What a person sees of a run: rows, forms and a status word, computed from its state.

Everything here is fit to be saved in a notebook: names, states, times, tokens and schemas, never an
argument, a result, a payload, a printed line or the text of an error. Titles of hooks are sealed in
the world, so they stay out of `to_json()`; the widget sends them as a message of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

from wf_notebook.views.details import details
from wf_notebook.views.words import duration, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wf_notebook.world.state import Attempt, Hook, RunState, Step, Wait

Kind = Literal["step", "sleep", "timer", "hook", "group"]
Status = Literal[
    "pending", "running", "suspended", "blocked", "completed", "failed", "cancelled"
]  # fmt: skip

GROUP_OVER: Final = 200
GLYPHS: Final[Mapping[str, str]] = {
    "pending": "◷", "running": "●", "suspended": "◷", "blocked": "!",
    "completed": "✓", "failed": "✕", "cancelled": "○", "forgotten": "○",
    "retrying": "↻", "sleeping": "◷", "woken": "✓",
    "waiting": "?", "resumed": "✓", "closed": "○", "conflict": "✕",
}  # fmt: skip

_TYPE_CHARS: Final = 80
_DRAWN_TOKEN: Final = re.compile("hook_[0-9a-f]{32}")  # as the guest draws them


@dataclass(frozen=True, slots=True)
class Mark:
    """One attempt, as a piece of its step's bar.

    Attributes:
        number: 1, 2, 3 …
        start_us, end_us: microseconds UTC; `end_us` is None while it runs.
        state: "running", "completed", "failed" or "cancelled".
        rerun: whether it runs again because the process died in it.
    """

    number: int
    start_us: int
    end_us: int | None
    state: str
    rerun: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser."""
        return {
            "number": self.number, "start_us": self.start_us, "end_us": self.end_us,
            "state": self.state, "rerun": self.rerun,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline.

    Attributes:
        id: the correlation id, or "group:…" for a group.
        kind: "step", "sleep", "timer", "hook" or "group".
        label: alias, "sleep 15 min", "timeout 30 s", a hook's token,
            or its schema's name if the token was drawn.
        state: a key of `GLYPHS`.
        start_us, end_us: microseconds UTC; `end_us` is None while it is open.
        line: line as the user sees it in the cell, or None.
        due_us: when an open sleep ends, or when the next attempt may start; else None.
        marks: attempts of a step, oldest first.
        attempts: how many attempts the step may have, or None if that is not known.
        received: payloads that a hook has received.
        error: type name of the last error, never its message.
        alias: what rows are grouped by.
    """

    id: str
    kind: Kind
    label: str
    state: str
    start_us: int
    end_us: int | None = None
    line: int | None = None
    due_us: int | None = None
    marks: tuple[Mark, ...] = ()
    attempts: int | None = None
    received: int = 0
    error: str = ""
    alias: str = ""

    @property
    def glyph(self) -> str:
        """The glyph that goes with the state's word."""
        return GLYPHS[self.state]

    @property
    def quiet(self) -> bool:
        """Whether it is shown less prominently: a deadline of asyncio, not a sleep of the body."""
        return self.kind == "timer"

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser."""
        return {
            "id": self.id, "kind": self.kind, "label": self.label, "state": self.state,
            "glyph": self.glyph, "line": self.line,
            "start_us": self.start_us, "end_us": self.end_us, "due_us": self.due_us,
            "marks": [mark.to_json() for mark in self.marks], "attempts": self.attempts,
            "received": self.received, "error": self.error,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """An open hook, to be answered by a person.

    Attributes:
        id: the hook's correlation id.
        token: what a resume names.
        title: what the body calls it, or None; sealed in the world, so not in `to_json()`.
        details: its metadata as text, or ""; sealed, so not in `to_json()`.
        schema: name of a schema in `RunView.schemas`, or None for any JSON.
        opened_us: microseconds UTC.
        line: line as the user sees it in the cell, or None.
        received: payloads recorded so far; the hook is still open.
    """

    id: str
    token: str
    title: str | None
    schema: str | None
    opened_us: int
    line: int | None
    received: int
    details: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser, without title and details."""
        return {
            "id": self.id, "token": self.token, "schema": self.schema,
            "opened_us": self.opened_us, "line": self.line, "received": self.received,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as a person sees it, at one moment.

    Attributes:
        status: one word, a key of `GLYPHS`.
        now_us: the moment, microseconds UTC by the world's clock; not in `to_json()`.
        created_us, started_us, ended_us: microseconds UTC.
        events: how many events the run has.
        replayed: (k, n): k of n events replayed; None when nothing was.
        origin: where the source came from, such as "Cell In[2]".
        line_offset: what was added to the source's lines to give the cell's.
        rows: in body order, grouped when there are more than `GROUP_OVER`.
        forms: open hooks in body order.
        schemas: the JSON schemas that `forms` name.
        error: for a failed run: "KeyError at line 7".
        blocked: for a blocked run: why, in plain words.
        changed: aliases of steps whose code has changed since the run was started.
        locked: whether the key of the world is missing: what is sealed is not known.
        attributes: plain texts that the run can be found by.
        parent: id of the run whose step started it, or "".
        runtime: what its source was started on: "Python 3.11.7, language 1", or "".
        why: what it waits on, one sentence as of `now_us`; not in `to_json()`.
    """

    run_id: str
    workflow_id: str
    name: str
    status: Status
    now_us: int
    created_us: int
    started_us: int | None
    ended_us: int | None
    events: int
    replayed: tuple[int, int] | None
    isolation: str
    origin: str
    line_offset: int
    rows: tuple[Row, ...]
    forms: tuple[Form, ...]
    schemas: Mapping[str, Mapping[str, Any]]
    error: str = ""
    blocked: str = ""
    changed: tuple[str, ...] = ()
    locked: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    parent: str = ""
    runtime: str = ""
    why: str = ""

    @property
    def glyph(self) -> str:
        """The glyph that goes with the status word."""
        return GLYPHS[self.status]

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self.ended_us is not None

    @property
    def elapsed_us(self) -> int:
        """Microseconds from the run's creation to its end, or to now."""
        return (self.now_us if self.ended_us is None else self.ended_us) - self.created_us

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say in a few words: labels, origin, changed steps, a lock."""
        labels = ", ".join(f"{name}={text}" for name, text in self.attributes.items())
        parent = f"started by {self.parent}" if self.parent else ""
        changed = f"changed since it began: {', '.join(self.changed)}" if self.changed else ""
        locked = "what is sealed is locked: the key is missing" if self.locked else ""
        said = (self.runtime, labels, parent, changed, locked)
        return tuple(visible(note) for note in said if note)

    @property
    def titles(self) -> dict[str, str]:
        """Titles of open hooks by hook id: opened text, for people on the line only."""
        return {form.id: form.title for form in self.forms if form.title}

    @property
    def details(self) -> dict[str, str]:
        """Metadata of open hooks by hook id: opened text, for people on the line only."""
        return {form.id: form.details for form in self.forms if form.details}

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot for the browser: equal for equal states, whatever the time is."""
        return {
            "run_id": self.run_id, "workflow_id": self.workflow_id, "name": self.name,
            "status": self.status, "glyph": self.glyph,
            "created_us": self.created_us, "started_us": self.started_us,
            "ended_us": self.ended_us, "events": self.events,
            "replayed": None if self.replayed is None else list(self.replayed),
            "isolation": self.isolation, "origin": self.origin, "line_offset": self.line_offset,
            "rows": [row.to_json() for row in self.rows],
            "forms": [form.to_json() for form in self.forms],
            "schemas": dict(self.schemas),
            "error": self.error, "blocked": self.blocked, "notes": list(self.notes),
        }  # fmt: skip


def unknown_attempts(_step_id: str) -> int | None:
    """Say that nobody here knows how many attempts a step may have."""
    return None


def build_view(  # noqa: PLR0913 - the facts that are not in the log, by name
    state: RunState,
    *,
    now_us: int,
    schemas: Mapping[str, Mapping[str, Any]],
    replayed: tuple[int, int] | None,
    blocked: str | None,
    isolation: str,
    name: str | None = None,
    why: str = "",
    changed: Sequence[str] = (),
    locked: bool = False,
    attempts: Callable[[str], int | None] = unknown_attempts,
) -> RunView:
    """Return what a person sees of a run.

    Args:
        state: the run.
        now_us: the world's time, microseconds UTC.
        schemas: JSON schemas of the definition, by name.
        replayed: (k, n): k of n events replayed, or None.
        blocked: why the run cannot go on, in plain words without any value, or None.
        isolation: "strict", "process" or "inline".
        name: shown instead of the definition's name.
        why: a sentence for the static views.
        changed: aliases of steps whose code has changed since the run was started.
        locked: whether the key of the world is missing.
        attempts: how many attempts a step id may have, or None if unknown.
    """
    label, offset = origin_of(state)
    forms = tuple(_form(hook, offset) for hook in state.open_hooks)
    named = {form.schema for form in forms if form.schema is not None}
    status = status_of(state, blocked)
    return RunView(
        run_id=state.run_id,
        workflow_id=str(state.created.get("workflow_id", "")),
        name=visible(name or str(state.created.get("name", ""))),
        status=status,
        now_us=now_us,
        created_us=state.created_us,
        started_us=state.started_us,
        ended_us=state.ended_us,
        events=state.seq,
        replayed=replayed,
        isolation=isolation,
        origin=visible(label),
        line_offset=offset,
        rows=grouped(_rows(state, offset, attempts)),
        forms=forms,
        schemas={key: schemas[key] for key in sorted(named & schemas.keys())},
        error=failure_of(state),
        blocked=visible(blocked or "") if status == "blocked" else "",
        changed=() if state.terminal else tuple(changed),
        locked=locked,
        attributes=state.attributes,
        parent=_parent(state),
        runtime=_runtime(state),
        why=why,
    )


def status_of(state: RunState, blocked: str | None) -> Status:
    """Return the status word, with the two derived ones: "suspended" and "blocked"."""
    if state.terminal:
        return state.status
    if blocked is not None:
        return "blocked"
    waits = bool(state.open_hooks or state.open_waits)
    if state.status == "running" and waits and not state.open_steps:
        return "suspended"
    return state.status


def origin_of(state: RunState) -> tuple[str, int]:
    """Return where the source came from and what to add to its lines to get the cell's."""
    origin: object = state.created.get("origin")
    if isinstance(origin, Mapping):
        found: Mapping[str, Any] = origin  # pyright: ignore[reportUnknownVariableType]
        return str(found.get("label") or ""), int(found.get("line_offset") or 0)
    return str(origin or ""), 0


def failure_of(state: RunState) -> str:
    """Return type and line of a failed run's error, without its message; empty if it didn't fail."""
    if state.status != "failed":
        return ""
    named = error_type(state.error)
    what = named if named and state.code == "USER_ERROR" else state.code or named or "failed"
    return what + ("" if state.line is None else f" at line {state.line + origin_of(state)[1]}")


def error_type(error: Mapping[str, Any] | None) -> str:
    """Return the type name of an error kept as data, without anything else of it."""
    return visible(str((error or {}).get("type", "")))[:_TYPE_CHARS]


def _runtime(state: RunState) -> str:
    python, language = state.created.get("python"), state.created.get("language")
    return f"Python {python}, language {language}" if python and language else ""


def _parent(state: RunState) -> str:
    found: Mapping[str, Any] = state.created.get("parent") or {}
    return str(found.get("run_id", ""))


def _shown(line: int | None, offset: int) -> int | None:
    return None if line is None else line + offset


def _form(hook: Hook, offset: int) -> Form:
    return Form(
        id=hook.id,
        token=hook.token,
        title=hook.title,
        schema=hook.schema,
        opened_us=hook.created_us,
        line=_shown(hook.line, offset),
        received=hook.received,
        details=details(hook),
    )


def _rows(state: RunState, offset: int, attempts: Callable[[str], int | None]) -> Iterable[Row]:
    rows = [
        *((step.n, _step_row(step, state, offset, attempts)) for step in state.steps.values()),
        *((hook.n, _hook_row(hook, state, offset)) for hook in state.hooks.values()),
        *((wait.n, _wait_row(wait, state, offset)) for wait in state.waits.values()),
    ]
    rows.sort(key=lambda pair: pair[0])
    return (row for _, row in rows)


def _step_row(
    step: Step, state: RunState, offset: int, attempts: Callable[[str], int | None]
) -> Row:
    dropped = step.open and state.terminal
    return Row(
        id=step.id,
        kind="step",
        label=step.alias,
        state="cancelled" if dropped else step.status,
        start_us=step.created_us,
        end_us=state.ended_us if dropped else step.ended_us,
        line=_shown(step.line, offset),
        due_us=None if dropped else step.retry_at_us,
        marks=tuple(_mark(attempt, step, state) for attempt in step.attempts),
        attempts=attempts(step.step_id),
        error=error_type(step.error),
        alias=step.alias,
    )


def _mark(attempt: Attempt, step: Step, state: RunState) -> Mark:
    last = attempt is step.attempts[-1]
    if attempt.ended_us is None:
        word = "cancelled" if state.terminal or not last else "running"
    elif attempt.error is not None:
        word = "failed"
    else:
        word = step.status if last and not step.open else "failed"
    end = attempt.ended_us if attempt.ended_us is not None else state.ended_us
    return Mark(attempt.number, attempt.started_us, end, word, attempt.rerun)


def _hook_row(hook: Hook, state: RunState, offset: int) -> Row:
    word, end = _hook_state(hook, state)
    return Row(
        id=hook.id,
        kind="hook",
        label=visible(_hook_label(hook)),
        state=word,
        start_us=hook.created_us,
        end_us=end,
        line=_shown(hook.line, offset),
        received=hook.received,
        alias="hook",
    )


def _hook_label(hook: Hook) -> str:
    """A hook's token; one that was drawn says nothing to a person, its schema's name does."""
    drawn = _DRAWN_TOKEN.fullmatch(hook.token) is not None
    return hook.schema if drawn and hook.schema is not None else hook.token


def _hook_state(hook: Hook, state: RunState) -> tuple[str, int | None]:
    if hook.status == "conflict":
        return "conflict", hook.created_us
    if hook.received:
        return "resumed", hook.last_received_us
    if hook.open and not state.terminal:
        return "waiting", None
    return "closed", state.ended_us if hook.ended_us is None else hook.ended_us


def _wait_row(wait: Wait, state: RunState, offset: int) -> Row:
    pending = wait.open and not state.terminal
    kind: Kind = "sleep" if wait.kind == "sleep" else "timer"
    word = "sleep" if kind == "sleep" else "timeout"
    return Row(
        id=wait.id,
        kind=kind,
        label=f"{word} {duration(wait.due_us - wait.created_us)}",
        state=_wait_state(wait, pending=pending),
        start_us=wait.created_us,
        end_us=None if pending else wait.ended_us or state.ended_us,
        line=_shown(wait.line, offset),
        due_us=wait.due_us if pending else None,
        alias=word,
    )


def _wait_state(wait: Wait, *, pending: bool) -> str:
    if pending:
        return "sleeping" if wait.kind == "sleep" else "pending"
    if wait.woken:
        return "woken"
    return "completed" if wait.status == "completed" else "cancelled"


def grouped(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows, or groups of them when there are more than `GROUP_OVER`.

    Consecutive rows of one alias become one; if that does not suffice, all of one alias do.
    """
    found = tuple(rows)
    if len(found) <= GROUP_OVER:
        return found
    near = [tuple(part) for _, part in groupby(found, key=_group_key)]
    if len(near) > GROUP_OVER:
        by_alias: dict[tuple[str, str], list[Row]] = {}
        for row in found:
            by_alias.setdefault(_group_key(row), []).append(row)
        near = [tuple(part) for part in by_alias.values()]
    return tuple(part[0] if len(part) == 1 else _group(part) for part in near)


def _group_key(row: Row) -> tuple[str, str]:
    return row.kind, row.alias


def _group(rows: Sequence[Row]) -> Row:
    live = [row for row in rows if row.end_us is None]
    failed = [row for row in rows if row.state == "failed"]
    state = live[0].state if live else "failed" if failed else rows[-1].state
    if live and rows[0].kind == "step" and len({row.state for row in rows}) > 1:
        state = "running"
    return Row(
        id=f"group:{rows[0].id}",
        kind="group",
        label=_group_label(rows, failed=len(failed), done=len(rows) - len(live)),
        state=state,
        start_us=min(row.start_us for row in rows),
        end_us=None if live else max(row.end_us or 0 for row in rows),
        line=rows[0].line if len({row.line for row in rows}) == 1 else None,
        due_us=min((row.due_us for row in live if row.due_us is not None), default=None),
        alias=rows[0].alias,
    )


def _group_label(rows: Sequence[Row], *, failed: int, done: int) -> str:
    counts = f"{done} done" + (f", {failed} failed" if failed else "")
    return f"{rows[0].alias} \N{MULTIPLICATION SIGN}{len(rows)} ({counts})"
