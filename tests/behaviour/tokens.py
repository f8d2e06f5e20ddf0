"""Who has a token, and what is first where several things are waited for."""

from __future__ import annotations

from tests.behaviour.behaviour import (
    Behaviour,
    cancel,
    has_ended,
    is_asleep,
    past_sleep,
    resume,
)

HOLDS_T = """
    async def holder():
        await create_hook(token="t")
    """

TOKENS = [
    Behaviour(
        name="no_conflict",
        promise="`conflict()` is None where the token was free.",
        source="""
            async def ask():
                return await create_hook(token="t").conflict()
            """,
        returns=None,
        log="""
            run_created | run_started | hook_created t | run_completed
            """,
    ),
    Behaviour(
        name="conflict",
        promise="`conflict()` names the live run that owns the token, and the body can go on.",
        beside=HOLDS_T,
        source="""
            async def ask():
                hook = create_hook(token="t")
                owner = await hook.conflict()
                return await steps.double(len(owner))
            """,
        returns=62,
        log="""
            run_created | run_started | hook_conflict t owner=beside | step_created double
            step_started double 1 | step_completed double | run_completed
            """,
    ),
    Behaviour(
        name="conflict_when_awaited",
        promise="Awaiting a hook whose token is taken raises HookConflictError with token and run.",
        beside=HOLDS_T,
        source="""
            async def ask():
                try:
                    await create_hook(token="t")
                except HookConflictError as e:
                    return [e.token, e.run_id[:5]]
            """,
        returns=["t", "wrun_"],
        log="""
            run_created | run_started | hook_conflict t owner=beside | run_completed
            """,
    ),
    Behaviour(
        name="token_of_a_cancelled_run",
        promise="The end of a run frees its tokens in the same commit.",
        beside=HOLDS_T,
        source="""
            async def ask():
                await sleep("1h")
                return await create_hook(token="t")
            """,
        script=[cancel("enough", when=is_asleep, role="beside"), resume("t", 5)],
        returns=5,
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            hook_created t | hook_received t | run_completed
            """,
    ),
    Behaviour(
        name="token_of_a_completed_run",
        promise="A resume that completes the owner frees its token for the next run.",
        beside=HOLDS_T,
        source="""
            async def ask():
                await sleep("1h")
                return await create_hook(token="t")
            """,
        script=[
            resume("t", "for the holder", when=is_asleep, role="beside"),
            resume("t", "for me"),
        ],
        returns="for me",
        log="""
            run_created | run_started | wait_created sleep 1h | wait_completed sleep
            hook_created t | hook_received t | run_completed
            """,
    ),
    Behaviour(
        name="one_token_twice_in_a_run",
        promise="A token is taken within its own run, too.",
        source="""
            async def ask():
                first = create_hook(token="t")
                second = create_hook(token="t")
                owner = await second.conflict()
                return [owner is not None, await first]
            """,
        script=[resume("t", 5)],
        returns=[True, 5],
        log="""
            run_created | run_started | hook_created t#1 | hook_conflict t#2 owner=main
            hook_received t#1 | run_completed
            """,
    ),
]

RACES = [
    Behaviour(
        name="race_won_by_the_hook",
        promise="In a race of a hook and a sleep the payload wins, and the sleep is cancelled.",
        source="""
            async def race():
                hook = asyncio.create_task(create_hook(token="t"))
                late = asyncio.create_task(sleep("1h"))
                done, rest = await asyncio.wait([hook, late], return_when=asyncio.FIRST_COMPLETED)
                for task in rest:
                    task.cancel()
                return hook.result() if hook in done else "late"
            """,
        script=[resume("t", "in time")],
        returns="in time",
        log="""
            run_created | run_started | hook_created t | wait_created sleep 1h | hook_received t
            wait_cancelled sleep | run_completed
            """,
    ),
    Behaviour(
        name="race_won_by_the_sleep",
        promise="In a race of a hook and a sleep the sleep wins if nobody comes.",
        source="""
            async def race():
                async with create_hook(token="t") as hook:
                    answer = asyncio.create_task(hook)
                    late = asyncio.create_task(sleep("1h"))
                    done, rest = await asyncio.wait(
                        [answer, late], return_when=asyncio.FIRST_COMPLETED
                    )
                    answer.cancel()
                    return answer.result() if answer in done else "late"
            """,
        script=[resume("t", 1, when=has_ended, refused="WF221")],
        returns="late",
        log="""
            run_created | run_started | hook_created t | wait_created sleep 1h
            wait_completed sleep | hook_disposed t by=body | run_completed
            """,
    ),
    Behaviour(
        name="gather_of_hooks_in_time",
        promise="A gather of hooks raced with a deadline ends with all payloads, in its order.",
        source="""
            async def both():
                pair = asyncio.gather(create_hook(token="a"), create_hook(token="b"))
                return await asyncio.wait_for(pair, timeout=3600)
            """,
        script=[resume("b", 2), resume("a", 1)],
        returns=[1, 2],
        log="""
            run_created | run_started | hook_created a | hook_created b | wait_created timer 1h
            hook_received b | hook_received a | wait_cancelled timer | run_completed
            """,
    ),
    Behaviour(
        name="gather_of_hooks_too_late",
        promise="A gather of hooks over its deadline keeps its place in the log and can be asked again.",
        source="""
            async def both():
                a, b = create_hook(token="a"), create_hook(token="b")
                try:
                    async with asyncio.timeout(3600):
                        return await asyncio.gather(a, b)
                except TimeoutError:
                    return ["late", await b, await steps.double(4)]
            """,
        script=[resume("a", 1), resume("b", 2, when=past_sleep)],
        returns=["late", 2, 8],
        log="""
            run_created | run_started | hook_created a | hook_created b | wait_created timer 1h
            hook_received a | wait_completed timer | hook_received b | step_created double
            step_started double 1 | step_completed double | run_completed
            """,
    ),
]

TOKENS_AND_RACES = [*TOKENS, *RACES]
