"""How steps are called, tried again, timed out and stopped."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.behaviour import acts
from tests.behaviour.behaviour import Behaviour, advance, cancel, noted, open_gate, steps_done

CALLS = [
    Behaviour(
        name="steps_in_sequence",
        promise="Steps are called by position, by name and with their defaults, sync or async.",
        source="""
            async def sums():
                a = await steps.double(21)
                b = await steps.add(a)
                return [a, b, await steps.add(b=b, a=1)]
            """,
        steps=[acts.double, acts.add],
        returns=[42, 43, 44],
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | step_created add#1 | step_started add#1 1
            step_completed add#1 | step_created add#2 | step_started add#2 1
            step_completed add#2 | run_completed
            """,
    ),
    Behaviour(
        name="step_with_variable_arguments",
        promise="`*args` and `**kwargs` of a step reach it as they were given.",
        source="""
            async def sums():
                return await steps.total(1, 2, scale=10, tax=3, tip=4)
            """,
        steps=[acts.total],
        returns=100,
        log="""
            run_created | run_started | step_created total | step_started total 1
            step_completed total | run_completed
            """,
    ),
    Behaviour(
        name="step_under_an_alias",
        promise="A source knows a step by the alias that it was given under; so does the log.",
        source="""
            async def pay():
                return await steps.charge(4)
            """,
        steps={"charge": acts.double},
        returns=8,
        log="""
            run_created | run_started | step_created charge | step_started charge 1
            step_completed charge | run_completed
            """,
    ),
    Behaviour(
        name="step_called_wrongly",
        promise="A call that the step's parameters don't take is a TypeError at the call.",
        source="""
            async def wrong():
                try:
                    steps.double(1, 2)
                except TypeError as e:
                    return str(e)
            """,
        returns="steps.double(): too many positional arguments; it is called as double(x)",
        log="""
            run_created | run_started | run_completed
            """,
    ),
    Behaviour(
        name="step_with_invalid_arguments",
        promise="Arguments that the annotations refuse fail the step at the await, unattempted.",
        source="""
            async def wrong():
                call = steps.double("many")
                try:
                    await call
                except StepError as e:
                    return [e.step, e.type]
            """,
        returns=["double", "PayloadError"],
        log="""
            run_created | run_started | step_created double | step_failed double 0 PayloadError
            run_completed
            """,
    ),
    Behaviour(
        name="step_awaited_twice",
        promise="A call is a started future: awaiting it again gives the same result, once made.",
        source="""
            async def twice():
                call = steps.double(2)
                return [await call, await call]
            """,
        returns=[4, 4],
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="step_not_awaited",
        promise="A step that nobody awaits is finished before the run completes.",
        source="""
            async def careless():
                steps.double(1)
                return "done"
            """,
        returns="done",
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="failing_step_not_awaited",
        promise="A step that nobody awaits fails without failing the run.",
        source="""
            async def careless():
                steps.once(1)
                return "done"
            """,
        steps=[acts.once],
        returns="done",
        log="""
            run_created | run_started | step_created once | step_started once 1
            step_failed once 1 ValueError | run_completed
            """,
    ),
    Behaviour(
        name="step_context",
        promise="A step knows run, step, attempt and when it was first started.",
        source="""
            async def ask():
                found = await steps.context()
                return [found["run"], found["step"], found["attempt"], found["cancelled"],
                        found["first_started"]]
            """,
        steps=[acts.context],
        returns=["wrun", "step", 2, False, datetime(2026, 1, 1, tzinfo=UTC)],
        log="""
            run_created | run_started | step_created context | step_started context 1
            step_retrying context 1 +7.5s ValueError | step_started context 2
            step_completed context | run_completed
            """,
    ),
]

