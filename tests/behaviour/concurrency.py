"""asyncio, made durable."""

from __future__ import annotations

from tests.behaviour import acts
from tests.behaviour.behaviour import Behaviour, resume

TOGETHER = [
    Behaviour(
        name="gather",
        promise="`gather` gives results in the order of its arguments, whatever ends first.",
        source="""
            async def nap(seconds):
                await sleep(seconds)
                return seconds

            async def workflow():
                return await asyncio.gather(steps.double(1), nap(5), nap(1), steps.double(2))
            """,
        returns=[2, 5, 1, 4],
        log="""
            run_created | run_started | step_created double#1 | step_created double#2
            wait_created sleep#1 5s | wait_created sleep#2 1s | step_started double#1 1
            step_completed double#1 | step_started double#2 1 | step_completed double#2
            wait_completed sleep#2 | wait_completed sleep#1 | run_completed
            """,
    ),
    Behaviour(
        name="gather_with_exceptions",
        promise="`gather(return_exceptions=True)` gives errors among the results.",
        source="""
            async def all_of_them():
                found = await asyncio.gather(
                    steps.double(1), steps.once(2), sleep(1), return_exceptions=True
                )
                return [e.type if isinstance(e, StepError) else e for e in found]
            """,
        steps=[acts.double, acts.once],
        returns=[2, "ValueError", None],
        log="""
            run_created | run_started | step_created double | step_created once
            wait_created sleep 1s | step_started double 1 | step_completed double
            step_started once 1 | step_failed once 1 ValueError | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="gather_fails",
        promise="The first failure of a `gather` is raised; the others go on and can be awaited.",
        source="""
            async def all_of_them():
                slow = steps.double(4)
                try:
                    await asyncio.gather(steps.once(1), slow)
                except StepError as e:
                    return [e.message, await slow]
            """,
        steps=[acts.once, acts.double],
        returns=["bad 1", 8],
        log="""
            run_created | run_started | step_created double | step_created once
            step_started double 1 | step_completed double | step_started once 1
            step_failed once 1 ValueError | run_completed
            """,
    ),
    Behaviour(
        name="task_group",
        promise="A TaskGroup awaits its tasks; steps can be its tasks.",
        source="""
            async def family():
                async with asyncio.TaskGroup() as group:
                    a = group.create_task(steps.double(1))
                    b = group.create_task(sleep(5))
                    c = group.create_task(steps.double(a_number()))
                return [a.result(), b.result(), c.result()]

            def a_number():
                return 3
            """,
        returns=[2, None, 6],
        log="""
            run_created | run_started | step_created double#1 | wait_created sleep 5s
            step_created double#2 | step_started double#1 1 | step_completed double#1
            step_started double#2 1 | step_completed double#2 | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="task_group_fails",
        promise="A failing task cancels the group's others; `except*` gets every part.",
        source="""
            async def nap():
                try:
                    await sleep("1h")
                finally:
                    left.append("nap")

            async def wrong():
                raise ValueError("mine")

            left = []

            async def workflow():
                found = []
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(nap())
                        group.create_task(steps.once(1))
                        group.create_task(steps.fatal(2))
                except* StepError as errors:
                    found += [e.type for e in errors.exceptions]
                except* ValueError as errors:
                    found += [str(e) for e in errors.exceptions]
                return [found, left]
            """,
        steps=[acts.once, acts.fatal],
        at_once=1,
        returns=[["ValueError"], ["nap"]],
        log="""
            run_created | run_started | step_created once | step_created fatal
            wait_created sleep 1h | step_started once 1 | step_failed once 1 ValueError
            wait_cancelled sleep | step_cancelled fatal by=body | run_completed
            """,
    ),
    Behaviour(
        name="exception_group_keeps_its_parts",
        promise="Of tasks that fail in one moment `except*` gets each by its type.",
        source="""
            async def wrong(kind, gate):
                await gate.wait()
                raise kind(kind.__name__)

            async def workflow():
                gate, found = asyncio.Event(), []
                try:
                    async with asyncio.TaskGroup() as group:
                        for kind in (ValueError, KeyError, ValueError):
                            group.create_task(wrong(kind, gate))
                        await steps.double(1)
                        gate.set()
                except* ValueError as errors:
                    found.append([type(e).__name__ for e in errors.exceptions])
                except* KeyError as errors:
                    found.append([type(e).__name__ for e in errors.exceptions])
                return found
            """,
        returns=[["ValueError", "ValueError"], ["KeyError"]],
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="first_completed",
        promise="`wait(FIRST_COMPLETED)` ends with the first; its sets are in the order given.",
        source="""
            async def race():
                tasks = [asyncio.create_task(sleep(s)) for s in (30, 10, 20)]
                done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                order = [tasks.index(t) for t in [*done, *rest]]
                for task in rest:
                    task.cancel()
                return order
            """,
        returns=[1, 0, 2],
        log="""
            run_created | run_started | wait_created sleep#1 30s | wait_created sleep#2 10s
            wait_created sleep#3 20s | wait_completed sleep#2 | wait_cancelled sleep#1
            wait_cancelled sleep#3 | run_completed
            """,
    ),
    Behaviour(
        name="first_exception",
        promise="`wait(FIRST_EXCEPTION)` ends with the first failure.",
        source="""
            async def race():
                tasks = [asyncio.create_task(t) for t in (sleep("1h"), steps.once(1), sleep("2h"))]
                done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                return [len(done), len(rest), type(done.pop().exception()).__name__]
            """,
        steps=[acts.once],
        returns=[1, 2, "StepError"],
        log="""
            run_created | run_started | wait_created sleep#1 1h | step_created once
            wait_created sleep#2 2h | step_started once 1 | step_failed once 1 ValueError
            run_completed
            """,
    ),
    Behaviour(
        name="as_completed",
        promise="`as_completed` gives results in the order of their events.",
        source="""
            async def nap(seconds):
                await sleep(seconds)
                return seconds

            async def workflow():
                return [await f for f in asyncio.as_completed([nap(30), nap(10), nap(20)])]
            """,
        returns=[10, 20, 30],
        log="""
            run_created | run_started | wait_created sleep#1 30s | wait_created sleep#2 10s
            wait_created sleep#3 20s | wait_completed sleep#2 | wait_completed sleep#3
            wait_completed sleep#1 | run_completed
            """,
    ),
]

