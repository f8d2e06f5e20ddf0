"""How the machine runs: one event, then until nothing is ready; the log's order is the schedule."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from tests.guest_runs import SECOND, START_US, Play, check_replays, result_of, run, start_message
from wf_notebook.guest.machine import MODULE_NAME, Machine


def test_a_step_starts_at_its_call_and_its_result_comes_at_the_await() -> None:
    """Calling is asking; awaiting is waiting."""
    play = Play(
        "async def w():\n    f = steps.a(1)\n    g = steps.b(2)\n    return [await g, await f]\n"
    )
    assert play.commands == [
        {"op": "step", "alias": "a", "args": {"x": 1}, "line": 2, "n": 1, "after": 0},
        {"op": "step", "alias": "b", "args": {"x": 2}, "line": 3, "n": 2, "after": 0},
    ]
    play.done(1, "one")
    play.done(2, "two")
    assert check_replays(play).result == ["two", "one"]


def test_after_counts_the_events_that_the_body_had_seen() -> None:
    """Each command says after how many events it was asked."""
    play = Play("async def w():\n    for i in range(3):\n        await steps.a(i)\n")
    play.done(1)
    play.done(2)
    assert [(c["n"], c["after"]) for c in play.commands] == [(1, 0), (2, 1), (3, 2)]


def test_one_event_at_a_time_decides_a_race() -> None:
    """Of two outcomes the first in the log wins, also when both are fed at once."""
    source = """
async def w():
    tasks = [asyncio.create_task(steps.a(i)) for i in range(2)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return [t.result() for t in done], len(pending)
"""
    for first, second in ((1, 2), (2, 1)):
        reply = run(source, ("done", first, first), ("done", second, second))
        assert reply.result == {"$t": "tuple", "v": [[first], 1]}


def test_when_the_entry_ends_nothing_else_runs() -> None:
    """What is ready stays where it is, and later events are only counted."""
    play = Play("""
async def other():
    print("before")
    await asyncio.sleep(0)
    print("never")
async def w():
    asyncio.create_task(other())
    await asyncio.sleep(0)
    steps.a(1)
""")
    assert play.reply.status == "completed"
    assert play.printed == "before\n"
    assert play.done(1) == []
    reply = check_replays(play)
    assert (reply.after, reply.ended_after) == (1, 0)
    assert [c.op for c in reply.commands] == ["step"]


def test_a_result_may_be_awaited_twice() -> None:
    """The future is an ordinary one; a failed one raises each time."""
    source = """
async def w():
    f, g = steps.a(1), steps.a(2)
    found = [await f, await f]
    for _ in range(2):
        try:
            await g
        except StepError as error:
            found.append(error.message)
    return found
"""
    reply = run(source, ("done", 1, 7), ("fail", 2))
    assert reply.result == [7, 7, "bad", "bad"]


@pytest.mark.filterwarnings("error")
def test_failures_that_nobody_awaits_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """asyncio's `exception was never retrieved` is not for a workflow: nothing is written."""
    source = """
async def bad():
    raise ValueError("lost")
async def w():
    steps.a(1)
    asyncio.create_task(bad())
    await steps.a(2)
"""
    play = Play(source)
    play.fail(1)
    play.done(2)
    assert play.reply.status == "completed"
    del play
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_cancelling_a_step_withdraws_it_once() -> None:
    """`cancel()` is a command; an outcome that was under way changes nothing any more."""
    source = """
async def w():
    f = steps.a(1)
    await steps.b(1)
    print(f.cancel(), f.cancel(), f)
    try:
        await f
    except asyncio.CancelledError:
        print("cancelled")
    await steps.b(2)
    return f.cancelled()
"""
    play = Play(source)
    play.done(2)
    play.done(1, "late")
    play.done(3)
    reply = check_replays(play)
    assert play.asked() == ["step 1 a", "step 2 b", "step_cancel 1", "step 3 b"]
    assert play.printed == "True False <steps.a done>\ncancelled\n"
    assert reply.result is True


def test_a_task_that_is_cancelled_withdraws_the_step_it_awaits() -> None:
    """As in asyncio, cancellation reaches the innermost future; shield keeps it out."""
    source = """
async def w():
    task = asyncio.create_task(steps.a(1))
    kept = steps.a(2)
    shielded = asyncio.create_task(asyncio.wait_for(asyncio.shield(kept), None))
    await steps.b(1)
    task.cancel()
    shielded.cancel()
    found = await asyncio.gather(task, shielded, return_exceptions=True)
    return [type(e).__name__ for e in found] + [await kept]
"""
    play = Play(source)
    play.done(3)
    assert play.asked()[3:] == ["step_cancel 1"]
    play.done(2, "kept")
    assert check_replays(play).result == ["CancelledError", "CancelledError", "kept"]


def test_now_is_the_time_of_the_last_event() -> None:
    """Time stands still between events, and begins with the run."""
    body = """
    first = now()
    await steps.a(1)
    return [first, now(), now() - first]
    """
    found = result_of(body, ("done", 1))
    assert found[0] == {"$t": "datetime", "v": "2025-10-09T08:53:20+00:00"}
    assert found[2] == {"$t": "timedelta", "v": [0, 1, 0]}


# -------------------------------------------------------------------------------- endings


def test_an_exception_is_the_runs_failure_with_its_places() -> None:
    """Frames are those of the source, innermost last, with columns; causes and parts follow."""
    source = """
def inner(x):
    return 1 / x
async def w():
    try:
        inner(0)
    except ZeroDivisionError as error:
        raise ValueError("é" + str(1)) from error
"""
    reply = run(source)
    assert (reply.status, reply.code) == ("failed", "USER_ERROR")
    error = reply.error
    assert error is not None
    assert (error.type, error.message, error.line) == ("ValueError", "é1", 8)
    assert error.frames == [(8, 9, 8, 50, "w")]
    assert error.cause is not None
    assert error.cause.frames == [(6, 9, 6, 17, "w"), (3, 12, 3, 17, "inner")]


def test_an_exception_group_keeps_its_parts() -> None:
    """A failed TaskGroup says what failed in it."""
    source = """
async def w():
    async with asyncio.TaskGroup() as group:
        group.create_task(steps.a(1))
        group.create_task(steps.a(2))
"""
    reply = run(source, ("fail", 1, "KeyError", "k"))
    assert reply.error is not None
    assert reply.error.type == "ExceptionGroup"
    assert [(p.type, p.message) for p in reply.error.parts] == [("StepError", "KeyError: k")]
    assert [c.op for c in reply.commands] == ["step", "step", "step_cancel"]


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise asyncio.CancelledError('x')", "CancelledError", "x"),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("raise BaseExceptionGroup('g', [KeyboardInterrupt()])", "BaseExceptionGroup", "g"),
        ("raise FatalError('enough')", "FatalError", "enough"),
    ],
)
def test_whatever_is_raised_fails_the_run(statement: str, kind: str, message: str) -> None:
    """Exceptions that would end a program end the run, no more."""
    reply = run(f"async def w():\n    {statement}\n")
    assert (reply.status, reply.code) == ("failed", "USER_ERROR")
    assert reply.error is not None
    assert reply.error.type == kind
    assert reply.error.message.startswith(message)


