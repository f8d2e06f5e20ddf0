"""What to append: from what happened and what the guest asked, to events. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, assert_never

from wf_notebook.engine.attributes import merged
from wf_notebook.errors import (
    GuestProtocolError,
    HookNotFoundError,
    WorkflowError,
)
from wf_notebook.guest.agreed import due_in
from wf_notebook.guest.values import is_tree
from wf_notebook.ids import correlation_id
from wf_notebook.isolation.protocol import (
    HookCommand,
    HookDisposeCommand,
    StepCancelCommand,
    StepCommand,
    WaitCancelCommand,
    WaitCommand,
)
from wf_notebook.world.events import NewEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import StepOptions
    from wf_notebook.guest.values import Tree
    from wf_notebook.ids import Ids
    from wf_notebook.isolation.protocol import Command
    from wf_notebook.world.events import EventType
    from wf_notebook.world.state import RunState, Step


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes events of one moment: ids and time come in through the door."""

    ids: Ids
    time_us: int

    def write(
        self,
        event_type: EventType,
        correlation: str | None = None,
        /,
        *,
        data: Mapping[str, Tree] | None = None,
        **meta: Any,
    ) -> NewEvent:
        """Return an event of now; `meta` is plain, `data` sealed."""
        return NewEvent(
            type=event_type,
            event_id=self.ids.event_id(),
            time_us=self.time_us,
            correlation_id=correlation,
            meta={name: value for name, value in meta.items() if value is not None},
            data=data,
        )


# --- what may happen to a run ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An attempt returned; `result` as a tree."""

    result: Tree


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt raised or timed out.

    Attributes:
        error: `{"type", "message", "cause", "parts", "traceback"}`.
        fatal: whether to try no more.
        retry_after: seconds the step asked to wait, or None for its back-off.
    """

    error: dict[str, Tree]
    fatal: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class StepEnded:
    """An attempt has returned."""

    step: str
    attempt: int
    outcome: Succeeded | AttemptFailed
    options: StepOptions


@dataclass(frozen=True, slots=True)
class WaitEnded:
    """A wait is due, or was woken early."""

    wait: str
    woken: bool = False
    reply: Future[int] | None = None


@dataclass(frozen=True, slots=True)
class Resumed:
    """Somebody resumes a hook with a validated payload; `reply` gets the event's seq."""

    hook: str
    token: str
    payload: Tree
    resume_id: str
    reply: Future[int]


