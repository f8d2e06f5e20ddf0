"""A process that has a world open, and ends one way or the other; its clock moves when told to."""

from __future__ import annotations

import asyncio
import queue
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from tests.behaviour.invariants import check_kept
from tests.behaviour.stage import PATIENCE, StillClock
from tests.property.driving import MADE
from tests.property.faults import FaultyStore
from tests.property.flows import ACTS, ALL_STEPS
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.ids import SeededIds
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.state import RunState, fold

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wf_notebook.engine.attempts import _Flight
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

LOOKS: Final = 12  # turns of the loop, after which what was posted to it has arrived
AT_ONCE: Final = 4
NOTEBOOKS: Final = ("a.ipynb", "b.ipynb")


class Session:
    """A world that is opened again and again, on the reference store unless derived.

    Attributes:
        log: the events of all commits that took effect, whoever was told of them.
        crashes: how often the process has ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = StillClock()
        self.ids = SeededIds("machine")
        self.busy = ""  # what was waited for, as of the last look
        ACTS.begin(self._hear_of)
        MADE.clear()
        self.log: list[Event] = []
        self.crashes = 0
        self.mirror: MemoryStore | None = None
        self.disk = self.make()
        self.open()

    # ---------------------------------------------------------------- what the store is made of

    def make(self) -> EventStore:
        """A new world."""
        return MemoryStore("world-of-the-machine")

    def left_by_a_crash(self) -> EventStore:
        """The world, opened after nobody has closed it."""
        return self.disk

    def closed_and_opened(self) -> EventStore:
        """The world, opened after it was closed."""
        return self.disk

    # ------------------------------------------------------------------------------ the process

    def open(self) -> None:
        registry = StepRegistry()
        for offered in ALL_STEPS:
            registry.register(offered)
        ACTS.new_process()
        self.store = FaultyStore(self.disk, self.log, self.mirror)
        self.world = World(
            self.store,
            steps=registry,
            clock=self.clock,
            ids=self.ids,
            isolation="inline",
            limits=Limits(concurrent_steps=AT_ONCE),
            notebook=NOTEBOOKS[self.crashes % 2],
        )
        self.host = self.world.host
        self.host.call(lambda: self.host.runner.watchers.append(lambda _: self._hear_of()))
        self.world.settle()

    def _hear_of(self) -> None:
        self.clock.heard.put(None)

    def crash_and_reopen(self) -> None:
        """Let nothing more reach the world, and begin another process with what is there."""
        self.store.dead = True
        self.world.close()
        self._begin(self.left_by_a_crash)

    def close_and_reopen(self) -> None:
        """End the process as it should be ended, and begin another one."""
        self.world.close()
        self._begin(self.closed_and_opened)

    def _begin(self, how: Callable[[], EventStore]) -> None:
        self.disk = how()
        self.crashes += 1
        for run_id, events in self.runs().items():
            check_kept(events, self.disk.read(run_id).result(PATIENCE))
        self.open()

    def settle(self) -> None:
        """Return once nothing but time, a person or an open gate could move anything."""
        silent = 0
        while silent < PATIENCE:
            mark, quiet = self.host.wait(self.host.submit(self._look()))
            if quiet:
                return
            silent = 0 if self._hears(mark) else silent + 1
        raise AssertionError(f"nothing is heard any more; {self.busy}")

    async def _look(self) -> tuple[int, bool]:
        for _ in range(LOOKS):
            await asyncio.sleep(0)
        runner = self.host.runner
        runner.rest()
        mark = self.clock.count
        moving = [flight.call for flight in runner._attempts._flights.values() if _moves(flight)]
        self.busy = f"{len(runner._turns)} turns and {moving} were to end"
        return mark, not runner._turns and not moving

    def _hear(self, mark: int) -> None:
        if not self._hears(mark, seconds=PATIENCE):
            raise AssertionError(f"nothing is heard any more; {self.busy}")

    def _hears(self, mark: int, *, seconds: float = 1.0) -> bool:
        """Whether something is heard before so much silence."""
        while True:
            try:
                heard = self.clock.heard.get(timeout=seconds)
            except queue.Empty:
                return False
            if heard is None or heard > mark:
                return True

    def ask(self, future: Future[Any]) -> Any:
        """Wait for an answer; the clock moves while the run rests after a failed commit."""
        future.add_done_callback(lambda _: self._hear_of())
        while not future.done():
            mark, quiet = self.host.wait(self.host.submit(self._look()))
            if future.done():
                break
            resting = any(act.resting for act in self.host.runner.unfinished)
            if not (quiet and resting and self.host.call(self.clock.jump)):
                self._hear(mark)
        return future.result()

    # --------------------------------------------------------------------------------- what is

    def runs(self) -> dict[str, list[Event]]:
        """The events of each run."""
        runs: dict[str, list[Event]] = defaultdict(list)
        for event in self.log:
            runs[event.run_id].append(event)
        return runs

    def events_of(self, run_id: str) -> list[Event]:
        return [event for event in self.log if event.run_id == run_id]

    def states(self) -> dict[str, RunState]:
        """Each run, as what took effect has left it."""
        return {run_id: fold(events) for run_id, events in sorted(self.runs().items())}


def _moves(flight: _Flight) -> bool:
    """Whether an attempt is about to return: it waits at no gate, or was told to stop there."""
    return flight.call.key not in ACTS.at_gate or flight.context.cancelled
