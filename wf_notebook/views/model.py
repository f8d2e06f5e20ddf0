"""What a person sees of a run: rows, forms and a status word, computed from its state.

Everything here is fit to be saved in a notebook: names, states, times, tokens and schemas, never an
argument, a result, a payload, a printed line or the text of an error. Titles of hooks are sealed in
the world, so they stay out of `to_json()`; the widget sends them as a message of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from wf_notebook.views.commandline import resume_line
from wf_notebook.views.details import details
from wf_notebook.views.groups import Groups
from wf_notebook.views.kept import Kept
from wf_notebook.views.rows import GLYPHS, Row, Rows, error_type
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.world.state import Hook, RunState, Wait

Status = Literal[
    "pending", "running", "suspended", "blocked", "completed", "failed", "cancelled"
]  # fmt: skip

FORMS: Final = 50  # open hooks that a browser gets at once
CHILDREN: Final = 200  # runs started by steps that a browser gets at once


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
        timeout_us: when the hook's own timeout ends, microseconds UTC, or None.
    """

    id: str
    token: str
    title: str | None
    schema: str | None
    opened_us: int
    line: int | None
    received: int
    timeout_us: int | None = None
    details: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser, without title and details."""
        return {
            "id": self.id, "token": self.token, "schema": self.schema,
            "opened_us": self.opened_us, "line": self.line, "received": self.received,
            "timeout_us": self.timeout_us,
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
        rows: in body order, grouped when there are more than `views.groups.GROUP_OVER`.
        members: the rows of each group, by the group's id; not in `to_json()`.
        forms: open hooks in body order; `to_json()` has the first `FORMS`.
        schemas: the JSON schemas that `forms` name.
        error: for a failed run: "KeyError at line 7".
        blocked: for a blocked run: why, in plain words.
        changed: aliases of steps whose code has changed since the run was started.
        locked: whether the key of the world is missing: what is sealed is not known.
        attributes: plain texts that the run can be found by.
        parent: id of the run whose step started it, or "".
        children: id of a step to the id of the run that it has started last, as far as known here.
        rerun_of: id of the run that this one repeats, or "".
        hash: sha256 over source and bindings, hex.
        sealed: whether what it holds is encrypted in the world, and the key is here.
        world: path of the world file, or ""; not in `to_json()`.
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
    children: Mapping[str, str] = field(default_factory=dict[str, str])
    rerun_of: str = ""
    hash: str = ""
    sealed: bool = False
    world: str = ""
    runtime: str = ""
    why: str = ""
    members: Mapping[str, Sequence[Row]] = field(
        default_factory=dict[str, "Sequence[Row]"], compare=False, repr=False
    )

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
    def beyond_status(self) -> str:
        """What `why` says beyond the status word: "completed after 3 s" goes on as "after 3 s"."""
        said = self.why.removeprefix("was ").removeprefix("is ").removeprefix(self.status)
        return said.strip().removeprefix(": ")

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say in a few words: labels, origin, changed steps, a lock."""
        parent = f"started by {self.parent}" if self.parent else ""
        return self._said(parent)

    def _said(self, parent: str) -> tuple[str, ...]:
        labels = ", ".join(f"{name}={text}" for name, text in self.attributes.items())
        changed = f"changed since it began: {', '.join(self.changed)}" if self.changed else ""
        locked = "what is sealed is locked: the key is missing" if self.locked else ""
        said = (self.runtime, labels, parent, changed, locked)
        return tuple(visible(note) for note in said if note)

    @property
    def titles(self) -> dict[str, str]:
        """Titles of open hooks by hook id: opened text, for people on the line only."""
        return {form.id: form.title for form in self.forms[:FORMS] if form.title}

    @property
    def details(self) -> dict[str, str]:
        """Metadata of open hooks by hook id: opened text, for people on the line only."""
        return {form.id: form.details for form in self.forms[:FORMS] if form.details}

    @property
    def commands(self) -> dict[str, str]:
        """A shell's line for each open hook by hook id; a path is for people on the line only."""
        lines = {
            form.id: resume_line(form.token, self.schemas.get(form.schema or ""), self.world)
            for form in self.forms[:FORMS]
        }
        return {key: line for key, line in lines.items() if line}

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
            "forms": [form.to_json() for form in self.forms[:FORMS]], "hooks": len(self.forms),
            "schemas": dict(self.schemas),
            "parent": self.parent, "rerun_of": self.rerun_of, "hash": self.hash,
            "children": list(self.children.values())[-CHILDREN:], "sealed": self.sealed,
            "error": self.error, "blocked": self.blocked,
            "notes": list(self._said("")),  # the browser has `parent` as a button
        }  # fmt: skip


