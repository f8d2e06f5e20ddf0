"""What a run does from start to end."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import ask, double, flow, go, types
from wf_notebook.clock import SystemClock
from wf_notebook.config import Limits
from wf_notebook.definition.steps import step
from wf_notebook.errors import IsolationUnavailable, RunCancelledError, RunFailedError
from wf_notebook.isolation.proof import Proof
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World


def test_result(world: World) -> None:
    """A run returns what its entry returned."""
    run = go(world, "return await steps.double(21)")
    assert run.result(timeout=10) == 42
    assert types(run) == [
        "run_created",
        "run_started",
        "step_created",
        "step_started",
        "step_completed",
        "run_completed",
    ]


def test_one_commit_a_step(world: World) -> None:
    """A sequential step costs exactly one commit."""
    counts = []
    for count in (10, 11):
        before = world.commits
        body = f"x = 1\nfor i in range({count}):\n    x = await steps.double(i)\nreturn x"
        go(world, body).result(timeout=10)
        counts.append(world.commits - before)
    assert counts[1] - counts[0] == 1
    assert counts[0] == 10 + 2  # run_created, and what the first activation asked for


def test_commits_of_a_gather(make_world: Callable[..., World]) -> None:
    """A gather of n costs two commits and one for each distinct moment of completion."""
    world = make_world(clock=SystemClock())
    ready, gate = threading.Barrier(6), threading.Event()

    @step
    def together(x: int) -> int:
        ready.wait(10)
        gate.wait(10)
        return x

    before = world.commits
    body = "return await asyncio.gather(*[steps.together(i) for i in range(5)])"
    run = go(world, body, together)
    ready.wait(10)
    gate.set()
    assert run.result(timeout=10) == [0, 1, 2, 3, 4]
    moments = {e.time_us for e in run.events() if e.type == "step_completed"}
    assert world.commits - before == 2 + len(moments)


def test_arguments_and_print(world: World) -> None:
    """Arguments reach the entry; printed lines are a stream of the run."""
    source = flow("print('hello', who)\nreturn f'{who}-{n}'", "who, n=1")
    world.host.runner.steps.register(double)
    run = world.start(source, ("ada",), kwargs={"n": 3}, steps=[double])
    assert run.result(timeout=10) == "ada-3"
    assert "".join(run.stream("stdout")) == "hello ada\n"


def test_await(world: World) -> None:
    """A run can be awaited on any loop, more than once."""
    run = go(world, "return await steps.double(4)")

    async def both() -> list[int]:
        return [await run, await run]

    assert asyncio.run(both()) == [8, 8]


def test_cancelled_waiter_harms_nothing(world: World) -> None:
    """A waiter that is cancelled detaches; the run goes on."""
    gate = threading.Event()

    @step
    def gated() -> int:
        gate.wait(10)
        return 1

    run = go(world, "return await steps.gated()", gated)

    async def give_up() -> None:
        waiter = asyncio.ensure_future(run._outcome())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter

    asyncio.run(give_up())
    gate.set()
    assert run.result(timeout=10) == 1


def test_sleep_takes_virtual_time(world: World) -> None:
    """A sleep of 30 days ends not before its time, and at once by a clock that jumps."""
    run = go(world, "a = now()\nawait sleep('30d')\nreturn (now() - a).days")
    assert run.result(timeout=10) == 30


def test_never_early(make_world: Callable[..., World]) -> None:
    """A sleep ends when the world's clock has reached its time, not before, also after a step back."""
    clock = VirtualClock()
    world = make_world(clock=clock)
    run = go(world, "await sleep('1h')\nreturn now().minute")
    run.wait_for("sleep")
    due = run.waits[0].due_us
    for change in ("59m", -7200.0, "2h", "59s"):
        clock.advance(change)
        assert run.status == "suspended"
    clock.advance("1s")
    assert run.result(timeout=10) == 0
    ended = next(e for e in run.events() if e.type == "wait_completed")
    assert ended.time_us >= due


def test_wake(make_world: Callable[..., World]) -> None:
    """A sleep can be ended early; the event says so."""
    world = make_world(clock=VirtualClock())
    run = go(world, "await sleep('1d')\nreturn 'up'")
    run.wait_for("sleep")
    assert run.wake() > 0
    assert run.result(timeout=10) == "up"
    woken = next(e for e in run.events() if e.type == "wait_completed")
    assert woken.meta["woken"] is True


def test_cancel(world: World) -> None:
    """A cancelled run ends at once with its reason, and frees its tokens."""
    run = ask(world)
    run.cancel("changed my mind")
    with pytest.raises(RunCancelledError, match="changed my mind"):
        run.result(timeout=10)
    assert types(run)[-1] == "run_cancelled"
    assert run.cancel() == 0


def test_deadlock(world: World) -> None:
    """A body that waits for what nothing can end fails, and names the line."""
    run = go(world, "await asyncio.Event().wait()")
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=10)
    assert (caught.value.code, caught.value.line) == ("DEADLOCK", 3)


def test_too_many_events(make_world: Callable[..., World]) -> None:
    """A run over its budget of events fails with a code."""
    world = make_world(limits=Limits(events_per_run=40))
    run = go(world, "while True:\n    await steps.double(1)")
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=10)
    assert caught.value.code == "MAX_EVENTS_EXCEEDED"
    assert len(run.events()) <= 45


@pytest.mark.parametrize("mode", ["strict", "procss"])
def test_isolation_that_is_not_to_be_had(
    world: World, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An isolation that this machine lacks is refused before anything is written."""
    proven = [Proof({"fork": "done"})]
    monkeypatch.setattr("wf_notebook.isolation.choose._proven", proven)
    with pytest.raises(IsolationUnavailable, match=mode[1:]):
        go(world, "return 1", isolation=mode)
    assert world.rows() == []
