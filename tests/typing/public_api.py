"""What mypy and pyright know of the public names. They read this file; nobody calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_type

from wf_notebook import (
    CheckReport,
    Diagnostic,
    Run,
    StreamWriter,
    World,
    check,
    current_world,
    get_run,
    open_world,
    start,
    step,
    step_context,
)
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine


@step
def total(prices: list[int], *, tax: float = 0.0) -> float:
    return sum(prices) * (1 + tax)


@step(retries=1, timeout="30s", concurrency=4)
async def fetch(order_id: str) -> dict[str, int]:
    assert_type(step_context().attempt, int)
    out = step_context().stream("tokens")
    assert_type(out, StreamWriter)
    out.write(b"bytes")
    assert_type(await out.drain(), None)
    return {order_id: 1}


def a_step_is_still_its_function() -> None:
    assert_type(total([1], tax=0.2), float)
    coroutine: Coroutine[Any, Any, dict[str, int]] = fetch("A-17")
    coroutine.close()
    total("A-17")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def worlds() -> None:
    with open_world(":memory:", clock=VirtualClock(autojump=True)) as world:
        assert_type(world, World)
        assert_type(world.runs(status="suspended", limit=5), list[Run])
    assert_type(current_world(), World)


async def runs(source: str) -> None:
    run = start(source, args=("A-17",), steps=[total, fetch], id="A-17", world=open_world())
    start(source, steps={"pay": total}, schemas={})
    assert_type(run, Run)
    assert_type(run.id, str)
    assert_type(run.status, str)
    assert_type(run.why(), str)
    assert_type(run.wait_for("hook", timeout=1.5), Run)
    assert_type(await run, Any)
    assert_type(run.result(timeout=10), Any)
    assert_type(get_run(run.id), Run)
    assert_type([chunk async for chunk in run.stream("tokens", start=-1)], list[Any])
    assert_type(list(run.stream()), list[Any])
    assert_type([found.name for found in run.streams], list[str])
    run.wait_for("lunch")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def checks(source: str) -> None:
    report = check(source, steps=[total])
    assert_type(report, CheckReport)
    assert_type(report.ok, bool)
    assert_type(report.workflow_id, str | None)
    assert_type(report.diagnostics, Sequence[Diagnostic])
    assert_type(report.steps_used, tuple[str, ...])