BETWEEN = [
    Behaviour(
        name="semaphore",
        promise="A Semaphore lets so many steps be asked for at once, and no more.",
        source="""
            gate = asyncio.Semaphore(2)

            async def one(x):
                async with gate:
                    return await steps.double(x)

            async def workflow():
                return await asyncio.gather(*[one(x) for x in range(4)])
            """,
        returns=[0, 2, 4, 6],
        log="""
            run_created | run_started | step_created double#1 | step_created double#2
            step_started double#1 1 | step_completed double#1 | step_created double#3
            step_started double#2 1 | step_completed double#2 | step_created double#4
            step_started double#3 1 | step_completed double#3 | step_started double#4 1
            step_completed double#4 | run_completed
            """,
    ),
    Behaviour(
        name="lock",
        promise="A Lock is handed on in the order in which it was asked for.",
        source="""
            lock, order = asyncio.Lock(), []

            async def one(name):
                async with lock:
                    await sleep(1)
                    order.append(name)

            async def workflow():
                await asyncio.gather(one("a"), one("b"), one("c"))
                return order
            """,
        returns=["a", "b", "c"],
        log="""
            run_created | run_started | wait_created sleep#1 1s | wait_completed sleep#1
            wait_created sleep#2 1s | wait_completed sleep#2 | wait_created sleep#3 1s
            wait_completed sleep#3 | run_completed
            """,
    ),
    Behaviour(
        name="queue",
        promise="A Queue hands work from one task to others; its room makes producers wait.",
        source="""
            async def produce(queue):
                for x in range(3):
                    await queue.put(x)
                await queue.put(None)

            async def consume(queue, found):
                while (x := await queue.get()) is not None:
                    found.append(await steps.double(x))

            async def workflow():
                queue, found = asyncio.Queue(maxsize=1), []
                await asyncio.gather(produce(queue), consume(queue, found))
                return found
            """,
        returns=[0, 2, 4],
        log="""
            run_created | run_started | step_created double#1 | step_started double#1 1
            step_completed double#1 | step_created double#2 | step_started double#2 1
            step_completed double#2 | step_created double#3 | step_started double#3 1
            step_completed double#3 | run_completed
            """,
    ),
    Behaviour(
        name="event",
        promise="An Event set by one task lets all go on that wait for it.",
        source="""
            ready = asyncio.Event()

            async def follower(x):
                await ready.wait()
                return await steps.double(x)

            async def workflow():
                waiting = [asyncio.create_task(follower(x)) for x in (1, 2)]
                await create_hook(token="go")
                ready.set()
                return await asyncio.gather(*waiting)
            """,
        script=[resume("go")],
        returns=[2, 4],
        log="""
            run_created | run_started | hook_created go | hook_received go
            step_created double#1 | step_created double#2 | step_started double#1 1
            step_completed double#1 | step_started double#2 1 | step_completed double#2
            run_completed
            """,
    ),
    Behaviour(
        name="condition",
        promise="A Condition wakes who waits for a state of things.",
        source="""
            async def fill(stock, changed):
                for _ in range(3):
                    await sleep(1)
                    async with changed:
                        stock.append("x")
                        changed.notify_all()

            async def workflow():
                stock, changed = [], asyncio.Condition()
                filling = asyncio.create_task(fill(stock, changed))
                async with changed:
                    await changed.wait_for(lambda: len(stock) >= 2)
                seen = len(stock)
                await filling
                return [seen, len(stock)]
            """,
        returns=[2, 3],
        log="""
            run_created | run_started | wait_created sleep#1 1s | wait_completed sleep#1
            wait_created sleep#2 1s | wait_completed sleep#2 | wait_created sleep#3 1s
            wait_completed sleep#3 | run_completed
            """,
    ),
]

