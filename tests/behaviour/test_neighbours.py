"""What users of the neighbours complained about, and where it is tested that it isn't so here.

A name without a file is a test below; `name.py::test` is one elsewhere; a dash is a feature that
isn't there yet.

| project | complaint | test |
|---|---|---|
| vercel/workflow 2780 | an unrelated wake starts an attempt of a step in flight again | test_in_flight_steps_are_left_alone |
| vercel/workflow 3553 | a long attempt is started a second time | test_in_flight_steps_are_left_alone |
| vercel/workflow 3070 | hooks of a gather raced with a sleep corrupt the log | test_gather_of_hooks_raced_with_a_sleep |
| vercel/workflow 2737 | the same with hooks that are resumed at once | test_gather_of_hooks_raced_with_a_sleep |
| vercel/workflow 2206 | the clock of the body runs ahead of its events | test_clock_follows_what_the_body_has_seen |
| vercel/workflow 1055 | an event that nobody asked for hangs the run | test_orphaned_event_is_reported |
| vercel/workflow 4021 | a divergence is reported without a place | test_divergence_has_a_place |
| vercel/workflow 295 | two runs share a token | test_one_owner_of_a_token |
| vercel/workflow 1348 | the check of a token races | test_one_owner_of_a_token |
| vercel/workflow 305 | a token is not freed when its run ends | test_token_is_freed_at_the_end |
| vercel/workflow 2012 | a conflict doesn't name the owner | test_conflict_names_its_owner |
| vercel/workflow 3181 | hooks created in a loop collide | test_hooks_in_a_loop |
| vercel/workflow 3230 | a second payload equal to the first is dropped | test_equal_payloads_count |
| vercel/workflow 3539 | a resume whose response was lost counts twice, or fails | test_resume_after_a_lost_response |
| vercel/workflow 186 | runs are stranded by a restart | test_no_run_is_stranded |
| vercel/workflow 679 | pending runs are not picked up | test_no_run_is_stranded |
| vercel/workflow 1531 | steps in flight are lost by a restart | test_no_run_is_stranded |
| vercel/workflow 3993 | sleeps that were due are missed by a restart | test_no_run_is_stranded |
| vercel/workflow 823 | timers over 24.8 days fire at once | test_long_timers |
| vercel/workflow 925 | a busy step is run again when its lease is over | test_busy_steps_have_no_lease |
| vercel/workflow 2675 | a step is run again when its completion wasn't written | test_unwritten_completion_is_kept |
| vercel/workflow 1315 | each step costs more as the log grows | test_steps_cost_the_same_as_the_log_grows |
| vercel/workflow 1930 | the whole log is loaded for each step | test_steps_cost_the_same_as_the_log_grows |
| vercel/workflow 2062 | purging leaves the source in a second place | - |
| vercel/workflow 2062 | running a run again loses its definition | test_rerun_after_a_restart |
| vercel/workflow 2062 | the code is lost at the first change of status | test_source_is_there_in_every_state |
| vercel/workflow 2062 | the code panel shows sealed bytes | test_panel_shows_opened_source |
| vercel/workflow 2062 | the cache of compiled sources grows without bound | test_sources_leave_nothing_behind |
| vercel/workflow 2062 | an illegal name leaves a run that never starts | test_illegal_names_leave_no_run |
| DBOS 688 | the order of gathered steps isn't that of their calls | test_gathered_steps_are_numbered_by_their_calls |
| DBOS 769 | ids are used again when objects are collected | test_ids_are_never_used_again |
| DBOS 260 | KeyboardInterrupt in a step's retry breaks the run | test_keyboard_interrupt_in_a_step |
| DBOS 371 | exceptions that can't be read back | test_exceptions_are_data |
| DBOS 730 | exceptions that can't be written | test_exceptions_are_data |
| Temporal 429 | asyncio.wait starts coroutines in an order of its own | test_wait_over_sets |
| Temporal 518 | asyncio.wait and as_completed iterate over sets | test_wait_over_sets |
| pydantic-ai 7164 | arguments that are too large are tried for ever | test_oversized_arguments_fail_once |
| ipywidgets 2612 | errors in callbacks are swallowed | tests/unit/test_view_widget.py::test_no_error_is_swallowed |
| ipywidgets 2369 | the model of a saved view is not found | tests/kernel/test_session.py::test_a_view_left_by_a_killed_kernel_lives_again |
| ipywidgets 1345 | views leak | tests/unit/test_view_publisher.py::test_the_end_is_shown_and_then_let_go |
| ipywidgets 3875 | secrets are saved in the notebook | tests/kernel/test_secrets.py::test_no_canary_in_outputs_widget_state_or_world |
| ipython-sql 194 | braces in a body are expanded | tests/unit/test_magics.py::test_braces_and_dollars_are_not_expanded |
| jupysql-plugin 56 | Run All fails on a connection that is held | tests/kernel/test_session.py::test_running_the_cells_again_attaches_after_a_restart |
"""

