"""Attributes: plain texts that a run is found by, set at its start, by its steps and from outside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.engine.flows import ask, go, types
from wf_notebook import step_context
from wf_notebook.definition.steps import step
from wf_notebook.errors import RunFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.api import World
    from wf_notebook.world.store import EventStore


@step
def sync_stage(name: str) -> None:
    step_context().set_attributes({"stage": name})


@step
async def stages(*names: str) -> None:
    for name in names:
        step_context().set_attributes({"stage": name})
        await asyncio.sleep(0)


@step(retries=0)
def too_many() -> None:
    step_context().set_attributes({f"a{n}": "x" for n in range(33)})


def test_set_in_a_step(world: World) -> None:
    """What a step sets is recorded before its outcome, and names the step."""
    run = go(world, "await steps.sync_stage('paid')", sync_stage, attributes={"customer": "A"})
    run.result(timeout=10)
    assert run.attributes == {"customer": "A", "stage": "paid"}
    assert types(run)[3:6] == ["step_started", "attr_set", "step_completed"]
    assert run.events()[4].meta == {"attributes": dict(run.attributes), "step": run.steps[0].id}


def test_set_in_order(world: World) -> None:
    """The last text counts."""
    run = go(world, "await steps.stages('one', 'two', 'three')", stages)
    run.result(timeout=10)
    assert run.attributes == {"stage": "three"}


def test_too_many_in_a_step(world: World) -> None:
    """More than 32 are an error in the step that sets them; none of them is recorded."""
    run = go(world, "await steps.too_many()", too_many)
    with pytest.raises(RunFailedError, match="32 printable texts"):
        run.result(timeout=10)
    assert run.attributes == {}


@pytest.mark.parametrize("text", ["x" * 257, "a\nb", 7])
def test_refused_from_outside(world: World, text: object) -> None:
    """What is too long, of several lines or no text is refused, and nothing is recorded."""
    run = ask(world)
    with pytest.raises(UsageError, match="256 characters"):
        run.set_attributes({"note": text})  # type: ignore[dict-item]
    assert "attr_set" not in types(run)


def test_set_from_outside(world: World) -> None:
    """A waiting run is labelled without being moved; None takes a label away."""
    run = ask(world, attributes={"customer": "A", "old": "1"})
    run.set_attributes({"old": None, "new": "2"})
    assert run.attributes == {"customer": "A", "new": "2"}
    assert run.status == "suspended"
    run.cancel()
    with pytest.raises(UsageError, match="has ended"):
        run.set_attributes({"new": "3"})


def test_listed(make_world: Callable[..., World], any_store: EventStore) -> None:
    """Lists show the attributes of now, of live runs and of those that have ended."""
    world = make_world(any_store)
    done = go(world, "await steps.sync_stage('done')", sync_stage)
    done.result(timeout=10)
    live = ask(world)
    live.set_attributes({"stage": "waits"})
    plain = ask_nothing(world)
    rows = {row.run_id: row.attributes for row in world.rows()}
    assert rows == {
        done.id: {"stage": "done"}, live.id: {"stage": "waits"}, plain.id: {"kept": "1"}
    }  # fmt: skip


def ask_nothing(world: World) -> object:
    run = go(world, "return 1", sync_stage, attributes={"kept": "1"})
    run.result(timeout=10)
    return run
