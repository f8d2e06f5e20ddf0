"""What the engine holds of one unfinished run, and how it is read back from its log."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from wf_notebook.definition.model import Definition
from wf_notebook.engine.attributes import Attributes
from wf_notebook.engine.decide import next_attempt
from wf_notebook.engine.replay import is_command, is_told
from wf_notebook.errors import RunNotFoundError, WorldError, WorldKeyError
from wf_notebook.world.garbage import uncollected
from wf_notebook.world.state import RunState, fold

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from wf_notebook.config import IsolationMode
    from wf_notebook.engine.decide import Item
    from wf_notebook.engine.logs import Logs
    from wf_notebook.engine.replay import Completed, Outcome
    from wf_notebook.guest.values import Tree
    from wf_notebook.isolation.protocol import Guest, Reply
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import Hook, Step, Wait
    from wf_notebook.world.store import Chunk, EventStore, RunRow

_TOGETHER: Final = 1_000  # logs that are held at once before their runs are folded
BlockReason = Literal[
    "step", "origin", "version", "divergence", "isolation", "world", "key", "internal"
]


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a run cannot go on until something is mended.

    Attributes:
        reason: "step" (one is not registered), "origin" (another notebook's, with other steps),
            "version" (of the language), "divergence", "isolation" (no guest to be had), "world" (it
            could not be written or read), "key" (it is missing) or "internal" (a defect of ours).
        message: a sentence for a person.
        hint: what mends it.
        report: of a divergence; of missing "steps", how they are named.
        passing: whether it is tried again by itself and may succeed: a disk is full, say. Who waits
            for the run goes on waiting.
    """

    reason: BlockReason
    message: str
    hint: str = ""
    report: Mapping[str, Any] = field(default_factory=dict[str, Any])
    passing: bool = False


@dataclass(slots=True)
class Activity:
    """One unfinished run on the engine's loop.

    Attributes:
        seed: the run's 128 bits.
        inbox: what has happened and is not yet decided upon.
        turning: whether a turn is under way; there is one at a time.
        resting: whether no turn may be taken until the log was read back after a failure.
        guest: the live guest, or None: then the next turn replays from the log.
        begun: what a guest answers that has begun with the run before that was in the world, or None.
        delivered: how many events the live guest was fed.
        undelivered: messages of events in the log that the live guest was not fed yet.
        behind: whether the log may hold an outcome that the body has not answered.
        last_n: the highest position of a command.
        todo: ids of steps that need an attempt as soon as there is a slot.
        ended: the entry's return, while open steps are drained.
        models: pydantic models by schema name, if this process has them.
        attributes: how it is labelled, what is about to be recorded included.
        replayed: (k, n) while k of n events have been replayed, else None.
        locked: why only what is plain of it is known, and nothing may be asked of it, or None.
        written: how often chunks of a stream were committed since the run was taken up here.
        children: id of a step to the id of the run that it has started last, as far as known here.
    """

    run_id: str
    state: RunState
    seed: bytes
    args: Sequence[Tree]
    kwargs: Mapping[str, Tree]
    definition: Definition | None = None
    inbox: list[Item] = field(default_factory=list["Item"])
    turning: bool = False
    resting: bool = False
    guest: Guest | None = None
    begun: asyncio.Task[tuple[Outcome, Reply]] | None = None
    delivered: int = 0
    undelivered: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    behind: bool = True
    last_n: int = 0
    todo: dict[str, None] = field(default_factory=dict[str, None])
    ended: Completed | None = None
    blocked: Blocked | None = None
    locked: WorldKeyError | None = None
    models: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attributes: Attributes = field(init=False)
    replayed: tuple[int, int] | None = None
    written: Counter[str] = field(default_factory=Counter[str])
    children: dict[str, str] = field(default_factory=dict[str, str])
    subscribers: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])

    def __post_init__(self) -> None:
        self.attributes = Attributes(self.state.attributes)

    @property
    def readable(self) -> bool:
        """Whether its log could be read, when the world was opened or since."""
        return bool(self.seed)

    def begin_from(self, fresh: Activity) -> None:
        """Take over what was read from the log, which may be the first time that it could be."""
        if not self.readable:
            self.seed, self.args, self.kwargs = fresh.seed, fresh.args, fresh.kwargs
            self.attributes = fresh.attributes
        self.state, self.todo, self.last_n = fresh.state, fresh.todo, fresh.last_n

    @property
    def root_id(self) -> str:
        """The run at the top: this one, unless a step of another run has started it."""
        root: str = self.state.created.get("root", self.run_id)
        return root

    def wrote(self, chunks: Iterable[Chunk]) -> None:
        """Note that chunks are durable, for those who follow their streams."""
        self.written.update({chunk.stream for chunk in chunks})

    @property
    def isolation(self) -> IsolationMode:
        """The isolation that was recorded when the run was created."""
        mode: IsolationMode = self.state.created.get("isolation", "process")
        return mode


