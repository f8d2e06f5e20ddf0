"""Drive a workflow definition against its event log: what a guest is fed, and what it must ask.

A guest is fed the log's outcomes in order; the commands it issues are compared, one by one, with
the commands that the log recorded. What is left over is new; anything else is a divergence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, assert_never

from wf_notebook.clock import iso
from wf_notebook.engine.references import light
from wf_notebook.guest.values import canonical
from wf_notebook.isolation.protocol import (
    HookCommand,
    HookDisposeCommand,
    StepCancelCommand,
    StepCommand,
    WaitCancelCommand,
    WaitCommand,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wf_notebook.definition.model import Definition
    from wf_notebook.guest.values import Tree
    from wf_notebook.isolation.protocol import Command, Reply
    from wf_notebook.world.events import Event, NewEvent
    from wf_notebook.world.state import RunState

LAST_EVENTS: Final = 5  # how many a divergence report shows


@dataclass(frozen=True, slots=True)
class Suspended:
    """The body waits; `commands` are what it newly asked for."""

    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Completed:
    """The entry returned."""

    commands: Sequence[Command]
    result: Tree


@dataclass(frozen=True, slots=True)
class Failed:
    """The entry raised, or its guest was stopped."""

    commands: Sequence[Command]
    code: str
    error: Mapping[str, Any]
    line: int | None


@dataclass(frozen=True, slots=True)
class Diverged:
    """The body asked for something else than the log recorded.

    Attributes:
        line: line of the source, or None.
        recorded: what the log has at that place, in words.
        asked: what came instead, in words.
        last_events: the last few events before it, in words, oldest first.
    """

    line: int | None
    recorded: str
    asked: str
    last_events: Sequence[str] = ()

    @property
    def message(self) -> str:
        """Say it in a sentence."""
        where = f" at line {self.line}" if self.line else ""
        return (
            f"Replay diverged{where}: the log has {self.recorded}; "
            f"the source now asked for {self.asked}."
        )

    def report(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "line": self.line,
            "recorded": self.recorded,
            "asked": self.asked,
            "last_events": list(self.last_events),
        }


Outcome = Suspended | Completed | Failed | Diverged

_COMMAND_EVENTS: Final = frozenset({
    "step_created", "hook_created", "hook_conflict", "wait_created", "wait_cancelled",
})  # fmt: skip
_CREATED: Final = frozenset({"step_created", "hook_created", "hook_conflict", "wait_created"})
_TOLD: Final = frozenset({
    "step_completed", "step_failed", "hook_received", "wait_completed", "hook_conflict",
    "hook_created",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """A command that stands in the log.

    Attributes:
        event: the event that recorded it.
        print: what it asked: kind, position, facts, and last the tree that it handed over, or None.
        before: how many outcomes stand before it in the log.
    """

    event: Event
    print: tuple[Any, ...]
    before: int


@dataclass(slots=True)
class Plan:
    """A log, read for replay.

    Attributes:
        deliveries: the events to feed the guest, as messages.
        recorded: the commands it must issue.
    """

    deliveries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    recorded: list[Recorded] = field(default_factory=list[Recorded])


def plan(events: Iterable[Event]) -> Plan:
    """Read a log for replay."""
    result = Plan()
    positions: dict[str, int] = {}
    for event in events:
        if event.type in _CREATED:
            positions[str(event.correlation_id)] = event.meta["n"]
        n = positions.get(str(event.correlation_id), 0)
        if is_command(event):
            result.recorded.append(Recorded(event, _recorded(event, n), len(result.deliveries)))
        if is_told(event):
            result.deliveries.append(light(delivery(event, n)))
    return result


def is_command(event: NewEvent) -> bool:
    """Whether the event records something the body asked for."""
    return event.type in _COMMAND_EVENTS or (
        event.type in ("step_cancelled", "hook_disposed") and event.meta.get("by") == "body"
    )


def is_told(event: NewEvent) -> bool:
    """Whether a guest is told of the event."""
    return event.type in _TOLD


def delivery(event: NewEvent, n: int) -> dict[str, Any]:
    """Return the message that tells a guest of an event that it is told of."""
    head = {"type": event.type, "n": n, "time_us": event.time_us}
    data = event.data or {}
    match event.type:
        case "step_completed":
            return {**head, "value": data.get("result")}
        case "step_failed":
            return {**head, "error": data.get("error")}
        case "hook_received":
            return {**head, "value": data.get("payload")}
        case "wait_completed":
            return {**head, "woken": bool(event.meta.get("woken"))}
        case "hook_conflict":
            return {**head, "owner": event.meta["owner"]}
        case _:  # a hook was created, which a body may wait for
            return head


def start_message(
    definition: Definition,
    *,
    args: Sequence[Tree],
    kwargs: Mapping[str, Tree],
    seed: str,
    now_us: int,
    commands: int,
) -> dict[str, Any]:
    """Return the message that makes a fresh guest run a definition from the top; it has no events."""
    return {
        "op": "start",
        "source": definition.source,
        "entry": definition.entry,
        "filename": "<workflow>",
        "steps": {
            b.alias: [[p.name, p.kind, p.required] for p in b.parameters] for b in definition.steps
        },
        "schemas": sorted(definition.schemas),
        "args": light(list(args)),
        "kwargs": light(dict(kwargs)),
        "seed": seed,
        "now_us": now_us,
        "commands": commands,
    }


def judge(reply: Reply, recorded: Sequence[Recorded], *, log: Sequence[Event] = ()) -> Outcome:
    """Compare a reply with what the log recorded.

    Args:
        reply: all that the guest asked for since the log's `recorded` begins.
        recorded: commands of the log; empty for a live guest.
        log: the events, for the report.
    """
    for position, expected in enumerate(recorded):
        if position >= len(reply.commands):
            return _missing(reply, expected, log)
        command = reply.commands[position]
        if not _alike(_asked(command), expected.print) or command.after > expected.before:
            return _different(command, expected, log)
    return _outcome(reply, reply.commands[len(recorded) :], log)


def judge_end(outcome: Outcome, state: RunState, *, log: Sequence[Event] = ()) -> Outcome:
    """Compare how a replay ended with how its run did, if that has ended.

    Only the source's own ends are compared: a run that was cancelled has not come to its own, and
    most failures of the engine's depend on limits.

    Args:
        outcome: of the whole log.
        state: what the log comes to.
        log: the events, for the report.
    """
    if isinstance(outcome, Diverged):
        return outcome
    if state.status == "completed":
        recorded = "the run's result"
        same = isinstance(outcome, Completed) and (
            canonical(light(outcome.result)) == canonical(light(state.result))
        )
    elif state.status == "failed" and state.code == "USER_ERROR":
        recorded = f"the run's failure, {_raised(state.error)[0]}"
        same = isinstance(outcome, Failed) and _raised(outcome.error) == _raised(state.error)
    else:
        return outcome
    if same and not outcome.commands:
        return outcome
    return _other_end(outcome, recorded, log)


def _other_end(
    outcome: Suspended | Completed | Failed, recorded: str, log: Sequence[Event]
) -> Diverged:
    last = _last(log, log[-1] if log else None)
    if outcome.commands:
        command = outcome.commands[0]
        return Diverged(command.line, recorded, in_words(command), last)
    match outcome:
        case Suspended():
            return Diverged(None, recorded, "nothing: it waits", last)
        case Completed():
            return Diverged(None, recorded, "nothing: it returned something else", last)
        case Failed(error=error, line=line):
            return Diverged(line, recorded, f"nothing: it raised {_raised(error)[0]}", last)
        case _:
            assert_never(outcome)


def _raised(error: Mapping[str, Any] | None) -> tuple[Any, Any]:
    found = error or {}
    return found.get("type"), found.get("message")


def in_words(command: Command) -> str:
    """Say what a command asks for, without values: arguments may be secret."""
    return _words(_asked(command))


def _outcome(reply: Reply, new: Sequence[Command], log: Sequence[Event]) -> Outcome:
    match reply.status:
        case "suspended":
            return Suspended(new)
        case "completed":
            return Completed(new, reply.result)
        case "failed":
            code = reply.code or "USER_ERROR"
            error = reply.error
            line = error.line if error else None
            if code == "DIVERGENCE":
                said = error.message if error else "an event for a command it has not issued"
                return Diverged(line, "an outcome", said, _last(log, None))
            return Failed(new, code, error.model_dump(mode="json") if error else {}, line)
        case _:
            assert_never(reply.status)


def _missing(reply: Reply, expected: Recorded, log: Sequence[Event]) -> Diverged:
    ended = {"suspended": "nothing: it waits", "completed": "nothing: it returned"}
    asked = ended.get(reply.status, "nothing: it raised")
    if reply.code == "DIVERGENCE":  # the guest stopped at an outcome of what it hadn't asked for
        asked = ended["suspended"]
    elif reply.error is not None:
        asked += f" {reply.error.type}"
    line = expected.event.meta.get("line")
    return Diverged(line, _words(expected.print), asked, _last(log, expected.event))


def _different(command: Command, expected: Recorded, log: Sequence[Event]) -> Diverged:
    asked = _words(_asked(command))
    if _alike(_asked(command), expected.print):
        asked += " (later than recorded)"
    line = command.line or expected.event.meta.get("line")
    return Diverged(line, _words(expected.print), asked, _last(log, expected.event))


def _last(log: Sequence[Event], event: Event | None) -> list[str]:
    until = event.seq if event is not None else len(log) + 1
    before = [e for e in log if e.seq < until][-LAST_EVENTS:]
    return [f"{e.seq} {e.type} {e.correlation_id or ''} {iso(e.time_us)}" for e in before]


def _asked(command: Command) -> tuple[Any, ...]:
    match command:
        case StepCommand(n=n, alias=alias, args=args):
            return ("step", n, alias, args)
        case HookCommand(n=n, token=token, schema_name=schema, title=title, metadata=metadata):
            return ("hook", n, token, schema, title, metadata)
        case WaitCommand(n=n, kind=kind, due_us=due):
            return ("wait", n, kind, due, None)
        case StepCancelCommand(n=n):
            return ("step_cancel", n, None)
        case HookDisposeCommand(n=n):
            return ("hook_dispose", n, None)
        case WaitCancelCommand(n=n):
            return ("wait_cancel", n, None)
        case _:
            assert_never(command)


def _alike(asked: tuple[Any, ...], recorded: tuple[Any, ...]) -> bool:
    """Whether two commands ask for the same. To Python 1 is True and 1.0, to a source it is not."""
    (*facts, tree), (*known_facts, known) = asked, recorded
    if facts != known_facts:
        return False
    return repr(tree) == repr(known) or canonical(tree) == canonical(known)


def _recorded(event: Event, n: int) -> tuple[Any, ...]:
    meta, data = event.meta, event.data or {}
    match event.type:
        case "step_created":
            return ("step", n, meta["alias"], light(data.get("args")))
        case "hook_created" | "hook_conflict":
            known = light(data.get("metadata"))
            return ("hook", n, meta["token"], meta.get("schema"), data.get("title"), known)
        case "wait_created":
            return ("wait", n, meta["kind"], meta["due_us"], None)
        case "step_cancelled":
            return ("step_cancel", n, None)
        case "hook_disposed":
            return ("hook_dispose", n, None)
        case _:
            return ("wait_cancel", n, None)


def _words(asked: tuple[Any, ...]) -> str:
    match asked:
        case ("step", n, alias, _):
            return f"command {n}: step {alias} with its arguments"
        case ("hook", n, token, *_):
            return f"command {n}: hook {token}"
        case ("wait", n, kind, due, _):
            return f"command {n}: {kind} until {iso(due)}"
        case (kind, n, *_):
            return f"command {n}: {kind.replace('_', ' ')}"
        case _:
            return "something unknown"
