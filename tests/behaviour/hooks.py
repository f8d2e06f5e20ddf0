"""Waits for a person."""

from __future__ import annotations

from tests.behaviour.acts import Approval
from tests.behaviour.behaviour import (
    Behaviour,
    Move,
    forget_models,
    has_ended,
    hook_is_open,
    is_asleep,
    past_sleep,
    resume,
    resume_drawn,
)

PAYLOADS = [
    Behaviour(
        name="hook",
        promise="A resumed hook gives its payload to the body, as a record of its schema.",
        source="""
            async def refund():
                answer = await create_hook(token="approve", schema="Approval", title="May I?")
                return [answer.ok, answer["amount"]]
            """,
        schemas=[Approval],
        script=[resume("approve", {"ok": True, "amount": 7})],
        returns=[True, 7],
        log="""
            run_created | run_started | hook_created approve Approval 'May I?'
            hook_received approve | run_completed
            """,
    ),
    Behaviour(
        name="hook_takes_a_model",
        promise="A payload may be a model, and what it leaves out is its default.",
        source="""
            async def refund():
                answer = await create_hook(token="approve", schema="Approval")
                return [answer.ok, answer.amount]
            """,
        schemas=[Approval],
        script=[resume("approve", Approval(ok=True))],
        returns=[True, 0],
        log="""
            run_created | run_started | hook_created approve Approval | hook_received approve
            run_completed
            """,
    ),
    Behaviour(
        name="hook_for_each_payload",
        promise="`async for` gives every payload until the hook is disposed of.",
        source="""
            async def collect():
                hook = create_hook(token="items")
                found = []
                async for item in hook:
                    if item == "that is all":
                        hook.dispose()
                    else:
                        found.append(item)
                return found
            """,
        script=[resume("items", item) for item in ("apple", "pear", "that is all")],
        returns=["apple", "pear"],
        log="""
            run_created | run_started | hook_created items | hook_received items
            hook_received items | hook_received items | hook_disposed items by=body
            run_completed
            """,
    ),
    Behaviour(
        name="hook_keeps_payloads",
        promise="Payloads that come before anybody awaits them are kept, in their order.",
        source="""
            async def late():
                hook = create_hook(token="t")
                await sleep("1h")
                return [await hook, await hook]
            """,
        script=[resume("t", "first"), resume("t", "second")],
        returns=["first", "second"],
        log="""
            run_created | run_started | hook_created t | wait_created sleep 1h | hook_received t
            hook_received t | wait_completed sleep | run_completed
            """,
    ),
    Behaviour(
        name="hook_with_a_drawn_token",
        promise="Without a token one is drawn that nobody can guess, the same on every replay.",
        source="""
            async def ask():
                hook = create_hook(title="How many?")
                return [await hook, len(hook.token)]
            """,
        script=[resume_drawn(5)],
        returns=[5, 37],
        log="""
            run_created | run_started | hook_created drawn 'How many?' | hook_received drawn
            run_completed
            """,
    ),
    Behaviour(
        name="hooks_in_a_loop",
        promise="A hook can be created in each turn of a loop.",
        source="""
            async def approvals():
                found = []
                for level in ("team", "site", "board"):
                    found.append(await create_hook(token=f"ask-{level}"))
                return found
            """,
        script=[resume("ask-team", 1), resume("ask-site", 2), resume("ask-board", 3)],
        returns=[1, 2, 3],
        log="""
            run_created | run_started | hook_created ask-team | hook_received ask-team
            hook_created ask-site | hook_received ask-site | hook_created ask-board
            hook_received ask-board | run_completed
            """,
    ),
    Behaviour(
        name="hooks_in_tasks",
        promise="Hooks of several tasks are open at once and may be resumed in any order.",
        source="""
            async def vote(who):
                return await create_hook(token=f"vote-{who}")

            async def workflow():
                return await asyncio.gather(vote("ada"), vote("bob"), vote("cy"))
            """,
        script=[resume("vote-cy", "no"), resume("vote-ada", "yes"), resume("vote-bob", "yes")],
        returns=["yes", "yes", "no"],
        log="""
            run_created | run_started | hook_created vote-ada | hook_created vote-bob
            hook_created vote-cy | hook_received vote-cy | hook_received vote-ada
            hook_received vote-bob | run_completed
            """,
    ),
    Behaviour(
        name="two_waiters_on_one_hook",
        promise="Of two tasks that await one hook, each payload goes to one, first come first.",
        source="""
            async def reader(name, hook):
                return f"{name}:{await hook}"

            async def workflow():
                hook = create_hook(token="t")
                first = asyncio.create_task(reader("a", hook))
                second = asyncio.create_task(reader("b", hook))
                return await asyncio.gather(second, first)
            """,
        script=[resume("t", 1), resume("t", 2)],
        returns=["b:2", "a:1"],
        log="""
            run_created | run_started | hook_created t | hook_received t | hook_received t
            run_completed
            """,
    ),
    Behaviour(
        name="cancelled_waiter_leaves_the_payload",
        promise="A waiter that was cancelled takes no payload away from the next one.",
        source="""
            async def handed_on():
                hook = create_hook(token="t")
                first = asyncio.create_task(hook)
                await sleep(1)
                first.cancel()
                return await hook
            """,
        script=[resume("t", "for the second", when=past_sleep)],
        returns="for the second",
        log="""
            run_created | run_started | hook_created t | wait_created sleep 1s
            wait_completed sleep | hook_received t | run_completed
            """,
    ),
]

