"""asyncio in a source: the primitives people know, durable, and in the order CPython runs them."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from tests.guest_runs import SECOND, START_US, Play, check_replays, result_of, run

# ------------------------------------------------------------------------ timers and sleeps


def test_sleeps_and_timeouts_are_durable_waits() -> None:
    """Each has its kind, its absolute time and the line that asked."""
    play = Play("""
async def w():
    await sleep("1m")
    await asyncio.sleep(1.5)
    async with asyncio.timeout(30):
        await steps.a(1)
    return "done"
""")
    assert play.commands == [
        {"op": "wait", "kind": "sleep", "due_us": START_US + 60 * SECOND, "line": 3, "n": 1,
         "after": 0},
    ]  # fmt: skip
    assert play.wake(1)[0] == {
        "op": "wait", "kind": "sleep", "due_us": START_US + SECOND + 1_500_000, "line": 4, "n": 2,
        "after": 1,
    }  # fmt: skip
    timer, step = play.wake(2)
    assert (timer["kind"], timer["due_us"], timer["line"]) == ("timer", START_US + 32 * SECOND, 5)
    assert step["op"] == "step"
    assert play.done(4) == [{"op": "wait_cancel", "line": 5, "n": 3, "after": 3}]
    assert check_replays(play).result == "done"


def test_a_timer_set_and_cancelled_at_once_is_not_recorded() -> None:
    """It gets no position and leaves no gap."""
    play = Play("""
async def w():
    async with asyncio.timeout(30):
        pass
    sleep(5).cancel()
    await steps.a(1)
""")
    assert play.asked() == ["step 1 a"]


def test_a_timeout_cancels_the_step() -> None:
    """When the wait ends first, the step is withdrawn and TimeoutError raised."""
    source = """
async def w():
    try:
        async with asyncio.timeout(5) as scope:
            await steps.a(1)
    except TimeoutError:
        return [scope.expired(), "timed out"]
"""
    play = Play(source)
    play.wake(1)
    assert play.asked() == ["wait 1 timer", "step 2 a", "step_cancel 2"]
    play.done(2, "late")
    assert check_replays(play).result == [True, "timed out"]


@pytest.mark.parametrize("first", ["step", "wait"])
def test_wait_for_either_way(first: str) -> None:
    """Result or TimeoutError, and the loser is withdrawn."""
    source = """
async def w():
    try:
        return await asyncio.wait_for(steps.a(1), 5)
    except TimeoutError:
        return "timeout"
"""
    play = Play(source)
    assert play.asked() == ["step 1 a", "wait 2 timer"]
    (withdrawn,) = play.done(1, "fine") if first == "step" else play.wake(2)
    assert withdrawn["op"] == ("wait_cancel" if first == "step" else "step_cancel")
    assert check_replays(play).result == ("fine" if first == "step" else "timeout")


def test_no_time_is_no_wait() -> None:
    """`sleep(0)` is a turn; a timeout of 0 and a past deadline need no event; `sleep(0)` of ours
    is a wait that is due."""  # noqa: D205, D209 - one sentence
    body = """
    await asyncio.sleep(0)
    await asyncio.sleep(-1)
    found = []
    for seconds in (0, -3):
        try:
            await asyncio.wait_for(steps.a(seconds), seconds)
        except TimeoutError:
            found.append(seconds)
    try:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    except TimeoutError:
        found.append("timeout")
    return found
    """
    assert result_of(body) == [0, -3, "timeout"]


def test_a_timeout_may_be_moved() -> None:
    """`reschedule` withdraws the wait and sets another."""
    source = """
async def w():
    async with asyncio.timeout(10) as scope:
        await steps.a(1)
        scope.reschedule(scope.when() + 50)
        await steps.a(2)
"""
    play = Play(source)
    play.done(2)
    assert play.asked()[2:] == ["wait_cancel 1", "wait 3 timer", "step 4 a"]
    assert play.commands[3]["due_us"] == START_US + 60 * SECOND


# ----------------------------------------------------------------------- many things at once


def test_gather_keeps_the_order_of_its_arguments() -> None:
    """Outcomes in any order, results in that of the calls."""
    body = "return await asyncio.gather(*[steps.a(i) for i in range(3)], sleep(9))"
    found = result_of(body, ("done", 3, "c"), ("wake", 4), ("done", 1, "a"), ("done", 2, "b"))
    assert found == ["a", "b", "c", None]


def test_gather_raises_the_first_failure_and_leaves_the_rest() -> None:
    """As in asyncio: the others go on; `return_exceptions` collects."""
    source = """
