"""The order in which things happen in a source is the one in which asyncio would run them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.guest_runs import Play, check_replays
from wf_notebook.guest.agreed import MAX_TIME_US, due_in

# Where CPython's order is that of addresses (which task of a group is cancelled first), there is only
# one to see. Each takes `asyncio`, a function that starts a step, and a list to write down what happens.
BODIES = [
    """
async def body(asyncio, step, log):
    async def one(i):
        log.append(("start", i))
        log.append((await step(i), i))
    await asyncio.gather(*[one(i) for i in range(3)], step(3))
""",
    """
async def body(asyncio, step, log):
    async def one(i):
        try:
            await step(i)
        except asyncio.CancelledError:
            log.append(("cancelled", i))
            raise
        finally:
            log.append(("finally", i))
    tasks = [asyncio.create_task(one(i)) for i in range(3)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task in pending:
            task.cancel()
    log.append([type(e).__name__ for e in await asyncio.gather(*tasks, return_exceptions=True)])
""",
    """
async def body(asyncio, step, log):
    queue = asyncio.Queue(1)
    async def produce():
        for i in range(3):
            await queue.put(await step(i))
            log.append(("put", i))
    async def consume():
        for _ in range(3):
            log.append(("got", await queue.get()))
            await asyncio.sleep(0)
    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        group.create_task(consume())
""",
    """
async def body(asyncio, step, log):
    limit, lock = asyncio.Semaphore(2), asyncio.Lock()
    async def one(i):
        async with limit:
            value = await step(i)
            async with lock:
                log.append((i, value))
                await asyncio.sleep(0)
        log.append(("left", i))
    await asyncio.gather(*[one(i) for i in range(4)])
""",
    """
async def body(asyncio, step, log):
    first, second = step(0), step(1)
    shielded = asyncio.shield(first)
    task = asyncio.create_task(asyncio.wait_for(shielded, None))
    log.append(await second)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        log.append("cancelled")
    log.append(first.cancelled())
    log.append(await step(2))
    for f in asyncio.as_completed([step(3), step(4)]):
        log.append(await f)
""",
    """
async def body(asyncio, step, log):
    async def fails(i):
        await step(i)
        raise ValueError(i)
    async def waits(i):
        try:
            await step(i)
        finally:
            log.append(("end", i))
            await asyncio.sleep(0)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(waits(0))
            group.create_task(fails(1))
            group.create_task(fails(2))
            group.create_task(fails(3))
    except* ValueError as errors:
        log.append([str(e) for e in errors.exceptions])
""",
    """
async def body(asyncio, step, log):
    async def agen():
        for i in range(3):
            try:
                yield await step(i)
            finally:
                log.append(("left", i))
    async for value in agen():
        log.append(value)
    event = asyncio.Event()
    async def waiter(i):
        await event.wait()
        log.append(("woken", i))
    tasks = [asyncio.create_task(waiter(i)) for i in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    event.set()
    log.append(len((await asyncio.wait(tasks))[0]))
""",
]
ORDERS = [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (1, 3, 0, 4, 2)]


class InCpython:
    """A body on asyncio's own loop; results come one by one, each when nothing is ready."""

    def __init__(self, source: str, order: tuple[int, ...]):
        self.source = source
        self.order = order
        self.log: list[Any] = []
        self.futures: dict[int, asyncio.Future[Any]] = {}
        self.given: list[int] = []

    def step(self, i: int) -> asyncio.Future[Any]:
        self.futures[i] = asyncio.get_running_loop().create_future()
        return self.futures[i]

    async def quiet(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def run(self) -> list[Any]:
        names: dict[str, Any] = {}
        exec(self.source, names)
        task = asyncio.create_task(names["body"](asyncio, self.step, self.log))
        await self.quiet()
        while not task.done():
            ready = next(i for i in self.order if i in self.futures and i not in self.given)
            self.given.append(ready)
            if not self.futures[ready].done():
                self.futures[ready].set_result(ready * 10)
            await self.quiet()
        await task
        return self.log


def in_the_guest(source: str, order: tuple[int, ...]) -> list[Any]:
    entry = """
async def w():
    log = []
    await body(asyncio, steps.a, log)
    return log
"""
    play = Play(source + entry)
    given: list[int] = []
    while not play.machine.ended:
        asked = {c["args"]["x"]: c["n"] for c in play.commands if c["op"] == "step"}
        ready = next(i for i in order if i in asked and i not in given)
        given.append(ready)
        play.done(asked[ready], ready * 10)
    reply = check_replays(play)
    assert reply.status == "completed", reply
    return list(reply.result)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("source", BODIES)
def test_the_schedule_is_cpythons(source: str, order: tuple[int, ...]) -> None:
    """What happens, and in which order, is what asyncio does when results come one by one."""
    expected = asyncio.run(InCpython(source, order).run())
    found = in_the_guest(source, order)
    assert found == [_as_tree(entry) for entry in expected]


def _as_tree(value: Any) -> Any:
    return {"$t": "tuple", "v": list(value)} if isinstance(value, tuple) else value


def test_a_time_beyond_all_times_is_the_last_one() -> None:
    """From where on is decided to the microsecond."""
    last, now = MAX_TIME_US, 10_000_000
    assert due_in((last - now) / 1e6, now) == last
    assert due_in((last - 5_000_000) / 1e6, now) == last
    assert due_in((last - 20_000_000) // 1_000_000, now) < last
