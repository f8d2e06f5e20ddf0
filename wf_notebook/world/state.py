"""What a run is now: the fold of its events, the same for the engine, the views and the tests.

Steps, their attempts and waits are named tuples: they are frozen like the others, and made eight
times as fast, of which a long log makes thousands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from wf_notebook.guest.values import decode
from wf_notebook.world.events import TERMINAL
from wf_notebook.world.listing import notebook_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.events import Event

Entity = TypeVar("Entity")
RunStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
StepStatus = Literal["pending", "running", "retrying", "completed", "failed", "cancelled"]
HookStatus = Literal["open", "disposed", "conflict"]
WaitStatus = Literal["pending", "completed", "cancelled"]


class Attempt(NamedTuple):
    """One attempt of a step.

    Attributes:
        number: 1, 2, 3 …; an attempt that is run again after a crash keeps its number.
        started_us, ended_us: microseconds UTC.
        rerun: whether it runs again because the process died in it.
        error: why it failed, as data, or None.
    """

    number: int
    started_us: int
    rerun: bool
    ended_us: int | None = None
    error: Mapping[str, Any] | None = None


class Step(NamedTuple):
    """A call of a step.

    Attributes:
        id: the correlation id, which is also the idempotency key.
        n: its position among the run's commands.
        alias, step_id: what was called.
        line: line of the source, from 1, or None.
        args: the bound arguments as a tree, while the step is open.
        attempts: oldest first.
        retry_at_us: when the next attempt may start, while retrying.
        error: the last error, as data, or None.
    """

    id: str
    n: int
    alias: str
    step_id: str
    line: int | None
    created_us: int
    args: Tree = None
    status: StepStatus = "pending"
    attempts: tuple[Attempt, ...] = ()
    retry_at_us: int | None = None
    ended_us: int | None = None
    error: Mapping[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Whether its outcome is still to come."""
        return self.status in ("pending", "running", "retrying")


@dataclass(frozen=True, slots=True)
class Hook:
    """A wait for a person.

    Attributes:
        id, n, line: as for a step.
        token: what a resume names.
        schema: name of a schema in the definition, or None.
        title: what to show a person, or None.
        metadata_tree: what else whoever answers should know, as a tree.
        received: how many payloads were recorded.
        resume_ids: those of the recorded payloads.
        owner: with status "conflict": the run that owns the token.
    """

    id: str
    n: int
    token: str
    line: int | None
    created_us: int
    status: HookStatus
    schema: str | None = None
    title: str | None = None
    metadata_tree: Tree = None
    received: int = 0
    resume_ids: tuple[str, ...] = ()
    last_received_us: int | None = None
    ended_us: int | None = None
    owner: str | None = None

    @property
    def open(self) -> bool:
        """Whether it may be resumed."""
        return self.status == "open"

    @property
    def metadata(self) -> object:
        """What else whoever answers should know; models are records; None if there is nothing."""
        return decode(self.metadata_tree)


class Wait(NamedTuple):
    """A recorded sleep or timer.

    Attributes:
        id, n, line: as for a step.
        kind: "sleep", or "timer" for a deadline that asyncio made (`timeout`, `wait_for`, …).
        due_us: when it ends, microseconds UTC.
        woken: whether it ended early on request.
    """

    id: str
    n: int
    line: int | None
    kind: str
    created_us: int
    due_us: int
    status: WaitStatus = "pending"
    woken: bool = False
    ended_us: int | None = None

    @property
    def open(self) -> bool:
        """Whether it still has to end."""
        return self.status == "pending"


