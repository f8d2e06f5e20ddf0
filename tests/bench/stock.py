"""Put many runs into a world at once: copies of the log of one that was really run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.bench.flows import SOURCES, STEPS, arguments
from wf_notebook.world.events import Event, NewEvent
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.workloads import Kind
    from wf_notebook import World
    from wf_notebook.run import Run

_BATCH = 256  # as many appends as go into one commit


@dataclass(frozen=True)
class Model:
    """What is copied: a log, and the definition that it was made by."""

    events: Sequence[Event]
    definition: Mapping[str, Any]

    @classmethod
    def of(cls, run: Run) -> Model:
        return cls(run.events(), run.definition.to_record())

    def copy(self, world: World, late_us: int) -> Append:
        """The same run with other ids, some microseconds later."""
        ids = world.host.ids
        events = [
            NewEvent(
                event.type,
                ids.event_id(),
                event.time_us + late_us,
                event.correlation_id,
                event.meta,
                event.data,
            )
            for event in self.events
        ]
        run_id = ids.run_id(events[0].time_us)
        return Append(run_id, tuple(events), definition=self.definition)


def fill(world: World, finished: int, asleep: int = 0) -> None:
    """Store finished runs of one step, then sleeping ones.

    The engine learns of the sleepers when the world is opened again.
    """
    if finished:
        _store(world, _played(world, "steps", 1, "terminal"), finished - 1)
    if asleep:
        _store(world, _played(world, "open", 0, "sleep"), asleep - 1)


def _played(world: World, kind: Kind, count: int, moment: Any) -> Model:
    run = world.start(SOURCES[kind], arguments(kind, count), steps=STEPS)
    return Model.of(run.wait_for(moment, timeout=None))


def _store(world: World, model: Model, count: int) -> None:
    store = world.host.store
    for begin in range(0, count, _BATCH):
        batch = range(begin, min(begin + _BATCH, count))
        for written in [store.commit(model.copy(world, n)) for n in batch]:
            written.result()
