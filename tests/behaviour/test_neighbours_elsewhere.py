"""The rest of the table of `test_neighbours`: restarts, sources, and the neighbours in Python."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.behaviour import acts
from tests.behaviour.behaviour import (
    Behaviour,
)
from tests.behaviour.promises import crash_everywhere
from tests.engine.flows import double, flow, go
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.clock import SystemClock
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.errors import (
    DefinitionError,
    DivergenceError,
    RegistrationError,
    RunFailedError,
)
from wf_notebook.guest import measure
from wf_notebook.ids import correlation_id
from wf_notebook.testing import VirtualClock
from wf_notebook.world.events import NewEvent
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.behaviour.playing import Played
    from wf_notebook.run import Run

# ------------------------------------------------------------------- logs that don't fit


def changed_log(run: Run, change: Callable[[list[NewEvent]], list[NewEvent]]) -> MemoryStore:
    """A new store with the run, its unfinished log changed on the way."""
    store = MemoryStore()
    record = run.host.store.definition(run.id).result()
    plain = [
        NewEvent(e.type, e.event_id, e.time_us, e.correlation_id, dict(e.meta), e.data)
        for e in run.events()
    ]
    store.commit(Append(run.id, tuple(change(plain)), definition=record)).result()
    return store


def test_orphaned_event_is_reported(make_world: Callable[..., World]) -> None:
    """vercel/workflow 1055: a step in the log that the source doesn't ask for blocks the run."""
    run = go(make_world(clock=VirtualClock()), "await create_hook(token='t')").wait_for("hook")
    seed = bytes.fromhex(str((run.events()[0].data or {})["seed"]))

    def orphan(events: list[NewEvent]) -> list[NewEvent]:
        cid, last = correlation_id("step", seed, 2), events[-1]
        meta = {"n": 2, "alias": "double", "step_id": double.step_id, "line": 3}
        created = replace(
            last, type="step_created", correlation_id=cid, meta=meta, data={"args": {"x": 1}}
        )
        done = replace(created, type="step_completed", meta={}, data={"result": 2})
        return [*events, created, done]

    again = make_world(changed_log(run, orphan)).unfinished()[0]
    with pytest.raises(DivergenceError, match=r"command 2: step double.*nothing: it waits"):
        again.result(timeout=30)
    assert again.status == "blocked"
    assert "line 3" in again.why()


def test_divergence_has_a_place(make_world: Callable[..., World]) -> None:
    """vercel/workflow 4021: a divergence names line, what was recorded, what came, what was last."""
    body = "await sleep(1)\nawait steps.double(1)\nawait create_hook(token='t')"
    run = go(make_world(), body).wait_for("hook")

    def other(events: list[NewEvent]) -> list[NewEvent]:
        created = next(e for e in events if e.type == "step_created")
        return [replace(e, data={"args": {"x": 2}}) if e is created else e for e in events]

    again = make_world(changed_log(run, other)).unfinished()[0]
    again.resume("t")
    with pytest.raises(DivergenceError, match="line 4") as caught:
        again.result(timeout=30)
    report = caught.value.report
    assert report["line"] == 4
    assert "double" in report["recorded"]
    assert "double" in report["asked"]
    assert [said.split()[1] for said in report["last_events"]][-1] == "wait_completed"


# ------------------------------------------------------------------ restarts and long times


def test_no_run_is_stranded(make_world: Callable[..., World]) -> None:
    """vercel/workflow 186, 679, 1531, 3993: opening a world moves every run that can move (I17)."""
    stopped, bodies = (
        make_world(clock=VirtualClock()),
        {
            "asleep": "await sleep('1h')\nreturn 1",
            "late": "async with asyncio.timeout(60):\n    await create_hook(token='late')",
            "retrying": "return await steps.throttled()",
            "asking": "return await create_hook(token='t')",
        },
    )
    runs = {name: go(stopped, body, acts.throttled) for name, body in bodies.items()}
    for run in runs.values():
        run.reached(
            lambda act: bool(
                act.state.open_hooks
                or act.state.open_waits
                or any(s.status == "retrying" for s in act.state.open_steps)
            )
        ).result(30)
    store = MemoryStore()
    for name, run in runs.items():
        record = stopped.host.store.definition(run.id).result()
        events = run.events()
        store.commit(Append(run.id, tuple(events), definition=record)).result()
        if name == "asleep":  # one more run, of which nothing but its creation was written
            new = replace(events[0], run_id="wrun_new", event_id="e", time_us=events[0].time_us)
            store.commit(Append("wrun_new", (new,), definition=record)).result()
    clock = VirtualClock("2026-01-03T00:00:00+00:00", autojump=True)
    reopened = make_world(store, clock=clock)
    ends = {name: reopened.get(run.id) for name, run in runs.items()}
    assert ends["asleep"].result(timeout=30) == 1
    assert reopened.get("wrun_new").result(timeout=30) == 1
    assert ends["retrying"].result(timeout=30) == "ok"
    with pytest.raises(RunFailedError, match="TimeoutError"):
        ends["late"].result(timeout=30)
    assert ends["asking"].status == "suspended"
    ends["asking"].resume("t", 2)
    assert ends["asking"].result(timeout=30) == 2


