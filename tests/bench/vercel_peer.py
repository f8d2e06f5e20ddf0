"""Play the bench on vercel-workflow with its local world and embedded queue, as it ships.

Each event is a file of its own, written without fsync and not encrypted; its sandbox is in the
process. `Run.return_value()` looks once a second whether a run has ended: here it is asked when the
last event was written, or each figure would be that second.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from vercel.workflow import HookNotFoundError, get_hook_by_token, start
from vercel.workflow._internal import world as worlds

from tests.bench.contestant import Timing
from tests.bench.flows import READ, STREAMED, expected
from tests.bench.workloads import SLEEP_SECONDS, STREAMS, TRANSFORMS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.workloads import Kind, Workload

COUNTS: dict[Kind, int] = {"pipeline": TRANSFORMS, "streams": STREAMS, "fan": STREAMS}
ENDS = ("run_completed", "run_failed")


class Vercel:
    """A `contestant.Contestant`."""

    def __init__(self, folder: Path) -> None:
        os.environ["WORKFLOW_LOCAL_DATA_DIR"] = str(folder / "data")
        # its world is made, where this says, when the first workflow is defined
        self._flows = importlib.import_module("tests.bench.vercel_flows")
        self._ended: dict[str, asyncio.Event] = {}
        sandbox = "one sandbox for all runs" if self._flows.SHARED else "a sandbox for each run"
        self.about = (
            f"{version('vercel-workflow')}, local world as it ships, {sandbox}: no fsync, nothing"
            " sealed, in this process; told of a run's end, which it would look for once a second"
        )

    async def open(self, workload: Workload) -> None:
        self._follow(worlds.get_world())
        for _ in range(workload.stored):
            await self._result(await start(self._flow("steps"), 1))

    def _flow(self, kind: Kind) -> Any:
        return getattr(self._flows, kind.replace(" ", "_") + "_flow")

    def _follow(self, world: Any) -> None:
        """Note when the last event of a run was written."""
        create = world.events_create

        async def noted(run_id: str, event: Any) -> Any:
            result = await create(run_id, event)
            if event.event_type in ENDS:
                self._end(run_id).set()
            return result

        world.events_create = noted

    def _end(self, run_id: str) -> asyncio.Event:
        return self._ended.setdefault(run_id, asyncio.Event())

    async def _result(self, run: Any) -> Any:
        await self._end(run.run_id).wait()
        return await run.return_value()

    async def play(self, workload: Workload) -> Timing:
        kind, count = workload.kind, COUNTS.get(workload.kind, workload.count)
        if kind in READ:
            return await self._stream(kind, count)
        if kind == "hook":
            return await self._hook()
        begun = time.perf_counter()
        result = await self._result(await start(self._flow(kind), count))
        taken = time.perf_counter() - begun
        assert result == expected(kind, count)
        return Timing(taken - SLEEP_SECONDS if kind == "sleep" else taken)

    async def _stream(self, kind: Kind, count: int) -> Timing:
        begun = time.perf_counter()
        run = await start(self._flow(kind), count)
        firsts: list[float] = []

        async def read(name: str) -> int:
            total = 0
            async for chunk in run.readable(namespace=name):
                if not total:
                    firsts.append(time.perf_counter() - begun)
                total += len(chunk)
            return total

        totals = await asyncio.gather(*map(read, READ[kind]))
        await self._result(run)
        taken = time.perf_counter() - begun
        assert sum(totals) == STREAMED[kind]
        return Timing(taken, min(firsts))

    async def _hook(self) -> Timing:
        token = str(uuid4())
        run = await start(self._flow("hook"), token)
        await _until_open(token)
        begun = time.perf_counter()
        await self._flows.Answer(ok=True).resume(token)
        assert await self._result(run) is True
        return Timing(time.perf_counter() - begun)

    async def close(self) -> None:
        await worlds.get_world().aclose()  # type: ignore[attr-defined]


async def _until_open(token: str) -> None:
    while True:
        try:
            await get_hook_by_token(token)
        except HookNotFoundError:
            await asyncio.sleep(0.005)
        else:
            return


def contestant(folder: Path) -> Any:
    return Vercel(folder)