@dataclass(slots=True)
class RunState:
    """A run, folded from its events. Entities are frozen; the maps keep body order.

    Attributes:
        created: the plain part of `run_created` (`workflow_id`, `name`, `source_hash`, `steps`,
            `origin`, `isolation`, `language`, `python`, `key`, `parent`, `root`, …).
        attributes: plain texts that it can be found by, as they are now.
        notebook: the one that it belongs to, or "": where it was started, or who adopted it.
        seq: events folded so far; derived: how many of them a replay decided.
        closed_streams: streams that take no more: name to when they were closed.
        live: ids of steps and waits that have not ended, and of hooks that were not disposed, those
            with a conflict included; in body order. However much is over, a turn looks at these.
        result, error: trees of the terminal event.
        code: failure code; reason: why it was cancelled.
    """

    run_id: str = ""
    seq: int = 0
    derived: int = 0
    time_us: int = 0
    status: RunStatus = "pending"
    created: Mapping[str, Any] = field(default_factory=dict[str, Any])
    created_us: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    notebook: str = ""
    started_us: int | None = None
    ended_us: int | None = None
    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    hooks: dict[str, Hook] = field(default_factory=dict[str, Hook])
    waits: dict[str, Wait] = field(default_factory=dict[str, Wait])
    closed_streams: dict[str, int] = field(default_factory=dict[str, int])
    live: dict[str, None] = field(default_factory=dict[str, None])
    result: Tree = None
    error: Mapping[str, Any] | None = None
    code: str | None = None
    line: int | None = None
    reason: str | None = None

    @property
    def terminal(self) -> bool:
        """Whether the run has ended."""
        return self.status in ("completed", "failed", "cancelled")

    @property
    def open_steps(self) -> list[Step]:
        """Steps whose outcome is still to come, in body order."""
        return self._live(self.steps)

    @property
    def open_hooks(self) -> list[Hook]:
        """Hooks that may be resumed, in body order; none once the run has ended."""
        return [] if self.terminal else [hook for hook in self._live(self.hooks) if hook.open]

    @property
    def open_waits(self) -> list[Wait]:
        """Waits that still have to end, in body order; none once the run has ended."""
        return [] if self.terminal else self._live(self.waits)

    def _live(self, entities: Mapping[str, Entity]) -> list[Entity]:
        return [entities[key] for key in self.live if key in entities]

    def apply(self, event: Event) -> None:
        """Fold one more event.

        Raises:
            ValueError: the event does not follow the last one.
        """
        if event.seq != self.seq + 1:
            msg = f"event {event.seq} does not follow event {self.seq} of run {self.run_id}"
            raise ValueError(msg)
        self.seq = event.seq
        self.time_us = event.time_us
        self.derived += event.derived
        _FOLDS[event.type](self, event)
        if event.type in TERMINAL:
            self.ended_us = event.time_us


def copy_state(state: RunState) -> RunState:
    """Return a copy that goes its own way; its entities are frozen."""
    return replace(
        state,
        steps=dict(state.steps),
        hooks=dict(state.hooks),
        waits=dict(state.waits),
        closed_streams=dict(state.closed_streams),
        live=dict(state.live),
    )


def fold(events: Iterable[Event]) -> RunState:
    """Return the state after these events of one run."""
    state = RunState()
    for event in events:
        state.apply(event)
    return state


def _run_created(s: RunState, e: Event) -> None:
    s.run_id, s.created, s.created_us = e.run_id, e.meta, e.time_us
    s.attributes = e.meta.get("attributes") or {}
    s.notebook = notebook_of(e.meta.get("origin"))


def _run_adopted(s: RunState, e: Event) -> None:
    s.notebook = e.meta["notebook"]


def _attr_set(s: RunState, e: Event) -> None:
    s.attributes = e.meta["attributes"]


def _run_started(s: RunState, e: Event) -> None:
    s.status, s.started_us = "running", e.time_us


def _run_completed(s: RunState, e: Event) -> None:
    s.status, s.result = "completed", (e.data or {}).get("result")


def _run_failed(s: RunState, e: Event) -> None:
    s.status, s.code, s.line = "failed", e.meta.get("code"), e.meta.get("line")
    s.error = _object(e, "error")


def _run_cancelled(s: RunState, e: Event) -> None:
    s.status = "cancelled"
    reason = (e.data or {}).get("reason")
    s.reason = reason if isinstance(reason, str) else None


def _object(e: Event, name: str) -> Mapping[str, Any] | None:
    value = (e.data or {}).get(name)
    return value if isinstance(value, dict) else None


def _created(s: RunState, e: Event) -> str:
    key = str(e.correlation_id)
    s.live[key] = None
    return key


def _over(s: RunState, e: Event) -> str:
    key = str(e.correlation_id)
    s.live.pop(key, None)
    return key


def _step_created(s: RunState, e: Event) -> None:
    key = _created(s, e)
    s.steps[key] = Step(
        id=key,
        n=e.meta["n"],
        alias=e.meta["alias"],
        step_id=e.meta["step_id"],
        line=e.meta.get("line"),
        created_us=e.time_us,
        args=(e.data or {}).get("args"),
    )


def _step_started(s: RunState, e: Event) -> None:
    step = s.steps[str(e.correlation_id)]
    attempt = Attempt(e.meta["attempt"], e.time_us, rerun=bool(e.meta.get("rerun")))
    s.steps[step.id] = _moved(
        step, "running", (*step.attempts, attempt), args=step.args, error=step.error
    )


