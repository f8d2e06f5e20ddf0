"""Whatever a source does to its process, its run ends with a code and a line, and others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.errors import RunFailedError
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.run import Run


@step
def a(x: int = 0) -> int:
    return x


HONEST = """
async def w():
    "use workflow"
    x = await steps.a(1)
    return x + await create_hook("go")
"""
SOURCES = {
    "a loop without an await": ("while True:\n        pass", (4, 5)),
    "a number without an end": ("return 9 ** 9 ** 9", (4,)),
    "a list of 80 GB": ("return [0] * 10 ** 10", (4,)),
    "a list that grows": ("x = []\n    while True:\n        x.append('x' * 1_000_000)", (6,)),
    "a text that doubles": ("x = 'x'\n    while True:\n        x += x", (6,)),
    "a regex that explodes": ("import re\n    re.match('(a+)+$', 'a' * 40 + 'b')", (5,)),
    "a recursion": ("def f(): return f()\n    f()", (4,)),
    "a body that swallows everything": (
        (
            "while True:\n        try:\n            x = 1\n        except BaseException:\n"
            "            continue"
        ),
        (4, 5, 6, 8),
    ),
    "more steps than may be": ("while True:\n        steps.a(1)", (5,)),
    "a swallower of the limit": (
        (
            "while True:\n        try:\n            steps.a(1)\n        except BaseException:\n"
            "            pass"
        ),
        (5, 6),
    ),
    "a generator without an end": ("return sum(iter(int, 1))", (4,)),
    "a formatted width": ("return f'{1:>{10 ** 10}}'", (4,)),
    "a sort that compares for ever": (
        (
            "class K:\n        def __lt__(self, other):\n            while True: pass\n"
            "    sorted([K(), K()])"
        ),
        (6,),
    ),
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A world in which an honest run waits; at the end it must go on as if nothing had been."""
    registry = StepRegistry()
    registry.register(a)
    limits = Limits(
        activation_seconds=30, activation_cpu_seconds=1, memory_mb=300, commands_per_activation=200
    )
    world = World(MemoryStore(), steps=registry, limits=limits, isolation="strict")
    honest = world.start(HONEST, steps=[a]).wait_for("hook")
    yield world
    honest.resume("go", 41)
    assert honest.result(timeout=30) == 42
    world.close()


def started(world: World, body: str) -> Run:
    return world.start(f'async def w():\n    "use workflow"\n\n    {body}\n', steps=[a])


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_runaway_ends_as_a_budget(name: str, world: World) -> None:
    """CPU, memory, stack, commands: BUDGET_EXCEEDED, with a line of the cell."""
    body, lines = SOURCES[name]
    with pytest.raises(RunFailedError) as caught:
        started(world, body).result(timeout=60)
    assert caught.value.code == "BUDGET_EXCEEDED", caught.value
    assert caught.value.line in lines