async def w():
    rest = [steps.a(1), steps.a(2)]
    try:
        await asyncio.gather(*rest)
    except StepError as error:
        print(error)
    found = await asyncio.gather(*rest, return_exceptions=True)
    return [type(found[0]).__name__, found[1]]
"""
    play = Play(source)
    play.fail(1)
    play.done(2, "fine")
    assert check_replays(play).result == ["StepError", "fine"]
    assert play.printed == "ValueError: bad\n"


def test_a_task_group_takes_started_things() -> None:
    """Steps, sleeps and hooks become tasks, with names and results."""
    source = """
async def w():
    hook = create_hook("t")
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(steps.a(1)),
            group.create_task(sleep(5)),
            group.create_task(hook, name="mine"),
        ]
    single = asyncio.create_task(steps.a(2))
    return [t.get_name() for t in tasks], [t.result() for t in tasks], await single
"""
    outcomes = [("done", 2, "r"), ("wake", 3), ("resume", 1, "p"), ("done", 4, "s")]
    reply = run(source, *outcomes)
    assert reply.result["v"] == [
        ["Task-1", "Task-2", "mine"], ["r", None, "p"], "s",
    ]  # fmt: skip


def test_a_failing_task_group_cancels_in_the_order_of_creation() -> None:
    """CPython keeps the tasks in a set, whose order is that of addresses."""
    source = """
async def one(i):
    try:
        await steps.a(i)
    finally:
        print(i, end=" ")
async def w():
    async with asyncio.TaskGroup() as group:
        for i in range(20):
            group.create_task(one(i))
"""
    play = Play(source)
    play.fail(7)
    check_replays(play)
    assert play.printed == " ".join(map(str, [6, *range(6), *range(7, 20)])) + " "


def test_wait_returns_sets_in_the_order_of_its_argument() -> None:
    """Done and pending are sets, and iterate as the futures were given."""
    source = """
async def w():
    futures = [steps.a(i) for i in range(9)]
    done, pending = await asyncio.wait(futures, timeout=60)
    index = {future: i for i, future in enumerate(futures)}
    return [index[f] for f in done], [index[f] for f in pending], type(done) is set
"""
    outcomes = [("done", n, None) for n in (7, 3, 5)]
    reply = run(source, *outcomes, ("wake", 10))
    assert reply.result["v"] == [[2, 4, 6], [0, 1, 3, 5, 7, 8], True]


def test_wait_for_the_first_failure() -> None:
    """`FIRST_EXCEPTION` returns when something fails."""
    source = """
async def w():
    done, pending = await asyncio.wait(
        [steps.a(1), steps.a(2), steps.a(3)], return_when=asyncio.FIRST_EXCEPTION
    )
    return len(done), len(pending)
"""
    assert run(source, ("done", 1, 1), ("fail", 3)).result["v"] == [2, 1]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("asyncio.wait(steps.a(1))", "expect a list of futures"),
        ("asyncio.wait([made])", "forbidden"),
        ("asyncio.wait([])", "empty"),
        ("asyncio.wait([create_hook('t')])", "asyncio.create_task(hook)"),
        ("asyncio.as_completed(steps.a(1))", "expects an iterable"),
        ("asyncio.create_task(5)", "a coroutine was expected"),
    ],
)
def test_wrong_calls_are_errors_at_the_call(call: str, says: str) -> None:
    """The message is asyncio's own, or says what to write for a hook."""
    source = f"""
async def helper(): pass
async def w():
    made = helper()
    try:
        await {call}
    finally:
        made.close()
"""
    reply = run(source)
    assert reply.error is not None
    assert reply.error.type in ("TypeError", "ValueError")
    assert says in reply.error.message


@pytest.mark.parametrize("loop", ["for f in {}:\n        found.append(await f)",
                                  "async for f in {}:\n        found.append(await f)"])  # fmt: skip
def test_as_completed_follows_the_log(loop: str) -> None:
    """With `for` and, on every Python, with `async for`; coroutines start in their order."""
    body = loop.format("asyncio.as_completed([one(i) for i in range(4)])")
    source = f"""
async def one(i):
    return await steps.a(i)
async def w():
    found = []
    {body}
    return found
"""
    outcomes = [("done", n, n) for n in (3, 1, 4, 2)]
    reply = run(source, *outcomes)
    assert [c.args for c in reply.commands if c.op == "step"] == [{"x": i} for i in range(4)]
    assert reply.result == [3, 1, 4, 2]