def test_long_timers(make_world: Callable[..., World]) -> None:
    """vercel/workflow 823: a sleep of 200 years is not over at once, on the machine's clock."""
    run = go(make_world(clock=SystemClock()), "await sleep('73000d')\nreturn 'up'")
    run.wait_for("sleep")
    assert run.status == "suspended"
    assert run.wake()
    assert run.result(timeout=30) == "up"


# ------------------------------------------------------------------------ sources as stored


def test_rerun_after_a_restart(world_path: str) -> None:
    """vercel/workflow 2062: a run can be run again where its cell was never run."""
    registry = StepRegistry()
    with World(opened(world_path), steps=registry, isolation="inline") as world:
        first = go(world, "return await steps.double(4)")
        assert first.result(timeout=30) == 8
    with World(opened(world_path), steps=registry, isolation="inline") as world:
        again = world.get(first.id).rerun()
        assert again.result(timeout=30) == 8
        assert again.source == flow("return await steps.double(4)")


def test_source_is_there_in_every_state(make_world: Callable[..., World]) -> None:
    """vercel/workflow 2062: the text that runs can be read from the start to after the end."""
    body = "await sleep('1h')\nawait create_hook(token='t')\nreturn 1"
    store = MemoryStore()
    world = make_world(store, clock=VirtualClock())
    run = go(world, body)
    seen = [run.source]
    for moment in ("sleep", "hook"):
        run.wait_for(moment, timeout=30)
        seen.append(world.get(run.id).source)
        run.wake()
    run.resume("t")
    run.wait_for("terminal", timeout=30)
    seen += [run.source, make_world(MemoryCopy(store)).get(run.id).source]
    assert set(seen) == {flow(body)}


class MemoryCopy(MemoryStore):
    """Another process's view of a store."""

    def __init__(self, other: MemoryStore) -> None:
        super().__init__(other.world_id)
        for row in other.runs(limit=None).result():
            events = tuple(other.read(row.run_id).result())
            record = other.definition(row.run_id).result()
            self.commit(Append(row.run_id, events, definition=record)).result()


def test_panel_shows_opened_source(world_path: str) -> None:
    """vercel/workflow 2062: what the panel reveals is the opened text; the file has it sealed."""
    canary = "canary_of_the_panel"
    body = f"await create_hook(token='t')\n{canary} = 1"
    with World(opened(world_path), steps=StepRegistry(), isolation="inline") as world:
        run = go(world, body).wait_for("hook", timeout=30)
        revealed = run.log.definition().result(30).source
        assert revealed == flow(body)
    with World(opened(world_path), steps=StepRegistry(), isolation="inline") as world:
        assert world.get(run.id).log.definition().result(30).source == revealed
    assert canary.encode() not in Path(world_path).read_bytes()


def test_sources_leave_nothing_behind(world: World) -> None:
    """vercel/workflow 2062: runs of ever new sources leave no module, line or guest behind."""
    import linecache

    def held() -> tuple[int, int, int]:
        return len(sys.modules), len(linecache.cache), len(world.host.runner.unfinished)

    go(world, "return await steps.double(0)").result(timeout=30)
    before = held()
    for i in range(50):
        assert go(world, f"return await steps.double({i})").result(timeout=30) == 2 * i
    assert held() == before


@pytest.mark.parametrize(
    "options",
    [
        {"name": "bad/name"},
        {"name": "n" * 65},
        {"export_name": "nobody"},
        {"steps": {"_x": double}},
        {"steps": {"a b": double}},
        {"schemas": {"not a name": acts.Approval}},
    ],
    ids=str,
)
def test_illegal_names_leave_no_run(world: World, options: dict[str, Any]) -> None:
    """vercel/workflow 2062: names are checked before anything is written."""
    with pytest.raises((DefinitionError, RegistrationError)):
        world.start(flow("return 1"), **{"steps": [double], **options})
    assert world.rows() == []
    assert world.commits == 0


# ------------------------------------------------------------------------ DBOS, Temporal, others


