"""Steps and workflows for vercel-workflow; its sandbox imports this module again, so it is small."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

from vercel.workflow import (
    BaseHook,
    SandboxPolicy,
    Workflows,
    get_run,
    get_workflow_metadata,
    get_writable,
    sleep,
)

from tests.bench.workloads import (
    CHUNK,
    PAYLOAD,
    PIECE_BYTES,
    SLEEP_SECONDS,
    STREAM_BYTES,
)

SHARED = os.environ.get("BENCH_SHARED_SANDBOX") == "1"
PIECE = b"z" * PIECE_BYTES
wf = Workflows(sandbox_policy=SandboxPolicy(share_sandboxes=SHARED))


@dataclass
class Answer(BaseHook):
    ok: bool


@wf.step
async def noop(i: int) -> int:
    return i


@wf.step
async def echo(data: str) -> str:
    return data


@wf.step
async def chunks(count: int) -> None:
    out = get_writable(namespace="out")
    for _ in range(count):
        await out.write(CHUNK)
    await out.close()


@wf.step
async def pieces(name: str) -> None:
    out = get_writable(namespace=name)
    for _ in range(STREAM_BYTES // PIECE_BYTES):
        await out.write(PIECE)
    await out.close()


@wf.step
async def transform(source: str, target: str) -> None:
    out = get_writable(namespace=target)
    run = get_run(get_workflow_metadata().run_id)
    async for piece in run.readable_bytes(namespace=source):
        await out.write(piece.swapcase())
    await out.close()


@wf.step
async def merge(sources: list[str], target: str) -> int:
    out, total = get_writable(namespace=target), 0
    run = get_run(get_workflow_metadata().run_id)
    for source in sources:
        async for piece in run.readable_bytes(namespace=source):
            await out.write(piece)
            total += len(piece)
    await out.close()
    return total


@wf.workflow
async def steps_flow(n: int) -> int:
    for i in range(n):
        await noop(i)
    return n


@wf.workflow
async def gather_flow(n: int) -> int:
    return len(await asyncio.gather(*[noop(i) for i in range(n)]))


@wf.workflow
async def race_flow(n: int) -> int:
    pool = {asyncio.ensure_future(noop(i)) for i in range(n)}
    races = 0
    while pool:
        done, pool = await asyncio.wait(pool, return_when=asyncio.FIRST_COMPLETED)
        races += len(done)
    return races


@wf.workflow
async def payloads_flow(n: int) -> int:
    data = PAYLOAD
    for _ in range(n):
        data = await echo(data)
    return len(data)


@wf.workflow
async def payload_gather_flow(n: int) -> int:
    return len(await asyncio.gather(*[echo(PAYLOAD) for _ in range(n)]))


@wf.workflow
async def stream_flow(n: int) -> None:
    await chunks(n)


@wf.workflow
async def pipeline_flow(n: int) -> None:
    moved = [transform(f"s{i}", f"s{i + 1}") for i in range(n)]
    await asyncio.gather(pieces("s0"), *moved)


@wf.workflow
async def streams_flow(n: int) -> None:
    await asyncio.gather(*[pieces(f"s{i}") for i in range(n)])


@wf.workflow
async def fan_flow(n: int) -> None:
    made = [pieces(f"s{i}") for i in range(n)]
    moved = [transform(f"s{i}", f"t{i}") for i in range(n)]
    await asyncio.gather(*made, *moved, merge([f"t{i}" for i in range(n)], "merged"))


@wf.workflow
async def hook_flow(token: str) -> bool:
    return (await Answer.wait(token=token)).ok


@wf.workflow
async def sleep_flow(_: int) -> None:
    await sleep(f"{SLEEP_SECONDS}s")
