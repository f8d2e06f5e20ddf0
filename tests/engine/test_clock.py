"""Whatever is done to the clock: logs never go back, no sleep ends early, and none is lost."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.behaviour.invariants import check_log
from tests.engine.flows import double, flow
from wf_notebook.api import World
from wf_notebook.clock import SECOND_US
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.testing import VirtualClock
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.engine.activity import Activity
    from wf_notebook.run import Run
    from wf_notebook.world.store import EventStore

HOUR = 3600
YEAR = 365 * 24 * HOUR
LAST = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
SLEEPS = {
    "seconds": "30",
    "zero": "0",
    "negative": "-5",
    "past": "datetime.datetime(1999, 1, 1, tzinfo=datetime.UTC)",
    "beyond the timers of others": "'26d'",
    "the last year there is": "datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC)",
}
JUMPS = {
    "an hour back": (-HOUR,),
    "ten years back": (-10 * YEAR,),
    "ten years forth": (10 * YEAR,),
    "forth and back": (10 * YEAR, -10 * YEAR),
    "back and forth": (-10 * YEAR, 10 * YEAR),
    "back twice": (-HOUR, -HOUR),
}


def opened(store: EventStore, clock: VirtualClock) -> World:
    return World(store, steps=StepRegistry([double]), clock=clock, isolation="inline")


def begun(world: World, sleep: str) -> Run:
    source = flow(f"await sleep({sleep})\nreturn await steps.double(2)")
    return world.start("import datetime\n" + source, steps=[double])


def due_or_ended(run: Run) -> int | None:
    """When the run's sleep ends, or None once the run has."""
    run._wait(run.reached(lambda act: act.state.terminal or bool(act.state.open_waits)), 10)
    waits = [wait for wait in run.waits if wait.open]
    return waits[0].due_us if waits else None


def go_through(run: Run, clock: VirtualClock, jumps: Sequence[int]) -> None:
    """Set the clock about; then let it come to the sleep's end, and to no more than that."""
    due = due_or_ended(run)
    if due is None:
        return
    moments = [clock.now_us() + sum(jumps[:n]) * SECOND_US for n in range(1, len(jumps) + 1)]
    settled(run)
    was_due = clock.now_us() >= due
    for moment in (*moments, due - 1, due):
        clock.set(moment)
        settled(run)
        was_due = was_due or moment >= due
        assert run.state.terminal == was_due, "early, or lost"


def settled(run: Run) -> None:
    """Return when the engine has seen the clock, and done what follows."""
    for _ in range(5):
        run._host.call(run._host.runner.sweep)
    run._wait(run.reached(_at_rest), 10)


def _at_rest(act: Activity) -> bool:
    busy = act.turning or act.inbox or act.state.open_steps
    return act.state.terminal or not busy


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("sleep", SLEEPS.values(), ids=SLEEPS)
def test_in_an_open_world(sleep: str, jumps: Sequence[int]) -> None:
    """The clock is set while the run sleeps."""
    clock = VirtualClock()
    with closing(opened(MemoryStore(), clock)) as world:
        run = begun(world, sleep)
        go_through(run, clock, jumps)
        assert run.result(timeout=10) == 4
        check_log(run.events())


class Kept(MemoryStore):
    """A store that a world doesn't take with it."""

    def close(self) -> None:
        pass


@pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
@pytest.mark.parametrize("sleep", SLEEPS.values(), ids=SLEEPS)
def test_in_a_world_opened_again(sleep: str, jumps: Sequence[int]) -> None:
    """The clock was set while nobody had the world open."""
    store, clock = Kept(), VirtualClock()
    with closing(opened(store, clock)) as world:
        run_id = begun(world, sleep).id
    for jump in jumps:
        clock.advance(jump)
    with closing(opened(store, clock)) as world:
        run = world.get(run_id)
        go_through(run, clock, ())
        assert run.result(timeout=10) == 4
        check_log(run.events())


def test_the_last_moment_there_is() -> None:
    """A sleep until the end of time is due then; the machine's clock comes to it, too."""
    clock = VirtualClock()
    with closing(opened(MemoryStore(), clock)) as world:
        run = begun(world, SLEEPS["the last year there is"]).wait_for("sleep")
        assert run.waits[0].due_us == LAST * SECOND_US
        assert "ends in" in run.why()
        clock.set(LAST * SECOND_US)
        assert run.result(timeout=10) == 4


def test_sleeps_that_were_due_in_another_order() -> None:
    """Those that a jump makes due at once end in the order in which they were due."""
    clock = VirtualClock()
    source = flow("""
order = []
async def nap(days):
    await sleep(f"{days}d")
    order.append(days)

await asyncio.gather(*[nap(days) for days in (40, 1, 400, 7)])
return order
""")
    with closing(opened(MemoryStore(), clock)) as world:
        run = world.start(source, steps=[double]).wait_for("sleep")
        run._wait(run.reached(lambda act: len(act.state.open_waits) == 4), 10)
        clock.advance(10 * YEAR)
        assert run.result(timeout=10) == [1, 7, 40, 400]
        check_log(run.events())