from __future__ import annotations

import ast
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
    advance,
    has_ended,
    hook_is_open,
    is_asleep,
    noted,
    open_gate,
    past_sleep,
    resume,
    wake,
)
from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.playing import Played, play
from tests.behaviour.promises import as_promised, crash_everywhere
from tests.engine.flows import FailingStore, double, flow, go
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
from wf_notebook.ids import correlation_id
from wf_notebook.testing import VirtualClock
from wf_notebook.world import codec
from wf_notebook.world.events import NewEvent
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from wf_notebook.run import Run
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

ROOT = Path(__file__).resolve().parents[2]
NAMED = {behaviour.name: behaviour for behaviour in BEHAVIOURS}


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Open worlds with a clock that jumps; they are closed after the test."""
    made: list[World] = []

    def make(store: EventStore | None = None, **options: Any) -> World:
        options.setdefault("clock", VirtualClock(autojump=True))
        options.setdefault("steps", StepRegistry())
        made.append(World(store or MemoryStore(), isolation="inline", **options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


def test_the_table_is_true() -> None:
    """Every test that the table above names exists, and every test below stands in it."""
    rows = [line.split("|")[1:-1] for line in (__doc__ or "").splitlines() if line[:2] == "| "][1:]
    named = {row[2].strip() for row in rows} - {"-"}
    for name in named:
        path, _, test = name.rpartition("::")
        tree = ast.parse((ROOT / path).read_text("utf-8") if path else _own_source())
        assert test in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, name
    own = {n.name for n in ast.parse(_own_source()).body if isinstance(n, ast.FunctionDef)}
    assert {n for n in own if n.startswith("test_")} - {"test_the_table_is_true"} <= named


def _own_source() -> str:
    return Path(__file__).read_text("utf-8")


# ------------------------------------------------------------------------- steps in flight


BUSY = Behaviour(
    name="busy",
    promise="Nothing that happens meanwhile starts a step again that is in flight.",
    source="""
        async def busy():
            call, hook = steps.gated("a"), create_hook(token="t")
            payload = await hook
            await sleep("1d")
            return [payload, await call]
        """,
    steps=[acts.gated],
    script=[
        resume("t", 1, when=noted("a begun"), busy=True),
        wake(busy=True),
        advance(86_400, when=past_sleep, busy=True),
        open_gate("a", when=past_sleep),
    ],
    returns=[1, "a"],
    notes=["a begun"],
    log="""
        run_created | run_started | step_created gated | hook_created t | step_started gated 1
        hook_received t | wait_created sleep 1d | wait_completed sleep woken
        step_completed gated | run_completed
        """,
)


def test_in_flight_steps_are_left_alone() -> None:
    """vercel/workflow 2780, 3553: a payload or a wake starts no step that is in flight (P3)."""
    as_promised(BUSY, play(BUSY, MemoryStore()))
    as_promised(BUSY, play(BUSY, MemoryStore(), "process"))


def test_busy_steps_have_no_lease() -> None:
    """vercel/workflow 925: an attempt may keep its thread as long as it likes: no lease ends."""
    behaviour = replace(
        BUSY,
        source="async def busy():\n    return await steps.gated('a')\n",
        script=[
            advance(30 * 86_400, when=noted("a begun"), busy=True),
            open_gate("a", when=noted("a begun")),
        ],
        returns="a",
        log="run_created | run_started | step_created gated | step_started gated 1"
        " | step_completed gated | run_completed",
    )
    as_promised(behaviour, play(behaviour, MemoryStore()))


@pytest.mark.parametrize("written", [False, True])
def test_unwritten_completion_is_kept(make_world: Callable[..., World], written: bool) -> None:
    """vercel/workflow 2675: if a completion isn't written, it is written later; the step rests."""
    ran: list[int] = []

    @step
    async def charge(x: int) -> int:
        ran.append(x)
        return x

    # the commits: run_created, the start of the step, its completion
    run = go(make_world(FailingStore(3, written=written)), "return await steps.charge(5)", charge)
    run.wait_for("terminal", timeout=30)  # result() would report the block meanwhile
    assert run.result(timeout=30) == 5
    assert ran == [5]
    assert [e.type for e in run.events()].count("step_started") == 1