def test_as_completed_yields_the_given_futures_and_times_out() -> None:
    """`async for` gives the futures themselves; after the timeout TimeoutError is raised."""
    source = """
async def w():
    futures = [steps.a(1), steps.a(2)]
    found = []
    try:
        async for future in asyncio.as_completed(futures, timeout=60):
            found.append(futures.index(future))
    except TimeoutError:
        found.append("timeout")
    return found
"""
    assert run(source, ("done", 2, 1), ("wake", 3)).result == [1, "timeout"]
    assert run(source, ("done", 2, 1), ("done", 1, 1)).result == [1, 0]


def test_a_group_that_is_over_takes_nothing() -> None:
    """RuntimeError, as in asyncio; the step that was started stays started."""
    source = """
async def w():
    group = asyncio.TaskGroup()
    async with group:
        pass
    try:
        group.create_task(steps.a(1))
    except RuntimeError as error:
        return str(error)
"""
    reply = run(source)
    assert "is finished" in reply.result
    assert [c.op for c in reply.commands] == ["step"]


def test_what_is_done_needs_no_time() -> None:
    """`wait_for` with no time left returns a result that is there."""
    source = """
async def w():
    f, g = steps.a(1), steps.a(2)
    await f
    found = [await asyncio.wait_for(f, 0)]
    stubborn = asyncio.create_task(keep(g))
    await asyncio.sleep(0)
    found.append(await asyncio.wait_for(stubborn, 0))
    for late in asyncio.as_completed([steps.a(3)], timeout=5):
        try:
            await late
        except TimeoutError:
            found.append("timeout")
    return found
async def keep(g):
    try:
        return await g
    except asyncio.CancelledError:
        return "kept"
"""
    assert run(source, ("done", 1, "f"), ("wake", 4)).result == ["f", "kept", "timeout"]


# ------------------------------------------------------------------------- synchronisation

PRIMITIVES = {
    "semaphore": ("""
limit = asyncio.Semaphore(2)
async def one(i):
    async with limit:
        return await steps.a(i)
async def w():
    return await asyncio.gather(*(one(i) for i in range(4)))
""", [("done", 2, "b"), ("done", 1, "a"), ("done", 3, "c"), ("done", 4, "d")], ["a", "b", "c", "d"]),
    "lock and condition": ("""
async def w():
    ready, items = asyncio.Condition(), []
    async def consume():
        async with ready:
            await ready.wait_for(lambda: items)
            return items.pop()
    task = asyncio.create_task(consume())
    value = await steps.a(1)
    async with ready:
        items.append(value)
        ready.notify()
    return await task
""", [("done", 1, 9)], 9),
    "event": ("""
async def w():
    event, order = asyncio.Event(), []
    async def waiter(i):
        await event.wait()
        order.append(i)
    tasks = [asyncio.create_task(waiter(i)) for i in range(3)]
    await steps.a(1)
    event.set()
    await asyncio.wait(tasks)
    return order
""", [("done", 1, None)], [0, 1, 2]),
    "queue": ("""
async def w():
    queue = asyncio.PriorityQueue()
    async def work(out):
        while True:
            priority, item = await queue.get()
            out.append(await steps.a(item))
            queue.task_done()
    out = []
    for entry in [(2, "b"), (1, "a"), (3, "c")]:
        queue.put_nowait(entry)
    task = asyncio.create_task(work(out))
    await queue.join()
    task.cancel()
    return out
""", [("done", 1, 1), ("done", 2, 2), ("done", 3, 3)], [1, 2, 3]),
    "barrier": ("""
async def w():
    barrier = asyncio.Barrier(2)
    async def side(i):
        await steps.a(i)
        return await barrier.wait()
    return sorted(await asyncio.gather(side(1), side(2)))
""", [("done", 2, None), ("done", 1, None)], [0, 1]),
    "bounded": ("""
async def w():
    limit = asyncio.BoundedSemaphore()
    try:
        limit.release()
    except ValueError as error:
        return str(error)
""", [], "BoundedSemaphore released too many times"),
    "empty queue": ("""
async def w():
    try:
        asyncio.LifoQueue().get_nowait()
    except asyncio.QueueEmpty:
        return asyncio.iscoroutinefunction(w), asyncio.current_task().get_name()
""", [], {"$t": "tuple", "v": [True, "workflow"]}),
    "except*": ("""
async def w():
    found = []
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(steps.a(1))
            group.create_task(steps.a(2))
    except* StepError as group:
        found += [error.type for error in group.exceptions]
    return found
""", [("fail", 2, "KeyError")], ["KeyError"]),
}  # fmt: skip


