"""How a failure comes back: what failed, where in the source, and where in the step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.flows import go
from wf_notebook.definition.steps import step
from wf_notebook.errors import RunFailedError

if TYPE_CHECKING:
    from wf_notebook.api import World


@step(retries=0)
async def chained(x: int) -> int:
    try:
        return {1: 1}[x]
    except KeyError as error:
        raise ValueError(f"no order {x}") from error


@step(retries=0)
def grouped() -> None:
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])


def failure(world: World, body: str) -> RunFailedError:
    run = go(world, body, chained, grouped)
    with pytest.raises(RunFailedError) as caught:
        run.result(timeout=10)
    return caught.value


def test_a_step_that_failed(world: World) -> None:
    """Type, message and cause as data; the line of the call; the step's own traceback."""
    error = failure(world, "x = 5\nreturn await steps.chained(x)")
    assert (error.line, error.error["type"]) == (4, "StepError")
    assert error.error["message"] == "ValueError: no order 5"
    assert error.error["cause"]["message"] == "KeyError: 5"
    assert (error.error["alias"], error.error["line"]) == ("chained", 4)
    assert error.error["traceback"].splitlines()[-1].strip().startswith("raise ValueError(")
    assert "attempts.py" not in error.error["traceback"]
    assert str(error).endswith("failed at line 4: StepError: ValueError: no order 5")


def test_the_parts_of_a_task_group(world: World) -> None:
    """A group that leaves a TaskGroup keeps its parts, each with the call it came from."""
    body = """
async def child(n):
    await steps.chained(n)

async with asyncio.TaskGroup() as group:
    group.create_task(child(7))
"""
    error = failure(world, body)
    (part,) = error.error["parts"]
    assert error.error["type"] == "ExceptionGroup"
    assert (part["alias"], part["line"], part["message"]) == (
        "chained",
        4,
        "ValueError: no order 7",
    )
    assert str(error).endswith("(1 sub-exception): StepError: ValueError: no order 7")


def test_a_group_raised_in_a_step(world: World) -> None:
    """Its parts reach the source as StepErrors, and can be told apart there."""
    body = """
try:
    await steps.grouped()
except StepError as error:
    return [error.type, error.step, [[p.type, p.message] for p in error.parts]]
"""
    run = go(world, body, chained, grouped)
    expected = ["ExceptionGroup", "grouped", [["ValueError", "one"], ["TypeError", "two"]]]
    assert run.result(timeout=10) == expected
