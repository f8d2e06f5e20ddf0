"""Stubs of steps: they do what the test says and are taken for the real ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tests.engine.flows import flow
from wf_notebook import check, open_world, start, step, step_context
from wf_notebook.definition.steps import REGISTRY
from wf_notebook.errors import FatalError, RegistrationError, RunFailedError
from wf_notebook.testing import VirtualClock, in_turn, stub_steps

if TYPE_CHECKING:
    from wf_notebook import World
    from wf_notebook.testing import Stubs


class Order(BaseModel):
    id: str
    total: int = 0


@step(retries=2)
def fetch(order_id: str) -> Order:
    raise AssertionError("the real step ran")


@step(retries=0)
async def charge(order: Order, amount: int = 0) -> str:
    raise AssertionError("the real step ran")


@step
def shout(text: str) -> str:
    return text.upper()


REAL = [fetch, charge, shout]


def opened(stubs: Stubs, clock: VirtualClock | None = None) -> World:
    """A world that has the stubs and nothing else."""
    chosen = clock or VirtualClock(autojump=True)
    return open_world(":memory:", clock=chosen, steps=stubs, isolation="inline")


def result(body: str, stubs: Stubs, clock: VirtualClock | None = None) -> Any:
    """Run a body in a world of its own; return its result."""
    with opened(stubs, clock) as world:
        return world.start(flow(body), steps=stubs).result(timeout=10)


@pytest.mark.parametrize("value", [None, 7, "text", [1, [2]], {"id": 1}, (1, 2), {3}])
def test_a_value_is_returned(value: object) -> None:
    """A value is returned each time; a list is a value like any other."""
    body = "return [await steps.ask(), await steps.ask()]"
    assert result(body, stub_steps({"ask": value})) == [value, value]


def test_a_function_is_called() -> None:
    """A function, plain or async, is called with the arguments of the step."""

    async def later(a: int, b: int = 5) -> int:
        await asyncio.sleep(0)
        return a + b

    stubs = stub_steps({"now": lambda a, b=1: a * b, "later": later})
    assert result("return [await steps.now(3, b=2), await steps.later(3)]", stubs) == [6, 8]


def test_a_function_knows_its_attempt() -> None:
    """A stub can ask for its context, as a step can."""

    def which(order_id: str) -> Order:
        attempt = step_context().attempt
        if attempt == 1:
            raise OSError("down")
        return Order(id=order_id, total=attempt)

    stubs = stub_steps({"fetch": which}, like=REAL)
    assert result("return (await steps.fetch('A')).total", stubs) == 2


@pytest.mark.parametrize("outcome", [ValueError("no"), ValueError])
def test_an_exception_is_raised(outcome: object) -> None:
    """An exception, or its class, is raised in every attempt that the real step would be given."""
    stubs = stub_steps({"fetch": outcome}, like=REAL)
    body = "try:\n    await steps.fetch('A')\nexcept StepError as e:\n    return e.type"
    assert result(body, stubs) == "ValueError"
    assert stubs.calls["fetch"] == [{"order_id": "A"}] * 3


def test_outcomes_in_turn() -> None:
    """One outcome for each attempt, retries included; the last one is not repeated."""
    stubs = stub_steps(
        {"fetch": in_turn(OSError("down"), {"id": "A"}, lambda order_id: Order(id=order_id * 2))},
        like=REAL,
    )
    body = "return [(await steps.fetch('x')).id, (await steps.fetch('y')).id]"
    assert result(body, stubs) == ["A", "yy"]
    assert [call["order_id"] for call in stubs.calls["fetch"]] == ["x", "x", "y"]
    with pytest.raises(RunFailedError, match=r"`fetch` was called more often than the 3 times"):
        result("await steps.fetch('z')", stubs)
    assert len(stubs.calls["fetch"]) == 4  # it failed for good: nothing was tried again


def test_identity() -> None:
    """With `like`, a definition is, in all it records, the one that has the real steps."""
    source = flow("order = await steps.fetch('A')\nreturn await steps.charge(order, 2)")
    stubs = stub_steps({"fetch": {"id": "A"}, "charge": "paid"}, like=REAL)
    assert check(source, steps=stubs).definition == check(source, steps=REAL).definition
    pay = {"pay": charge}
    source = flow("await steps.pay({'id': 'A'})")
    stubs = stub_steps({"pay": "paid"}, like=pay)
    assert check(source, steps=stubs).workflow_id == check(source, steps=pay).workflow_id


def test_a_stub_stands_in_for_the_real_step() -> None:
    """Code that starts runs with its real steps meets the stubs in a world that has only those."""
    stubs = stub_steps({"fetch": {"id": "B"}}, like=REAL)
    with opened(stubs) as world:
        run = start(flow("return (await steps.fetch('A')).id"), steps=REAL, world=world)
        assert run.result(timeout=10) == "B"


def test_arguments_are_validated() -> None:
    """Arguments arrive as the real annotations say, and are recorded so; a misfit is no call."""
    stubs = stub_steps({"charge": lambda order, amount: f"{order.id} {amount}"}, like=REAL)
    assert result("return await steps.charge({'id': 'A'}, amount='7')", stubs) == "A 7"
    assert stubs.calls["charge"] == [{"order": Order(id="A"), "amount": 7}]
    with pytest.raises(RunFailedError, match=r"charge\.amount"):
        result("await steps.charge({'id': 'A'}, amount='many')", stubs)
    assert len(stubs.calls["charge"]) == 1


def test_a_wrong_call_is_a_type_error() -> None:
    """The parameters are the real step's, or those of the stub's function."""
    for stubs in (stub_steps({"charge": "paid"}, like=REAL), stub_steps({"charge": lambda x: x})):
        body = "try:\n    steps.charge(1, 2, 3)\nexcept TypeError:\n    return 'refused'"
        assert result(body, stubs) == "refused"
        assert stubs.calls["charge"] == []


def test_results_are_validated() -> None:
    """A result must fit the real return annotation: a stub cannot promise what no step gives."""
    stubs = stub_steps({"fetch": {"total": 1}}, like=REAL)
    with pytest.raises(RunFailedError, match=r"fetch\.return"):
        result("await steps.fetch('A')", stubs)


def test_annotations_of_a_stub() -> None:
    """Without `like`, what the stub's own function is annotated with is validated."""

    def total(order: Order) -> int:
        return order.total

    stubs = stub_steps({"total": total})
    assert result("return await steps.total({'id': 'A', 'total': 3})", stubs) == 3


