"""What came of a rehearsal: how it ended, what was asked for, and whether the source is to blame."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

from wf_notebook.definition.model import Diagnostic
from wf_notebook.drafting.fences import shown
from wf_notebook.engine.failures import told
from wf_notebook.guest.language import parse_source
from wf_notebook.views.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.state import Hook, RunState

__all__ = ["Act", "Rehearsal", "judged", "skipped"]

_MOST_SHOWN: Final = 40
_BEYOND: Final = ("BUDGET_EXCEEDED", "MAX_EVENTS_EXCEEDED")
_DELIBERATE: Final = (ast.Raise, ast.Assert)
_CALLED_AS: Final = "; it is called as "  # of a call that doesn't fit the step's parameters

Status = Literal["completed", "failed", "endless", "waits", "skipped"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the source asked for.

    Attributes:
        kind: "step", "sleep" or "hook".
        label: the step's alias, how long it slept, or the hook's title or schema.
        line: of the source, from 1, or None.
    """

    kind: Literal["step", "sleep", "hook"]
    label: str
    line: int | None

    def __str__(self) -> str:
        where = "" if self.line is None else f" (line {self.line})"
        return f"{self.kind} {self.label}{where}"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of a rehearsal.

    Attributes:
        status: "completed"; "failed"; "endless" (it had not ended when its time was up); "waits"
            (for payloads beyond those that it was given); "skipped".
        said: the same as a sentence, and why.
        acts: what it asked for, in order, by the one path that the made-up values took.
        seconds: how long it took by the clock of the run.
        problem: what looks like a mistake of the source, or None.
    """

    status: Status
    said: str
    acts: tuple[Act, ...] = ()
    seconds: float = 0.0
    problem: Diagnostic | None = None

    @property
    def lines(self) -> list[str]:
        """What it asked for, a line each; the same thing many times is one line."""
        runs = [(act, len(list(again))) for act, again in groupby(self.acts)]
        if len(runs) > _MOST_SHOWN:  # going round: each thing once, as it first came
            runs = list(Counter(self.acts).items())
        shown = [f"{act} ×{n}" if n > 1 else str(act) for act, n in runs]
        more = len(shown) - _MOST_SHOWN
        return shown[:_MOST_SHOWN] + ([f"… and {more} more"] if more > 0 else [])

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        problem = self.problem
        return {
            "status": self.status,
            "said": self.said,
            "seconds": self.seconds,
            "acts": [[act.kind, act.label, act.line] for act in self.acts],
            "problem": None if problem is None else [problem.line, problem.code, problem.message],
        }


def skipped(why: str) -> Rehearsal:
    """Return what stands in place of a rehearsal that there could not be."""
    return Rehearsal("skipped", f"It was not rehearsed: {why}.")


def judged(
    state: RunState, source: str, *, seconds: float, in_time: bool, guessed: bool
) -> Rehearsal:
    """Return what came of a run with made-up values.

    Args:
        state: the run as it stands.
        source: what it ran.
        seconds: how long it took by its own clock.
        in_time: whether it has ended, or stands still, by itself.
        guessed: whether a value was made up of which nobody has said what it is: the source may
            then have stumbled over that.
    """
    status, said = _outcome(state, in_time=in_time)
    if status == "completed" and seconds:
        said += f" It takes {duration(round(seconds * 1_000_000))} with steps that take none."
    if status == "failed" and guessed:
        said += " What it was given was a guess, so this may be no mistake."
    problem = _problem(state, source, status, guessed=guessed)
    return Rehearsal(status, said, _acts(state), seconds, problem)


def _outcome(state: RunState, *, in_time: bool) -> tuple[Status, str]:
    asked = len(_acts(state))
    if state.status == "completed":
        return "completed", f"It ended after {_counted(asked)}."
    if not in_time or state.code in _BEYOND:
        return "endless", f"It had not ended after {_counted(asked)}."
    if state.status == "failed":
        where = f" at line {state.line}" if state.line else ""
        return "failed", f"It failed{where}: {_raised(state)}."
    waits = ", ".join(_hook_label(hook) for hook in state.open_hooks)
    return "waits", f"It waits for more than it was given: {waits}."


def _problem(state: RunState, source: str, status: Status, *, guessed: bool) -> Diagnostic | None:
    """Return what a model should mend: not what only the made-up values have caused."""
    if status == "endless" and _has_open_loop(source):
        message = "With the same results each time it did not end."
        hint = "Bound the loop by a count or by asyncio.timeout, unless it shall go on for ever."
        return _at(source, _loop_line(source, state.line), message, hint)
    if status == "failed" and not _is_deliberate(source, state):
        message = f"In a rehearsal this raised {_raised(state)}."
        if _CALLED_AS in message or not guessed:
            return _at(source, state.line or 1, message, "")
    return None


def _acts(state: RunState) -> tuple[Act, ...]:
    found = [(s.n, Act("step", s.alias, s.line)) for s in state.steps.values()]
    found += [(h.n, Act("hook", _hook_label(h), h.line)) for h in state.hooks.values()]
    found += [
        (w.n, Act("sleep", duration(w.due_us - w.created_us), w.line))
        for w in state.waits.values()
        if w.kind == "sleep"
    ]
    return tuple(act for _, act in sorted(found, key=lambda pair: pair[0]))


def _hook_label(hook: Hook) -> str:
    return shown(hook.title or hook.schema or "for any payload").replace("\n", " ")


def _raised(state: RunState) -> str:
    """Return what a run failed with, in one line in which nothing hides."""
    return " ".join(shown(told(state.error or {})).split())


def _counted(asked: int) -> str:
    return "1 step, sleep or hook" if asked == 1 else f"{asked} steps, sleeps and hooks"


# ------------------------------------------------------------------------- judging the source


def _at(source: str, line: int, message: str, hint: str) -> Diagnostic:
    text = source.split("\n")[line - 1] if 0 < line <= source.count("\n") + 1 else ""
    column = len(text) - len(text.lstrip()) + 1
    return Diagnostic(line, column, line, len(text) + 1, "WF605", message, hint)


def _is_deliberate(source: str, state: RunState) -> bool:
    """Whether the source itself raised what the run failed with, or a step did."""
    error = state.error or {}
    if error.get("type") in ("FatalError", "StepError") or "alias" in error:
        return True
    frames: Sequence[Sequence[Any]] = error.get("frames") or ()
    line = frames[-1][0] if frames else state.line
    return any(
        isinstance(node, _DELIBERATE) and node.lineno <= (line or 0) <= (node.end_lineno or 0)
        for node in ast.walk(parse_source(source))
    )


def _has_open_loop(source: str) -> bool:
    return any(isinstance(node, ast.While) for node in ast.walk(parse_source(source)))


def _loop_line(source: str, stopped: int | None) -> int:
    """Return where the innermost `while` around a line begins, else the first one."""
    loops = [node for node in ast.walk(parse_source(source)) if isinstance(node, ast.While)]
    around = [n for n in loops if n.lineno <= (stopped or 0) <= (n.end_lineno or 0)]
    return max(n.lineno for n in around) if around else min(n.lineno for n in loops)