@dataclass(frozen=True, slots=True)
class AttributesSet:
    """A step, or somebody outside, labels the run; None takes a label away.

    Attributes:
        step: id of the step, or None.
        reply: gets the event's seq, if somebody waits for it.
    """

    changes: Mapping[str, str | None]
    step: str | None = None
    reply: Future[int] | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """Somebody takes the run over into a notebook; `reply` gets the event's seq."""

    notebook: str
    reply: Future[int]


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody cancels the run; `reply` gets the event's seq."""

    reason: str | None
    reply: Future[int]


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """A step closed a stream; `reply` gets the event's seq."""

    stream: str
    reply: Future[int] | None = None


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The engine found that the run cannot go on: it fails with this code."""

    code: str
    error: Mapping[str, Tree]
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Nudge:
    """Look again: just opened, a retry is due, a slot is free, a step was registered."""


Item = (
    StepEnded
    | WaitEnded
    | Resumed
    | AttributesSet
    | Adopted
    | StreamEnded
    | CancelAsked
    | GaveUp
    | Nudge
)


@dataclass(slots=True)
class Decision:
    """What a batch of items comes to.

    Attributes:
        events: to be appended, in order.
        replies: who is told of which event once it is durable.
        refused: who is told no, and why.
        cancel: the request that ends the run, if there is one.
        gave_up: why the run fails without its guest being asked, if it does.
    """

    events: list[NewEvent] = field(default_factory=list[NewEvent])
    replies: list[tuple[Future[int], NewEvent | None]] = field(
        default_factory=list[tuple["Future[int]", NewEvent | None]]
    )
    refused: list[tuple[Future[int], WorkflowError]] = field(
        default_factory=list[tuple["Future[int]", WorkflowError]]
    )
    cancel: CancelAsked | None = None
    gave_up: GaveUp | None = None

    def add(self, event: NewEvent, reply: Future[int] | None) -> None:
        """Append an event, and tell whoever asked for it, once it is durable."""
        self.events.append(event)
        if reply is not None:
            self.replies.append((reply, event))

    def askers(self) -> list[Future[int]]:
        """Everybody who still waits for an answer."""
        cancel = [self.cancel.reply] if self.cancel is not None else []
        return [reply for reply, _ in self.replies] + cancel


def decide(  # noqa: C901 - one arm for each kind of item
    state: RunState, items: Iterable[Item], pen: Pen
) -> Decision:
    """Return the events that these items come to. An item that comes too late comes to none."""
    decision = Decision()
    closed: set[str] = set()
    for item in items:
        match item:
            case StepEnded():
                _step_ended(state, item, pen, decision)
            case WaitEnded():
                _wait_ended(state, item, pen, decision, closed)
            case Resumed():
                _resumed(state, item, pen, decision)
            case AttributesSet():
                decision.add(_labelled(state, item, pen, decision), item.reply)
            case Adopted():
                decision.add(pen.write("run_adopted", notebook=item.notebook), item.reply)
            case StreamEnded():
                _stream_ended(state, item, pen, decision)
            case CancelAsked():
                _cancelled(state, item, decision)
            case GaveUp():
                decision.gave_up = item
            case Nudge():
                pass
            case _:
                assert_never(item)
    return decision


def _step_ended(state: RunState, item: StepEnded, pen: Pen, decision: Decision) -> None:
    step = state.steps.get(item.step)
    if state.terminal or step is None or not step.open:
        return  # cancelled meanwhile: a late result is discarded
    match item.outcome:
        case Succeeded(result=result):
            event = pen.write(
                "step_completed", step.id, data={"result": result}, attempt=item.attempt
            )
        case AttemptFailed() as failure if failure.fatal or item.attempt > item.options.retries:
            event = pen.write(
                "step_failed", step.id, data={"error": failure.error}, attempt=item.attempt
            )
        case AttemptFailed() as failure:
            delay = _delay(item, failure, pen)
            event = pen.write(
                "step_retrying",
                step.id,
                data={"error": failure.error},
                attempt=item.attempt,
                retry_at_us=due_in(delay, pen.time_us),
            )
    decision.events.append(event)


def _delay(item: StepEnded, failure: AttemptFailed, pen: Pen) -> float:
    if failure.retry_after is not None:
        return failure.retry_after
    backoff = item.options.backoff
    full = backoff.initial
    for _ in range(item.attempt - 1):
        if full >= backoff.maximum:
            break  # a power would overflow after a thousand retries
        full *= backoff.factor
    return min(full, backoff.maximum) * (0.5 + pen.ids.jitter() / 2)


def _wait_ended(
    state: RunState, item: WaitEnded, pen: Pen, decision: Decision, closed: set[str]
) -> None:
    wait = state.waits.get(item.wait)
    # the clock may have been set back since the wait was due: then it is due again, later
    early = wait is not None and pen.time_us < wait.due_us and not item.woken
    if state.terminal or wait is None or not wait.open or early or item.wait in closed:
        if item.reply is not None:
            decision.replies.append((item.reply, None))
        return
    closed.add(item.wait)
    event = pen.write("wait_completed", wait.id, woken=item.woken or None)
    decision.add(event, item.reply)


def _resumed(state: RunState, item: Resumed, pen: Pen, decision: Decision) -> None:
    hook = state.hooks.get(item.hook)
    seen = [
        e for e in decision.events
        if e.correlation_id == item.hook and e.meta.get("resume_id") == item.resume_id
    ]  # fmt: skip
    if hook is not None and (seen or item.resume_id in hook.resume_ids):
        decision.replies.append((item.reply, seen[0] if seen else None))
        return
    if state.terminal or hook is None or not hook.open:
        decision.refused.append((item.reply, not_open(state, item.token)))
        return
    event = pen.write(
        "hook_received", item.hook, data={"payload": item.payload}, resume_id=item.resume_id
    )
    decision.add(event, item.reply)


def not_open(state: RunState, token: str) -> HookNotFoundError:
    """Return the refusal of a payload whose hook takes none any more."""
    if state.terminal:
        return hook_ended(token, state.run_id)
    return hook_disposed(token, state.run_id)


def hook_ended(token: str, run_id: str, also: str = "") -> HookNotFoundError:
    """Return the refusal of a payload that came after its run's end; `also` ends the message."""
    msg = f"The hook '{token}' is no longer open: its run {run_id} has ended. {also}".rstrip()
    return HookNotFoundError(msg, reason="ended")


