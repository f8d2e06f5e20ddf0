"""What a person sees of a run's steps, sleeps and hooks: a row for each.

A run may have ten thousand, and is shown eight times a second: a row is made anew only when what it
shows has changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import is_
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from wf_notebook.views.kept import Kept
from wf_notebook.views.words import duration, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.world.state import Attempt, Hook, RunState, Step, Wait

E = TypeVar("E")
Kind = Literal["step", "sleep", "timer", "hook", "group"]

MARKS: Final = 32  # the newest attempts of a step that are shown as pieces of its bar
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
        marks: attempts of a step, oldest first; of very many the newest `MARKS`.
        attempts: how many attempts the step may have, or None if that is not known.
        received: payloads that a hook has received.
        error: type name of the last error, never its message.
        alias: what rows are grouped by.
        child: id of the run that the step has started last, or "".
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
    child: str = ""

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
            "received": self.received, "error": self.error, "child": self.child,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Frame:
    """What rows show of their run: whether it has ended, where its lines begin, what is known here.

    Attributes:
        limits: how many attempts a step id may have.
        children: id of a step to the id of the run that it has started last.
    """

    terminal: bool
    ended_us: int | None
    offset: int
    limits: Mapping[str, int | None]
    children: Mapping[str, str]

    def line(self, line: int | None) -> int | None:
        return None if line is None else line + self.offset


class _Column(Generic[E]):
    """The rows of all steps, of all hooks or of all waits of a run.

    They are created in the same order in every state of their run. So place by place, what is the
    same object as before has the row it had before: at ten thousand that is quicker than asking for
    each.
    """

    def __init__(self, make: Callable[[E, _Frame], Row]) -> None:
        self._make = make
        self._entities: tuple[E, ...] = ()
        self._rows: list[Row] = []
        self._frame: _Frame | None = None

    def of(self, entities: tuple[E, ...], frame: _Frame) -> list[Row]:
        if frame != self._frame:
            self._entities, self._rows, self._frame = (), [], frame
        del self._rows[len(entities) :]
        same = map(is_, entities, self._entities)
        for place in [place for place, kept in enumerate(same) if not kept]:
            self._rows[place] = self._make(entities[place], frame)
        self._rows += [self._make(entity, frame) for entity in entities[len(self._rows) :]]
        self._entities = entities
        return self._rows


class Rows:
    """The rows of one run.

    Attributes:
        kept: each is made anew only when what it shows has changed.
    """

    def __init__(self) -> None:
        self.kept: Kept[Row] = Kept()
        self._steps = _Column(self._step)
        self._hooks = _Column(self._hook)
        self._waits = _Column(self._wait)
        self._counts: tuple[int, ...] = ()
        self._order: list[int] = []

    def of(
        self,
        state: RunState,
        *,
        offset: int,
        attempts: Callable[[str], int | None],
        children: Mapping[str, str],
    ) -> list[Row]:
        """Return a row for each step, hook and wait, in body order.

        Args:
            state: the run.
            offset: what to add to a line of the source to get the cell's.
            attempts: how many attempts a step id may have, or None if unknown.
            children: id of a step to the id of the run that it has started last.
        """
        limits = {step_id: attempts(step_id) for step_id in _step_ids(state)}
        frame = _Frame(state.terminal, state.ended_us, offset, limits, children)
        steps, hooks = tuple(state.steps.values()), tuple(state.hooks.values())
        waits = tuple(state.waits.values())
        rows = [
            *self._steps.of(steps, frame),
            *self._hooks.of(hooks, frame),
            *self._waits.of(waits, frame),
        ]
        counts = (len(steps), len(hooks), len(waits))
        if counts != self._counts:
            entities: list[Step | Hook | Wait] = [*steps, *hooks, *waits]
            places = [entity.n for entity in entities]
            self._counts, self._order = counts, sorted(range(len(rows)), key=places.__getitem__)
        return [rows[place] for place in self._order]

    def _step(self, step: Step, frame: _Frame) -> Row:
        limit, child = frame.limits[step.step_id], frame.children.get(step.id, "")
        facts = (step, _shown_of(frame, open=step.open), limit, child)
        return self.kept.of(step.id, facts, lambda: _step_row(step, frame))

    def _hook(self, hook: Hook, frame: _Frame) -> Row:
        facts = (hook, _shown_of(frame, open=hook.open))
        return self.kept.of(hook.id, facts, lambda: _hook_row(hook, frame))

    def _wait(self, wait: Wait, frame: _Frame) -> Row:
        facts = (wait, _shown_of(frame, open=wait.open))
        return self.kept.of(wait.id, facts, lambda: _wait_row(wait, frame))


def _shown_of(frame: _Frame, *, open: bool) -> tuple[object, ...]:  # noqa: A002 - the field's word
    """What a row shows of its run: of its end only if it hasn't ended itself."""
    return (frame.offset, frame.terminal, frame.ended_us) if open else (frame.offset,)


