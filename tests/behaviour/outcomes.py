"""How runs end, what they may use, and what an error is."""

from __future__ import annotations

from tests.behaviour import acts
from tests.behaviour.behaviour import (
    Behaviour,
    cancel,
    check,
    has_ended,
    hook_is_open,
    is_asleep,
    rerun,
    resume,
    start,
)

NAP = """
    async def nap(n):
        await sleep("1h")
        return n
    """

ERRORS = [
    Behaviour(
        name="step_error_as_data",
        promise="StepError carries the step's alias, the error's type, message and causes as data.",
        source="""
            async def buy():
                try:
                    await steps.order("tea")
                except StepError as e:
                    return [e.step, e.type, e.message, e.cause.type, e.cause.message, e.cause.cause]
            """,
        steps=[acts.order],
        returns=["order", "OutOfStockError", "no tea left", "KeyError", "'tea'", None],
        log="""
            run_created | run_started | step_created order | step_started order 1
            step_failed order 1 OutOfStockError | run_completed
            """,
    ),
    Behaviour(
        name="step_error_uncaught",
        promise="An uncaught failure of a step fails the run with its chain and the call's line.",
        source="""
            async def buy():
                fine = await steps.double(1)

                await steps.order("tea")
            """,
        steps=[acts.order, acts.double],
        fails="USER_ERROR StepError: OutOfStockError: no tea left <- StepError: KeyError: 'tea'",
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | step_created order | step_started order 1
            step_failed order 1 OutOfStockError | run_failed USER_ERROR line=4
            """,
    ),
    Behaviour(
        name="group_from_a_step",
        promise="An exception group that a step raised keeps its parts.",
        source="""
            async def buy():
                try:
                    await steps.batch()
                except StepError as e:
                    return [e.type, [[part.type, part.message] for part in e.parts]]
            """,
        steps=[acts.batch],
        returns=["ExceptionGroup", [["ValueError", "first"], ["OutOfStockError", "third"]]],
        log="""
            run_created | run_started | step_created batch | step_started batch 1
            step_failed batch 1 ExceptionGroup | run_completed
            """,
    ),
    Behaviour(
        name="group_uncaught",
        promise="A failed TaskGroup that nobody catches fails the run with every part.",
        source="""
            async def wrong(error):
                raise error

            async def workflow():
                await steps.double(1)
                async with asyncio.TaskGroup() as group:
                    group.create_task(wrong(ValueError("a")))
                    group.create_task(wrong(KeyError("b")))
            """,
        fails="USER_ERROR ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)"
        " [ValueError: a; KeyError: 'b']",
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_failed USER_ERROR line=6
            """,
    ),
    Behaviour(
        name="raise_from",
        promise="`raise … from …` in a source keeps the step's failure as the cause.",
        source="""
            class OrderFailed(Exception):
                pass

            async def workflow():
                try:
                    await steps.once(1)
                except StepError as e:
                    raise OrderFailed("order 1") from e
            """,
        steps=[acts.once],
        fails="USER_ERROR OrderFailed: order 1 <- StepError: ValueError: bad 1",
        log="""
            run_created | run_started | step_created once | step_started once 1
            step_failed once 1 ValueError | run_failed USER_ERROR line=8
            """,
    ),
    Behaviour(
        name="error_of_the_source",
        promise="An error in the source's own code fails the run and names the line.",
        source="""
            def ratio(a, b):
                return a / b

            async def workflow():
                await steps.double(1)
                return ratio(1, 0)
            """,
        fails="USER_ERROR ZeroDivisionError: division by zero",
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_failed USER_ERROR line=2
            """,
    ),
    Behaviour(
        name="finally_with_a_step",
        promise="A `finally` may ask for steps while the run fails.",
        source="""
            async def tidy():
                try:
                    await steps.once(1)
                finally:
                    await steps.double(1)
            """,
        steps=[acts.once, acts.double],
        fails="USER_ERROR StepError: ValueError: bad 1",
        log="""
            run_created | run_started | step_created once | step_started once 1
            step_failed once 1 ValueError | step_created double | step_started double 1
            step_completed double | run_failed USER_ERROR line=3
            """,
    ),
    Behaviour(
        name="result_of_the_run_cannot_cross",
        promise="A result that cannot cross fails the run with a code and where in it.",
        source="""
            async def careless():
                await sleep(1)
                return {"calls": [steps.double]}
            """,
        fails="PAYLOAD_ERROR Unencodable: result.calls[0]: a StepCall cannot be recorded",
        log="""
            run_created | run_started | wait_created sleep 1s | wait_completed sleep
            run_failed PAYLOAD_ERROR line=1
            """,
    ),
]

ENDINGS = [
    Behaviour(
        name="cancelled",
        promise="A cancelled run ends at once, with its reason; no `finally` of it runs.",
        source="""
            async def nap():
                try:
                    await sleep("1d")
                finally:
                    await steps.double(1)
            """,
        script=[cancel("changed my mind", when=is_asleep)],
        cancelled="changed my mind",
        log="""
            run_created | run_started | wait_created sleep 1d | run_cancelled
            """,
    ),
    Behaviour(
        name="cancelled_while_it_asks",
        promise="A cancelled run's hook is closed with it; nothing is disposed of one by one.",
        source="""
            async def ask():
                return await create_hook(token="t")
            """,
        script=[
            cancel(when=hook_is_open("t")),
            resume("t", 1, when=has_ended, refused="WF221", said="has ended"),
            check("a second cancel changes nothing", lambda s: s.run().cancel("again") == 0),
        ],
        cancelled="",
        log="""
            run_created | run_started | hook_created t | run_cancelled
            """,
    ),
    Behaviour(
        name="deadlock",
        promise="A run that waits for what nothing can end fails and names the line.",
        source="""
            async def stuck():
                await steps.double(1)
                await asyncio.Event().wait()
            """,
        fails="DEADLOCK Deadlock: "
        "The source waits for something that no step, sleep or hook can end.",
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_failed DEADLOCK line=3
            """,
    ),
    Behaviour(
        name="too_many_events",
        promise="A run over its budget of events fails with a code; the log stays within bounds.",
        source="""
            async def endless():
                while True:
                    await sleep(1)
            """,
        limits={"events_per_run": 8},
        fails="MAX_EVENTS_EXCEEDED BudgetExceeded: The run has more than 8 events.",
        log="""
            run_created | run_started | wait_created sleep#1 1s | wait_completed sleep#1
            wait_created sleep#2 1s | wait_completed sleep#2 | wait_created sleep#3 1s
            wait_completed sleep#3 | run_failed MAX_EVENTS_EXCEEDED
            """,
    ),
    Behaviour(
        name="too_many_commands",
        promise="A run that asks for too much at once fails, and nothing of it is asked.",
        source="""
            async def greedy():
                await asyncio.gather(*[steps.double(x) for x in range(11)])
            """,
        limits={"commands_per_activation": 10},
        fails="BUDGET_EXCEEDED BudgetExceeded: "
        "more than 10 steps, sleeps and hooks were asked for at once",
        log="""
            run_created | run_started | run_failed BUDGET_EXCEEDED line=2
            """,
    ),
    Behaviour(
        name="prints",
        promise="What a source prints is kept once, however often it is replayed.",
        source="""
            async def talk(name, times=1):
                for i in range(times):
                    print("hello", name, i)
                    await sleep(1)
                print("bye")
            """,
        args=("ada", 2),
        returns=None,
        prints="hello ada 0\nhello ada 1\nbye\n",
        log="""
            run_created | run_started | wait_created sleep#1 1s | wait_completed sleep#1
            wait_created sleep#2 1s | wait_completed sleep#2 | run_completed
            """,
    ),
    Behaviour(
        name="chance",
        promise="Random numbers and ids come from the run's seed: a replay draws the same.",
        source="""
            async def draw():
                first = [random.randint(1, 6), str(uuid4()), random.choice("abc")]
                await steps.same(first)
                await sleep(1)
                second = [random.randint(1, 6), str(uuid4()), random.choice("abc")]
                return [await steps.same(second) == second, first != second]
            """,
        steps=[acts.same],
        returns=[True, True],
        log="""
            run_created | run_started | step_created same#1 | step_started same#1 1
            step_completed same#1 | wait_created sleep 1s | wait_completed sleep
            step_created same#2 | step_started same#2 1 | step_completed same#2 | run_completed
            """,
    ),
]

