"""How steps are attempted."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from tests.engine.flows import go, types
from wf_notebook.config import Limits
from wf_notebook.definition.steps import step
from wf_notebook.engine.context import step_context
from wf_notebook.errors import FatalError, PayloadError, RetryableError, RunFailedError
from wf_notebook.guest import measure
from wf_notebook.guest.agreed import MAX_TIME_US
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World


def test_retries(world: World) -> None:
    """A failing step is tried again, with its back-off recorded; the guest sees one outcome."""
    tried: list[int] = []

    @step(retries=2)
    async def flaky() -> int:
        tried.append(step_context().attempt)
        if len(tried) < 3:
            raise ValueError("not yet")
        return len(tried)

    run = go(world, "return await steps.flaky()", flaky)
    assert run.result(timeout=10) == 3
    assert tried == [1, 2, 3]
    assert types(run).count("step_retrying") == 2
    keys = {e.correlation_id for e in run.events() if e.type == "step_started"}
    assert len(keys) == 1  # the idempotency key is stable


def test_fatal(world: World) -> None:
    """FatalError stops retries; the source sees a StepError that names type and message."""
    tried: list[int] = []

    @step
    async def broken() -> None:
        tried.append(1)
        raise FatalError("card expired")

    body = """
try:
    await steps.broken()
except StepError as e:
    return [e.type, e.message]
"""
    assert go(world, body, broken).result(timeout=10) == ["FatalError", "card expired"]
    assert tried == [1]


def test_retry_after(world: World) -> None:
    """RetryableError sets the delay."""
    tried: list[int] = []

    @step
    def throttled() -> str:
        tried.append(1)
        if len(tried) == 1:
            raise RetryableError("slow down", retry_after="1h")
        return "ok"

    run = go(world, "return await steps.throttled()", throttled)
    assert run.result(timeout=10) == "ok"
    retry = next(e for e in run.events() if e.type == "step_retrying")
    assert retry.meta["retry_at_us"] - retry.time_us == 3_600_000_000


def test_timeout(world: World) -> None:
    """A step over its timeout fails with TimeoutError, async or sync."""

    @step(retries=0, timeout=0.01)
    async def never() -> None:
        await asyncio.Event().wait()

    @step(retries=0, timeout=0.01)
    def stubborn() -> str:
        context = step_context()
        assert context.signal.wait(10)
        return "late" if context.cancelled else "?"

    body = """
found = []
for call in (steps.never, steps.stubborn):
    try:
        await call()
    except StepError as e:
        found.append(e.type)
return found
"""
    run = go(world, body, never, stubborn)
    assert run.result(timeout=10) == ["TimeoutError", "TimeoutError"]


def test_one_attempt_at_a_time(world: World) -> None:
    """An attempt over its timeout is waited for: the next one starts when it has returned (P3)."""
    active: list[int] = []
    seen: list[list[int]] = []
    over = threading.Event()

    @step(retries=1, timeout=0.01)
    def stubborn() -> int:
        context = step_context()
        active.append(context.attempt)
        seen.append(list(active))
        if context.attempt == 1:
            assert context.signal.wait(10)  # told to stop, and yet it goes on
            assert over.wait(10)
        active.remove(context.attempt)
        return context.attempt

    run = go(world, "return await steps.stubborn()", stubborn)
    run.reached(lambda act: any(s.attempts for s in act.state.steps.values())).result(10)
    assert [s.status for s in run.steps] == ["running"]
    over.set()
    assert run.result(timeout=10) == 2
    assert seen == [[1], [2]]


def test_unusable_arguments(world: World) -> None:
    """Arguments that a step won't take fail it without an attempt."""
    body = """
try:
    await steps.double("many")
except StepError as e:
    return e.type
"""
    run = go(world, body)
    assert run.result(timeout=10) == "PayloadError"
    assert "step_started" not in types(run)


def test_concurrency(world: World) -> None:
    """A step runs at most its `concurrency` at once, and that many if there is work."""
    active: list[int] = []
    most: list[int] = []
    pair = threading.Barrier(2)

    @step(concurrency=2)
    def counted(x: int) -> int:
        active.append(x)
        most.append(len(active))
        pair.wait(10)  # nobody leaves before somebody else has come
        active.remove(x)
        return x

    body = "return await asyncio.gather(*[steps.counted(i) for i in range(6)])"
    assert go(world, body, counted).result(timeout=10) == list(range(6))
    assert max(most) == 2