class Drawing:
    """What is kept of a run from one snapshot to the next, so that a change costs what it changes."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.groups = Groups()
        self.forms: Kept[Form] = Kept()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a view shows of a run that isn't in its log.

    Attributes:
        schemas: JSON schemas of the definition, by name.
        replayed: (k, n): k of n events replayed, or None.
        blocked: why the run cannot go on, in plain words without any value, or None.
        isolation: "strict", "process" or "inline".
        name: shown instead of the definition's name.
        changed: aliases of steps whose code has changed since the run was started.
        children: id of a step to the id of the run that it has started last.
        sealed: whether what it holds is encrypted in the world, and the key is here.
        locked: whether the key of the world is missing.
        world: path of the world file, or "".
    """

    schemas: Mapping[str, Mapping[str, Any]]
    replayed: tuple[int, int] | None
    blocked: str | None
    isolation: str
    name: str | None = None
    changed: Sequence[str] = ()
    children: Mapping[str, str] = field(default_factory=dict[str, str])
    sealed: bool = False
    locked: bool = False
    world: str = ""


def unknown_attempts(_step_id: str) -> int | None:
    """Say that nobody here knows how many attempts a step may have."""
    return None


def build_view(
    state: RunState,
    facts: Facts,
    *,
    now_us: int,
    why: str = "",
    attempts: Callable[[str], int | None] = unknown_attempts,
    drawing: Drawing | None = None,
) -> RunView:
    """Return what a person sees of a run.

    Args:
        state: the run.
        facts: what isn't in its log.
        now_us: the world's time, microseconds UTC.
        why: a sentence for the static views.
        attempts: how many attempts a step id may have, or None if unknown.
        drawing: what was kept of the snapshot before.
    """
    label, offset = origin_of(state)
    drawing = drawing or Drawing()
    forms = _forms(state, offset, drawing)
    named = {form.schema for form in forms[:FORMS] if form.schema is not None}
    status = status_of(state, facts.blocked)
    single = drawing.rows.of(state, offset=offset, attempts=attempts, children=facts.children)
    rows, members = drawing.groups.of(single)
    created = state.created
    return RunView(
        run_id=state.run_id,
        workflow_id=str(created.get("workflow_id", "")),
        name=visible(facts.name or str(created.get("name", ""))),
        status=status,
        now_us=now_us,
        created_us=state.created_us,
        started_us=state.started_us,
        ended_us=state.ended_us,
        events=state.seq,
        replayed=facts.replayed,
        isolation=facts.isolation,
        origin=visible(label),
        line_offset=offset,
        rows=rows,
        members=members,
        forms=forms,
        schemas={key: facts.schemas[key] for key in sorted(named & facts.schemas.keys())},
        error=failure_of(state),
        blocked=visible(facts.blocked or "") if status == "blocked" else "",
        changed=() if state.terminal else tuple(facts.changed),
        locked=facts.locked,
        attributes=state.attributes,
        parent=_parent(state),
        children=facts.children,
        rerun_of=str(created.get("rerun_of", "")),
        hash=str(created.get("source_hash", "")),
        sealed=facts.sealed,
        world=facts.world,
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


def _runtime(state: RunState) -> str:
    python, language = state.created.get("python"), state.created.get("language")
    return f"Python {python}, language {language}" if python and language else ""


def _parent(state: RunState) -> str:
    found: Mapping[str, Any] = state.created.get("parent") or {}
    return str(found.get("run_id", ""))


def _forms(state: RunState, offset: int, drawing: Drawing) -> tuple[Form, ...]:
    hooks = state.open_hooks
    waits = {wait.n: wait for wait in state.open_waits} if hooks else {}
    return tuple(
        drawing.forms.of(
            hook.id,
            (hook, due := timeout_of(hook, waits), offset),
            lambda hook=hook, due=due: _form(hook, due, offset),  # type: ignore[misc]
        )
        for hook in hooks
    )


def timeout_of(hook: Hook, waits: Mapping[int, Wait]) -> int | None:
    """Return when a hook's own timeout ends, or None if it has none.

    The timer of `create_hook(timeout=…)` is the command that comes right after the hook's.

    Args:
        hook: an open hook.
        waits: the open waits by their position among the run's commands.
    """
    wait = waits.get(hook.n + 1)
    if wait is None or wait.kind == "sleep":
        return None
    same = (wait.line, wait.created_us) == (hook.line, hook.created_us)
    return wait.due_us if same else None


def _form(hook: Hook, timeout_us: int | None, offset: int) -> Form:
    return Form(
        id=hook.id,
        token=hook.token,
        title=hook.title,
        schema=hook.schema,
        opened_us=hook.created_us,
        line=None if hook.line is None else hook.line + offset,
        received=hook.received,
        timeout_us=timeout_us,
        details=details(hook),
    )
