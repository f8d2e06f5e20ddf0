"""The clock of authors' tests."""

from __future__ import annotations

from tests.engine.flows import flow
from tests.worlds import KEY
from wf_notebook import open_world, step
from wf_notebook.testing import VirtualClock


@step
def last() -> str:
    return "woke"


def test_a_clock_outlives_its_worlds(world_path: str) -> None:
    """A clock goes on after a world that it timed was closed: a test may restart in mid-sleep."""
    clock = VirtualClock()
    source = flow("await sleep('1h')\nreturn await steps.last()")
    with open_world(world_path, clock=clock, key=KEY, isolation="inline") as world:
        run_id = world.start(source, steps=[last]).wait_for("sleep").id
    clock.advance("2h")
    with open_world(world_path, clock=clock, key=KEY, isolation="inline") as world:
        assert world.get(run_id).result(timeout=10) == "woke"
