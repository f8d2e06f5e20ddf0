"""What users of the neighbours complained about, and where it is tested that it isn't so here.

A name without a file is a test below; `name.py::test` is one elsewhere; a dash is a feature that
isn't there yet.

| project | complaint | test |
|---|---|---|
| vercel/workflow 2780, 3553 | a step in flight is started again by an unrelated wake | test_in_flight_steps_are_left_alone |
| vercel/workflow 925 | a busy step is run again when its lease is over | test_busy_steps_have_no_lease |
| vercel/workflow 2675 | a step is run again because its completion wasn't written | test_unwritten_completion_is_kept |
| vercel/workflow 1315, 1930 | each step is slower as the log grows | test_steps_cost_the_same_as_the_log_grows |
| vercel/workflow 3070, 2737 | a gather of hooks raced with a sleep corrupts the log | test_gather_of_hooks_raced_with_a_sleep |
| vercel/workflow 2206 | the body's clock advances before an event was consumed | test_clock_follows_what_the_body_has_seen |
| vercel/workflow 295, 1348 | tokens are not unique | test_one_owner_of_a_token |
| vercel/workflow 305 | a token is not freed at the end of its run | test_token_is_freed_at_the_end |
| vercel/workflow 2012 | a conflict doesn't name the owner | test_conflict_names_its_owner |
| vercel/workflow 3181 | hooks created in a loop | test_hooks_in_a_loop |
| vercel/workflow 3230 | a second payload is dropped as if it were the first | test_equal_payloads_count |
| vercel/workflow 3539 | a resume after a lost response | test_resume_after_a_lost_response |
| vercel/workflow 1055 | an orphaned event hangs the run | tests/behaviour/test_neighbours_elsewhere.py::test_orphaned_event_is_reported |
| vercel/workflow 4021 | a divergence is reported without a place | tests/behaviour/test_neighbours_elsewhere.py::test_divergence_has_a_place |
| vercel/workflow 186, 679, 1531, 3993 | runs are stranded after a restart | tests/behaviour/test_neighbours_elsewhere.py::test_no_run_is_stranded |
| vercel/workflow 823 | timers over 24.8 days | tests/behaviour/test_neighbours_elsewhere.py::test_long_timers |
| review of vercel/workflow 2062 | purging leaves the source in a second place | - |
| review of vercel/workflow 2062 | running a run again loses its definition | tests/behaviour/test_neighbours_elsewhere.py::test_rerun_after_a_restart |
| review of vercel/workflow 2062 | the code is lost at the first change of status | tests/behaviour/test_neighbours_elsewhere.py::test_source_is_there_in_every_state |
| review of vercel/workflow 2062 | the code panel isn't decrypted | tests/behaviour/test_neighbours_elsewhere.py::test_panel_shows_opened_source |
| review of vercel/workflow 2062 | the cache of compiled sources has no bound | tests/behaviour/test_neighbours_elsewhere.py::test_sources_leave_nothing_behind |
| review of vercel/workflow 2062 | an illegal name leaves a run that is never scheduled | tests/behaviour/test_neighbours_elsewhere.py::test_illegal_names_leave_no_run |
| DBOS 688 | the order of gathered steps | tests/behaviour/test_neighbours_elsewhere.py::test_gathered_steps_are_numbered_by_their_calls |
| DBOS 769 | ids are used again after a collection | tests/behaviour/test_neighbours_elsewhere.py::test_ids_are_never_used_again |
| DBOS 260 | KeyboardInterrupt in a retry | tests/behaviour/test_neighbours_elsewhere.py::test_keyboard_interrupt_in_a_step |
| DBOS 371, 730 | exceptions that can't be read back | tests/behaviour/test_neighbours_elsewhere.py::test_exceptions_are_data |
| Temporal 429, 518 | `asyncio.wait` over sets | tests/behaviour/test_neighbours_elsewhere.py::test_wait_over_sets |
| pydantic-ai 7164 | oversized arguments are retried for ever | tests/behaviour/test_neighbours_elsewhere.py::test_oversized_arguments_fail_once |
| ipywidgets 2612 | errors in callbacks are swallowed | tests/unit/test_view_widget.py::test_no_error_is_swallowed |
| ipywidgets 2369 | the model of a view isn't found | tests/kernel/test_session.py::test_a_view_left_by_a_killed_kernel_lives_again |
| ipywidgets 1345 | views leak | tests/unit/test_view_publisher.py::test_the_end_is_shown_and_then_let_go |
| ipywidgets 3875 | secrets are saved in notebooks | tests/kernel/test_secrets.py::test_no_canary_in_outputs_widget_state_or_world |
| ipython-sql 194 | braces in a body are expanded | tests/unit/test_magics.py::test_braces_and_dollars_are_not_expanded |
| jupysql-plugin 56 | Run All fails on a held connection | tests/kernel/test_session.py::test_running_the_cells_again_attaches_after_a_restart |
"""

from __future__ import annotations

import ast
import threading
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
from tests.behaviour.playing import play
from tests.behaviour.promises import as_promised, crash_everywhere
from tests.engine.flows import FailingStore, go
from wf_notebook.definition.steps import step
from wf_notebook.errors import (
    RunFailedError,
)
from wf_notebook.testing import VirtualClock
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from wf_notebook.api import World
    from wf_notebook.world.events import Event

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/behaviour/test_neighbours.py"
ELSEWHERE = "tests/behaviour/test_neighbours_elsewhere.py"


def test_the_table_is_true() -> None:
    """Every test that the table above names exists, and every test of ours stands in it."""
    rows = [line.split("|")[1:-1] for line in (__doc__ or "").splitlines() if line[:2] == "| "][1:]
    named = {row[2].strip() for row in rows} - {"-"}
    for path, _, test in (name.rpartition("::") for name in named):
        assert test in names_in(path or HERE), test
    ours = names_in(HERE) | {f"{ELSEWHERE}::{test}" for test in names_in(ELSEWHERE)}
    assert ours - {"test_the_table_is_true"} <= named


def names_in(path: str) -> set[str]:
    body = ast.parse((ROOT / path).read_text("utf-8")).body
    names = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


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

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        found = super().read(run_id, after, until)
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
