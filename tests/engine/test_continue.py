"""An execution of a notebook that continues another one takes up the runs which that one has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.flows import flow
from wf_notebook import open_world
from wf_notebook.definition.steps import step
from wf_notebook.engine.host import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook import Run, World

DONE = flow("return n", "n")
FAIL = flow("raise ValueError(n)", "n")
WAIT = flow("return await create_hook(token=f'go-on-{n}')", "n")


@step
def unneeded() -> None:
    """Offered, because a source needs a step."""


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, isolation="inline") as found:
        yield found


def go(world: World, source: str, n: object, **options: object) -> Run:
    run = world.start(source, (n,), steps=[unneeded], **options)
    return run.wait_for("hook")


def continue_(world: World, run: Run) -> None:
    """Begin an execution that continues the one which has made that run."""
    world.host.execution = Execution(run.execution or "another", run.id)
    world.host.taken_up.clear()


def test_what_has_completed_or_waits_is_taken_up(world: World) -> None:
    """Each once, in the order in which they were made; the rest is started, under the same mark."""
    world.host.execution = Execution("e1")
    first, second, waits = go(world, DONE, 1), go(world, DONE, 1), go(world, WAIT, 1)
    continue_(world, waits)
    again = [go(world, DONE, 1), go(world, DONE, 1), go(world, WAIT, 1)]
    assert [run.id for run in again] == [first.id, second.id, waits.id]
    assert all(run.attached for run in again)
    third = go(world, DONE, 1)
    assert (third.attached, third.execution) == (False, "e1")
    assert go(world, DONE, 2).attached is False


def test_what_failed_or_was_cancelled_is_started_anew(world: World) -> None:
    """It would only fail again as it did."""
    world.host.execution = Execution("e1")
    failed, cancelled = go(world, FAIL, 1), go(world, WAIT, 2)
    cancelled.cancel()
    continue_(world, cancelled)
    assert go(world, FAIL, 1).id != failed.id
    assert go(world, WAIT, 2).id != cancelled.id


def test_runs_of_other_executions_are_left_alone(world: World) -> None:
    """Those before it, and those that no execution has made; but for the run that is named."""
    plain = go(world, DONE, 1)
    assert plain.execution == ""
    world.host.execution = Execution("e1")
    other = go(world, DONE, 1)
    world.host.execution = Execution("e2")
    mine = go(world, DONE, 1)
    continue_(world, mine)
    assert go(world, DONE, 1).id == mine.id
    assert go(world, DONE, 1).id not in (plain.id, other.id)
    continue_(world, plain)
    assert go(world, DONE, 1).id == plain.id


def test_a_key_goes_before(world: World) -> None:
    """Who names a run by a key gets that one."""
    world.host.execution = Execution("e1")
    run, keyed = go(world, DONE, 1), go(world, DONE, 1, id="k")
    continue_(world, run)
    assert go(world, DONE, 1, id="k").id == keyed.id
    assert go(world, DONE, 1).id == run.id
