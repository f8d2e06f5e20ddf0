"""What a run waits on, and how a row stands, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from wf_notebook.views.model import failure_of, origin_of, status_of
from wf_notebook.views.words import duration, remaining, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.views.rows import Row
    from wf_notebook.world.state import Hook, RunState, Step, Wait

_NAMED: Final = 3
_VERBS: Final = {
    "pending": "is about to run",
    "running": "runs",
    "retrying": "will try again",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in a sentence: it is read as how long ago it was, or how long is left.

    Attributes:
        us: microseconds UTC.
        to_come: whether it is still to come.
    """

    us: int
    to_come: bool = False

    def read(self, now_us: int) -> str:
        """Return it as it is read at that time."""
        return remaining(self.us - now_us) if self.to_come else duration(now_us - self.us)

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser, where it ticks."""
        return {"us": self.us, "to_come": self.to_come}


Sentence: TypeAlias = tuple[str | Moment, ...]


def read(said: Sentence, now_us: int) -> str:
    """Return a sentence as it is read at that time.

    >>> read(("wakes in ", Moment(9_000_000, to_come=True)), 2_000_000)
    'wakes in 7 s'
    """
    return "".join(part if isinstance(part, str) else part.read(now_us) for part in said)


def why(state: RunState, now_us: int, blocked: str | None) -> str:
    """Return one sentence, without its subject, that says how a run stands and what moves it.

    It holds names, tokens, lines and times only, never a value or the text of an error.

    Args:
        state: the run.
        now_us: the world's time, microseconds UTC.
        blocked: why the run cannot go on, or None.
    """
    return read(sentence(state, blocked), now_us)


def sentence(state: RunState, blocked: str | None) -> Sentence:
    """Return what `why` says, equal for equal states, whatever the time is."""
    status = status_of(state, blocked)
    if state.terminal:
        return (_ended(state, status),)
    if status == "blocked":
        return (f"is blocked: {blocked}",)
    if status == "pending":
        return ("has not started yet",)
    return _running(state)


def _ended(state: RunState, status: str) -> str:
    took = duration((state.ended_us or state.time_us) - state.created_us)
    if status == "failed":
        return f"failed after {took}: {failure_of(state)}"
    return f"{'was ' if status == 'cancelled' else ''}{status} after {took}"


def _running(state: RunState) -> Sentence:
    offset = origin_of(state)[1]
    if state.open_steps:
        return _listed(_steps(state.open_steps, offset), "and")
    # A hook that was answered stays open for more; a run waits on it only if on nothing else.
    unanswered = [hook for hook in state.open_hooks if not hook.received]
    things = [_hook(hook) for hook in unanswered]
    things += [_wait(wait, offset) for wait in state.open_waits]
    things = things or [_hook(hook) for hook in state.open_hooks]
    return ("waits for ", *_listed(things, "or")) if things else ("is running its own code",)


def _steps(steps: Sequence[Step], offset: int) -> list[Sentence]:
    """One phrase for each call, or for all calls of one alias that stand alike."""
    alike: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        alike.setdefault((step.alias, step.status), []).append(step)
    return [
        _step(same[0], offset)
        if len(same) == 1
        else (f"{_VERBS[status]} {len(same)} calls of {alias}",)
        for (alias, status), same in alike.items()
    ]


def _step(step: Step, offset: int) -> Sentence:
    where = _at(step.line, offset)
    if step.status == "retrying" and step.retry_at_us is not None:
        return f"tries {step.alias}{where} again in ", Moment(step.retry_at_us, to_come=True)
    if not step.attempts:
        return (f"is about to run {step.alias}{where}",)
    attempt = step.attempts[-1]
    nth = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"runs {step.alias}{where} (for ", Moment(attempt.started_us), f"{nth})"


def _hook(hook: Hook) -> Sentence:
    got = f", {hook.received} received" if hook.received else ""
    return f"hook {visible(hook.token)} (open for ", Moment(hook.created_us), f"{got})"


def _wait(wait: Wait, offset: int) -> Sentence:
    word = "sleep" if wait.kind == "sleep" else "timeout"
    ends = f"the {word}{_at(wait.line, offset)} that ends in "
    return ends, Moment(wait.due_us, to_come=True)


def _at(line: int | None, offset: int) -> str:
    return "" if line is None else f" at line {line + offset}"


def _listed(things: Sequence[Sentence], joint: str) -> Sentence:
    named = list(things[:_NAMED])
    if len(things) > _NAMED:
        named.append((f"{len(things) - _NAMED} more",))
    last = len(named) - 1
    said: list[str | Moment] = []
    for place, thing in enumerate(named):
        if place:
            said.append(f" {joint} " if place == last else ", ")
        said += thing
    return tuple(said)


def row_info(row: Row, now_us: int) -> str:
    """Return the last column of a row: how long it took, or when it goes on."""
    if row.kind == "group":
        return duration((row.end_us or now_us) - row.start_us)
    if row.state == "retrying" and row.due_us is not None:
        return f"{attempt_info(row)}, next in {remaining(row.due_us - now_us)}"
    if row.state == "sleeping" and row.due_us is not None:
        return f"wakes in {remaining(row.due_us - now_us)}"
    if row.due_us is not None:
        return f"ends in {remaining(row.due_us - now_us)}"
    took = duration((row.end_us or now_us) - row.start_us)
    if row.state == "waiting":
        return f"open for {took}"
    if len(row.marks) > 1:
        return f"{took}, {attempt_info(row)}"
    return f"{took}, {row.received} payloads" if row.received > 1 else took


def attempt_info(row: Row) -> str:
    """Return "attempt 2 of 4", or "attempt 2" where the limit isn't known."""
    number = row.marks[-1].number if row.marks else 1
    return f"attempt {number}" + (f" of {row.attempts}" if row.attempts else "")
