"""One turn of a run: what to append, and which attempts to start once it is durable.

No I/O. What a turn learns of its run (how the entry ended, the last position, which steps wait) is
noted on the activity; if the append fails, the runner reads the run back from the log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from wf_notebook.engine.activity import Activity, Blocked, attempt_of
from wf_notebook.engine.attempts import Call
from wf_notebook.engine.decide import Asked, Decision, Nudge, Pen, ending, settle, still_open
from wf_notebook.engine.failures import failure_of
from wf_notebook.engine.replay import (
    Completed,
    Diverged,
    Failed,
    Outcome,
    Suspended,
    delivery,
    is_told,
)
from wf_notebook.errors import GuestProtocolError
from wf_notebook.guest.values import is_tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.config import Limits
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.attempts import Bound
    from wf_notebook.guest.values import Tree
    from wf_notebook.world.events import Event, NewEvent


class Starter(Protocol):
    """Says whether an attempt may start now."""

    def step(self, step_id: str) -> Step | None:
        """The registered step, or None."""
        ...

    def take(self, run_id: str, step: Step) -> bool:
        """Take a slot for an attempt."""
        ...

    def give(self, step: Step) -> None:
        """Give back a slot that was taken."""
        ...

    def in_flight(self, key: str) -> bool:
        """Whether an attempt of that step has not returned yet."""
        ...


@dataclass(slots=True)
class Draft:
    """What a turn comes to.

    Attributes:
        events: to be appended, in order.
        fence: for the append, or None if no replay decided anything in it.
        calls: attempts to start once the append is durable.
        undelivered: events of the append that the guest has not been fed.
        missing: ids of steps that this process has not registered.
        full: ids of steps that no slot was free for.
        terminal: whether the run ends with it.
        held: whether nothing may follow from it: the run is blocked, or its guest's answer refused.
    """

    events: list[NewEvent] = field(default_factory=list["NewEvent"])
    fence: int | None = None
    calls: list[Call] = field(default_factory=list[Call])
    undelivered: list[NewEvent] = field(default_factory=list["NewEvent"])
    missing: list[str] = field(default_factory=list[str])
    full: set[str] = field(default_factory=set[str])
    terminal: bool = False
    held: bool = False


def draft(
    act: Activity,
    decision: Decision,
    outcome: Outcome | Blocked | None,
    pen: Pen,
    *,
    limits: Limits,
) -> Draft:
    """Return what to append, before attempts are considered.

    Args:
        act: the run; `delivered` counts what the guest has been fed, this turn's included.
        decision: what happened.
        outcome: what the guest answered, why it must not be asked, or None if it need not be.
    """
    if decision.cancel is not None:
        return _cancel(act, decision, pen)
    if decision.gave_up is not None:
        gave_up = decision.gave_up
        outcome = Failed([], gave_up.code, gave_up.error, gave_up.line)
    if outcome is None or isinstance(outcome, Diverged | Blocked):
        result = Draft(list(decision.events), held=outcome is not None)
        _drain(act, result, pen)
        return result
    result = _answered(act, decision, outcome, pen)
    if act.state.seq + len(result.events) > limits.events_per_run and not result.terminal:
        return _too_many(act, decision, pen, limits)
    return result


def _cancel(act: Activity, decision: Decision, pen: Pen) -> Draft:
    reason = decision.cancel.reason if decision.cancel is not None else None
    terminal = pen.write("run_cancelled", data={"reason": reason})
    events = [*decision.events, *ending(act.state, decision.events, terminal, pen)]
    return Draft(events, terminal=True)


def _answered(
    act: Activity, decision: Decision, outcome: Suspended | Completed | Failed, pen: Pen
) -> Draft:
    asked = Asked(act.definition, act.seed, pen, act.last_n, set(act.state.live))
    try:
        commands = asked.events(outcome.commands)
    except GuestProtocolError as error:
        commands, outcome = [], Failed([], "GUEST_PROTOCOL", failure_of(error), None)
    act.last_n = asked.last_n
    fed = sum(map(is_told, decision.events))
    outcomes = settle(
        decision.events, act.delivered - fed, outcome.commands, is_told, act.seed
    )  # fmt: skip
    started = [pen.write("run_started")] if act.state.status == "pending" else []
    result = Draft([*outcomes, *started, *commands], fence=act.state.derived)
    result.undelivered = [event for event in commands if is_told(event)]
    _finish(act, result, outcome, pen)
    return result


def _finish(
    act: Activity, result: Draft, outcome: Suspended | Completed | Failed, pen: Pen
) -> None:
    if isinstance(outcome, Completed) and not is_tree(outcome.result):
        forged = GuestProtocolError("The guest returned what is no value.", hint="It was stopped.")
        outcome = Failed([], "GUEST_PROTOCOL", failure_of(forged), None)
    match outcome:
        case Completed():
            act.ended = outcome
            _drain(act, result, pen)
        case Failed(code=code, error=error, line=line):
            terminal = pen.write("run_failed", data={"error": dict(error)}, code=code, line=line)
            result.events += ending(act.state, result.events, terminal, pen)
            result.terminal = True
        case Suspended():
            pass


def _drain(act: Activity, result: Draft, pen: Pen) -> None:
    """Complete the run, unless a step is still open: its outcome is recorded first."""
    if act.ended is None or still_open(act.state, result.events):
        return
    result.events.append(pen.write("run_completed", data={"result": act.ended.result}))
    result.fence = act.state.derived
    result.terminal = True


def _too_many(act: Activity, decision: Decision, pen: Pen, limits: Limits) -> Draft:
    message = f"The run has more than {limits.events_per_run} events."
    error: dict[str, Tree] = {"type": "BudgetExceeded", "message": message}
    terminal = pen.write("run_failed", data={"error": error}, code="MAX_EVENTS_EXCEEDED")
    started = [pen.write("run_started")] if act.state.status == "pending" else []
    events = [*decision.events, *started]
    events += ending(act.state, decision.events, terminal, pen)
    return Draft(events, fence=act.state.derived, terminal=True)


# --- attempts ----------------------------------------------------------------------------------


def add_attempts(act: Activity, result: Draft, pen: Pen, starter: Starter) -> None:
    """Add the start of every attempt that may start now; an unusable call fails at once.

    Not where a run is held: after a divergence, say, a person has to see the report first.
    """
    if result.terminal or result.held:
        return
    created = {str(e.correlation_id): e for e in result.events if e.type == "step_created"}
    closed = {
        str(e.correlation_id)
        for e in result.events
        if e.type in ("step_cancelled", "step_completed", "step_failed", "step_retrying")
    }
    steps = act.state.steps
    for key in [*act.todo, *created]:
        waits = key in steps and steps[key].step_id in result.full  # as all of that step do
        if key not in closed and not waits:
            _add_attempt(act, result, key, created.get(key), pen=pen, starter=starter)


def _add_attempt(
    act: Activity, result: Draft, key: str, new: NewEvent | None, *, pen: Pen, starter: Starter
) -> None:
    step_id, args = _asked_for(act, key, new, pen)
    if step_id is None or starter.in_flight(key):
        return
    act.todo[key] = None
    step = starter.step(step_id)
    if step is None:
        result.missing.append(step_id)
        return
    held = starter.take(act.run_id, step)
    if not held:
        result.full.add(step_id)
    if not held and new is None:
        return  # it still waits; its arguments were looked at when it was asked for
    number, rerun = attempt_of(act, key)
    bound, refused = _bound(step, args) if number == 1 else (None, None)
    if refused is not None:
        if held:
            starter.give(step)
        event = pen.write("step_failed", key, data={"error": refused}, attempt=0)
        result.undelivered.append(event)
    elif held:
        event = pen.write(
            "step_started", key, attempt=number, rerun=rerun or None, digest=_other_code(act, step)
        )
        again = number > 1 or rerun
        first = act.state.steps[key].attempts[0].started_us if again else pen.time_us
        result.calls.append(
            Call(
                act.run_id,
                key,
                number,
                step,
                args,
                bound,
                first,
                again,
                act.root_id,
                act.attributes,
            )
        )
    else:
        return  # it waits for a slot
    result.events.append(event)
    act.todo.pop(key, None)


def _other_code(act: Activity, step: Step) -> str | None:
    """Return the digest of the step's code, if it isn't the code that the run began with."""
    bound = act.definition.steps if act.definition is not None else ()
    known = {b.step_id: b.digest for b in bound}
    return None if step.digest == known.get(step.step_id) else step.digest


def _asked_for(
    act: Activity, key: str, new: NewEvent | None, pen: Pen
) -> tuple[str | None, dict[str, Tree]]:
    if new is not None:
        return new.meta["step_id"], _object(new.data)
    step = act.state.steps.get(key)
    if step is None or not step.open or (step.retry_at_us or 0) > pen.time_us:
        act.todo.pop(key, None)
        return None, {}
    return step.step_id, step.args if isinstance(step.args, dict) else {}


def _object(data: Mapping[str, Tree] | None) -> dict[str, Tree]:
    args = (data or {}).get("args")
    return args if isinstance(args, dict) else {}


def _bound(step: Step, args: dict[str, Tree]) -> tuple[Bound, None] | tuple[None, dict[str, Tree]]:
    """Return the arguments as the step takes them, or why it doesn't, as error data."""
    try:
        return step.bind(args), None
    except Exception as error:  # noqa: BLE001 - a validator of the user's may raise anything
        return None, failure_of(error)


