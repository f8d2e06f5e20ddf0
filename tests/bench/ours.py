"""Play the bench on a world of ours: a file, sealed, every guest confined as far as this machine can."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import duckdb

from tests.bench.contestant import Timing
from tests.bench.firstcell import first_cell
from tests.bench.flows import READ, SOURCES, STEPS, STREAMED, arguments, expected
from tests.bench.stock import fill
from tests.bench.workloads import SLEEP_SECONDS
from wf_notebook import open_world

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.workloads import Workload
    from wf_notebook import World
    from wf_notebook.run import Run

KEY = bytes(range(32))


class Ours:
    """A `contestant.Contestant`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "world.duckdb"
        self._world: World | None = None
        self.about = f"{version('wf-notebook')}, duckdb {duckdb.__version__}"

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    async def open(self, workload: Workload) -> None:
        self._world = open_world(self._path, key=KEY)
        self.about += f", {self.world.host.mode(None)}, sealed, fsync at each commit"
        fill(self.world, workload.stored, workload.asleep)
        if workload.kind == "replay":
            self._start(workload).wait_for("hook", timeout=None)
        if workload.kind in ("replay", "open", "cell"):
            self.world.close()

    async def play(self, workload: Workload) -> Timing:
        match workload.kind:
            case "stream" | "pipeline" | "streams" | "fan":
                return await self._stream(workload)
            case "hook":
                return await self._hook(workload)
            case "sleep":
                taken = await self._run(workload)
                return Timing(taken.seconds - SLEEP_SECONDS)
            case "replay":
                return self._replay()
            case "open":
                return self._open()
            case "list":
                return self._list(workload)
            case "cell":
                return await first_cell(self._folder)
            case _:
                return await self._run(workload)

    def _start(self, workload: Workload) -> Run:
        kind = workload.kind
        return self.world.start(SOURCES[kind], arguments(kind, workload.count), steps=STEPS)

    async def _run(self, workload: Workload) -> Timing:
        begun = time.perf_counter()
        result = await self._start(workload)
        taken = time.perf_counter() - begun
        assert result == expected(workload.kind, workload.count)
        return Timing(taken)

    async def _stream(self, workload: Workload) -> Timing:
        begun = time.perf_counter()
        run = self._start(workload)
        firsts: list[float] = []

        async def read(name: str) -> int:
            total = 0
            async for chunk in run.stream(name):
                if not total:
                    firsts.append(time.perf_counter() - begun)
                total += len(chunk)
            return total

        totals = await asyncio.gather(*map(read, READ[workload.kind]))
        await run
        taken = time.perf_counter() - begun
        assert sum(totals) == STREAMED[workload.kind]
        return Timing(taken, min(firsts))

    async def _hook(self, workload: Workload) -> Timing:
        run = self._start(workload).wait_for("hook")
        begun = time.perf_counter()
        await asyncio.to_thread(run.resume, "bench", {"ok": True})
        result = await run
        taken = time.perf_counter() - begun
        assert result == {"ok": True}
        return Timing(taken)

    def _replay(self) -> Timing:
        begun = time.perf_counter()
        with open_world(self._path, key=KEY) as world:
            (run,) = world.unfinished()
            world.resume("bench", 1)
            run.wait_for("suspended", timeout=None)
            taken = time.perf_counter() - begun
            done, total = run.replayed or (0, 0)
            assert done == total > 0
        return Timing(taken)

    def _open(self) -> Timing:
        begun = time.perf_counter()
        with open_world(self._path, key=KEY) as world:
            world.settle()
            return Timing(time.perf_counter() - begun)

    def _list(self, workload: Workload) -> Timing:
        begun = time.perf_counter()
        rows = self.world.rows(limit=workload.count)
        taken = time.perf_counter() - begun
        assert len(rows) == workload.count
        return Timing(taken)

    async def close(self) -> None:
        self.world.close()


def contestant(folder: Path) -> Any:
    return Ours(folder)