def test_a_recursion_without_end_is_a_budget() -> None:
    """It used up the stack as others use up memory."""
    reply = run("async def w():\n    def f(): f()\n    f()\n")
    assert reply.error is not None
    assert (reply.code, reply.error.type) == ("BUDGET_EXCEEDED", "RecursionError")
    assert reply.error.line == 2


def test_a_task_that_exits_fails_the_run() -> None:
    """asyncio lets SystemExit of a task through; here it is the run's outcome."""
    source = """
async def leave():
    raise SystemExit(1)
async def w():
    asyncio.create_task(leave())
    await steps.a(1)
"""
    reply = run(source)
    assert reply.error is not None
    assert (reply.error.type, reply.error.line) == ("SystemExit", 3)


def test_an_error_in_the_sources_top_level_is_the_runs() -> None:
    """The module body runs as the entry's first act; it may even ask for steps."""
    reply = run("x = {}['k']\nasync def w(): pass\n")
    assert reply.error is not None
    assert (reply.error.type, reply.error.frames[-1][4]) == ("KeyError", "<module>")
    reply = run("f = steps.a(1)\nasync def w():\n    return await f\n", ("done", 1, 5))
    assert reply.result == 5


def test_a_wrong_call_of_the_entry_points_at_it() -> None:
    """Arguments that don't fit fail the run, at the line of its definition."""
    reply = run("x = 1\nasync def w(order): pass\n", args=[1, 2])
    assert reply.error is not None
    assert (reply.error.type, reply.error.line) == ("TypeError", 2)


