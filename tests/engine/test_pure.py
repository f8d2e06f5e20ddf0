"""The pure parts of the engine: judging a reply, settling outcomes, giving slots away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wf_notebook.engine.decide import Asked, Pen, settle
from wf_notebook.engine.replay import Completed, Diverged, Suspended, is_told, judge, plan
from wf_notebook.engine.slots import Slots
from wf_notebook.engine.waker import Waker
from wf_notebook.errors import GuestProtocolError
from wf_notebook.ids import SeededIds, correlation_id
from wf_notebook.isolation.protocol import Reply
from wf_notebook.testing import VirtualClock
from wf_notebook.world.events import recorded

SEED = bytes(16)
PEN = Pen(SeededIds(), 1_000)


def step_command(n: int, after: int = 0, **args: Any) -> dict[str, Any]:
    return {"op": "step", "n": n, "after": after, "alias": "charge", "args": args, "line": 4}


def reply(*commands: dict[str, Any], status: str = "suspended", **fields: Any) -> Reply:
    return Reply.model_validate({
        "status": status, "after": 0, "commands": list(commands), **fields,
    })  # fmt: skip


def log(*events: Any) -> list[Any]:
    return [recorded(e, run_id="r", seq=seq) for seq, e in enumerate(events, start=1)]


def created(n: int, **args: Any) -> Any:
    cid = correlation_id("step", SEED, n)
    return PEN.write("step_created", cid, data={"args": args}, n=n, alias="charge", step_id="s")


def completed(n: int) -> Any:
    return PEN.write("step_completed", correlation_id("step", SEED, n), data={"result": 1})


def test_what_is_new() -> None:
    """Commands beyond the log are new; those of the log are not asked for again."""
    recorded_ = plan(log(created(1, x=1))).recorded
    outcome = judge(reply(step_command(1, x=1), step_command(2, x=2)), recorded_)
    assert isinstance(outcome, Suspended)
    assert [c.n for c in outcome.commands] == [2]


@pytest.mark.parametrize(
    "commands",
    [
        [],
        [step_command(1, x=2)],
        [step_command(1, x=1, y=1)],
        [step_command(2, x=1)],
        [{"op": "wait", "n": 1, "after": 0, "kind": "sleep", "due_us": 5}],
        [step_command(1, after=1, x=1)],
        [step_command(1, x=True)],
    ],
)
def test_divergence(commands: list[dict[str, Any]]) -> None:
    """A missing, changed, reordered or later command is a divergence that names the line."""
    events = log(created(1, x=1), completed(1))
    events[0].meta["line"] = 4  # type: ignore[index]
    outcome = judge(reply(*commands), plan(events).recorded, log=events)
    assert isinstance(outcome, Diverged)
    assert "charge" in outcome.recorded


def test_divergence_keeps_values_out() -> None:
    """A report names commands, never arguments: they may be secret."""
    events = log(created(1, x="s3cret"))
    outcome = judge(reply(step_command(1, x="0ther")), plan(events).recorded, log=events)
    assert isinstance(outcome, Diverged)
    assert "s3cret" not in str(outcome.report())
    assert "0ther" not in str(outcome.report())


def test_completed() -> None:
    """An entry that returned after what the log recorded has completed."""
    outcome = judge(
        reply(step_command(1), status="completed", result=7), plan(log(created(1))).recorded
    )
    assert outcome == Completed([], 7)


def test_result_of_a_cancelled_step_is_dropped() -> None:
    """If the body cancels a step on an earlier outcome, the step's own result is not recorded."""
    outcomes = [completed(1), completed(2)]
    cancel = reply({"op": "step_cancel", "n": 2, "after": 6}).commands
    assert settle(outcomes, 5, cancel, is_told, SEED) == outcomes[:1]
    later = reply({"op": "step_cancel", "n": 2, "after": 7}).commands
    assert settle(outcomes, 5, later, is_told, SEED) == outcomes


@pytest.mark.parametrize(
    "command",
    [
        {**step_command(9), "alias": "transfer"},
        step_command(3),
        {"op": "step_cancel", "n": 7, "after": 0},
        {"op": "wait_cancel", "n": 1, "after": 0},
        {"op": "hook", "n": 9, "after": 0, "token": "t", "schema": "Other"},
    ],
)
def test_forged(command: dict[str, Any]) -> None:
    """A command that the run may not give stops it: alias, position, entity, schema."""
    asked = Asked(None, SEED, PEN, last_n=3, known={correlation_id("step", SEED, 1)})
    with pytest.raises(GuestProtocolError):
        asked.events(reply(command).commands)


def test_slots_are_offered_in_order() -> None:
    """A free slot goes to the run that has waited longest and may take it."""
    slots = Slots(2)
    assert slots.take("a", "s", 1)
    assert not slots.take("b", "s", 1)  # the step's own cap
    assert slots.take("c", "t", None)
    assert not slots.take("d", "t", None)  # the world's
    assert slots.offers() == []
    slots.give("t")
    assert slots.offers() == ["d"]  # b's step is still at its cap
    slots.give("s")
    assert slots.offers() == ["b"]


def test_paused_slots() -> None:
    """While paused no attempt may start, and whoever asked is offered a slot afterwards."""
    slots = Slots(1)
    slots.paused = True
    assert not slots.take("a", "s", None)
    assert slots.offers() == []
    slots.paused = False
    assert slots.offers() == ["a"]


def test_waker() -> None:
    """Calls come in the order of their times, never early; what was dropped doesn't come."""

    async def scenario() -> list[str]:
        clock, called = VirtualClock(autojump=True), list[str]()
        now, done = clock.now_us(), asyncio.Event()
        waker = Waker(clock)
        for key, due in (("c", 3), ("a", 1), ("b", 2), ("x", 2)):
            waker.set(key, now + due, lambda key=key: called.append(f"{key}{clock.now_us() - now}"))
        waker.drop("x")
        waker.set("a", now + 4, lambda: (called.append("late"), done.set()))
        while not done.is_set():
            await asyncio.sleep(0)
            clock.idle()
        waker.close()
        return called

    assert asyncio.run(scenario()) == ["b2", "c3", "late"]


def test_an_orphaned_outcome_is_told_as_what_the_body_does() -> None:
    """Where a guest is given an outcome that it never asked for, the body waits: it didn't raise."""
    stopped = reply(status="failed", code="DIVERGENCE", error={"type": "Divergence", "message": ""})
    outcome = judge(stopped, plan(log(created(1))).recorded)
    assert isinstance(outcome, Diverged)
    assert outcome.asked == "nothing: it waits"