ENDS = [
    Behaviour(
        name="hook_disposed_of",
        promise="A hook that was disposed of takes no payload; the refusal says so.",
        source="""
            async def once():
                hook = create_hook(token="t")
                answer = await hook
                hook.dispose()
                await sleep("1h")
                return answer
            """,
        script=[
            resume("t", 1),
            resume("t", 2, when=is_asleep, refused="WF221", said="run .* disposed it"),
        ],
        returns=1,
        log="""
            run_created | run_started | hook_created t | hook_received t
            hook_disposed t by=body | wait_created sleep 1h | wait_completed sleep
            run_completed
            """,
    ),
    Behaviour(
        name="hook_awaited_after_dispose",
        promise="Awaiting a hook that was disposed of is an error, once its payloads are read.",
        source="""
            async def after():
                hook = create_hook(token="t")
                await sleep(1)
                hook.dispose()
                first = await hook
                try:
                    await hook
                except RuntimeError as e:
                    return [first, str(e)]
            """,
        script=[resume("t", 1)],
        returns=[1, "the hook 't' was disposed"],
        log="""
            run_created | run_started | hook_created t | wait_created sleep 1s | hook_received t
            wait_completed sleep | hook_disposed t by=body | run_completed
            """,
    ),
    Behaviour(
        name="hook_in_a_with_block",
        promise="`async with` disposes of the hook, and its token can be used again in the run.",
        source="""
            async def twice():
                found = []
                for attempt in range(2):
                    async with create_hook(token="t") as hook:
                        found.append(await hook)
                return found
            """,
        script=[resume("t", "one"), resume("t", "two")],
        returns=["one", "two"],
        log="""
            run_created | run_started | hook_created t#1 | hook_received t#1
            hook_disposed t#1 by=body | hook_created t#2 | hook_received t#2
            hook_disposed t#2 by=body | run_completed
            """,
    ),
    Behaviour(
        name="hook_times_out",
        promise="A hook that nobody resumes in time raises TimeoutError and is disposed of.",
        source="""
            async def ask():
                try:
                    return await create_hook(token="t", timeout="2d")
                except TimeoutError as e:
                    return str(e)
            """,
        script=[resume("t", 1, when=has_ended, refused="WF221", said="has ended")],
        returns="nobody resumed the hook 't' in time",
        log="""
            run_created | run_started | hook_created t | wait_created timer 2d
            wait_completed timer | hook_disposed t by=body | run_completed
            """,
    ),
    Behaviour(
        name="hook_is_in_time",
        promise="The first payload ends a hook's timeout.",
        source="""
            async def ask():
                hook = create_hook(token="t", timeout="1h")
                first = await hook
                await sleep("2h")
                return [first, await hook]
            """,
        script=[resume("t", 1), resume("t", 2, when=is_asleep)],
        returns=[1, 2],
        log="""
            run_created | run_started | hook_created t | wait_created timer 1h | hook_received t
            wait_cancelled timer | wait_created sleep 2h | hook_received t
            wait_completed sleep | run_completed
            """,
    ),
    Behaviour(
        name="unknown_token",
        promise="A resume of an unknown token is refused and names the tokens that are open.",
        source="""
            async def ask():
                return await create_hook(token="approve")
            """,
        script=[
            resume(
                "aprove",
                1,
                when=hook_is_open("approve"),
                refused="WF221",
                said="Open hooks: approve",
            ),
            resume("approve", 2),
        ],
        returns=2,
        log="""
            run_created | run_started | hook_created approve | hook_received approve
            run_completed
            """,
    ),
    Behaviour(
        name="resume_of_an_ended_run",
        promise="A resume that comes after the run's end is refused and says that it has ended.",
        source="""
            async def short():
                create_hook(token="t")
                return "over"
            """,
        script=[resume("t", 1, when=has_ended, refused="WF221", said="has ended")],
        returns="over",
        log="""
            run_created | run_started | hook_created t | run_completed
            """,
    ),
    Behaviour(
        name="wrong_payload",
        promise="A payload that doesn't fit is refused and changes nothing; the right one follows.",
        source="""
            async def refund():
                return (await create_hook(token="t", schema="Approval")).amount
            """,
        schemas=[Approval],
        script=[
            resume(
                "t",
                {"ok": True, "amount": 700},
                when=hook_is_open("t"),
                refused="WF223",
                said="amount",
            ),
            resume("t", {"amount": 7}, when=hook_is_open("t"), refused="WF223", said="ok"),
            resume("t", {"ok": True, "amount": 7}),
        ],
        returns=7,
        log="""
            run_created | run_started | hook_created t Approval | hook_received t
            run_completed
            """,
    ),
    Behaviour(
        name="payload_without_the_model",
        promise="Where the model isn't, payloads are checked by the schema stored with the run.",
        source="""
            async def refund():
                answer = await create_hook(token="t", schema="Approval")
                return [answer.ok, answer.amount]
            """,
        schemas=[Approval],
        script=[
            forget_models(when=hook_is_open("t")),
            resume("t", {"ok": "perhaps"}, when=hook_is_open("t"), refused="WF223", said="ok"),
            resume("t", {"ok": True}),
        ],
        returns=[True, 0],
        log="""
            run_created | run_started | hook_created t Approval | hook_received t
            run_completed
            """,
    ),
    Behaviour(
        name="resume_once_per_id",
        promise="One resume id is recorded once, however often it is sent; another one counts.",
        source="""
            async def two():
                hook = create_hook(token="t")
                return [await hook, await hook]
            """,
        script=[
            resume("t", 1, id="click-1"),
            resume("t", 1, id="click-1", gives=4),
            resume("t", 1, id="click-2"),
        ],
        returns=[1, 1],
        log="""
            run_created | run_started | hook_created t | hook_received t | hook_received t
            run_completed
            """,
    ),
    Behaviour(
        name="resume_sent_again_to_the_next_hook",
        promise="A resume sent again by its id is no payload of the hook that has the token by now.",
        source="""
            async def levels():
                found = []
                for level in ("team", "board"):
                    async with create_hook(token="t") as hook:
                        found.append(f"{level} {await hook}")
                return found
            """,
        script=[
            resume("t", "yes", id="click-1"),
            resume("t", "yes", id="click-1", gives=4),
            resume("t", "no", id="click-2"),
        ],
        returns=["team yes", "board no"],
        log="""
            run_created | run_started | hook_created t#1 | hook_received t#1
            hook_disposed t#1 by=body | hook_created t#2 | hook_received t#2
            hook_disposed t#2 by=body | run_completed
            """,
    ),
    Behaviour(
        name="hook_without_time",
        promise="A hook whose timeout is nothing, or less, times out at once.",
        source="""
            async def hasty():
                said = []
                for timeout in (0, "0s", -5):
                    try:
                        await create_hook(token="t", timeout=timeout)
                    except TimeoutError:
                        said.append("late")
                return said
            """,
        returns=["late", "late", "late"],
        log="""
            run_created | run_started | hook_created t#1 | hook_disposed t#1 by=body
            hook_created t#2 | hook_disposed t#2 by=body | hook_created t#3
            hook_disposed t#3 by=body | run_completed
            """,
    ),
    Behaviour(
        name="resume_of_another_run",
        promise="`run.resume` hands a payload to a hook of that run only.",
        beside="""
            async def holder():
                return await create_hook(token="theirs")
            """,
        source="""
            async def ask():
                return await create_hook(token="mine")
            """,
        script=[
            Move(
                "resume theirs",
                hook_is_open("mine"),
                lambda stage: stage.run().resume("theirs", 1),
                refused="WF221",
            ),
            resume("mine", 5),
        ],
        returns=5,
        log="""
            run_created | run_started | hook_created mine | hook_received mine | run_completed
            """,
    ),
    Behaviour(
        name="resume_after_a_lost_response",
        promise="A resume sent again is answered with its event even when the run has ended.",
        source="""
            async def ask():
                return await create_hook(token="t")
            """,
        script=[
            resume("t", 1, id="click-1"),
            resume("t", 1, id="click-1", when=has_ended, gives=4),
            resume("t", 1, id="click-2", when=has_ended, refused="WF221", said="has ended"),
        ],
        returns=1,
        log="""
            run_created | run_started | hook_created t | hook_received t | run_completed
            """,
    ),
]

HOOKS = [*PAYLOADS, *ENDS]
