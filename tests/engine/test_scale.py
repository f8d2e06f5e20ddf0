"""Many runs, many hooks, long logs, wide gathers: counted in commits and statements, never timed."""

from __future__ import annotations

import asyncio
import functools
from contextlib import closing
from typing import TYPE_CHECKING

from tests.behaviour.invariants import check_log
from tests.engine.flows import double, flow
from tests.engine.test_sweep import calls_of
from tests.sizes import sized
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.run import Run
    from wf_notebook.world.duckdb import DuckDBStore

PATIENCE = 570
RUNS = sized(200, 5_000)
HOOKS = sized(200, 5_000)
EVENTS = sized(1_000, 10_000)
WIDTH = sized(200, 1_000)


def world_of(store: DuckDBStore, clock: VirtualClock | None = None) -> World:
    return World(
        store,
        steps=StepRegistry([double]),
        clock=clock or VirtualClock(autojump=True),
        isolation="inline",
    )


def start_many(world: World, count: int, body: str) -> list[Run]:
    return [world.start(flow(body.format(n=n)), steps=[double]) for n in range(count)]


def test_many_sleeping_runs(tmp_path: Path) -> None:
    """Opened again, they cost nothing until they are due; then each ends once."""
    path, clock = tmp_path / "w.duckdb", VirtualClock()
    with closing(world_of(opened(path), clock)) as world:
        for run in start_many(world, RUNS, "await sleep('30d')\nreturn {n}"):
            run.wait_for("sleep", timeout=PATIENCE)
    with closing(world_of(store := opened(path), clock)) as world:
        world.settle()
        before = (store.statements, store.commits)
        calls = world.host.call(functools.partial(calls_of, world.host.runner.sweep))
        clock.advance("1d")
        world.host.call(lambda: None)
        assert calls < 50
        assert (store.statements, store.commits) == before
        clock.advance("29d")
        runs = world.runs(limit=None)
        assert len(runs) == RUNS
        for run in runs:
            run.wait_for("terminal", timeout=PATIENCE)
        assert {run.result() for run in runs} == set(range(RUNS))
        assert store.commits <= before[1] + 3 * RUNS
        check_log([event for run in runs[:50] for event in run.events()])


def test_opening_costs_the_same_statements_for_any_number(tmp_path: Path) -> None:
    """Unfinished runs are read together, not one by one; none of them gets a task.

    So are their definitions, when all of them are asked for.
    """
    path, clock = tmp_path / "w.duckdb", VirtualClock()
    costs: list[tuple[int, ...]] = []
    for count in (2, 30):
        with closing(world_of(opened(path), clock)) as world:
            for run in start_many(world, count, "await sleep('30d')\nreturn {n}"):
                run.wait_for("sleep", timeout=PATIENCE)
        with closing(world_of(store := opened(path), clock)) as world:
            world.settle()
            tasks = world.host.call(lambda: len(asyncio.all_tasks()))
            opening = reads_of(store)
            assert all(run.source for run in world.unfinished())
            costs.append((store.statements, opening, reads_of(store), tasks))
    assert costs[0] == costs[1]


def reads_of(store: DuckDBStore) -> int:
    """Statements that the reading thread has run."""
    reading = store._file.queries
    assert reading is not None
    return reading.statements


def test_many_open_hooks(tmp_path: Path) -> None:
    """Each is found by its token, also in a world that was opened again."""
    path = tmp_path / "w.duckdb"
    with closing(world_of(opened(path))) as world:
        for run in start_many(world, HOOKS, "return await create_hook(token='t{n}')"):
            run.wait_for("hook", timeout=PATIENCE)
    with closing(world_of(store := opened(path))) as world:
        world.settle()
        before = store.statements
        for n in range(HOOKS):
            world.resume(f"t{n}", n)
        runs = world.runs(limit=None)
        for run in runs:
            run.wait_for("terminal", timeout=PATIENCE)
        assert {run.result() for run in runs} == set(range(HOOKS))
        assert store.statements - before <= 6 * HOOKS


def test_a_long_run(tmp_path: Path) -> None:
    """Its commits are as many as its steps; opened again in its middle, it replays and ends."""
    path, steps = tmp_path / "w.duckdb", EVENTS // 3
    body = f"""
total = 0
for n in range({steps}):
    total += await steps.double(n)
    if n == {steps // 2}:
        await create_hook(token="half")
return total
"""
    with closing(world_of(store := opened(path))) as world:
        (run,) = start_many(world, 1, body.replace("{", "{{").replace("}", "}}"))
        run.wait_for("hook", timeout=PATIENCE)
        assert store.commits <= steps // 2 + 20
    with closing(world_of(store := opened(path))) as world:
        (run,) = world.unfinished()
        world.resume("half")
        run.wait_for("terminal", timeout=PATIENCE)
        assert run.result() == sum(2 * n for n in range(steps))
        assert store.commits <= steps // 2 + 20
        assert len(run.events()) >= EVENTS - 3
        check_log(run.events())


def test_a_wide_gather(tmp_path: Path) -> None:
    """All of its steps are made, no more at once than may be, in no more commits than steps."""
    body = f"return sum(await asyncio.gather(*[steps.double(n) for n in range({WIDTH})]))"
    with closing(world_of(store := opened(tmp_path / "w.duckdb"))) as world:
        (run,) = start_many(world, 1, body)
        run.wait_for("terminal", timeout=PATIENCE)
        assert run.result() == sum(2 * n for n in range(WIDTH))
        assert store.commits <= WIDTH + 10
        check_log(run.events())