def test_any_arguments() -> None:
    """A stub that stands for nothing in particular takes any arguments."""
    stubs = stub_steps({"ask": 1})
    assert result("return await steps.ask(1, 2, who='me')", stubs) == 1
    assert stubs.calls["ask"] == [{"args": (1, 2), "kwargs": {"who": "me"}}]


def test_without_an_outcome() -> None:
    """A step that the test did not expect to be called fails at once, by name."""
    stubs = stub_steps({"fetch": {"id": "A"}}, like=REAL)
    with pytest.raises(RunFailedError, match="no outcome for the step `shout`"):
        result("await steps.shout('x')", stubs)
    assert stubs.calls["shout"] == [{"text": "x"}]


def test_a_step_for_real() -> None:
    """A step given as its own outcome runs for real."""
    for stubs in (stub_steps({"shout": shout}, like=REAL), stub_steps({"shout": shout})):
        assert result("return await steps.shout('x')", stubs) == "X"
        assert stubs["shout"].step_id == shout.step_id


def test_nothing_leaks() -> None:
    """The process-wide registry keeps the real steps and hears of no stub."""
    before = REGISTRY.names()
    stubs = stub_steps({"shout": "stub"}, like=REAL)
    stub_steps({"nobody_else_calls_it_so": 1})
    assert result("return await steps.shout('x')", stubs) == "stub"
    assert REGISTRY.names() == before
    assert REGISTRY.get(shout.step_id) is shout
    with open_world(":memory:", isolation="inline") as world:
        run = world.start(flow("return await steps.shout('x')"), steps=REAL)
        assert run.result(timeout=10) == "X"


