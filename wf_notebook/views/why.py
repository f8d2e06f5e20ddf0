"""What a run waits on, and how a row stands, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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


def why(state: RunState, now_us: int, blocked: str | None) -> str:
    """Return one sentence, without its subject, that says how a run stands and what moves it.

    It holds names, tokens, lines and times only, never a value or the text of an error.

    Args:
        state: the run.
        now_us: the world's time, microseconds UTC.
        blocked: why the run cannot go on, or None.
    """
    status = status_of(state, blocked)
    took = duration((state.ended_us or now_us) - state.created_us)
    if status == "completed":
        return f"completed after {took}"
    if status == "failed":
        return f"failed after {took}: {failure_of(state)}"
    if status == "cancelled":
        return f"was cancelled after {took}"
    if status == "blocked":
        return f"is blocked: {blocked}"
    if status == "pending":
        return "has not started yet"
    return _running(state, now_us)


def _running(state: RunState, now_us: int) -> str:
    offset = origin_of(state)[1]
    if state.open_steps:
        return _listed(_steps(state.open_steps, now_us, offset), "and")
    # A hook that was answered stays open for more; a run waits on it only if on nothing else.
    unanswered = [hook for hook in state.open_hooks if not hook.received]
    things = [_hook(hook, now_us) for hook in unanswered]
    things += [_wait(wait, now_us, offset) for wait in state.open_waits]
    things = things or [_hook(hook, now_us) for hook in state.open_hooks]
    return f"waits for {_listed(things, 'or')}" if things else "is running its own code"


def _steps(steps: Sequence[Step], now_us: int, offset: int) -> list[str]:
    """One phrase for each call, or for all calls of one alias that stand alike."""
    alike: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        alike.setdefault((step.alias, step.status), []).append(step)
    return [
        _step(same[0], now_us, offset)
        if len(same) == 1
        else f"{_VERBS[status]} {len(same)} calls of {alias}"
        for (alias, status), same in alike.items()
    ]


def _step(step: Step, now_us: int, offset: int) -> str:
    where = _at(step.line, offset)
    if step.status == "retrying" and step.retry_at_us is not None:
        return f"tries {step.alias}{where} again in {remaining(step.retry_at_us - now_us)}"
    if not step.attempts:
        return f"is about to run {step.alias}{where}"
    attempt = step.attempts[-1]
    nth = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"runs {step.alias}{where} (for {duration(now_us - attempt.started_us)}{nth})"


def _hook(hook: Hook, now_us: int) -> str:
    open_for = f"open for {duration(now_us - hook.created_us)}"
    got = f", {hook.received} received" if hook.received else ""
    return f"hook {visible(hook.token)} ({open_for}{got})"


def _wait(wait: Wait, now_us: int, offset: int) -> str:
    word = "sleep" if wait.kind == "sleep" else "timeout"
    return f"the {word}{_at(wait.line, offset)} that ends in {remaining(wait.due_us - now_us)}"


def _at(line: int | None, offset: int) -> str:
    return "" if line is None else f" at line {line + offset}"


def _listed(things: Sequence[str], joint: str) -> str:
    named = list(things[:_NAMED])
    if len(things) > _NAMED:
        named.append(f"{len(things) - _NAMED} more")
    if len(named) == 1:
        return named[0]
    return f"{', '.join(named[:-1])} {joint} {named[-1]}"


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