def numbers(played: Played) -> list[Any]:
    """The arguments of the steps, in the order of their positions."""
    created = [e for e in played.events if e.type == "step_created"]
    created.sort(key=lambda e: e.meta["n"])
    return [(e.data or {})["args"] for e in created]


def test_gathered_steps_are_numbered_by_their_calls() -> None:
    """DBOS 688: gathered steps have the order of their calls, whichever is done first."""
    behaviour = Behaviour(
        name="gathered",
        promise="the order of the calls",
        source="""
            async def pair(x):
                await steps.double(x)
                await steps.double(x + 10)

            async def workflow():
                await asyncio.gather(*[pair(x) for x in range(4)])
            """,
        returns=None,
        log="",
    )
    whole = crash_everywhere(behaviour)
    assert numbers(whole) == [{"x": x} for x in (0, 1, 2, 3, 10, 11, 12, 13)]


def test_ids_are_never_used_again(world: World) -> None:
    """DBOS 769: a call's id comes from its position, so collected objects change nothing."""
    body = "import itertools\nreturn [await steps.double(i) for i in range(200)]"
    run = go(world, body)
    assert run.result(timeout=60) == [2 * i for i in range(200)]
    often = Counter(e.correlation_id for e in run.events() if e.type == "step_created")
    assert set(often.values()) == {1}
    assert len(often) == 200


def test_keyboard_interrupt_in_a_step(world: World) -> None:
    """DBOS 260: a KeyboardInterrupt in an attempt is that attempt's failure and ends no loop."""
    tried: list[str] = []

    @step(retries=1)
    async def interrupted() -> str:
        tried.append("async")
        if tried.count("async") == 1:
            raise KeyboardInterrupt
        return "async"

    @step(retries=1)
    def interrupted_sync() -> str:
        tried.append("sync")
        if tried.count("sync") == 1:
            raise KeyboardInterrupt
        return "sync"

    body = "return [await steps.interrupted(), await steps.interrupted_sync()]"
    run = go(world, body, interrupted, interrupted_sync)
    assert run.result(timeout=30) == ["async", "sync"]
    errors = [(e.data or {})["error"] for e in run.events() if e.type == "step_retrying"]
    assert [error["type"] for error in errors if isinstance(error, dict)] == [
        "KeyboardInterrupt",
        "KeyboardInterrupt",
    ]
    assert go(world, "return await steps.double(1)").result(timeout=30) == 2


class AwkwardError(Exception):
    """Cannot be made from its args, holds a lock, and breaks its own text."""

    def __init__(self, code: int, *, lock: object) -> None:
        super().__init__(code)
        self.lock = lock

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_exceptions_are_data(world: World) -> None:
    """DBOS 371, 730: any exception crosses, as type, text and causes; none is rebuilt."""

    @step(retries=0)
    def awkward() -> None:
        try:
            raise AwkwardError(7, lock=threading.Lock())
        except AwkwardError as error:
            raise ValueError("\ud800 half a character") from error

    body = """
try:
    await steps.awkward()
except StepError as e:
    return [e.type, e.message, e.cause.type, e.cause.message]
"""
    assert go(world, body, awkward).result(timeout=30) == [
        "ValueError",
        "\ud800 half a character",
        "AwkwardError",
        "<its message could not be read: RuntimeError>",
    ]


def test_wait_over_sets() -> None:
    """Temporal 429, 518: sets of tasks are waited for, and come back, in a defined order."""
    behaviour = Behaviour(
        name="sets",
        promise="a defined order",
        source="""
            async def nap(x):
                await sleep(1)
                return await steps.double(x)

            async def workflow():
                tasks = {asyncio.create_task(nap(x)) for x in (5, 3, 8, 1)}
                done, _ = await asyncio.wait(tasks)
                late = {asyncio.create_task(nap(x)) for x in (7, 2)}
                return [[t.result() for t in done], [await t for t in asyncio.as_completed(late)]]
            """,
        returns=[[10, 6, 16, 2], [14, 4]],
        log="",
    )
    whole = crash_everywhere(behaviour)
    assert numbers(whole) == [{"x": x} for x in (5, 3, 8, 1, 7, 2)]


def test_oversized_arguments_fail_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """pydantic-ai 7164: arguments too large to be written fail at the call, once, by name."""
    monkeypatch.setattr(measure, "MAX_BYTES", 10_000)
    ran: list[int] = []

    @step
    def take(text: str) -> int:
        ran.append(1)
        return len(text)

    run = go(world, "return await steps.take('x' * 20_000)", take)
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=30)
    assert caught.value.code == "USER_ERROR"
    assert "take.text" in caught.value.error["message"]
    assert ran == []
    assert [e.type for e in run.events()].count("run_failed") == 1