def test_a_world_runs_only_its_steps() -> None:
    """In a world that was opened with steps, another one is not defined."""
    stubs = stub_steps({"ask": 1})
    with opened(stubs) as world:
        run = world.start(flow("return await steps.shout('x')"), steps=REAL)
        run.reached(lambda act: act.blocked is not None).result(timeout=10)
        assert "shout" in run.why()
    with pytest.raises(RegistrationError, match="WF152"):
        open_world(":memory:", steps=[len])  # type: ignore[list-item]


def test_attempts_end_in_order() -> None:
    """Stubs that are called together end in the order in which they were called."""
    stubs = stub_steps({"ask": lambda i: i})
    with opened(stubs) as world:
        body = "await asyncio.gather(*[steps.ask(i) for i in range(30)])"
        run = world.start(flow(body), steps=stubs).wait_for("terminal", timeout=10)
        asked = {e.correlation_id: e.seq for e in run.events() if e.type == "step_created"}
        ended = [asked[e.correlation_id] for e in run.events() if e.type == "step_completed"]
    assert len(ended) == 30
    assert ended == sorted(ended)
    assert [call["i"] for call in stubs.calls["ask"]] == [*range(30)]


def test_a_step_that_takes_too_long() -> None:
    """A stub may let time pass: a deadline of the source is tested without waiting for it."""
    clock = VirtualClock(autojump=True)

    async def slow(order_id: str) -> None:
        clock.advance("2m")
        await asyncio.Event().wait()

    body = """
try:
    async with asyncio.timeout(60):
        await steps.fetch("A")
except TimeoutError:
    return "too late"
"""
    stubs = stub_steps({"fetch": slow}, like=REAL)
    assert result(body, stubs, clock) == "too late"


@pytest.mark.parametrize(
    ("outcomes", "like", "message"),
    [
        ({"fech": 1}, REAL, "Did you mean `fetch`"),
        ({"a-b": 1}, [], "WF154"),
        ({"class": 1}, [], "WF154"),
        ({"fetch": 1}, [len], "WF152"),
        ({"a": 1, "b": 2}, {"a": shout, "b": shout}, "`a` and `b` are one step"),
    ],
)
def test_refused(outcomes: dict[str, object], like: Any, message: str) -> None:
    """What cannot be a stub is refused with what to do, before anything runs."""
    with pytest.raises(RegistrationError, match=message):
        stub_steps(outcomes, like=like)


REFUND = """
approval = create_hook(token="approve")
for day in range(30):
    try:
        async with asyncio.timeout(24 * 3600):
            decision = await approval
            break
    except TimeoutError:
        await steps.remind(day + 1)
else:
    return "nobody answered"
return await steps.pay(decision)
"""


def test_thirty_days() -> None:
    """A workflow of 30 days with a reminder a day is tested to both its ends, waiting for nothing."""
    stubs = stub_steps({"remind": None, "pay": lambda decision: f"paid {decision}"})
    assert result(REFUND, stubs) == "nobody answered"
    assert [call["args"][0] for call in stubs.calls["remind"]] == [*range(1, 31)]
    clock = VirtualClock()
    with opened(stubs, clock) as world:
        run = world.start(flow(REFUND), steps=stubs).wait_for("hook")
        clock.advance("1d")
        run.reached(lambda act: len(act.state.steps) == 1).result(timeout=10)
        run.resume("approve", 20)
        assert run.result(timeout=10) == "paid 20"


def test_fatal_error() -> None:
    """A stub's FatalError ends the attempts, as a step's does."""
    stubs = stub_steps({"fetch": FatalError("gone")}, like=REAL)
    with pytest.raises(RunFailedError, match="gone"):
        result("await steps.fetch('A')", stubs)
    assert len(stubs.calls["fetch"]) == 1
