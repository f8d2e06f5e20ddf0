"""Sleeps and deadlines."""

from __future__ import annotations

from datetime import timedelta

from tests.behaviour.behaviour import Behaviour, advance, resume, wake

FORMS = [
    Behaviour(
        name="sleep_forms",
        promise="A sleep takes a text, seconds, a timedelta or an aware datetime.",
        source="""
            from datetime import datetime, timedelta, timezone

            async def naps():
                start = now()
                await sleep("1h 30m")
                await sleep(90)
                await sleep(0.25)
                await sleep(timedelta(days=1))
                await sleep(datetime(2026, 2, 1, tzinfo=timezone.utc))
                return (now() - start).days
            """,
        returns=31,
        log="""
            run_created | run_started | wait_created sleep#1 1h30m | wait_completed sleep#1
            wait_created sleep#2 1m30s | wait_completed sleep#2 | wait_created sleep#3 0.25s
            wait_completed sleep#3 | wait_created sleep#4 1d | wait_completed sleep#4
            wait_created sleep#5 29d22h28m29.75s | wait_completed sleep#5 | run_completed
            """,
    ),
    Behaviour(
        name="sleep_of_nothing",
        promise="A sleep of zero, of less, or until a time that is past ends at once, recorded.",
        source="""
            from datetime import datetime, timezone

            async def naps():
                start = now()
                await sleep(0)
                await sleep(-5)
                await sleep(datetime(2020, 1, 1, tzinfo=timezone.utc))
                return (now() - start).seconds
            """,
        returns=0,
        log="""
            run_created | run_started | wait_created sleep#1 0s | wait_completed sleep#1
            wait_created sleep#2 0s | wait_completed sleep#2 | wait_created sleep#3 -2192d
            wait_completed sleep#3 | run_completed
            """,
    ),
    Behaviour(
        name="sleep_refuses_nonsense",
        promise="What is no duration is refused at the call, and nothing is recorded.",
        source="""
            from datetime import datetime

            async def naps():
                said = []
                for wrong in ("soon", datetime(2026, 1, 1), None):
                    try:
                        await sleep(wrong)
                    except (TypeError, ValueError) as e:
                        said.append(type(e).__name__)
                return said
            """,
        returns=["ValueError", "ValueError", "TypeError"],
        log="""
            run_created | run_started | run_completed
            """,
    ),
    Behaviour(
        name="long_sleep",
        promise="A sleep may be longer than 25 days, the limit of timers elsewhere.",
        source="""
            async def quarter():
                start = now()
                await sleep("90d")
                return now() - start
            """,
        returns=timedelta(days=90),
        log="""
            run_created | run_started | wait_created sleep 90d | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="asyncio_sleep",
        promise="`asyncio.sleep` is a durable sleep and returns its result; of 0 it is none.",
        source="""
            async def naps():
                await asyncio.sleep(0)
                return await asyncio.sleep(60, result="rested")
            """,
        returns="rested",
        log="""
            run_created | run_started | wait_created sleep 1m | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="sleeps_side_by_side",
        promise="Sleeps begin when they are called: side by side they take as long as the longest.",
        source="""
            async def naps():
                start = now()
                await asyncio.gather(sleep("2h"), sleep("1h"), sleep("3h"))
                return now() - start
            """,
        returns=timedelta(hours=3),
        log="""
            run_created | run_started | wait_created sleep#1 2h | wait_created sleep#2 1h
            wait_created sleep#3 3h | wait_completed sleep#2 | wait_completed sleep#1
            wait_completed sleep#3 | run_completed
            """,
    ),
    Behaviour(
        name="sleep_cancelled",
        promise="A sleep that is cancelled ends no more: the log says that nobody waits for it.",
        source="""
            async def nap():
                rest = asyncio.create_task(sleep("1d"))
                await sleep("1h")
                rest.cancel()
                try:
                    await rest
                except asyncio.CancelledError:
                    return "up"
            """,
        returns="up",
        log="""
            run_created | run_started | wait_created sleep#1 1d | wait_created sleep#2 1h
            wait_completed sleep#2 | wait_cancelled sleep#1 | run_completed
            """,
    ),
    Behaviour(
        name="now_stands_still",
        promise="`now()` is the time of the last event, not of the machine.",
        source="""
            async def clock():
                a = now()
                total = sum(range(10_000))
                b = now()
                await sleep(1)
                return [b - a, now() - a]
            """,
        returns=[timedelta(0), timedelta(seconds=1)],
        log="""
            run_created | run_started | wait_created sleep 1s | wait_completed sleep
            run_completed
            """,
    ),
]

