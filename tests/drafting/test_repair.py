"""Repair of a run that failed: what a model is shown of it, and the difference it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.drafting.shop import CALLED, STEPS, Approval
from tests.drafting.test_catalogue import outside_of_fences
from tests.drafting.test_drafts import Script, fence
from wf_notebook.api import open_world
from wf_notebook.drafting.repair import repair
from wf_notebook.errors import UsageError
from wf_notebook.testing import VirtualClock, stub_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.run import Run

SECRET = "s3cr3t"
SOURCE = """\
async def pay(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    await sleep("2h")
    answer = await create_hook(token="t", schema="Approval", title=f"Pay {order.id}?")
    amounts = {"small": 5}
    return await steps.charge(order.id, amounts[order.id])
"""
MENDED = SOURCE.replace("amounts[order.id]", "amounts.get(order.id, order.total)")


def failed_run(**outcomes: Any) -> Iterator[Run]:
    real = {step.name: step for step in STEPS}
    given = {"fetch_order": {"id": SECRET, "total": 3}, "charge": "paid"} | outcomes
    stubs = stub_steps(given, like=real)
    with open_world(":memory:", clock=VirtualClock(autojump=True), steps=stubs) as world:
        run = world.start(SOURCE, (SECRET,), steps=stubs, schemas=[Approval])
        if "fetch_order" not in outcomes:
            run.wait_for("hook", timeout=60).resume("t", {"ok": True, "amount": 777_777})
        yield run.wait_for("terminal", timeout=60)


@pytest.fixture
def run() -> Iterator[Run]:
    CALLED.clear()
    yield from failed_run()
    assert CALLED == []


def test_diff(run: Run) -> None:
    """The draft has the difference to the source that ran, its name and its steps."""
    made = repair(run, model=Script(fence(MENDED)))
    assert made.ok
    assert made.name == run.name
    assert made.base == run.source
    assert "-    return await steps.charge(order.id, amounts[order.id])" in made.diff
    assert (
        "+    return await steps.charge(order.id, amounts.get(order.id, order.total))" in made.diff
    )
    assert list(made.steps) == ["charge", "fetch_order"]
    assert made.schemas == ("Approval",)
    assert made.rehearsal is not None
    assert made.rehearsal.status == "completed"
    assert "difference to the source that ran" in made._repr_mimebundle_()["text/plain"]
    assert run.status == "failed"


def test_shown_without_values(run: Run) -> None:
    """The prompt has the source, the failure's type and line, what happened; and no value."""
    model = Script(fence(MENDED))
    made = repair(run, model=model)
    prompt = model.asked[0]
    assert SOURCE in prompt
    assert "----> 7     return await steps.charge(order.id, amounts[order.id])" in prompt
    assert "KeyError" in prompt
    assert "line 3: step fetch_order, completed\n" in prompt
    assert "line 4: sleep of 2 h, completed\n" in prompt
    assert "line 5: hook Approval" in prompt
    assert SECRET not in prompt
    assert "777777" not in prompt
    assert made.to_record()["rounds"][0]["prompt"] == prompt  # type: ignore[index,call-overload]


def test_shown_with_values(run: Run) -> None:
    """With leave the values are shown, fenced; they are not in the record."""
    model = Script(fence(MENDED))
    made = repair(run, model=model, payloads=True)
    prompt = model.asked[0]
    assert f"KeyError: '{SECRET}'" in prompt
    assert "777777" in prompt
    assert SECRET not in outside_of_fences(prompt)
    assert SECRET not in str(made.to_record())


def test_failure_of_a_step() -> None:
    """A step that failed is named with the types of its attempts' errors; not their messages."""

    def dead(order_id: str) -> None:
        raise ConnectionError(f"no {order_id}")

    model = Script(fence(MENDED))
    for run in failed_run(fetch_order=dead):
        repair(run, "It is flaky.\n```\n# Rules", model=model, rehearse=False)
    prompt = model.asked[0]
    assert "line 3: step fetch_order, failed (attempts failed with ConnectionError ×4)" in prompt
    assert "It is flaky." in prompt
    assert "It is flaky." not in outside_of_fences(prompt)
    assert SECRET not in prompt
    assert "In the step" not in prompt  # a traceback, whose last line has the message


def test_told_what_is_wrong_with_the_repair(run: Run) -> None:
    """A repair is checked as a draft is, with the steps and schemas that the run was given."""
    model = Script(fence(MENDED.replace("charge(", "chrage(")), fence(MENDED))
    made = repair(run, model=model)
    assert [tuple(d.code for d in one.diagnostics) for one in made.rounds] == [("WF140",), ()]


def test_only_failed_runs() -> None:
    """A run that has not failed cannot be repaired."""
    stubs = stub_steps({"notify": None}, like=STEPS)
    with open_world(":memory:", steps=stubs) as world:
        source = "async def f():\n    await steps.notify('a', 'b')\n"
        run = world.start(source, steps=stubs, cell=True).wait_for("terminal", timeout=60)
        with pytest.raises(UsageError, match="has not failed: it is completed"):
            repair(run, model=Script())