def hook_disposed(token: str, run_id: str, also: str = "") -> HookNotFoundError:
    """Return the refusal of a payload that came after its hook was disposed."""
    msg = f"The hook '{token}' is no longer open: run {run_id} disposed it. {also}".rstrip()
    return HookNotFoundError(msg, reason="disposed")


def _labelled(state: RunState, item: AttributesSet, pen: Pen, decision: Decision) -> NewEvent:
    set_before = [e for e in decision.events if e.type == "attr_set"]
    before = set_before[-1].meta["attributes"] if set_before else state.attributes
    # all of them, not the changes: the last event says how a run is labelled
    return pen.write("attr_set", attributes=merged(before, item.changes), step=item.step)


def _cancelled(state: RunState, item: CancelAsked, decision: Decision) -> None:
    if state.terminal or decision.cancel is not None:
        decision.replies.append((item.reply, None))
        return
    decision.cancel = item


def _stream_ended(state: RunState, item: StreamEnded, pen: Pen, decision: Decision) -> None:
    if not state.terminal and item.stream not in state.closed_streams:
        decision.add(pen.write("stream_closed", stream=item.stream), item.reply)
    elif item.reply is not None:
        decision.replies.append((item.reply, None))


# --- what the guest asked ----------------------------------------------------------------------

_KIND: Final = {
    "step": "step", "step_cancel": "step", "hook": "hook", "hook_dispose": "hook",
    "wait": "wait", "wait_cancel": "wait",
}  # fmt: skip


@dataclass(slots=True)
class Asked:
    """Turns commands into events, checking each against what the run may ask for.

    Attributes:
        last_n: highest position of a command so far; a new one must be above it.
        known: ids of steps, hooks and waits that the body may still cancel or dispose, new ones
            included. A hook's conflict is one: the body may dispose it before it is told.
    """

    definition: Definition | None
    seed: bytes
    pen: Pen
    last_n: int
    known: set[str]

    def events(self, commands: Iterable[Command]) -> list[NewEvent]:
        """Return the events that record these commands.

        Raises:
            GuestProtocolError: a command is not one that this run may give.
        """
        return [self._event(command) for command in commands]

    def _event(self, command: Command) -> NewEvent:
        cid = correlation_id(_KIND[command.op], self.seed, command.n)
        match command:
            case StepCommand() | HookCommand() | WaitCommand():
                if command.n <= self.last_n:
                    raise _forged(f"position {command.n} after {self.last_n}")
                self.last_n = command.n
                self.known.add(cid)
                return self._created(command, cid)
            case StepCancelCommand() | HookDisposeCommand() | WaitCancelCommand():
                if cid not in self.known:
                    raise _forged(f"{command.op} of position {command.n}, which is not open")
                self.known.discard(cid)
                return self._ended(command, cid)
            case _:
                assert_never(command)

    def _created(self, command: StepCommand | HookCommand | WaitCommand, cid: str) -> NewEvent:
        match command:
            case StepCommand():
                return self._step(command, cid)
            case HookCommand():
                return self._hook(command, cid)
            case WaitCommand():
                return self.pen.write(
                    "wait_created", cid,
                    n=command.n, kind=command.kind, due_us=command.due_us, line=command.line,
                )  # fmt: skip
            case _:
                assert_never(command)

    def _step(self, command: StepCommand, cid: str) -> NewEvent:
        binding = self.definition.binding(command.alias) if self.definition else None
        if binding is None:
            raise _forged(f"step '{command.alias}', which this run was not given")
        if not is_tree(command.args):
            raise _forged(f"step '{command.alias}' with an argument that is no value")
        return self.pen.write(
            "step_created", cid, data={"args": command.args},
            n=command.n, alias=command.alias, step_id=binding.step_id, line=command.line,
        )  # fmt: skip

    def _hook(self, command: HookCommand, cid: str) -> NewEvent:
        schemas = () if self.definition is None else tuple(self.definition.schemas)
        if command.schema_name is not None and command.schema_name not in schemas:
            raise _forged(f"schema '{command.schema_name}', which this run was not given")
        if not is_tree(command.metadata):
            raise _forged("a hook with metadata that is no value")
        return self.pen.write(
            "hook_created", cid, data=_shown(command),
            n=command.n, token=command.token, schema=command.schema_name, line=command.line,
            ack=command.ack or None,
        )  # fmt: skip

    def _ended(
        self, command: StepCancelCommand | HookDisposeCommand | WaitCancelCommand, cid: str
    ) -> NewEvent:
        match command:
            case StepCancelCommand():
                return self.pen.write("step_cancelled", cid, by="body")
            case HookDisposeCommand():
                return self.pen.write("hook_disposed", cid, by="body")
            case WaitCancelCommand():
                return self.pen.write("wait_cancelled", cid)
            case _:
                assert_never(command)