TASKS = [
    Behaviour(
        name="create_task",
        promise="Tasks go on side by side with the body that made them.",
        source="""
            async def side(out):
                out.append(await steps.double(1))

            async def workflow():
                out = []
                task = asyncio.create_task(side(out), name="side")
                out.append("first")
                await task
                return [*out, task.get_name()]
            """,
        returns=["first", 2, "side"],
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="task_left_behind",
        promise="A task that nobody awaits ends with the run: what it sleeps for is not waited for.",
        source="""
            async def side():
                await sleep("1d")
                await steps.double(1)

            async def workflow():
                task = asyncio.create_task(side())
                await sleep(1)
                return task.done()
            """,
        returns=False,
        log="""
            run_created | run_started | wait_created sleep#1 1s | wait_created sleep#2 1d
            wait_completed sleep#1 | run_completed
            """,
    ),
    Behaviour(
        name="shield",
        promise="`shield` lets a step go on although its waiter was cancelled.",
        source="""
            async def patient():
                call = steps.throttled()
                try:
                    await asyncio.wait_for(asyncio.shield(call), timeout=60)
                except TimeoutError:
                    return ["still", await call]
            """,
        steps=[acts.throttled],
        returns=["still", "ok"],
        log="""
            run_created | run_started | step_created throttled | wait_created timer 1m
            step_started throttled 1 | step_retrying throttled 1 +1h RetryableError
            wait_completed timer | step_started throttled 2 | step_completed throttled
            run_completed
            """,
    ),
    Behaviour(
        name="cancel_of_a_task",
        promise="A cancelled task may clean up with steps of its own.",
        source="""
            async def booked():
                try:
                    await sleep("1d")
                except asyncio.CancelledError:
                    await steps.double(21)
                    raise

            async def workflow():
                task = asyncio.create_task(booked())
                await sleep(1)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    return task.cancelled()
            """,
        returns=True,
        log="""
            run_created | run_started | wait_created sleep#1 1s | wait_created sleep#2 1d
            wait_completed sleep#1 | wait_cancelled sleep#2 | step_created double
            step_started double 1 | step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="compensation",
        promise="What was done is undone in reverse order when a later step fails.",
        source="""
            async def trip():
                undo = []
                try:
                    for x in (1, 2):
                        await steps.double(x)
                        undo.append(x)
                    await steps.fatal(3)
                except FatalError as e:
                    return [await steps.double(-x) for x in reversed(undo)]
            """,
        steps=[acts.double, acts.fatal],
        returns=[-4, -2],
        log="""
            run_created | run_started | step_created double#1 | step_started double#1 1
            step_completed double#1 | step_created double#2 | step_started double#2 1
            step_completed double#2 | step_created fatal | step_started fatal 1
            step_failed fatal 1 FatalError | step_created double#3 | step_started double#3 1
            step_completed double#3 | step_created double#4 | step_started double#4 1
            step_completed double#4 | run_completed
            """,
    ),
    Behaviour(
        name="async_generator",
        promise="Async generators and comprehensions may ask for steps as they go.",
        source="""
            async def doubled(numbers):
                for x in numbers:
                    yield await steps.double(x)

            async def workflow():
                return [x async for x in doubled(range(3)) if x]
            """,
        returns=[2, 4],
        log="""
            run_created | run_started | step_created double#1 | step_started double#1 1
            step_completed double#1 | step_created double#2 | step_started double#2 1
            step_completed double#2 | step_created double#3 | step_started double#3 1
            step_completed double#3 | run_completed
            """,
    ),
]

CONCURRENCY = [*TOGETHER, *BETWEEN, *TASKS]
