"""Guests in processes, for tests: an isolation that is closed, sources that run or wait."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import psutil

from tests.guest_runs import START_US, start_message
from wf_notebook.config import Limits
from wf_notebook.isolation.process import ProcessIsolation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wf_notebook.isolation.process import ProcessGuest

SEQUENCE = "async def w():\n    for i in range(1000):\n        await steps.a(i)\n"
FOREVER = "async def w():\n    x = 1\n    while True:\n        x += 1\n"


def with_isolation(body: Callable[[ProcessIsolation], Awaitable[Any]], **limits: Any) -> Any:
    """Run a coroutine with an isolation that is closed afterwards."""

    async def run() -> Any:
        isolation = ProcessIsolation(Limits(**limits), strict=sys.platform == "linux")
        try:
            return await body(isolation)
        finally:
            await isolation.close()

    return asyncio.run(run())


def deliver(*events: dict[str, Any]) -> dict[str, Any]:
    return {"op": "deliver", "events": list(events)}


def completed(n: int, value: Any = None) -> dict[str, Any]:
    return {"type": "step_completed", "n": n, "time_us": START_US + n, "value": value}


async def started(isolation: ProcessIsolation, source: str = SEQUENCE) -> ProcessGuest:
    guest = await isolation.spawn()
    await guest.activate(start_message(source))
    return guest


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process brings about."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody can tell us
            await asyncio.sleep(0.005)


def is_running(process: psutil.Process) -> bool:
    """Whether it lives: a zombie, which waits for whoever adopted it, does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def at_work(isolation: ProcessIsolation) -> tuple[ProcessGuest, asyncio.Task[Any]]:
    """A guest in the middle of an activation that will not end by itself."""
    guest = await isolation.spawn()
    work = asyncio.create_task(guest.activate(start_message(FOREVER)))
    await until(lambda: psutil.Process(guest.pid).cpu_times().user > 0.05)
    return guest, work