def _shown(command: HookCommand) -> dict[str, Tree] | None:
    """Return what whoever answers a hook reads: it is sealed; None if there is nothing to read."""
    shown: dict[str, Tree] = {"title": command.title, "metadata": command.metadata}
    return {name: value for name, value in shown.items() if value is not None} or None


def _forged(what: str) -> GuestProtocolError:
    return GuestProtocolError(f"The guest asked for {what}.", hint="The run was stopped.")


def settle(
    outcomes: Sequence[NewEvent],
    base: int,
    commands: Sequence[Command],
    told: Callable[[NewEvent], bool],
    seed: bytes,
) -> list[NewEvent]:
    """Drop outcomes that came after the body had stopped waiting for them.

    A guest is fed several outcomes at once. If it cancels a step on the first, and the second is
    that step's result, the log must show what the body saw: a cancelled step, and no result.

    Args:
        outcomes: events fed or recorded in this turn, in order.
        base: how many events the guest had been fed before them.
        commands: what it asked for in answer.
        told: whether a guest is told of an event.
        seed: the run's.
    """
    ended = {
        correlation_id(_KIND[c.op], seed, c.n): c.after
        for c in commands
        if isinstance(c, StepCancelCommand | HookDisposeCommand | WaitCancelCommand)
    }
    kept: list[NewEvent] = []
    index = base
    for event in outcomes:
        index += told(event)
        after = ended.get(str(event.correlation_id))
        if after is None or after >= index:
            kept.append(event)
    return kept


def replace_conflicts(
    events: Sequence[NewEvent], conflicts: Mapping[str, str], pen: Pen
) -> list[NewEvent]:
    """Return the events with `hook_created` of a taken token turned into `hook_conflict`.

    Args:
        conflicts: id of the hook to the run that owns its token, which may be the hook's own run:
            then one hook has the token and the others don't.
    """
    return [
        pen.write(
            "hook_conflict", e.correlation_id, data=e.data,
            **{**e.meta, "owner": conflicts[str(e.correlation_id)]},
        )
        if e.type == "hook_created" and e.correlation_id in conflicts
        else e
        for e in events
    ]  # fmt: skip


# --- how a run ends ----------------------------------------------------------------------------


def ending(
    state: RunState, batch: Sequence[NewEvent], terminal: NewEvent, pen: Pen
) -> list[NewEvent]:
    """Return the events that cancel what is open, then the terminal one."""
    created = [e.correlation_id for e in batch if e.type == "step_created"]
    closed = {
        e.correlation_id
        for e in batch
        if e.type in ("step_completed", "step_failed", "step_cancelled")
    }
    open_steps = [s.id for s in state.open_steps] + [str(cid) for cid in created]
    cancelled = [
        pen.write("step_cancelled", cid, by="run") for cid in open_steps if cid not in closed
    ]
    return [*cancelled, terminal]


def still_open(state: RunState, batch: Sequence[NewEvent]) -> bool:
    """Whether a step is open after these events: the entry's return then waits for it."""
    open_steps = {s.id for s in state.open_steps}
    for event in batch:
        if event.type == "step_created":
            open_steps.add(str(event.correlation_id))
        elif event.type in ("step_completed", "step_failed", "step_cancelled"):
            open_steps.discard(str(event.correlation_id))
    return bool(open_steps)


def next_attempt(step: Step) -> tuple[int, bool]:
    """Return the number of a step's next attempt, and whether it is one run again."""
    if step.status == "running":  # its process died in it
        return step.attempts[-1].number, True
    return (step.attempts[-1].number + 1 if step.attempts else 1), False