def test_the_worlds_cap(make_world: Callable[..., World]) -> None:
    """A world runs at most its cap at once, over all runs, and starves none."""
    world = make_world(limits=Limits(concurrent_steps=2))
    body = "return await asyncio.gather(*[steps.double(i) for i in range(5)])"
    runs = [go(world, body) for _ in range(4)]
    assert [run.result(timeout=10) for run in runs] == [[0, 2, 4, 6, 8]] * 4


def test_open_step_is_drained(world: World) -> None:
    """A step that nobody awaited is finished before the run completes."""
    run = go(world, "steps.double(1)\nreturn 'done'")
    assert run.result(timeout=10) == "done"
    assert types(run)[-2:] == ["step_completed", "run_completed"]


def test_failure_cancels_open_steps(world: World) -> None:
    """When the body fails, open steps are cancelled, and the error names the line."""
    begun, stopped = threading.Event(), threading.Event()

    @step
    async def long() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    body = "steps.long()\nawait sleep(1)\nraise ValueError('no')"
    run = go(world, body, long).wait_for("sleep")
    assert begun.wait(10)  # an attempt that is cancelled before it has begun stops nothing
    run.wake()  # the clock does not jump while a step is in flight
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=10)
    assert caught.value.code == "USER_ERROR"
    assert caught.value.line == 5
    assert caught.value.error["type"] == "ValueError"
    assert stopped.wait(10)
    assert "step_cancelled" in types(run)


def test_values_too_large_to_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result over the limit fails its step; a payload over it is refused and changes nothing."""
    monkeypatch.setattr(measure, "MAX_BYTES", 10_000)

    @step(retries=0)
    def large() -> str:
        return "x" * 20_000

    failing = go(world, "return await steps.large()", large)
    with pytest.raises(RunFailedError) as caught:
        failing.result(timeout=10)
    assert "large.return" in str(caught.value)
    asking = go(world, "return await create_hook(token='t')", large).wait_for("hook")
    with pytest.raises(PayloadError):
        asking.resume("t", "y" * 20_000)
    asking.resume("t", "small")
    assert asking.result(timeout=10) == "small"


def test_an_unreadable_retry_after(world: World) -> None:
    """A delay that cannot be read is the attempt's failure: it is tried again by its back-off."""

    @step(retries=1)
    async def soon() -> None:
        raise RetryableError("slow down", retry_after="soon")

    @step(retries=1)
    def later() -> None:
        raise RetryableError("slow down", retry_after=object())  # type: ignore[arg-type]

    body = """
found = []
for call in (steps.soon, steps.later):
    try:
        await call()
    except StepError as e:
        found.append([e.type, e.message[:27], e.cause.type])
return found
"""
    run = go(world, body, soon, later)
    assert run.result(timeout=10) == [
        ["ValueError", "RetryableError(retry_after=", "RetryableError"],
        ["ValueError", "RetryableError(retry_after=", "RetryableError"],
    ]
    assert types(run).count("step_retrying") == 2


@pytest.mark.parametrize("after", [1e300, 1.7e308])
def test_a_retry_at_the_end_of_time(make_world: Callable[..., World], after: float) -> None:
    """A delay beyond every calendar ends with the last year that has a name."""

    @step
    def throttled() -> None:
        raise RetryableError("slow down", retry_after=after)

    run = go(make_world(clock=VirtualClock()), "return await steps.throttled()", throttled)
    run.reached(lambda act: any(s.retry_at_us for s in act.state.open_steps)).result(10)
    assert run.steps[0].retry_at_us == MAX_TIME_US
    assert "tries throttled" in run.why()


def test_late_result_of_an_async_step(world: World) -> None:
    """An async attempt that goes on after its timeout is told so, and its result is discarded."""
    told: list[bool] = []

    @step(retries=0, timeout=0.01)
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append(step_context().cancelled)
        return "late"

    body = """
try:
    return await steps.stubborn()
except StepError as e:
    return e.type
"""
    assert go(world, body, stubborn).result(timeout=10) == "TimeoutError"
    assert told == [True]