def test_a_result_that_cannot_be_recorded_says_where() -> None:
    """The failure has its own code and names the path."""
    reply = run("async def w():\n    return {'items': [1, object()]}\n")
    assert (reply.status, reply.code) == ("failed", "PAYLOAD_ERROR")
    assert reply.error is not None
    assert reply.error.message == "result.items[1]: an object cannot be recorded"


def test_a_step_that_is_returned_without_await_is_named() -> None:
    """The commonest slip gets its own hint."""
    reply = run("async def w():\n    return [steps.a(1)]\n")
    assert reply.error is not None
    assert reply.error.message == (
        "result[0]: <steps.a pending> has not been awaited; write `await` before it"
    )


def test_arguments_arrive_as_values() -> None:
    """Trees become records, dates, ordered sets."""
    reply = run(
        "async def w(order, *, when):\n    return [order.id, order['id'], when.year]\n",
        args=[{"$t": "record", "name": "Order", "v": {"id": "A"}}],
        kwargs={"when": {"$t": "date", "v": "2026-01-02"}},
    )
    assert reply.result == ["A", "A", 2026]


# ------------------------------------------------------------- what no body can swallow


SWALLOWING = """
async def w():
    for i in range(20):
        try:
            {what}
        except BaseException:
            print("caught")
    return "swallowed"
"""


def test_too_many_commands_end_the_run_with_the_line() -> None:
    """The budget counts what one event brings about; a body that catches everything gains nothing."""
    reply = run(SWALLOWING.format(what="steps.a(i)"), commands=5)
    assert (reply.status, reply.code) == ("failed", "BUDGET_EXCEEDED")
    assert reply.error is not None
    assert reply.error.line == 5
    assert "more than 5 steps" in reply.error.message
    assert reply.commands == []


def test_the_budget_is_fresh_after_each_event() -> None:
    """A long replay is no larger activation than the run was when it was live."""
    source = "async def w():\n    for i in range(20):\n        await steps.a(i)\n"
    reply = run(source, *[("done", n, None) for n in range(1, 21)], commands=1)
    assert reply.status == "completed"


def test_a_divergence_cannot_be_caught() -> None:
    """An outcome for what was never asked ends the activation outside the body."""
    play = Play(SWALLOWING.format(what="await steps.a(i)"))
    play.done(2)
    reply = play.reply
    assert (reply.status, reply.code) == ("failed", "DIVERGENCE")
    assert reply.error is not None
    assert reply.error.line == 5
    assert "step_completed for position 2" in reply.error.message
    play.done(1)
    assert play.reply.code == "DIVERGENCE"


@pytest.mark.parametrize(
    ("kind", "n"), [("wait_completed", 1), ("hook_received", 1), ("step_completed", 2),
                    ("step_completed", 3), ("step_failed", 0), ("wait_completed", 0),
                    ("unheard_of", 1)],
)  # fmt: skip
def test_an_outcome_of_another_kind_is_a_divergence(kind: str, n: int) -> None:
    """A step cannot wake, a sleep cannot return."""
    play = Play("async def w():\n    steps.a(1)\n    await sleep(5)\n")
    play.deliver(kind, n, value=1, woken=False, error={"type": "E", "message": ""})
    assert play.reply.code == "DIVERGENCE"
    assert play.commands[-1]["op"] == "wait"


# ------------------------------------------------------------------------ around the edges


@pytest.mark.parametrize(
    ("asks", "kind", "n"),
    [
        ("create_hook('t')", "step_completed", 1), ("create_hook('t')", "wait_completed", 1),
        ("sleep(5)", "step_completed", 1), ("asyncio.sleep(5)", "hook_received", 1),
        ("asyncio.wait_for(sleep(9), 5)", "step_failed", 2),
    ],
)  # fmt: skip
def test_each_thing_takes_its_own_kind_of_answer(asks: str, kind: str, n: int) -> None:
    """Another one ends the run, whatever the position holds."""
    play = Play(f"async def w():\n    await {asks}\n")
    play.deliver(kind, n, value=1, error={"type": "E", "message": ""}, woken=False)
    assert (play.reply.status, play.reply.code) == ("failed", "DIVERGENCE")


def test_a_result_that_raises_when_it_is_read_fails_the_run() -> None:
    """Recording reads attributes, which are the source's own code."""
    reply = run("""
import dataclasses
@dataclasses.dataclass
class Odd:
    x: int
    def __getattribute__(self, name):
        if name == "x":
            raise KeyError("odd")
        return object.__getattribute__(self, name)
async def w():
    return Odd(1)
""")
    assert reply.error is not None
    assert (reply.status, reply.code, reply.error.type) == ("failed", "USER_ERROR", "KeyError")


