"""Runs that steps start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.engine.flows import double, flow, go
from wf_notebook import start, step_context
from wf_notebook.definition.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World
    from wf_notebook.world.store import EventStore

CHILD = flow("return await steps.double(n)", "n")
GRANDCHILD = flow("return await steps.parent_of(n)", "n")


@step
async def parent_of(n: int) -> int:
    return await start(CHILD, (n,), steps=[double])


@step
def twice(n: int) -> list[Any]:
    runs = [start(CHILD, (n,), steps=[double]) for _ in range(2)]
    return [run.id for run in runs] + [run.result(timeout=10) for run in runs]


@step
async def grandparent_of(n: int) -> int:
    return await start(GRANDCHILD, (n,), steps=[parent_of])


@step(retries=1)
async def falls_once(n: int) -> str:
    child = start(CHILD, (n,), steps=[double])
    await child
    if step_context().attempt == 1:
        raise RuntimeError("the answer was lost")
    return child.id


def test_child(make_world: Callable[..., World], any_store: EventStore) -> None:
    """A run started in a step is linked to that step, and to the run at the top."""
    world = make_world(any_store)
    for one in (double, parent_of):
        world.host.runner.steps.register(one)
    run = go(world, "return await steps.grandparent_of(4)", grandparent_of)
    assert run.result(timeout=10) == 8
    (child,) = run.children()
    (grandchild,) = child.children()
    assert child.parent == (run.id, run.steps[0].id)
    assert grandchild.parent == (child.id, child.steps[0].id)
    assert [r.root for r in (run, child, grandchild)] == [run.id] * 3
    assert run.parent is None
    assert grandchild.children() == []


def test_two_alike(world: World) -> None:
    """Two children with the same source and arguments are two runs."""
    world.host.runner.steps.register(double)
    run = go(world, "return await steps.twice(3)", twice)
    first, second, *results = run.result(timeout=10)
    assert results == [6, 6]
    assert first != second


def test_attempt_made_again(world: World) -> None:
    """An attempt that is made again finds the child that the first one has started."""
    world.host.runner.steps.register(double)
    run = go(world, "return await steps.falls_once(3)", falls_once)
    found = run.result(timeout=10)
    assert [child.id for child in run.children()] == [found]


def test_not_a_child(world: World) -> None:
    """A run started outside a step has no parent."""
    run = go(world, "return await steps.double(1)")
    assert (run.parent, run.root) == (None, run.id)
