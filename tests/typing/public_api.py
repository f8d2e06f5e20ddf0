"""What mypy and pyright know of the public names. They read this file; nobody calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_type

from wf_notebook import (
    CheckReport,
    Diagnostic,
    Draft,
    Receipt,
    Replay,
    Run,
    StreamWriter,
    World,
    check,
    current_world,
    draft,
    get_run,
    open_world,
    read_receipt,
    replay,
    set_model,
    start,
    step,
    step_catalogue,
    step_context,
)
from wf_notebook.drafting.loop import draft_async
from wf_notebook.drafting.repair import repair
from wf_notebook.testing import (
    ReplayReport,
    Stubs,
    VirtualClock,
    in_turn,
    load_history,
    replay_history,
    save_history,
    stub_steps,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator


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
        assert_type([(run.id, hook.token) for run, hook in world.hooks()], list[tuple[str, str]])
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


async def drafts(run: Run) -> None:
    def pieces(prompt: str) -> Iterator[str]:
        yield prompt

    set_model(pieces)
    set_model("anthropic:model")
    assert_type(str(step_catalogue([total], request="pay", budget=5_000)), str)
    made = draft("Pay.", steps=[total], model=lambda prompt: prompt, on_text=print)
    assert_type(made, Draft)
    assert_type(made.ok, bool)
    assert_type(made.cell(), str)
    assert_type(made.diagnostics, tuple[Diagnostic, ...])
    assert_type(await draft_async("Pay.", steps={"pay": total}), Draft)
    assert_type(repair(run, payloads=True), Draft)
    set_model(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def tests_of_workflows(source: str) -> None:
    stubs = stub_steps({"fetch": {"A-17": 1}, "total": in_turn(OSError("down"), 2.0)}, like=[fetch])
    assert_type(stubs, Stubs)
    assert_type(stub_steps({"pay": max}, like={"pay": total}), Stubs)
    with open_world(":memory:", clock=VirtualClock(), steps=stubs) as world:
        run = start(source, steps=stubs, world=world)
        save_history(run, "run.json")
        assert_type(run.history(), dict[str, Any])
        assert_type(run.to_notebook("run.ipynb", payloads=True), Receipt)
    receipt = read_receipt("run.ipynb")
    found = replay(run, "run.ipynb", source=source, world=world)
    assert_type(found, list[Replay])
    assert_type(found[0].raise_unless_replayed().events, int)
    replay(3)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert_type(receipt.history(), dict[str, Any])
    assert_type(receipt.events[0].seq, int)
    assert_type(receipt.definition.source, str)
    run.to_notebook("run.ipynb", True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    assert_type(check(source, steps=stubs), CheckReport)
    assert_type(dict(stubs.calls), dict[str, list[dict[str, Any]]])
    report = replay_history(load_history("run.json"), source, steps=stubs, at=3)
    assert_type(report.raise_for_divergence(), ReplayReport)
    if report.divergence is not None:
        assert_type(report.divergence.line, int | None)
        assert_type(report.divergence.recorded, str)
    assert_type(report.asks, tuple[str, ...])
    open_world(steps=[total, fetch])
    open_world(steps={"pay": len})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