ATTEMPTS = [
    Behaviour(
        name="step_succeeds_at_last",
        promise="A failing step is tried again; its back-off, with its jitter, is in the event.",
        source="""
            async def patient():
                return await steps.third_time(7)
            """,
        steps=[acts.third_time],
        returns=7,
        log="""
            run_created | run_started | step_created third_time | step_started third_time 1
            step_retrying third_time 1 +0.75s ConnectionError | step_started third_time 2
            step_retrying third_time 2 +3s ConnectionError | step_started third_time 3
            step_completed third_time | run_completed
            """,
    ),
    Behaviour(
        name="step_gives_up",
        promise="After its retries a step fails, and the source gets type and message.",
        source="""
            async def patient():
                try:
                    await steps.never(7)
                except StepError as e:
                    return [e.step, e.type, e.message]
            """,
        steps=[acts.never],
        returns=["never", "ValueError", "bad 7"],
        log="""
            run_created | run_started | step_created never | step_started never 1
            step_retrying never 1 +0.75s ValueError | step_started never 2
            step_failed never 2 ValueError | run_completed
            """,
    ),
    Behaviour(
        name="fatal_error",
        promise="FatalError ends the attempts, and is caught as FatalError or as StepError.",
        source="""
            async def pay():
                try:
                    await steps.fatal(7)
                except FatalError as e:
                    return [isinstance(e, StepError), str(e)]
            """,
        steps=[acts.fatal],
        returns=[True, "FatalError: no 7"],
        log="""
            run_created | run_started | step_created fatal | step_started fatal 1
            step_failed fatal 1 FatalError | run_completed
            """,
    ),
    Behaviour(
        name="retry_after",
        promise="RetryableError says how long to wait before the next attempt.",
        source="""
            async def polite():
                before = now()
                return [await steps.throttled(), (now() - before).seconds]
            """,
        steps=[acts.throttled],
        returns=["ok", 3600],
        log="""
            run_created | run_started | step_created throttled | step_started throttled 1
            step_retrying throttled 1 +1h RetryableError | step_started throttled 2
            step_completed throttled | run_completed
            """,
    ),
    Behaviour(
        name="result_that_cannot_be_recorded",
        promise="A result that cannot cross fails the step at once: another attempt would repeat it.",
        source="""
            async def ask():
                try:
                    await steps.unrecordable()
                except StepError as e:
                    return e.type
            """,
        steps=[acts.unrecordable],
        returns="PayloadError",
        notes=["made"],
        log="""
            run_created | run_started | step_created unrecordable | step_started unrecordable 1
            step_failed unrecordable 1 PayloadError | run_completed
            """,
    ),
    Behaviour(
        name="step_timeout",
        promise="An async attempt over its timeout is stopped and fails with TimeoutError.",
        source="""
            async def hasty():
                try:
                    await steps.too_slow()
                except StepError as e:
                    return [e.type, e.message]
            """,
        steps=[acts.too_slow],
        returns=["TimeoutError", "step 'too_slow' took longer than its timeout of 0.01 s"],
        log="""
            run_created | run_started | step_created too_slow | step_started too_slow 1
            step_failed too_slow 1 TimeoutError | run_completed
            """,
    ),
    Behaviour(
        name="step_timeout_sync",
        promise="A synchronous attempt over its timeout is told so; what it returns is too late.",
        source="""
            async def hasty():
                try:
                    await steps.too_slow_sync()
                except StepError as e:
                    return e.type
            """,
        steps=[acts.too_slow_sync],
        returns="TimeoutError",
        log="""
            run_created | run_started | step_created too_slow_sync
            step_started too_slow_sync 1 | step_failed too_slow_sync 1 TimeoutError
            run_completed
            """,
    ),
    Behaviour(
        name="step_timeout_then_success",
        promise="A timeout is a failed attempt like any other: the next one may succeed.",
        source="""
            async def hasty():
                return await steps.slow_once()
            """,
        steps=[acts.slow_once],
        returns="in time",
        log="""
            run_created | run_started | step_created slow_once | step_started slow_once 1
            step_retrying slow_once 1 +1.5s TimeoutError | step_started slow_once 2
            step_completed slow_once | run_completed
            """,
    ),
    Behaviour(
        name="step_timeout_ignored",
        promise="An async attempt that goes on after its timeout is told; its result is too late.",
        source="""
            async def hasty():
                try:
                    return await steps.stubborn()
                except StepError as e:
                    return e.type
            """,
        steps=[acts.stubborn],
        returns="TimeoutError",
        notes=["cancelled=True"],
        log="""
            run_created | run_started | step_created stubborn | step_started stubborn 1
            step_failed stubborn 1 TimeoutError | run_completed
            """,
    ),
    Behaviour(
        name="retry_after_without_retries",
        promise="RetryableError asks for one of the step's retries; without one the step fails.",
        source="""
            async def polite():
                try:
                    await steps.always_throttled()
                except StepError as e:
                    return [e.type, e.message]
            """,
        steps=[acts.always_throttled],
        returns=["RetryableError", "slow down"],
        log="""
            run_created | run_started | step_created always_throttled
            step_started always_throttled 1 | step_failed always_throttled 1 RetryableError
            run_completed
            """,
    ),
    Behaviour(
        name="unreadable_retry_after",
        promise="A delay that cannot be read is the attempt's failure, with what was meant as cause.",
        source="""
            async def polite():
                try:
                    await steps.unreadable()
                except StepError as e:
                    return [e.type, e.cause.type, "soon" in e.message]
            """,
        steps=[acts.unreadable],
        returns=["ValueError", "RetryableError", True],
        log="""
            run_created | run_started | step_created unreadable | step_started unreadable 1
            step_retrying unreadable 1 +0s ValueError | step_started unreadable 2
            step_failed unreadable 2 ValueError | run_completed
            """,
    ),
    Behaviour(
        name="drained_step_is_retried",
        promise="A step that the entry leaves behind has all its attempts before the run ends.",
        source="""
            async def careless():
                steps.third_time(1)
                return "done"
            """,
        steps=[acts.third_time],
        returns="done",
        log="""
            run_created | run_started | step_created third_time | step_started third_time 1
            step_retrying third_time 1 +0.75s ConnectionError | step_started third_time 2
            step_retrying third_time 2 +3s ConnectionError | step_started third_time 3
            step_completed third_time | run_completed
            """,
    ),
    Behaviour(
        name="retried_by_the_source",
        promise="A source may try again by itself: each call is a step of its own.",
        source="""
            async def stubborn():
                for attempt in range(3):
                    try:
                        return await steps.once(attempt)
                    except StepError as e:
                        await sleep(2 ** attempt)
                return "gave up"
            """,
        steps=[acts.once],
        returns="gave up",
        log="""
            run_created | run_started | step_created once#1 | step_started once#1 1
            step_failed once#1 1 ValueError | wait_created sleep#1 1s | wait_completed sleep#1
            step_created once#2 | step_started once#2 1 | step_failed once#2 1 ValueError
            wait_created sleep#2 2s | wait_completed sleep#2 | step_created once#3
            step_started once#3 1 | step_failed once#3 1 ValueError | wait_created sleep#3 4s
            wait_completed sleep#3 | run_completed
            """,
    ),
]