class CountingStore(MemoryStore):
    """Counts what is read of logs."""

    def __init__(self) -> None:
        super().__init__()
        self.read_events = 0

    def read(self, run_id: str, after: int = 0) -> Future[Sequence[Event]]:
        found = super().read(run_id, after)
        self.read_events += len(found.result())
        return found


def test_steps_cost_the_same_as_the_log_grows(make_world: Callable[..., World]) -> None:
    """vercel/workflow 1315, 1930: a live run reads its log once, however long it gets."""
    store = CountingStore()
    body = "for i in range(300):\n    await steps.double(i)\nreturn i"
    run = go(make_world(store), body)
    run.wait_for("terminal", timeout=60)
    assert run.state.seq > 900
    assert store.read_events <= 1  # its own first event, before the first activation


# ------------------------------------------------------------------------- hooks and races


def test_gather_of_hooks_raced_with_a_sleep() -> None:
    """vercel/workflow 3070, 2737: a gather of hooks raced with a sleep replays from any event."""
    for late in (False, True):
        answers = [resume(f"h{i}", i) for i in ((4, 0, 2) if late else (4, 0, 2, 1, 3))]
        behaviour = Behaviour(
            name="batch",
            promise="whoever wins",
            source="""
                async def batch():
                    hooks = asyncio.gather(*[create_hook(token=f"h{i}") for i in range(5)])
                    late = asyncio.create_task(sleep("35m"))
                    done, _ = await asyncio.wait(
                        [hooks, late], return_when=asyncio.FIRST_COMPLETED
                    )
                    await steps.double(1)
                    return "late" if late in done else hooks.result()
                """,
            script=answers,
            returns="late" if late else [0, 1, 2, 3, 4],
            log="",
        )
        whole = crash_everywhere(behaviour)
        received = [e.type for e in whole.events].count("hook_received")
        assert received == len(answers)


def test_clock_follows_what_the_body_has_seen() -> None:
    """vercel/workflow 2206: now() is the time of the event the body is at, also on a replay."""
    behaviour = Behaviour(
        name="clock",
        promise="now() after each payload",
        source="""
            async def clock():
                hook, start, seen = create_hook(token="t"), now(), []
                for _ in range(3):
                    await hook
                    seen.append((now() - start).seconds)
                await sleep(1)
                return seen
            """,
        script=[
            resume("t", "a"),
            advance(60, when=hook_is_open("t")),
            resume("t", "a"),
            advance(60, when=hook_is_open("t")),
            resume("t", "a"),
        ],
        returns=[0, 60, 120],
        log="",
    )
    crash_everywhere(behaviour)


def test_one_owner_of_a_token(make_world: Callable[..., World]) -> None:
    """vercel/workflow 295, 1348: of runs that ask for one token at once, one gets it."""
    world = make_world(clock=VirtualClock())
    body = "return await create_hook(token='t').conflict()\n"
    hold = "hook = create_hook(token='t')\nowner = await hook.conflict()\n"
    hold += "return owner or await hook"
    ready, runs = threading.Barrier(8), list[Any]()

    def ask() -> None:
        ready.wait(30)
        runs.append(go(world, hold))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (owner,) = [run for run in runs if run.wait_for("hook", timeout=30).status == "suspended"]
    losers = [run for run in runs if run is not owner]
    assert {run.result(timeout=30) for run in losers} == {owner.id}
    owner.resume("t", "mine")
    assert owner.result(timeout=30) == "mine"
    assert go(world, body).result(timeout=30) is None