def from_log(events: Sequence[Event]) -> Activity:
    """Read an unfinished run back from its log."""
    state = fold(events)
    data = cast("Mapping[str, Any]", events[0].data or {})
    entities: list[Step | Hook | Wait] = [*state.steps.values(), *state.hooks.values()]
    entities += state.waits.values()
    return Activity(
        run_id=state.run_id,
        state=state,
        seed=bytes.fromhex(data["seed"]),
        args=data["args"],
        kwargs=data["kwargs"],
        # with an open step, too: its next attempt must not start before a replay has agreed
        behind=_behind(events) or bool(state.open_steps),
        last_n=max((e.n for e in entities), default=0),
        todo=dict.fromkeys(s.id for s in state.open_steps if s.status != "retrying"),
    )


async def recalled(store: EventStore, run_id: str, logs: Logs | None = None) -> Activity:
    """Read a run back from its world; without the key, as far as it is plain.

    Args:
        store: the world.
        run_id: the run.
        logs: keep the log for a replay, if it is given.

    Raises:
        RunNotFoundError: there is no such run, or it was forgotten.
        WorldError, ValueError, KeyError, TypeError, IndexError: its log cannot be read.
    """
    try:
        events = await asyncio.wrap_future(store.read(run_id))
    except WorldKeyError as error:
        return _locked(await asyncio.wrap_future(store.outline(run_id)), error)
    if not events:
        raise RunNotFoundError(f"There is no run '{run_id}' in this world.")
    if logs is not None:
        logs.keep(events)
    return from_log(events)


def _locked(plain: Sequence[Event], error: WorldKeyError) -> Activity:
    """Read a run back from what is plain of its log."""
    state = fold(plain)
    act = Activity(state.run_id, state, b"", (), {}, behind=False, locked=error)
    act.blocked = Blocked("key", error.message, error.hint)
    return act


async def together(
    store: EventStore, rows: Sequence[RunRow]
) -> AsyncIterator[tuple[RunRow, Activity | None]]:
    """Give runs as they are read back; None for one that `recalled` has to read, or that it refuses."""
    for begin in range(0, len(rows), _TOGETHER):
        page = rows[begin : begin + _TOGETHER]
        made: Mapping[str, Activity] = {}
        with suppress(WorldError):  # which of them cannot be read is seen when each is
            made = await _made_of_logs(store, [row.run_id for row in page])
        for row in page:
            yield row, made.get(row.run_id)


async def _made_of_logs(store: EventStore, run_ids: Sequence[str]) -> Mapping[str, Activity]:
    try:
        logs = await asyncio.wrap_future(store.short_logs(run_ids))
    except WorldKeyError as error:
        plain = await asyncio.wrap_future(store.short_logs(run_ids, plain=True))
        return _each(plain, partial(_locked, error=error))
    return _each(logs, from_log)


@uncollected()
def _each(
    logs: Mapping[str, Sequence[Event]], make: Callable[[Sequence[Event]], Activity]
) -> Mapping[str, Activity]:
    made: dict[str, Activity] = {}
    for run_id, log in logs.items():
        with suppress(ValueError, KeyError, TypeError, IndexError):  # it will be read alone
            made[run_id] = make(log)
    return made


async def define(store: EventStore, acts: Sequence[Activity]) -> None:
    """Read the definitions of runs that have none yet, as far as they can be read in one go.

    Runs of one definition share it.
    """
    lacking = {act.run_id: act for act in acts if act.definition is None}
    if not lacking:
        return
    read: dict[int, Definition] = {}
    with suppress(WorldError):  # why one cannot be read is said to whoever asks for it
        records = await asyncio.wrap_future(store.definitions(list(lacking)))
        for run_id, record in records.items():
            with suppress(ValueError, KeyError, TypeError):
                if id(record) not in read:
                    read[id(record)] = Definition.from_record(record)
                lacking[run_id].definition = read[id(record)]


def _behind(events: Sequence[Event]) -> bool:
    """Whether the last outcome of a log may still be unanswered.

    An outcome commits together with the commands it causes, except where the process died, or a
    guest could not be had, in between. A created hook counts only if the body awaits the news.
    """
    for event in reversed(events):
        if event.type == "hook_created":
            return bool(event.meta.get("ack"))
        if is_told(event) or event.type == "run_created":
            return True
        if is_command(event) or event.type == "run_started":
            return False
    return True


def attempt_of(act: Activity, step_id: str) -> tuple[int, bool]:
    """Return the number of a step's next attempt, and whether it is one run again."""
    step = act.state.steps.get(step_id)
    return (1, False) if step is None else next_attempt(step)


def renewed(before: Activity | None, fresh: Activity) -> Activity:
    """Return a run as it was just read back: in the object that people hold, if there is one."""
    if before is None:
        return fresh
    before.begin_from(fresh)
    before.attributes, before.behind = fresh.attributes, fresh.behind
    before.blocked, before.locked = fresh.blocked, fresh.locked
    before.replayed = before.ended = None
    before.turning = before.resting = False
    return before