def _moved(  # noqa: PLR0913 - what changes of a step
    step: Step,
    status: StepStatus,
    attempts: tuple[Attempt, ...],
    *,
    args: Tree = None,
    retry_at_us: int | None = None,
    ended_us: int | None = None,
    error: Mapping[str, Any] | None = None,
) -> Step:
    """Return a step as it is now; what is not given, it has no more."""
    return Step(
        step.id,
        step.n,
        step.alias,
        step.step_id,
        step.line,
        step.created_us,
        args,
        status,
        attempts,
        retry_at_us,
        ended_us,
        error,
    )


def _ended_attempts(step: Step, e: Event) -> tuple[Attempt, ...]:
    if not step.attempts or step.attempts[-1].ended_us is not None:
        return step.attempts
    last = step.attempts[-1]
    ended = Attempt(last.number, last.started_us, last.rerun, e.time_us, _object(e, "error"))
    return (*step.attempts[:-1], ended)


def _step_retrying(s: RunState, e: Event) -> None:
    step = s.steps[str(e.correlation_id)]
    s.steps[step.id] = _moved(
        step,
        "retrying",
        _ended_attempts(step, e),
        args=step.args,
        retry_at_us=e.meta["retry_at_us"],
        error=_object(e, "error"),
    )


def _step_ended(status: StepStatus) -> Callable[[RunState, Event], None]:
    def apply(s: RunState, e: Event) -> None:
        step = s.steps[_over(s, e)]
        s.steps[step.id] = _moved(
            step,
            status,
            _ended_attempts(step, e),
            ended_us=e.time_us,
            error=_object(e, "error"),
        )

    return apply


def _hook_created(s: RunState, e: Event) -> None:
    key = _created(s, e)
    title = (e.data or {}).get("title")
    s.hooks[key] = Hook(
        id=key,
        n=e.meta["n"],
        token=e.meta["token"],
        line=e.meta.get("line"),
        created_us=e.time_us,
        schema=e.meta.get("schema"),
        title=title if isinstance(title, str) else None,
        metadata_tree=(e.data or {}).get("metadata"),
        status="conflict" if e.type == "hook_conflict" else "open",
        owner=e.meta.get("owner"),
    )


def _hook_received(s: RunState, e: Event) -> None:
    hook = s.hooks[str(e.correlation_id)]
    s.hooks[hook.id] = replace(
        hook,
        received=hook.received + 1,
        resume_ids=(*hook.resume_ids, e.meta["resume_id"]),
        last_received_us=e.time_us,
    )


def _hook_disposed(s: RunState, e: Event) -> None:
    hook = s.hooks[_over(s, e)]
    status: HookStatus = "conflict" if hook.status == "conflict" else "disposed"
    s.hooks[hook.id] = replace(hook, status=status, ended_us=e.time_us)


def _wait_created(s: RunState, e: Event) -> None:
    key = _created(s, e)
    s.waits[key] = Wait(
        id=key,
        n=e.meta["n"],
        line=e.meta.get("line"),
        kind=e.meta["kind"],
        created_us=e.time_us,
        due_us=e.meta["due_us"],
    )


def _wait_completed(s: RunState, e: Event) -> None:
    wait = s.waits[_over(s, e)]
    s.waits[wait.id] = wait._replace(
        status="completed", woken=bool(e.meta.get("woken")), ended_us=e.time_us
    )


def _wait_cancelled(s: RunState, e: Event) -> None:
    wait = s.waits[_over(s, e)]
    s.waits[wait.id] = wait._replace(status="cancelled", ended_us=e.time_us)


def _stream_closed(s: RunState, e: Event) -> None:
    s.closed_streams[e.meta["stream"]] = e.time_us


_FOLDS: dict[str, Callable[[RunState, Event], None]] = {
    "run_created": _run_created,
    "run_started": _run_started,
    "run_completed": _run_completed,
    "run_failed": _run_failed,
    "run_cancelled": _run_cancelled,
    "step_created": _step_created,
    "step_started": _step_started,
    "step_retrying": _step_retrying,
    "step_completed": _step_ended("completed"),
    "step_failed": _step_ended("failed"),
    "step_cancelled": _step_ended("cancelled"),
    "hook_created": _hook_created,
    "hook_conflict": _hook_created,
    "hook_received": _hook_received,
    "hook_disposed": _hook_disposed,
    "wait_created": _wait_created,
    "wait_completed": _wait_completed,
    "wait_cancelled": _wait_cancelled,
    "attr_set": _attr_set,
    "run_adopted": _run_adopted,
    "stream_closed": _stream_closed,
}