def test_where_says_at_which_lines_tasks_wait() -> None:
    """Every task's innermost line of the source, through coroutines and helpers."""
    play = Play("""
async def deep():
    return await steps.a(1)
async def gen():
    yield await steps.a(2)
async def each():
    async for x in gen():
        pass
async def w():
    async with asyncio.TaskGroup() as group:
        group.create_task(deep())
        group.create_task(each())
        await sleep("1h")
""")
    assert play.machine.where() == [3, 7, 13]
    play.machine.discard()  # a group that is merely collected waits for its tasks, and complains


def test_a_run_leaves_no_trace_in_the_process() -> None:
    """The source's module is found only while it runs; no loop stays behind."""
    hooks = sys.get_asyncgen_hooks()
    Play("async def w():\n    await steps.a(1)\n")
    assert MODULE_NAME not in sys.modules
    assert sys.get_asyncgen_hooks() == hooks


def test_machines_don_t_see_each_other() -> None:
    """Two runs in one process, interleaved, with a decimal context each."""
    source = """
import decimal
async def w(digits):
    decimal.getcontext().prec = digits
    await steps.a(1)
    return str(decimal.Decimal(1) / 3)
"""
    one, two = Play(source, args=[3]), Play(source, args=[5])
    one.done(1)
    two.done(1)
    assert (one.reply.result, two.reply.result) == ("0.333", "0.33333")


def test_a_discarded_run_can_do_nothing() -> None:
    """When coroutines are thrown away, a `finally` neither asks nor prints."""
    source = """
async def w():
    try:
        await steps.a(1)
    finally:
        print("finally")
        await steps.a(2)
"""
    play = Play(source)
    play.machine.discard()
    play.machine.discard()
    reply = play.machine.reply()
    assert (reply["status"], reply["commands"], reply["prints"]) == ("suspended", [], [])


def test_a_discarded_run_is_closed_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left half closed: a TaskGroup waits while it closes, and its `finally` asks."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: ignored.append(what.exc_value))
    source = """
async def w():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(steps.a(1))
            await steps.a(2)
    finally:
        await steps.a(3)
"""
    play = Play(source)
    play.machine.discard()
    del play
    gc.collect()
    assert ignored == []


def test_the_collector_runs_after_fixed_numbers_of_events() -> None:
    """Abandoned generators close at the same place of every replay."""
    calls: list[int] = []
    message = start_message("async def w():\n    for i in range(5000):\n        await steps.a(i)\n")
    machine = Machine(message, collect=lambda: calls.append(machine.reply()["after"]))
    machine.advance()
    events = [
        {"type": "step_completed", "n": n, "time_us": START_US + n * SECOND, "value": None}
        for n in range(1, 5000)
    ]
    machine.deliver_all(events)
    assert calls == [4096]


def test_an_abandoned_async_generator_closes_in_a_task() -> None:
    """As in asyncio, its `finally` may await."""
    source = """
async def gen():
    try:
        yield 1
        yield 2
    finally:
        print(await steps.a("closing"))
async def w():
    async for x in gen():
        break
    await steps.b(1)
"""
    play = Play(source)
    assert play.asked() == ["step 1 b", "step 2 a"]
    play.done(2, "closed")
    play.done(1)
    check_replays(play)
    assert play.printed == "closed\n"


def test_errors_in_callbacks_are_printed_and_the_run_goes_on() -> None:
    """asyncio would log them; a workflow's log is its output."""
    source = """
async def w():
    f = steps.a(1)
    f.add_done_callback(lambda f: 1 / 0)
    return await f
"""
    play = Play(source)
    play.done(1, 3)
    reply: Any = check_replays(play)
    assert reply.result == 3
    assert play.printed == "Exception in callback: ZeroDivisionError: division by zero\n"


def test_a_run_that_nothing_can_wake_is_not_collected() -> None:
    """The line it waits at can be told, whenever the garbage collector comes by."""
    machine = Machine({
        "source": "async def flow():\n    await asyncio.Event().wait()\n", "entry": "flow",
        "filename": "<cell>", "seed": "00", "now_us": 0, "commands": 10, "steps": {},
        "schemas": [], "args": [], "kwargs": {},
    })  # fmt: skip
    machine.advance()
    gc.collect()
    assert machine.where() == [2]
