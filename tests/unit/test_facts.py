"""What completion knows about a session, and that it waits for nobody."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from wf_notebook import open_world, step
from wf_notebook.notebook.facts import SessionFacts

if TYPE_CHECKING:
    from wf_notebook.api import World
    from wf_notebook.run import Run

ASK = """
async def ask():
    print("begun")
    await create_hook(token="ask")
    await steps.facts_step()
"""
NAP = 'async def nap():\n    await sleep("1h")\n    await steps.facts_step()\n'


@step
def facts_step() -> int:
    """A step."""
    return 1


def test_steps_are_known_by_registered_names_in_the_notebook_and_in_modules() -> None:
    """What a source may call and what `--steps` may list; private names are nobody's."""
    orders = ModuleType("orders")
    vars(orders)["charge"] = facts_step
    facts = SessionFacts({"alias": facts_step, "_7": facts_step, "orders": orders, "x": 5})
    assert {"facts_step", "alias"} <= set(facts.step_names())
    assert "_7" not in facts.step_names()
    assert facts.step_paths() == [*facts.step_names(), "orders.charge"]
    assert facts.find_step("orders.charge") is facts.find_step("alias") is facts_step


def begun(world: World, source: str, moment: Literal["hook", "sleep"]) -> Run:
    run = world.start(source, steps=[facts_step], attributes={"is": moment}, cell=True)
    run.wait_for(moment, timeout=60)
    return run


def test_runs_are_known_while_their_world_is_open() -> None:
    """Ids, tokens, streams, sleeps and labels; of no world, or a closed one, nothing."""
    facts = SessionFacts({}, patience=60)
    with open_world(":memory:", isolation="inline") as world:
        run = begun(world, ASK, "hook")
        assert (facts.run_ids(), facts.run_ids(ended=False)) == ([run.id], [run.id])
        assert facts.run_ids(ended=True) == []
        assert (facts.tokens(), facts.labels()) == (["ask"], ["is=hook"])
        assert facts.streams(run.id) == ["stdout"]
        run.cancel()
        assert (facts.run_ids(ended=False), facts.run_ids(ended=True)) == ([], [run.id])
        nap = begun(world, NAP, "sleep")
        assert len(facts.sleeps(nap.id)) == 1
        assert facts.run_ids() == [nap.id, run.id]
        world.forget(run.id)
        assert facts.run_ids() == [nap.id]
    assert facts.run_ids() == []


def test_a_busy_engine_is_not_waited_for() -> None:
    """Whoever presses Tab goes on typing; once the engine is free it is asked again."""
    gate = threading.Event()
    with open_world(":memory:", isolation="inline") as world:
        run = begun(world, NAP, "sleep")
        world.host.post(gate.wait)
        assert SessionFacts({}, patience=0.01).run_ids() == []
        gate.set()
        assert SessionFacts({}, patience=60).run_ids() == [run.id]
