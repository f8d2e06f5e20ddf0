"""Runs that are found again, replayed, or cannot be."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import FailingStore, ask, double, flow, go
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.errors import (
    ArgumentsError,
    DivergenceError,
    RunConflictError,
    StepNotRegisteredError,
)
from wf_notebook.testing import VirtualClock
from wf_notebook.world.events import NewEvent
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.run import Run


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
    with pytest.raises(RunConflictError, match="line 3") as caught:
        go(world, "return await steps.double(2)", id="order-7")
    assert caught.value.run_id == first.id
    assert (
        "-    return await steps.double(1)\n+    return await steps.double(2)" in caught.value.diff
    )


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
    with World(other, steps=empty, clock=VirtualClock(autojump=True), isolation="inline") as second:
        again = second.unfinished()[0]
        with pytest.raises(StepNotRegisteredError, match="later"):
            again.result(timeout=10)
        empty.register(later)
        again.wait_for("terminal", timeout=10)
        assert again.result(timeout=10) == 5
        rerun = [e for e in again.events() if e.type == "step_started"]
        assert [e.meta.get("rerun") for e in rerun] == [None, True]


def test_a_broken_log_stops_nobody_else(make_world: Callable[..., World]) -> None:
    """A run whose log can't be read is blocked with the reason; the world's others go on."""
    store = MemoryStore()
    first = make_world(store)
    run = go(first, "await create_hook(token='t')\nreturn 5").wait_for("hook")
    other = copy_log(store, run, lambda event: None)
    no_seed = NewEvent("run_created", "e", 1, data={"args": []})
    other.commit(Append("wrun_broken", (no_seed,), definition={})).result()
    world = make_world(other)
    world.resume("t")
    assert world.get(run.id).result(timeout=10) == 5
    broken = world.get("wrun_broken")
    assert broken.status == "blocked"
    assert "cannot be read" in broken.why()


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("n", range(2, 9))
def test_a_failed_commit(make_world: Callable[..., World], n: int, written: bool) -> None:
    """A commit that failed, written or not, is looked up and made good; no step runs twice."""
    ran: list[int] = []

    @step
    async def count(x: int) -> int:
        ran.append(x)
        return x

    store = FailingStore(n, written=written)
    body = """
first = await asyncio.gather(*[steps.count(i) for i in range(2)])
await sleep("1h")
return [first, await steps.count(2), await steps.count(3)]
"""
    run = go(make_world(store), body, count)
    run.wait_for("terminal", timeout=20)
    assert run.result(timeout=10) == [[0, 1], 2, 3]
    assert sorted(set(ran)) == [0, 1, 2, 3]
    reruns = sum(bool(e.meta.get("rerun")) for e in run.events())
    assert len(ran) <= 4 + reruns


def test_an_attached_run_knows_its_schemas(make_world: Callable[..., World]) -> None:
    """After a restart the cell that attaches shows the form, not raw JSON."""
    store = MemoryStore()
    run = ask(make_world(store))
    other = copy_log(store, run, lambda event: None)
    again = ask(make_world(other), attach=True)
    assert (again.id, again.attached) == (run.id, True)
    assert list(again.schemas) == ["Approval"]