@pytest.mark.parametrize("name", PRIMITIVES)
def test_synchronisation_works_and_survives_replay(name: str) -> None:
    """Semaphore, Lock, Condition, Event, queues, Barrier, `except*`: as in asyncio, durably."""
    source, outcomes, expected = PRIMITIVES[name]
    assert run(source, *outcomes).result == expected


def test_signatures_are_asyncios() -> None:
    """Where we write a function anew, it takes what asyncio's takes."""
    from wf_notebook.guest import aio

    for name in ("wait", "wait_for", "as_completed"):
        ours = inspect.signature(getattr(aio, name)).parameters
        theirs = inspect.signature(getattr(asyncio, name)).parameters
        assert list(ours) == list(theirs)


def test_the_text_of_a_primitive_holds_no_address() -> None:
    """It says what it is and how it stands, as in CPython, and is the same at each replay."""
    found = result_of("""
queue = asyncio.Queue()
queue.put_nowait(1)
lock = asyncio.Lock()
await lock.acquire()
task = asyncio.create_task(asyncio.sleep(0), name="t")
shown = [queue, lock, asyncio.Event(), asyncio.Semaphore(2), asyncio.PriorityQueue(), task]
texts = [repr(one) for one in shown]
await task
return [*texts, repr(task)]
""")
    assert found == [
        "<Queue maxsize=0 _queue=[1] tasks=1>",
        "<asyncio.locks.Lock object [locked]>",
        "<asyncio.locks.Event object [unset]>",
        "<asyncio.locks.Semaphore object [unlocked, value:2]>",
        "<PriorityQueue maxsize=0>",
        "<Task pending name='t'>",
        "<Task finished name='t'>",
    ]


def test_finished_things_are_counted_down() -> None:
    """`as_completed` says how many are left, and ends, with `for` and with `async for`."""
    found = result_of("""
both = asyncio.as_completed([asyncio.sleep(0, "a"), asyncio.sleep(0, "b")])
seen = [repr(both)]
async for future in both:
    seen += [await future, repr(both)]
return seen, [await one for one in asyncio.as_completed([])]
""")
    left = ["<as_completed 2 left>", "a", "<as_completed 1 left>", "b", "<as_completed 0 left>"]
    assert found == {"$t": "tuple", "v": [left, []]}


def test_a_task_hands_out_no_frames() -> None:
    """What a debugger would show is the machine's; nothing is printed either."""
    play = Play("""
async def w():
    task = asyncio.create_task(asyncio.sleep(0))
    task.print_stack()
    frames = task.get_stack(), task.get_stack(limit=1)
    await task
    return frames
""")
    assert (play.reply.result, play.prints) == ({"$t": "tuple", "v": [[], []]}, [])


def test_a_sleep_that_is_no_number_is_an_error_at_the_call() -> None:
    """As in CPython from 3.13 on: it would never end."""
    reply = run("async def w():\n    await asyncio.sleep(float('nan'))\n")
    assert reply.error is not None
    assert (reply.error.type, reply.error.line) == ("ValueError", 2)


def test_the_loop_of_a_task_keeps_the_logs_time() -> None:
    """A callback that is set for later is a wait; one that is cancelled doesn't run."""
    play = Play("""
async def w():
    loop = asyncio.current_task().get_loop()
    called = []
    late = loop.call_at(loop.time() + 5, called.append, "late")
    gone, soon = loop.call_soon(called.append, "gone"), loop.call_later(0, called.append, "soon")
    gone.cancel()
    await sleep(1)
    told = [late.when(), gone.cancelled(), soon.cancelled(), late.cancelled(), loop.is_running()]
    await sleep(9)
    return called, told, loop.time(), [loop.is_closed(), loop.get_debug()]
""")
    assert play.asked() == ["wait 1 timer", "wait 2 sleep"]
    play.wake(2)
    play.wake(1)
    play.wake(3)
    told = [5.0, True, False, False, True]
    assert check_replays(play).result["v"] == [["soon", "late"], told, 3.0, [False, False]]
