"""What golden histories run: steps, a schema, sources. None that was released is ever edited."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from wf_notebook import step


class Approval(BaseModel):
    ok: bool
    amount: int = 0


@step
def fetch(order_id: str) -> dict[str, Any]: ...


@step(retries=2)
def charge(order_id: str, amount: int = 0) -> str: ...


@step(retries=0)
async def notify(text: str) -> None: ...


REAL = [fetch, charge, notify]
STEPS = """
async def workflow(order_id):
    "use workflow"
    order = await steps.fetch(order_id)
    print("fetched", order["id"])
    paid = await steps.charge(order_id, amount=order["total"])
    return [paid, random.randrange(1_000), str(uuid4()), now()]
"""

RETRIES = """
async def workflow(order_id):
    "use workflow"
    try:
        await steps.notify("begun")
    except StepError as error:
        first = error.type
    return [first, await steps.charge(order_id)]
"""

GATHER = """
async def one(order_id):
    order = await steps.fetch(order_id)
    return await steps.charge(order["id"], order["total"])


async def workflow(order_id):
    "use workflow"
    return await asyncio.gather(*[one(order_id + "-" * i) for i in range(3)])
"""

RACE = """
async def workflow(order_id):
    "use workflow"
    answer = asyncio.ensure_future(create_hook(token="approve", schema="Approval"))
    late = asyncio.ensure_future(sleep("2d"))
    done, _ = await asyncio.wait([answer, late], return_when=asyncio.FIRST_COMPLETED)
    if late in done:
        answer.cancel()
        await steps.notify("nobody answered")
        return "late"
    late.cancel()
    return (await answer).amount
"""

TIMEOUT = """
async def workflow(order_id):
    "use workflow"
    try:
        async with asyncio.timeout(60):
            await steps.fetch(order_id)
    except TimeoutError:
        return "too late"
"""

SLEEP = """
async def workflow(order_id):
    "use workflow"
    begun = now()
    await sleep("30d")
    await sleep(90)
    return (now() - begun).total_seconds()
"""

HOOKS = """
async def workflow(order_id):
    "use workflow"
    total = 0
    async with create_hook(token="amounts", schema="Approval", title="More?") as hook:
        async for answer in hook:
            if not answer.ok:
                break
            total += answer.amount
            await steps.charge(order_id, answer.amount)
    return total
"""

OWNER = """
async def workflow(order_id):
    "use workflow"
    return await create_hook(token="taken")
"""

CONFLICT = """
async def workflow(order_id):
    "use workflow"
    hook = create_hook(token="taken")
    try:
        await hook
    except HookConflictError as error:
        await steps.notify("taken")
        return await hook.conflict() is not None
"""

GROUP = """
async def workflow(order_id):
    "use workflow"
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(steps.notify("no"))
            group.create_task(steps.fetch(order_id))
            group.create_task(sleep("1h"))
    except* StepError as errors:
        await steps.charge(order_id)
        raise ValueError("the group failed") from errors
"""

CANCELLED = """
async def workflow(order_id):
    "use workflow"
    await steps.fetch(order_id)
    try:
        await sleep("30d")
    finally:
        await steps.notify("never said")
"""