def _step_ids(state: RunState) -> set[str]:
    return {step.step_id for step in state.steps.values()}


def error_type(error: Mapping[str, Any] | None) -> str:
    """Return the type name of an error kept as data, without anything else of it."""
    return visible(str((error or {}).get("type", "")))[:_TYPE_CHARS]


def _step_row(step: Step, frame: _Frame) -> Row:
    dropped = step.open and frame.terminal
    return Row(
        id=step.id,
        kind="step",
        label=step.alias,
        state="cancelled" if dropped else step.status,
        start_us=step.created_us,
        end_us=frame.ended_us if dropped else step.ended_us,
        line=frame.line(step.line),
        due_us=None if dropped else step.retry_at_us,
        marks=_marks(step, frame),
        attempts=frame.limits[step.step_id],
        error=error_type(step.error),
        alias=step.alias,
        child=frame.children.get(step.id, ""),
    )


def _marks(step: Step, frame: _Frame) -> tuple[Mark, ...]:
    shown = step.attempts[-MARKS:]
    # an attempt that its process died in has no end of its own: the next one takes its place
    ends = [*(attempt.started_us for attempt in shown[1:]), step.ended_us or frame.ended_us]
    return tuple(
        _mark(attempt, step, end, frame) for attempt, end in zip(shown, ends, strict=False)
    )


def _mark(attempt: Attempt, step: Step, end: int | None, frame: _Frame) -> Mark:
    last = attempt is step.attempts[-1]
    if attempt.ended_us is None:
        word = "running" if last and step.open and not frame.terminal else "cancelled"
    elif attempt.error is not None:
        word = "failed"
    else:
        word = step.status if last and not step.open else "failed"
    ended = end if attempt.ended_us is None else attempt.ended_us
    return Mark(attempt.number, attempt.started_us, ended, word, attempt.rerun)


def _hook_row(hook: Hook, frame: _Frame) -> Row:
    word, end = _hook_state(hook, frame)
    return Row(
        id=hook.id,
        kind="hook",
        label=visible(_hook_label(hook)),
        state=word,
        start_us=hook.created_us,
        end_us=end,
        line=frame.line(hook.line),
        received=hook.received,
        alias="hook",
    )


def _hook_label(hook: Hook) -> str:
    """A hook's token; one that was drawn says nothing to a person, its schema's name does."""
    drawn = _DRAWN_TOKEN.fullmatch(hook.token) is not None
    return hook.schema if drawn and hook.schema is not None else hook.token


def _hook_state(hook: Hook, frame: _Frame) -> tuple[str, int | None]:
    if hook.status == "conflict":
        return "conflict", hook.created_us
    if hook.received:
        return "resumed", hook.last_received_us
    if hook.open and not frame.terminal:
        return "waiting", None
    return "closed", frame.ended_us if hook.ended_us is None else hook.ended_us


def _wait_row(wait: Wait, frame: _Frame) -> Row:
    pending = wait.open and not frame.terminal
    kind: Kind = "sleep" if wait.kind == "sleep" else "timer"
    word = "sleep" if kind == "sleep" else "timeout"
    return Row(
        id=wait.id,
        kind=kind,
        label=f"{word} {duration(wait.due_us - wait.created_us)}",
        state=_wait_state(wait, pending=pending),
        start_us=wait.created_us,
        end_us=None if pending else wait.ended_us or frame.ended_us,
        line=frame.line(wait.line),
        due_us=wait.due_us if pending else None,
        alias=word,
    )


def _wait_state(wait: Wait, *, pending: bool) -> str:
    if pending:
        return "sleeping" if wait.kind == "sleep" else "pending"
    if wait.woken:
        return "woken"
    return "completed" if wait.status == "completed" else "cancelled"
