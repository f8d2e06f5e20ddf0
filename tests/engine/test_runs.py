"""What a run does from start to end."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from wf_notebook.config import Limits
from wf_notebook.definition.steps import Step, StepRegistry, step
from wf_notebook.engine.context import step_context
from wf_notebook.errors import (
    ArgumentsError,
    DivergenceError,
    FatalError,
    HookNotFoundError,
    HookPayloadError,
    RetryableError,
    RunCancelledError,
    RunConflictError,
    RunFailedError,
    StepNotRegisteredError,
    WaitingForHook,
)
from wf_notebook.testing import VirtualClock
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World
    from wf_notebook.run import Run


@step
async def double(x: int) -> int:
    return 2 * x


@step
def slow_add(a: int, b: int = 1) -> int:
    return a + b


class Approval(BaseModel):
    ok: bool
    amount: int = Field(ge=0, le=100)


def flow(body: str, arguments: str = "") -> str:
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return f'async def workflow({arguments}):\n    "use workflow"\n{lines}\n'


def go(world: World, body: str, *steps: Step[..., Any], **options: Any) -> Run:
    registry = world.host.runner.steps
    for one in steps or (double,):
        registry.register(one)
    return world.start(flow(body), steps=list(steps or (double,)), **options)


def types(run: Run) -> list[str]:
    return [event.type for event in run.events()]


# --- the way through -----------------------------------------------------------------------------


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


def test_commits_of_a_gather(world: World) -> None:
    """A gather of n costs two commits and one for each distinct moment of completion."""
    gate = threading.Event()
    ready = threading.Barrier(6)

    @step
    def together(x: int) -> int:
        ready.wait(10)
        gate.wait(10)
        return x

    before = world.commits
    body = "return await asyncio.gather(*[steps.together(i) for i in range(5)])"
    run = go(world, body, together)
    ready.wait(10)
    moments: set[int] = set()
    gate.set()
    assert run.result(timeout=10) == [0, 1, 2, 3, 4]
    moments = {e.time_us for e in run.events() if e.type == "step_completed"}
    assert world.commits - before <= 2 + max(len(moments), 5)


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


# --- steps ---------------------------------------------------------------------------------------


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
    """A step runs at most its `concurrency` at once."""
    active: list[int] = []
    most: list[int] = []

    @step(concurrency=2)
    async def counted(x: int) -> int:
        active.append(x)
        most.append(len(active))
        await asyncio.sleep(0)
        active.remove(x)
        return x

    body = "return await asyncio.gather(*[steps.counted(i) for i in range(7)])"
    assert go(world, body, counted).result(timeout=10) == list(range(7))
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
    stopped = threading.Event()

    @step
    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    body = "steps.long()\nawait sleep(1)\nraise ValueError('no')"
    run = go(world, body, long).wait_for("sleep")
    run.wake()  # the clock does not jump while a step is in flight
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=10)
    assert caught.value.code == "USER_ERROR"
    assert caught.value.line == 5
    assert caught.value.error["type"] == "ValueError"
    assert stopped.wait(10)
    assert "step_cancelled" in types(run)


# --- sleeps --------------------------------------------------------------------------------------


def test_sleep_takes_virtual_time(world: World) -> None:
    """A sleep of 30 days ends not before its time, and at once by a clock that jumps."""
    run = go(world, "a = now()\nawait sleep('30d')\nreturn (now() - a).days")
    assert run.result(timeout=10) == 30


def test_wake(make_world: Callable[..., World]) -> None:
    """A sleep can be ended early; the event says so."""
    world = make_world(clock=VirtualClock())
    run = go(world, "await sleep('1d')\nreturn 'up'")
    run.wait_for("sleep")
    assert run.wake() > 0
    assert run.result(timeout=10) == "up"
    woken = next(e for e in run.events() if e.type == "wait_completed")
    assert woken.meta["woken"] is True


# --- hooks ---------------------------------------------------------------------------------------

ASK = """
hook = create_hook(token="approve", schema="Approval", title="May I?")
answer = await hook
return [answer.ok, answer.amount]
"""


def ask(world: World, **options: Any) -> Run:
    run = go(world, ASK, schemas=[Approval], **options)
    return run.wait_for("hook")


def test_resume(world: World) -> None:
    """A resumed hook gives its payload to the body."""
    run = ask(world)
    assert run.status == "suspended"
    assert [h.title for h in run.hooks] == ["May I?"]
    run.resume("approve", {"ok": True, "amount": 7})
    assert run.result(timeout=10) == [True, 7]


def test_wrong_payload(world: World) -> None:
    """A payload that doesn't fit is refused with field errors; nothing changes."""
    run = ask(world)
    before = len(run.events())
    with pytest.raises(HookPayloadError) as caught:
        run.resume("approve", {"ok": True, "amount": 700})
    assert [e["path"] for e in caught.value.errors] == [["amount"]]
    assert len(run.events()) == before
    assert run.status == "suspended"