CAPS = [
    Behaviour(
        name="step_concurrency",
        promise="A step runs at most its `concurrency` at once; the next starts when one is done.",
        source="""
            async def pair():
                return await asyncio.gather(steps.alone("a"), steps.alone("b"))
            """,
        steps=[acts.alone],
        at_once=4,
        script=[
            open_gate("a", when=noted("a begun")),
            open_gate("b", when=noted("b begun")),
        ],
        returns=["a", "b"],
        notes=["a begun", "b begun"],
        log="""
            run_created | run_started | step_created alone#1 | step_created alone#2
            step_started alone#1 1 | step_completed alone#1 | step_started alone#2 1
            step_completed alone#2 | run_completed
            """,
    ),
    Behaviour(
        name="world_cap",
        promise="A world runs at most its cap of attempts at once, and then the next in order.",
        source="""
            async def three():
                return await asyncio.gather(*[steps.gated(name) for name in "abc"])
            """,
        steps=[acts.gated],
        at_once=2,
        script=[
            open_gate("b", when=noted("a begun", "b begun")),
            open_gate("c", when=noted("c begun")),
            open_gate("a", when=steps_done(2)),
        ],
        returns=["a", "b", "c"],
        notes=["a begun", "b begun", "c begun"],
        log="""
            run_created | run_started | step_created gated#1 | step_created gated#2
            step_created gated#3 | step_started gated#1 1 | step_started gated#2 1
            step_completed gated#2 | step_started gated#3 1 | step_completed gated#3
            step_completed gated#1 | run_completed
            """,
    ),
]