DEADLINES = [
    Behaviour(
        name="timeout_over",
        promise="`asyncio.timeout` is durable: over its time it ends what is inside.",
        source="""
            async def hasty():
                try:
                    async with asyncio.timeout(60):
                        await sleep("1h")
                except TimeoutError:
                    return "late"
            """,
        returns="late",
        log="""
            run_created | run_started | wait_created timer 1m | wait_created sleep 1h
            wait_completed timer | wait_cancelled sleep | run_completed
            """,
    ),
    Behaviour(
        name="timeout_kept",
        promise="A deadline that is met is withdrawn.",
        source="""
            async def hasty():
                async with asyncio.timeout(3600):
                    await sleep(60)
                return "in time"
            """,
        returns="in time",
        log="""
            run_created | run_started | wait_created timer 1h | wait_created sleep 1m
            wait_completed sleep | wait_cancelled timer | run_completed
            """,
    ),
    Behaviour(
        name="timeout_within_timeout",
        promise="Of nested deadlines the one that is over raises, where it was set.",
        source="""
            async def hasty():
                try:
                    async with asyncio.timeout(600):
                        try:
                            async with asyncio.timeout(60):
                                await sleep("1h")
                        except TimeoutError:
                            await sleep("1h")
                except TimeoutError:
                    return "the outer one, after the inner one"
            """,
        returns="the outer one, after the inner one",
        log="""
            run_created | run_started | wait_created timer#1 10m | wait_created timer#2 1m
            wait_created sleep#1 1h | wait_completed timer#2 | wait_cancelled sleep#1
            wait_created sleep#2 1h | wait_completed timer#1 | wait_cancelled sleep#2
            run_completed
            """,
    ),
    Behaviour(
        name="timeout_moved",
        promise="A deadline can be moved while it runs.",
        source="""
            async def patient():
                async with asyncio.timeout(60) as deadline:
                    await sleep(30)
                    deadline.reschedule(deadline.when() + 7200)
                    await sleep("1h")
                return deadline.expired()
            """,
        returns=False,
        log="""
            run_created | run_started | wait_created timer#1 1m | wait_created sleep#1 30s
            wait_completed sleep#1 | wait_cancelled timer#1 | wait_created timer#2 2h30s
            wait_created sleep#2 1h | wait_completed sleep#2 | wait_cancelled timer#2
            run_completed
            """,
    ),
    Behaviour(
        name="deadline_of_nothing",
        promise="A deadline that is over when it is set ends what is inside before it is attempted.",
        source="""
            async def hasty():
                try:
                    async with asyncio.timeout(0):
                        await steps.double(1)
                except TimeoutError:
                    return "late"
            """,
        returns="late",
        log="""
            run_created | run_started | step_created double | step_cancelled double by=body
            run_completed
            """,
    ),
    Behaviour(
        name="deadline_of_an_async_for",
        promise="A deadline ends a loop over a hook; what came before it is kept.",
        source="""
            async def collect():
                found = []
                try:
                    async with asyncio.timeout(3600):
                        async for item in create_hook(token="t"):
                            found.append(item)
                except TimeoutError:
                    return found
            """,
        script=[resume("t", 1), resume("t", 2)],
        returns=[1, 2],
        log="""
            run_created | run_started | wait_created timer 1h | hook_created t | hook_received t
            hook_received t | wait_completed timer | run_completed
            """,
    ),
    Behaviour(
        name="wait_for",
        promise="`wait_for` gives the result in time, else cancels and raises TimeoutError.",
        source="""
            async def hasty():
                first = await asyncio.wait_for(steps.double(4), timeout=60)
                try:
                    await asyncio.wait_for(sleep("1h"), timeout=60)
                except TimeoutError:
                    return first
            """,
        returns=8,
        log="""
            run_created | run_started | step_created double | wait_created timer#1 1m
            step_started double 1 | step_completed double | wait_cancelled timer#1
            wait_created sleep 1h | wait_created timer#2 1m | wait_completed timer#2
            wait_cancelled sleep | run_completed
            """,
    ),
]

CLOCKS = [
    Behaviour(
        name="wall_clock_steps_back",
        promise="A clock that is set back ends no sleep early; times in the log never decrease.",
        source="""
            async def nap():
                await sleep("1h")
                return now().minute
            """,
        script=[advance(-7200), advance(3600), advance(-1)],
        returns=0,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="wall_clock_steps_forth",
        promise="A clock that is set forth by years ends every sleep that is over by then.",
        source="""
            async def naps():
                await asyncio.gather(sleep("1h"), sleep("1d"))
                await sleep("1h")
                return now().year
            """,
        script=[advance(10 * 365.25 * 86_400)],
        returns=2036,
        log="""
            run_created | run_started | wait_created sleep#1 1h | wait_created sleep#2 1d
            wait_completed sleep#1 | wait_completed sleep#2 | wait_created sleep#3 1h
            wait_completed sleep#3 | run_completed
            """,
    ),
    Behaviour(
        name="wake_all",
        promise="Waking a run ends all its sleeps; the events say so.",
        source="""
            async def naps():
                start = now()
                await asyncio.gather(sleep("1d"), sleep("2d"))
                return now() - start
            """,
        script=[wake()],
        returns=timedelta(0),
        log="""
            run_created | run_started | wait_created sleep#1 1d | wait_created sleep#2 2d
            wait_completed sleep#1 woken | wait_completed sleep#2 woken | run_completed
            """,
    ),
    Behaviour(
        name="wake_one",
        promise="Waking one sleep leaves the others asleep.",
        source="""
            async def naps():
                first = asyncio.create_task(sleep("1d"))
                second = asyncio.create_task(sleep("2d"))
                done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
                await first
                return [second in done, now().day]
            """,
        script=[wake(2)],
        returns=[True, 2],
        log="""
            run_created | run_started | wait_created sleep#1 1d | wait_created sleep#2 2d
            wait_completed sleep#2 woken | wait_completed sleep#1 | run_completed
            """,
    ),
    Behaviour(
        name="wake_leaves_deadlines",
        promise="Waking a run ends what it sleeps, not the deadlines that it has set.",
        source="""
            async def nap():
                async with asyncio.timeout(7200):
                    await sleep("1h")
                return "in time"
            """,
        script=[wake()],
        returns="in time",
        log="""
            run_created | run_started | wait_created timer 2h | wait_created sleep 1h
            wait_completed sleep woken | wait_cancelled timer | run_completed
            """,
    ),
]

SLEEPS = [*FORMS, *DEADLINES, *CLOCKS]