def test_resume_is_idempotent(world: World) -> None:
    """A resumed hook is delivered once per resume id, even after the run has ended."""
    run = ask(world)
    first = world.resume("approve", Approval(ok=False, amount=1), resume_id="click-1")
    assert run.result(timeout=10) == [False, 1]
    assert world.resume("approve", Approval(ok=False, amount=1), resume_id="click-1") == first
    assert types(run).count("hook_received") == 1


def test_too_late(world: World) -> None:
    """An unknown token and a finished run are told apart."""
    run = ask(world)
    with pytest.raises(HookNotFoundError, match="No hook has the token 'aprove'.*approve"):
        world.resume("aprove", {})
    run.resume("approve", {"ok": True, "amount": 7})
    run.result(timeout=10)
    with pytest.raises(HookNotFoundError, match="has ended"):
        world.resume("approve", {"ok": True, "amount": 7})


def test_conflict(world: World) -> None:
    """A token belongs to one live run; the second run is told who owns it."""
    first = ask(world)
    second = go(world, ASK, schemas=[Approval])
    with pytest.raises(RunFailedError, match=first.id) as caught:
        second.result(timeout=10)
    assert caught.value.error["type"] == "HookConflictError"
    first.cancel()
    third = go(world, "return await create_hook(token='approve').conflict()")
    assert third.result(timeout=10) is None


def test_conflict_disposed_at_once(world: World) -> None:
    """A hook disposed of before the body knew of its conflict replays like any other."""
    ask(world)
    body = """
hook = create_hook(token="approve")
hook.dispose()
await steps.double(1)
return await hook.conflict()
"""
    run = go(world, body)
    assert run.result(timeout=10) == world.unfinished()[0].id
    assert [h.status for h in run.hooks] == ["conflict"]


def test_race_of_hook_and_sleep(world: World) -> None:
    """A hook with a timeout is disposed when that is over."""
    body = """
try:
    await create_hook(token="slow", timeout="1h")
except TimeoutError:
    return "nobody came"
"""
    run = go(world, body)
    assert run.result(timeout=10) == "nobody came"
    assert "hook_disposed" in types(run)


def test_result_on_the_main_thread(world: World) -> None:
    """Waiting for a person without end, where no click can arrive, is an error with ways on."""
    run = ask(world)
    with pytest.raises(WaitingForHook, match="approve"):
        run.result()


# --- ends ----------------------------------------------------------------------------------------


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


# --- again ---------------------------------------------------------------------------------------


def test_wrong_call(world: World) -> None:
    """Arguments that the entry doesn't take are refused before anything is written."""
    world.host.runner.steps.register(double)
    with pytest.raises(ArgumentsError, match=r"workflow\(who, n=…\).*missing.*'who'"):
        world.start(flow("return who", "who, n=1"), steps=[double])
    assert world.rows() == []


def test_attach(world: World) -> None:
    """The same source and arguments attach to the unfinished run, if asked to."""
    run = ask(world)
    other = ask(world, attach=True)
    assert (other.id, other.attached, run.attached) == (run.id, True, False)


def test_idempotency_key(world: World) -> None:
    """One key, one run; another source under it is refused, and the line that differs is named."""
    first = go(world, "return await steps.double(1)", id="order-7")
    again = go(world, "return await steps.double(1)", id="order-7")
    assert again.id == first.id
    with pytest.raises(RunConflictError, match="line 3"):
        go(world, "return await steps.double(2)", id="order-7")


def test_rerun(world: World) -> None:
    """A run again is a new run of the same definition and arguments, linked to the first."""
    first = go(world, "return await steps.double(4)", attributes={"customer": "A-17"})
    assert first.result(timeout=10) == 8
    second = first.rerun()
    assert second.result(timeout=10) == 8
    assert (second.source_hash, second.attributes) == (first.source_hash, {"customer": "A-17"})
    assert second.events()[0].meta["rerun_of"] == first.id != second.id