@pytest.mark.parametrize("end", ["returns", "raises", "cancelled", "disposed"])
def test_token_is_freed_at_the_end(make_world: Callable[..., World], end: str) -> None:
    """vercel/workflow 305: however a run ends, the commit that ends it frees its tokens."""
    world = make_world(clock=VirtualClock())
    first = "hook = create_hook(token='t')\nawait create_hook(token='go')\n"
    first += {"raises": "raise ValueError()", "disposed": "hook.dispose()\nawait sleep('1d')"}.get(
        end, "return 1"
    )
    owner = go(world, first).wait_for("hook", timeout=30)
    if end == "cancelled":
        owner.cancel()
    else:
        owner.resume("go")
    owner.wait_for("sleep" if end == "disposed" else "terminal", timeout=30)
    second = go(world, "return await create_hook(token='t')").wait_for("hook", timeout=30)
    second.resume("t", "new owner")
    assert second.result(timeout=30) == "new owner"


def test_conflict_names_its_owner(make_world: Callable[..., World]) -> None:
    """vercel/workflow 2012: the source, the failure and the log all say which run has the token."""
    world = make_world(clock=VirtualClock())
    owner = go(world, "await create_hook(token='t')").wait_for("hook", timeout=30)
    loser = go(world, "await create_hook(token='t')")
    with pytest.raises(RunFailedError, match=owner.id):
        loser.result(timeout=30)
    assert [hook.owner for hook in loser.hooks] == [owner.id]
    told = go(world, "return await create_hook(token='t').conflict()")
    assert told.result(timeout=30) == owner.id


def test_hooks_in_a_loop() -> None:
    """vercel/workflow 3181: each turn of a loop has a hook of its own, also with one token."""
    behaviour = Behaviour(
        name="loop",
        promise="a hook for each turn",
        source="""
            async def loop():
                found = []
                for i in range(6):
                    async with create_hook(token="t") as hook, create_hook(token=f"t{i}") as own:
                        found.append([await hook, await own])
                return found
            """,
        script=[move for i in range(6) for move in (resume("t", -i), resume(f"t{i}", i))],
        returns=[[-i, i] for i in range(6)],
        log="",
    )
    crash_everywhere(behaviour)


def test_equal_payloads_count() -> None:
    """vercel/workflow 3230: only a resume id makes two payloads one; equal ones are two."""
    behaviour = Behaviour(
        name="equal",
        promise="two equal payloads",
        source="""
            async def equal():
                hook = create_hook(token="t")
                return [await hook, await hook, await hook]
            """,
        script=[
            resume("t", {"ok": True}),
            resume("t", {"ok": True}),
            resume("t", {"ok": True}, id="c"),
        ],
        returns=[{"ok": True}] * 3,
        log="",
    )
    crash_everywhere(behaviour)


def test_resume_after_a_lost_response() -> None:
    """vercel/workflow 3539: a resume sent again by its id is answered like the first, any time."""
    again = [resume("t", 1, id="click", when=when) for when in (is_asleep, is_asleep, has_ended)]
    behaviour = Behaviour(
        name="again",
        promise="recorded once",
        source="""
            async def again():
                async with create_hook(token="t") as hook:
                    payload = await hook
                await sleep("1h")
                return payload
            """,
        script=[resume("t", 1, id="click"), *again],
        returns=1,
        log="",
    )
    whole = crash_everywhere(behaviour)
    assert [e.type for e in whole.events].count("hook_received") == 1


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
    registry = StepRegistry()
    registry.register(acts.throttled)
    clock = VirtualClock("2026-01-03T00:00:00+00:00", autojump=True)
    reopened = make_world(store, clock=clock, steps=registry)
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
        revealed = run.actions.source().result(30)
        assert revealed == flow(body)
    with World(opened(world_path), steps=StepRegistry(), isolation="inline") as world:
        assert world.get(run.id).actions.source().result(30) == revealed
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
    """pydantic-ai 7164: arguments too large to be written fail the run once, with a code."""
    monkeypatch.setattr(codec, "MAX_BYTES", 10_000)
    ran: list[int] = []

    @step
    def take(text: str) -> int:
        ran.append(1)
        return len(text)

    run = go(world, "return await steps.take('x' * 20_000)", take)
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=30)
    assert caught.value.code == "PAYLOAD_ERROR"
    assert ran == []
    assert [e.type for e in run.events()].count("run_failed") == 1