STOPS = [
    Behaviour(
        name="cancelled_async_step",
        promise="A step that the source stops waiting for gets CancelledError.",
        source="""
            async def hasty():
                try:
                    async with asyncio.timeout(5):
                        await steps.hang()
                except TimeoutError:
                    return "late"
            """,
        steps=[acts.hang],
        script=[advance(5, when=noted("hang begun"), busy=True)],
        returns="late",
        notes=["hang begun", "hang stopped"],
        log="""
            run_created | run_started | wait_created timer 5s | step_created hang
            step_started hang 1 | wait_completed timer | step_cancelled hang by=body
            run_completed
            """,
    ),
    Behaviour(
        name="cancelled_sync_step",
        promise="A synchronous step is told by `step_context().cancelled`; its result is discarded.",
        source="""
            async def hasty():
                call = steps.hang_sync()
                await sleep(5)
                call.cancel()
                try:
                    await call
                except asyncio.CancelledError:
                    return "cancelled"
            """,
        steps=[acts.hang_sync],
        script=[advance(5, when=noted("sync begun"), busy=True)],
        returns="cancelled",
        notes=["sync begun", "sync stopped=True"],
        log="""
            run_created | run_started | step_created hang_sync | wait_created sleep 5s
            step_started hang_sync 1 | wait_completed sleep | step_cancelled hang_sync by=body
            run_completed
            """,
    ),
    Behaviour(
        name="failure_stops_steps",
        promise="When the body fails, steps in flight are cancelled before the run's last event.",
        source="""
            async def fails():
                steps.hang()
                await sleep(5)
                raise ValueError("no")
            """,
        steps=[acts.hang],
        script=[advance(5, when=noted("hang begun"), busy=True)],
        fails="USER_ERROR ValueError: no",
        notes=["hang begun", "hang stopped"],
        log="""
            run_created | run_started | step_created hang | wait_created sleep 5s
            step_started hang 1 | wait_completed sleep | step_cancelled hang by=run
            run_failed USER_ERROR line=4
            """,
    ),
    Behaviour(
        name="cancel_stops_steps",
        promise="When a run is cancelled, its steps in flight are cancelled.",
        source="""
            async def hangs():
                await steps.hang()
            """,
        steps=[acts.hang],
        script=[cancel("enough", when=noted("hang begun"), busy=True)],
        cancelled="enough",
        notes=["hang begun", "hang stopped"],
        log="""
            run_created | run_started | step_created hang | step_started hang 1
            step_cancelled hang by=run | run_cancelled
            """,
    ),
    Behaviour(
        name="cancelled_while_drained",
        promise="A run can be cancelled while it waits for a step that its entry left behind.",
        source="""
            async def careless():
                steps.hang()
                return "done"
            """,
        steps=[acts.hang],
        script=[cancel("enough", when=noted("hang begun"), busy=True)],
        cancelled="enough",
        notes=["hang begun", "hang stopped"],
        log="""
            run_created | run_started | step_created hang | step_started hang 1
            step_cancelled hang by=run | run_cancelled
            """,
    ),
    Behaviour(
        name="step_cancelled_before_its_attempt",
        promise="A step that is cancelled before there was a slot for it is never attempted.",
        source="""
            async def hasty():
                first, second = steps.double(1), steps.double(2)
                await first
                second.cancel()
                third = steps.double(3)
                third.cancel()
                return [second.cancelled(), third.cancelled()]
            """,
        returns=[True, True],
        log="""
            run_created | run_started | step_created double#1 | step_created double#2
            step_started double#1 1 | step_completed double#1 | step_cancelled double#2 by=body
            step_created double#3 | step_cancelled double#3 by=body | run_completed
            """,
    ),
    Behaviour(
        name="cancelled_retry",
        promise="A step that waits for its next attempt is cancelled like one in flight.",
        source="""
            async def hasty():
                try:
                    async with asyncio.timeout(60):
                        await steps.throttled()
                except TimeoutError:
                    return "late"
            """,
        steps=[acts.throttled],
        returns="late",
        log="""
            run_created | run_started | wait_created timer 1m | step_created throttled
            step_started throttled 1 | step_retrying throttled 1 +1h RetryableError
            wait_completed timer | step_cancelled throttled by=body | run_completed
            """,
    ),
]

STEPS = [*CALLS, *ATTEMPTS, *CAPS, *STOPS]