# --- what a run waits on ------------------------------------------------------------------------

_FED_LATER: Final = frozenset({"hook_created", "hook_conflict", "step_failed"})


def blocked_by(definition: Definition | None, missing: Sequence[str]) -> Blocked | None:
    """Return why a run is blocked on steps that aren't registered, or None if none are missing."""
    if not missing:
        return None
    names = sorted(set(missing))
    aliases = {b.step_id: b.alias for b in definition.steps} if definition is not None else {}
    said = ", ".join(f"'{aliases.get(name, name)}' ({name})" for name in names)
    return Blocked(
        "step",
        f"It needs a step that this process has not defined: {said}.",
        "Run the cell that defines it, or import its module; the run then goes on by itself.",
        {"steps": said},
    )


def settled(act: Activity, outcome: Outcome | Blocked | None, result: Draft) -> None:
    """Note what the turn says about whether the run can go on."""
    if isinstance(outcome, Blocked):
        act.blocked, act.behind = outcome, True
        return
    if isinstance(outcome, Diverged):
        hint = "Nothing was written. Cancel the run, or start another with %%workflow --new."
        act.blocked = Blocked("divergence", outcome.message, hint, outcome.report())
        act.behind = True
        return
    if outcome is not None:
        act.behind = False
    if outcome is not None or act.blocked is None or act.blocked.reason != "divergence":
        act.blocked = blocked_by(act.definition, result.missing)


def hand_over(act: Activity, result: Draft, events: Sequence[Event]) -> None:
    """What was appended after the outcomes is fed in the next turn, in the log's order."""
    if act.guest is None:
        if result.undelivered:
            act.behind = True
            act.inbox.append(Nudge())
        return
    new = {event.correlation_id for event in result.undelivered}
    for event in events:
        if event.correlation_id in new and event.type in _FED_LATER:
            n = event.meta.get("n") or act.state.steps[str(event.correlation_id)].n
            act.undelivered.append(delivery(event, n))
    if act.undelivered:
        act.inbox.append(Nudge())
