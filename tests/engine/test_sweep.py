"""What is due goes on, whatever became of its timer; nothing twice, nothing early, nothing dear."""

from __future__ import annotations

import asyncio
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.behaviour.invariants import check_log
from tests.engine.flows import FailingStore, double, flow, go, types
from wf_notebook.config import Limits
from wf_notebook.definition.steps import step
from wf_notebook.engine.attempts import Attempts
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World
    from wf_notebook.engine.attempts import Call
    from wf_notebook.run import Run


class LostTimers(VirtualClock):
    """Nobody who waits for a time is ever told that it has come."""

    async def wait_until(self, time_us: int) -> None:
        del time_us
        await asyncio.get_running_loop().create_future()


class DyingTimer(VirtualClock):
    """Whoever waits for a time first dies of it."""

    died = 0

    async def wait_until(self, time_us: int) -> None:
        self.died += 1
        if self.died == 1:
            raise OSError("no timer")
        await super().wait_until(time_us)


def after_turn(world: World) -> None:
    """Return when the engine has nothing left to do."""
    runner = world.host.runner

    def moves() -> bool:
        return any(a.turning or (a.inbox and not a.resting) for a in runner.unfinished)

    while world.host.call(moves):
        world.host.call(lambda: None)


@pytest.mark.parametrize("clock", [LostTimers, DyingTimer])
def test_a_sleep_whose_timer_was_lost(
    make_world: Callable[..., World], clock: type[VirtualClock]
) -> None:
    """The next sweep ends it: not before its time, and once."""
    world = make_world(clock=(time := clock()))
    run = go(world, "await sleep('1h')\nreturn await steps.double(2)").wait_for("sleep")
    time.advance(3599)
    after_turn(world)
    assert types(run)[-1] == "wait_created"
    time.advance(1)
    time.advance(1)
    assert run.result(timeout=10) == 4
    assert types(run).count("wait_completed") == 1
    check_log(run.events())


@step(retries=1)
async def failing_once(x: int) -> int:
    from wf_notebook import step_context

    if step_context().attempt == 1:
        raise ValueError("first")
    return x


def test_a_retry_whose_timer_was_lost(make_world: Callable[..., World]) -> None:
    """The step is tried again, once."""
    world = make_world(clock=(time := LostTimers()))
    run = go(world, "return await steps.failing_once(2)", failing_once)
    run._wait(run.reached(lambda act: any(s.retry_at_us for s in act.state.open_steps)), 10)
    time.advance("1h")
    assert run.result(timeout=10) == 2
    assert types(run).count("step_started") == 2


def test_an_attempt_that_is_made_nowhere(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that is running by the log and by nobody else is run again, and holds one slot."""
    lost: list[Call] = []
    start = Attempts.start

    def losing(self: Attempts, call: Call) -> None:
        if lost:
            start(self, call)
        lost.append(call)

    monkeypatch.setattr(Attempts, "start", losing)
    limits = Limits(concurrent_steps=1)
    world = make_world(clock=(time := VirtualClock()), limits=limits)
    run = go(world, "return await steps.double(await steps.double(2))")
    run._wait(run.reached(lambda act: any(s.attempts for s in act.state.open_steps)), 10)
    after_turn(world)
    time.advance(1)
    assert run.result(timeout=10) == 8
    assert [call.again for call in lost] == [False, True, False]
    check_log(run.events())


def test_no_thread_for_an_attempt(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that the machine has no thread for has failed, and is made again."""
    begin, tried = Attempts._begin, []

    def refusing(self: Attempts, flight: Any) -> None:
        tried.append(flight)
        if len(tried) == 1:
            raise RuntimeError("can't start new thread")
        begin(self, flight)

    monkeypatch.setattr(Attempts, "_begin", refusing)
    run = go(make_world(), "return await steps.double(2)")
    assert run.result(timeout=10) == 4
    assert "step_retrying" in types(run)


def test_sweeps_start_nothing_twice(make_world: Callable[..., World]) -> None:
    """P3: however often it is swept, a step in flight is not started again (I7)."""
    gate, begun = threading.Event(), []

    @step
    def slow(x: int) -> int:
        begun.append(x)
        assert gate.wait(30)
        return x

    world = make_world(clock=(time := VirtualClock()))
    body = "await sleep(1)\nreturn await asyncio.gather(*[steps.slow(i) for i in range(5)])"
    run = go(world, body, slow).wait_for("sleep")
    for _ in range(200):
        time.advance(0.01)
        world.host.call(world.host.runner.sweep)
    run._wait(run.reached(lambda _: len(begun) == 5), 10)
    for _ in range(200):
        time.advance(60)
        world.host.call(world.host.runner.sweep)
    gate.set()
    assert run.result(timeout=10) == list(range(5))
    assert sorted(begun) == list(range(5))
    check_log(run.events())


def test_set_back_while_the_disk_is_full(make_world: Callable[..., World]) -> None:
    """P6: a wait that was due, and could not be written, ends when it is due again."""
    world = make_world(FailingStore(3, written=False), clock=(time := VirtualClock()))
    run = go(world, "await sleep('1h')\nreturn 1").wait_for("sleep")
    time.advance("1h")
    run._wait(run.reached(lambda act: act.resting), 10)
    time.advance(-3600)
    after_turn(world)
    time.advance(3)
    run._wait(run.reached(lambda act: not act.resting), 10)
    after_turn(world)
    assert types(run)[-1] == "wait_created"
    time.advance("1h")
    assert run.result(timeout=10) == 1
    check_log(run.events())


def test_a_defect_keeps_what_happened(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that breaks loses no outcome: a completed step isn't run again, and the run goes on."""
    world = make_world(clock=(time := VirtualClock()))
    from wf_notebook.engine.feed import Feeder

    feed, broken, made = Feeder.feed, [], []

    async def breaking(self: Feeder, *given: Any) -> Any:
        answer = await feed(self, *given)
        if any(event.type == "step_completed" for event in given[2]) and not broken:
            broken.append(given)
            raise ZeroDivisionError("a defect")
        return answer

    monkeypatch.setattr(Feeder, "feed", breaking)

    @step
    async def noted(x: int) -> int:
        made.append(x)
        return x

    run = go(world, "return await steps.noted(1) + await steps.noted(2)", noted)
    run._wait(run.reached(lambda act: act.blocked is not None), 10)
    assert "a defect" in run.why()
    time.advance(61)
    assert run.wait_for("terminal").result() == 3
    assert made == [1, 2]
    check_log(run.events())


def calls_of(work: Callable[[], None]) -> int:
    """How many calls, of Python's and of C's functions, something takes."""
    count = 0

    def counting(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def asleep(world: World, count: int) -> list[Run]:
    world.host.runner.steps.register(double)
    source = flow("await sleep('30d')\nreturn await steps.double(2)")
    runs = [world.start(source, steps=[double]) for _ in range(count)]
    return [run.wait_for("sleep", timeout=60) for run in runs]


def test_a_sweep_costs_nothing_while_nothing_is_due(make_world: Callable[..., World]) -> None:
    """As many calls for two hundred sleeping runs as for two, and none to the world."""
    cost = []
    for count in (2, 200):
        world = make_world(clock=VirtualClock())
        asleep(world, count)
        after_turn(world)
        before = world.commits
        cost.append(world.host.call(partial(calls_of, world.host.runner.sweep)))
        assert world.commits == before
    assert cost[0] == cost[1] < 50