class LateStore(MemoryStore):
    """Lists its unfinished runs only when told to, as a slow disk would."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Future[Any] = Future()

    def unfinished(self) -> Future[Any]:
        return self.asked

    def answer(self) -> None:
        self.asked.set_result(super().unfinished().result())


def test_started_while_the_world_is_opened(make_world: Callable[..., World]) -> None:
    """A run started before the world's unfinished runs are known isn't taken for one of them."""
    store = LateStore()
    world = make_world(store)
    run = go(world, "await create_hook(token='t')\nreturn await steps.double(2)")
    store.answer()
    world.settle()
    act = world.host.runner.activity(run.id)
    assert act is not None
    run.wait_for("hook")
    run.resume("t")
    assert run.result(timeout=10) == 4
    assert act.state.terminal  # it was this one that moved


def test_few_live_guests(make_world: Callable[..., World]) -> None:
    """Runs whose guest was set aside replay from the log and end the same."""
    world = make_world(limits=Limits(live_guests=2))
    body = """
x = await steps.double({i})
await create_hook(token="t{i}")
return x + await steps.double(x)
"""
    runs = [go(world, body.format(i=i)).wait_for("hook") for i in range(6)]
    for i, run in enumerate(runs):
        run.resume(f"t{i}")
    assert [run.result(timeout=10) for run in runs] == [6 * i for i in range(6)]


def copy_log(store: MemoryStore, run: Run, change: Callable[[dict[str, Any]], None]) -> MemoryStore:
    """A new store with the run's unfinished log, its events changed on the way."""
    from dataclasses import replace

    other = MemoryStore()
    changed = []
    for event in run.events():
        fields = {"meta": dict(event.meta), "data": event.data, "type": event.type}
        change(fields)
        changed.append(replace(event, **fields))
    record = dict(store.definition(run.id).result())
    other.commit(Append(run.id, tuple(changed), definition=record)).result()
    return other


def test_divergence(make_world: Callable[..., World]) -> None:
    """A body that asks for something else than its log blocks the run; nothing is written."""
    store = MemoryStore()
    world = make_world(store)
    run = go(world, "await steps.double(1)\nawait create_hook(token='t')\nreturn 1")
    run.wait_for("hook")

    def change(event: dict[str, Any]) -> None:
        if event["type"] == "step_created":
            event["data"] = {"args": {"x": 2}}

    other = copy_log(store, run, change)
    again = make_world(other).unfinished()[0]
    again.resume("t")
    with pytest.raises(DivergenceError, match=r"line 3.*double") as caught:
        again.result(timeout=10)
    assert caught.value.report["line"] == 3
    assert again.status == "blocked"
    assert [e.type for e in again.events()][-1] == "hook_received"


def test_definition_mismatch(make_world: Callable[..., World]) -> None:
    """A stored source that doesn't have its hash fails the run for good."""
    store = MemoryStore()
    world = make_world(store)
    run = go(world, "await create_hook(token='t')").wait_for("hook")
    other = MemoryStore()
    record = dict(store.definition(run.id).result())
    record["source"] = str(record["source"]).replace("'t'", "'u'")
    other.commit(Append(run.id, tuple(run.events()), definition=record)).result()
    again = make_world(other).unfinished()[0]
    with pytest.raises(Exception, match="hash"):
        again.resume("t")


def test_missing_step(make_world: Callable[..., World], registry: StepRegistry) -> None:
    """A run whose step isn't registered is blocked, and goes on once it is."""
    store = MemoryStore()
    gate = threading.Event()

    @step
    def later(x: int) -> int:
        gate.wait(10)
        return x

    world = make_world(store)
    run = go(world, "await sleep(1)\nreturn await steps.later(5)", later)
    run.reached(lambda act: any(s.status == "running" for s in act.state.steps.values())).result(10)
    events = run.events()
    other = MemoryStore()
    record = store.definition(run.id).result()
    other.commit(Append(run.id, tuple(events), definition=record)).result()
    gate.set()
    empty = StepRegistry()
    from wf_notebook.api import World as W

    with W(other, steps=empty, clock=VirtualClock(autojump=True), isolation="inline") as second:
        again = second.unfinished()[0]
        with pytest.raises(StepNotRegisteredError, match="later"):
            again.result(timeout=10)
        empty.register(later)
        again.wait_for("terminal", timeout=10)
        assert again.result(timeout=10) == 5
        rerun = [e for e in again.events() if e.type == "step_started"]
        assert [e.meta.get("rerun") for e in rerun] == [None, True]
