"""How a behaviour is played: whole, or from where a crash has left it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.behaviour.invariants import asked_by
from tests.behaviour.logs import failure, written
from tests.behaviour.stage import Log, RoleIds, Stage, StillClock, playing
from tests.property.driving import copy_log, replay
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.definition.values import from_tree
from wf_notebook.errors import WorkflowError
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.behaviour.behaviour import Behaviour, Move
    from wf_notebook.config import IsolationMode
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore


@dataclass(frozen=True)
class Played:
    """What a performance came to.

    Attributes:
        ending: of the main run, as `Behaviour.ending`.
        events: of the main run; log: the same, written.
        asked: what its body asked for.
        world: the events of all runs, in the order of the commits.
        commits: how many of them there were after each commit.
        made_at: how many of them there were when each move was made.
        runs: id by role.
        copy: a store of the world's id; of a whole performance, with all that its store had.
    """

    ending: Any
    events: Sequence[Event]
    log: list[str]
    asked: list[Any]
    printed: str
    notes: list[str]
    world: Sequence[Event]
    commits: list[int]
    made_at: list[int]
    runs: dict[str, str]
    copy: MemoryStore


class House:
    """A world in which behaviours are played, one after the other.

    Args:
        store: closed with it.
        limits: of the world; one attempt at a time unless given.
        now_us: what time it is, or None for the beginning.
    """

    def __init__(
        self, store: EventStore, *, limits: Limits | None = None, now_us: int | None = None
    ) -> None:
        self._store = store
        self._limits = limits or Limits(concurrent_steps=1)
        self._clock, self._registry = StillClock(), StepRegistry()
        self._began_us = self._clock.now_us() if now_us is None else now_us
        self._ids = RoleIds(f"events-{now_us}")
        self._log = Log(store)
        self._world: World | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._world is not None:
            self._world.close()

    def play(self, behaviour: Behaviour, isolation: IsolationMode = "inline") -> Played:
        """Play a behaviour whole."""
        stage = self.stage(behaviour, isolation)
        self.open(stage)
        played = _played(stage, _perform(stage, behaviour.moves()))
        copy_log(self._store, played.copy, played.world)
        return played

    def stage(self, behaviour: Behaviour, isolation: IsolationMode = "inline") -> Stage:
        """Clear the stage for a behaviour."""
        for run in self._world.unfinished() if self._world is not None else ():
            run.cancel()
        steps = behaviour.steps
        for step in steps.values() if isinstance(steps, Mapping) else steps:
            self._registry.register(step)
        self._clock.set(self._began_us)
        self._ids.play = f"{behaviour.name}/{isolation}"
        self._log.clear()
        offered = {
            "steps": steps,
            "schemas": list(behaviour.schemas),
            "isolation": isolation,
        }
        return playing(Stage(self._clock, self._ids, log=self._log, offered=offered))

    def open(self, stage: Stage) -> None:
        """Open the world, if it isn't open; its steps have a stage to speak to by then."""
        self._world = self._world or World(
            self._store,
            steps=self._registry,
            clock=self._clock,
            ids=self._ids,
            limits=self._limits,
        )
        stage.world = self._world


def needs_its_own_world(behaviour: Behaviour) -> bool:
    """Whether it has limits of its own, a key that one world takes once, or looks at the past."""
    asks = any(move.said for move in behaviour.script)
    return behaviour.at_once != 1 or bool(behaviour.limits) or "id" in behaviour.options or asks


def _house(behaviour: Behaviour, store: EventStore, now_us: int | None = None) -> House:
    limits = Limits(concurrent_steps=behaviour.at_once, **behaviour.limits)
    return House(store, limits=limits, now_us=now_us)


def play(behaviour: Behaviour, store: EventStore, isolation: IsolationMode = "inline") -> Played:
    """Play a behaviour whole, in a world of its own."""
    with _house(behaviour, store) as house:
        return house.play(behaviour, isolation)


def play_on(behaviour: Behaviour, whole: Played, store: EventStore, count: int) -> Played:
    """Play a behaviour on in an empty store that gets the world's first `count` events.

    Between commits that is what a crash leaves. Within one it isn't, and the engine has to be told
    that the rest is missing.
    """
    copy_log(whole.copy, store, whole.world[:count])
    store.world_id = whole.copy.world_id  # type: ignore[misc]
    moves = list(zip(behaviour.moves(), whole.made_at, strict=True))
    with _house(behaviour, store, whole.world[count - 1].time_us) as house:
        stage = house.stage(behaviour)
        for move, at in moves:
            if at < count and move.lost:
                move.make(stage)
        house.open(stage)
        stage.world.settle()
        begun = {event.run_id for event in whole.world[:count]}
        for role, run_id in whole.runs.items():
            if run_id in begun:
                stage.runs[role] = stage.world.get(run_id)
                if count not in whole.commits:
                    stage.world.host.call(lambda run_id=run_id: replay(stage.world, run_id))
        left = [move for move, at in moves if at >= count]
        return _played(stage, _perform(stage, left))


def cuts(behaviour: Behaviour, whole: Played) -> list[int]:
    """Where the log of a world can be cut: after every event but the last.

    Except within a commit by which a move such as a cancel had its effect: nothing would bring
    the rest of that about again.
    """
    within: set[int] = set()
    for move, at in zip(behaviour.moves(), whole.made_at, strict=True):
        if move.whole:
            within.update(range(at + 1, next(end for end in whole.commits if end > at)))
    return [count for count in range(1, len(whole.world)) if count not in within]


def _perform(stage: Stage, moves: Sequence[Move]) -> list[int]:
    made_at: list[int] = []
    for move in moves:
        stage.until(move.ready, busy=move.busy, what=f"not yet: {move.says}")
        made_at.append(len(stage.log.events))
        _make(stage, move)
    stage.until(lambda stage: stage.state().terminal, busy=False, what="the run has not ended")
    return made_at


def _make(stage: Stage, move: Move) -> None:
    try:
        move.make(stage)
    except WorkflowError as error:
        refused: WorkflowError | None = error
    else:
        refused = None
    if not move.refused and refused is not None:
        raise refused
    found = (refused.code, str(refused)) if refused is not None else ("", "")
    assert found[0] == move.refused, f"{move.says}: {found}"
    assert re.search(move.said, found[1]), f"{move.says}: {found}"


def _played(stage: Stage, made_at: list[int]) -> Played:
    run = stage.run()
    events = run.events()
    runs = {role: run.id for role, run in stage.runs.items()}
    world = list(stage.log.events)
    return Played(
        ending=_ending(stage),
        events=events,
        log=written(events, {run_id: role for role, run_id in runs.items()}),
        asked=asked_by(events),
        printed="".join(run.stream("stdout")),
        notes=list(stage.notes),
        world=world,
        commits=list(stage.log.ends),
        made_at=made_at,
        runs=runs,
        copy=MemoryStore(stage.world.id),
    )


def _ending(stage: Stage) -> Any:
    state = stage.state()
    match state.status:
        case "completed":
            return ("completed", from_tree(state.result, Any))
        case "failed":
            return ("failed", f"{state.code} {failure(state.error or {})}")
        case _:
            return (state.status, state.reason or "")