STARTS = [
    Behaviour(
        name="same_key_attaches",
        promise="The same key, source and arguments attach to the run that there is.",
        source=NAP,
        args=(1,),
        options={"id": "order-7"},
        script=[
            start(NAP, role="again", args=(1,), id="order-7", when=is_asleep),
            check("it is the same run", lambda s: s.run("again").id == s.run().id),
            check("and it says so", lambda s: s.run("again").attached),
        ],
        returns=1,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="same_key_other_arguments",
        promise="The key of a run is refused to another source and to other arguments.",
        source=NAP,
        args=(1,),
        options={"id": "order-8"},
        script=[
            start(NAP, args=(2,), id="order-8", when=is_asleep, refused="WF213", said="arguments"),
            start(
                NAP.replace("1h", "2h"),
                args=(1,),
                id="order-8",
                when=is_asleep,
                refused="WF213",
                said="line 2",
            ),
        ],
        returns=1,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="attach",
        promise="`attach` finds the unfinished run of the same source and arguments, else starts one.",
        source=NAP,
        args=(1,),
        script=[
            start(NAP, role="again", args=(1,), attach=True, when=is_asleep),
            start(NAP, role="other", args=(2,), attach=True, when=is_asleep),
            check("the same", lambda s: s.run("again").id == s.run().id != s.run("other").id),
        ],
        returns=1,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="rerun",
        promise="`rerun()` is a new run of the stored source, steps and arguments, linked to it.",
        source="""
            async def calc(n):
                return await steps.double(n)
            """,
        args=(4,),
        script=[
            rerun(role="again", when=has_ended),
            check("the same result", lambda s: s.run("again").result(timeout=10) == 8),
            check("linked", lambda s: s.run("again").events()[0].meta["rerun_of"] == s.run().id),
        ],
        returns=8,
        log="""
            run_created | run_started | step_created double | step_started double 1
            step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="unwanted_arguments",
        promise="Arguments that the entry doesn't take are refused before anything is written.",
        source=NAP,
        args=(1,),
        script=[
            start(NAP, args=(1, 2), refused="WF202", said="nap", when=is_asleep),
            start(NAP, args=(object(),), refused="WF201", said="args", when=is_asleep),
        ],
        returns=1,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="refused_source",
        promise="A source with problems is refused with all of them, and nothing is written.",
        source=NAP,
        args=(1,),
        script=[
            start(
                "async def w():\n    open('x')\n    await steps.duble(1)\n",
                refused="WF100",
                said=r"(?s)WF131.*WF140.*double",
                when=is_asleep,
            ),
            check("nothing", lambda s: {e.run_id for e in s.log.events} <= {s.run().id}),
        ],
        returns=1,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
]

ERRORS_AND_RUNS = [*ERRORS, *ENDINGS, *STARTS]
