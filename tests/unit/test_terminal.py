"""What becomes of a question at a terminal whose hook goes while it is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from wf_notebook import open_world, step
from wf_notebook.notebook.terminal import settled

if TYPE_CHECKING:
    import pytest

SOURCE = """
async def both():
    "use workflow"
    async with create_hook(token="a") as first:
        found = await first
    return found + await create_hook(token="b")
"""


@step
def unused_here() -> str:
    return ""


def test_a_hook_answered_elsewhere_is_told_and_the_next_one_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever answers too late is told so; the run that went on asks for what it needs now."""
    with open_world(":memory:", isolation="inline", steps=[unused_here]) as world:
        run = world.start(SOURCE, steps=[unused_here])

        def ask(_prompt: str) -> str:
            hook = run.hooks[0]
            if not hook.open:
                return "2"
            run.resume("a", 1)
            run.host.wait(run.reached(lambda act: not act.state.hooks[hook.id].open), timeout=10)
            return "7"

        said: list[str] = []
        asyncio.run(settled(run, ask, said.append))
        assert run.result(timeout=10) == 3
    assert said[0].startswith("a, asked by both")
    assert "'a'" in said[1]
    assert said[-1] == "Resumed the hook b."
