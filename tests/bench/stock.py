"""Put many runs into a world at once: copies of the log of one that was really run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.bench.flows import SOURCES, STEPS
from wf_notebook.world.events import Event, NewEvent
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.workloads import Kind
    from wf_notebook import World
    from wf_notebook.run import Run

_BATCH = 256  # as many appends as go into one commit
_APART_US = 10_000  # one run began so long after the other


@dataclass(frozen=True)
class Model:
    """What is copied: a log, the definition that it was made by, and the token of its hook, if any."""

    events: Sequence[Event]
    definition: Mapping[str, Any]
    token: str = ""

    @classmethod
    def of(cls, run: Run, token: str = "") -> Model:
        return cls(run.events(), run.definition.to_record(), token)

    def copy(self, world: World, late_us: int) -> Append:
        """The same run with other ids and another token, so much later; earlier, if that is negative."""
        ids = world.host.ids
        token = ids.event_id()
        events = [
            NewEvent(
                event.type,
                ids.event_id(),
                event.time_us + late_us,
                event.correlation_id,
                _later(self._with(token, event.meta), late_us),
                self._with(token, event.data),
            )
            for event in self.events
        ]
        run_id = ids.run_id(events[0].time_us)
        return Append(run_id, tuple(events), definition=self.definition)

    def _with(self, token: str, values: Any) -> Any:
        return json.loads(json.dumps(values).replace(self.token, token)) if self.token else values


def _later(meta: Mapping[str, Any], late_us: int) -> Mapping[str, Any]:
    """A sleep that begins later ends later: a replay would ask for that."""
    return {**meta, "due_us": meta["due_us"] + late_us} if "due_us" in meta else meta


def fill(world: World, finished: int, asleep: int = 0, waiting: int = 0) -> None:
    """Store finished runs of one step, then sleeping ones, then some that wait for a person.

    The engine learns of those that have not ended when the world is opened again.
    """
    if finished:
        _store(world, Model.of(_played(world, "steps", (1,), "terminal")), finished - 1)
    if asleep:
        _store(world, Model.of(_played(world, "open", (), "sleep")), asleep - 1)
    if waiting:
        token = world.host.ids.event_id()
        _store(world, Model.of(_played(world, "waiting", (token,), "hook"), token), waiting - 1)


def _played(world: World, kind: Kind, given: tuple[object, ...], moment: Any) -> Run:
    run = world.start(SOURCES[kind], given, steps=STEPS)
    return run.wait_for(moment, timeout=None)


def _store(world: World, model: Model, count: int) -> None:
    store = world.host.store
    for begin in range(0, count, _BATCH):
        batch = range(begin, min(begin + _BATCH, count))
        for written in [store.commit(model.copy(world, (n - count) * _APART_US)) for n in batch]:
            written.result()
