"""Play the bench on DBOS with its SQLite database, as it ships.

Its steps are rows of a table, written when they have returned; a workflow that crashes is run again
from the top and finds them there. SQLite commits with fsync; nothing is encrypted. On SQLite it has
no notifications: who waits for a message or for a stream looks once a second.
"""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dbos import DBOS, SetWorkflowID

from tests.bench.contestant import Timing
from tests.bench.workloads import (
    CHUNK,
    CHUNKS,
    PAYLOAD,
    PIECE_BYTES,
    SLEEP_SECONDS,
    STREAM_BYTES,
    STREAMS,
    TRANSFORMS,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.workloads import Kind, Workload

PIECE = b"z" * PIECE_BYTES


@DBOS.step()
async def noop(i: int) -> int:
    return i


@DBOS.step()
async def echo(data: str) -> str:
    return data


@DBOS.step()
async def chunks(count: int) -> None:
    for _ in range(count):
        await DBOS.write_stream_async("out", CHUNK)


@DBOS.step()
async def pieces(name: str) -> None:
    for _ in range(STREAM_BYTES // PIECE_BYTES):
        await DBOS.write_stream_async(name, PIECE)
    await DBOS.write_stream_async(name, b"")  # only a workflow may close: an end of our own


async def _read(run: str, name: str) -> Any:
    async for piece in DBOS.read_stream_async(run, name):
        if not piece:
            return
        yield piece


@DBOS.step()
async def transform(run: str, source: str, target: str) -> None:
    async for piece in _read(run, source):
        await DBOS.write_stream_async(target, piece.swapcase())
    await DBOS.write_stream_async(target, b"")


@DBOS.step()
async def merge(run: str, sources: list[str], target: str) -> int:
    total = 0
    for source in sources:
        async for piece in _read(run, source):
            await DBOS.write_stream_async(target, piece)
            total += len(piece)
    await DBOS.write_stream_async(target, b"")
    return total


@DBOS.workflow()
async def steps_flow(n: int) -> int:
    for i in range(n):
        await noop(i)
    return n


@DBOS.workflow()
async def gather_flow(n: int) -> int:
    return len(await asyncio.gather(*[noop(i) for i in range(n)]))


@DBOS.workflow()
async def race_flow(n: int) -> int:
    pool = [asyncio.ensure_future(noop(i)) for i in range(n)]
    races = 0
    while pool:
        done, pending = await DBOS.asyncio_wait(pool, return_when=asyncio.FIRST_COMPLETED)
        pool = [task for task in pool if task in pending]
        races += len(done)
    return races


@DBOS.workflow()
async def payloads_flow(n: int) -> int:
    data = PAYLOAD
    for _ in range(n):
        data = await echo(data)
    return len(data)


@DBOS.workflow()
async def payload_gather_flow(n: int) -> int:
    return len(await asyncio.gather(*[echo(PAYLOAD) for _ in range(n)]))


@DBOS.workflow()
async def stream_flow(n: int) -> None:
    await chunks(n)
    await DBOS.close_stream_async("out")


@DBOS.workflow()
async def pipeline_flow(n: int) -> None:
    run = str(DBOS.workflow_id)
    moved = [transform(run, f"s{i}", f"s{i + 1}") for i in range(n)]
    await asyncio.gather(pieces("s0"), *moved)


@DBOS.workflow()
async def streams_flow(n: int) -> None:
    await asyncio.gather(*[pieces(f"s{i}") for i in range(n)])


@DBOS.workflow()
async def fan_flow(n: int) -> None:
    run = str(DBOS.workflow_id)
    made = [pieces(f"s{i}") for i in range(n)]
    moved = [transform(run, f"s{i}", f"t{i}") for i in range(n)]
    await asyncio.gather(*made, *moved, merge(run, [f"t{i}" for i in range(n)], "merged"))


@DBOS.workflow()
async def hook_flow(_: int) -> object:
    return await DBOS.recv_async("bench", timeout_seconds=60)


@DBOS.workflow()
async def sleep_flow(_: int) -> None:
    await DBOS.sleep_async(SLEEP_SECONDS)


FLOWS: dict[Kind, Callable[[int], Any]] = {
    "steps": steps_flow,
    "gather": gather_flow,
    "race": race_flow,
    "payloads": payloads_flow,
    "payload gather": payload_gather_flow,
    "stream": stream_flow,
    "pipeline": pipeline_flow,
    "streams": streams_flow,
    "fan": fan_flow,
    "hook": hook_flow,
    "sleep": sleep_flow,
}
READ: dict[Kind, list[str]] = {
    "stream": ["out"],
    "pipeline": [f"s{TRANSFORMS}"],
    "streams": [f"s{i}" for i in range(STREAMS)],
    "fan": ["merged"],
}
COUNTS: dict[Kind, int] = {
    "stream": CHUNKS, "pipeline": TRANSFORMS, "streams": STREAMS, "fan": STREAMS,
}  # fmt: skip


class Dbos:
    """A `contestant.Contestant`."""

    about = (
        f"{version('dbos')}, SQLite as it ships: fsync at each commit, nothing sealed, no boundary;"
        " messages and streams are looked for once a second"
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self, workload: Workload) -> None:
        url = f"sqlite:///{self._folder}/dbos.sqlite"
        DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
        DBOS.launch()
        for _ in range(workload.stored):
            await (await DBOS.start_workflow_async(steps_flow, 1)).get_result()

    async def play(self, workload: Workload) -> Timing:
        kind, count = workload.kind, COUNTS.get(workload.kind, workload.count)
        if kind in READ:
            return await self._stream(kind, count)
        if kind == "hook":
            return await self._hook()
        begun = time.perf_counter()
        handle = await DBOS.start_workflow_async(FLOWS[kind], count)
        await handle.get_result()
        taken = time.perf_counter() - begun
        return Timing(taken - SLEEP_SECONDS if kind == "sleep" else taken)

    async def _stream(self, kind: Kind, count: int) -> Timing:
        begun = time.perf_counter()
        handle = await DBOS.start_workflow_async(FLOWS[kind], count)
        firsts: list[float] = []

        async def read(name: str) -> int:
            total = 0
            async for chunk in _read(handle.get_workflow_id(), name):
                if not total:
                    firsts.append(time.perf_counter() - begun)
                total += len(chunk)
            return total

        totals = await asyncio.gather(*map(read, READ[kind]))
        await handle.get_result()
        taken = time.perf_counter() - begun
        wanted = CHUNKS * len(CHUNK) if kind == "stream" else STREAM_BYTES
        assert sum(totals) in (wanted, STREAMS * STREAM_BYTES)
        return Timing(taken, min(firsts))

    async def _hook(self) -> Timing:
        run = str(uuid4())
        with SetWorkflowID(run):
            handle = await DBOS.start_workflow_async(hook_flow, 0)
        await asyncio.sleep(0.05)  # it waits by then
        begun = time.perf_counter()
        await DBOS.send_async(run, {"ok": True}, "bench")
        assert await handle.get_result() == {"ok": True}
        return Timing(time.perf_counter() - begun)

    async def close(self) -> None:
        DBOS.destroy()


def contestant(folder: Path) -> Any:
    return Dbos(folder)
