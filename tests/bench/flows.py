"""Steps and sources of ours that the bench plays."""

from __future__ import annotations

from typing import Final

from tests.bench.workloads import (
    CHUNK,
    CHUNKS,
    PAYLOAD,
    PIECE_BYTES,
    SLEEP_SECONDS,
    STREAM_BYTES,
    STREAMS,
    TRANSFORMS,
    Kind,
)
from wf_notebook import get_run, step, step_context

PIECE: Final = b"z" * PIECE_BYTES


@step
async def bench_noop(i: int) -> int:
    return i


@step
async def bench_echo(data: str) -> str:
    return data


@step
async def bench_chunks(count: int) -> None:
    out = step_context().stream("out")
    for _ in range(count):
        out.write(CHUNK)
    out.close()


@step
async def bench_pieces(name: str) -> None:
    out = step_context().stream(name)
    for _ in range(STREAM_BYTES // PIECE_BYTES):
        out.write(PIECE)
    out.close()


@step
async def bench_transform(source: str, target: str) -> None:
    out = step_context().stream(target)
    async for piece in get_run(step_context().run_id).stream(source):
        out.write(piece.swapcase())
    out.close()


@step
async def bench_merge(sources: list[str], target: str) -> int:
    out, total = step_context().stream(target), 0
    for source in sources:
        async for piece in get_run(step_context().run_id).stream(source):
            out.write(piece)
            total += len(piece)
    out.close()
    return total


STEPS: Final = {
    "noop": bench_noop,
    "echo": bench_echo,
    "chunks": bench_chunks,
    "pieces": bench_pieces,
    "transform": bench_transform,
    "merge": bench_merge,
}


def _flow(arguments: str, body: str) -> str:
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return f'async def workflow({arguments}):\n    "use workflow"\n{lines}\n'


SOURCES: Final[dict[Kind, str]] = {
    "steps": _flow("n", "for i in range(n):\n    await steps.noop(i)\nreturn n"),
    "gather": _flow("n", "return len(await asyncio.gather(*[steps.noop(i) for i in range(n)]))"),
    "race": _flow(
        "n",
        """
pool = {steps.noop(i) for i in range(n)}
races = 0
while pool:
    done, pool = await asyncio.wait(pool, return_when=asyncio.FIRST_COMPLETED)
    races += len(done)
return races
""",
    ),
    "payloads": _flow(
        "n, data", "for i in range(n):\n    data = await steps.echo(data)\nreturn len(data)"
    ),
    "payload gather": _flow(
        "n, data", "return len(await asyncio.gather(*[steps.echo(data) for i in range(n)]))"
    ),
    "stream": _flow("n", "await steps.chunks(n)"),
    "pipeline": _flow(
        "n",
        """
moved = [steps.transform(f"s{i}", f"s{i + 1}") for i in range(n)]
await asyncio.gather(steps.pieces("s0"), *moved)
""",
    ),
    "streams": _flow("n", 'await asyncio.gather(*[steps.pieces(f"s{i}") for i in range(n)])'),
    "fan": _flow(
        "n",
        """
made = [steps.pieces(f"s{i}") for i in range(n)]
moved = [steps.transform(f"s{i}", f"t{i}") for i in range(n)]
merged = steps.merge([f"t{i}" for i in range(n)], "merged")
await asyncio.gather(*made, *moved, merged)
""",
    ),
    "hook": _flow("", 'return await create_hook(token="bench")'),
    "sleep": _flow("", f"await sleep({SLEEP_SECONDS})"),
    # replayed cold by whoever resumes it; it then waits for the next payload
    "replay": _flow(
        "n",
        """
for begin in range(0, n, 100):
    await asyncio.gather(*[steps.noop(i) for i in range(begin, min(begin + 100, n))])
async for _ in create_hook(token="bench"):
    pass
""",
    ),
    "open": _flow("", 'await sleep("30d")'),
    "waiting": _flow("token", "return await create_hook(token=token)"),
}

# What is read of a run's streams while it goes on.
READ: Final[dict[Kind, list[str]]] = {
    "stream": ["out"],
    "pipeline": [f"s{TRANSFORMS}"],
    "streams": [f"s{i}" for i in range(STREAMS)],
    "fan": ["merged"],
}
STREAMED: Final[dict[Kind, int]] = {
    "stream": CHUNKS * len(CHUNK),
    "pipeline": STREAM_BYTES,
    "streams": STREAMS * STREAM_BYTES,
    "fan": STREAMS * STREAM_BYTES,
}


def arguments(kind: Kind, count: int) -> tuple[object, ...]:
    """Return what the source of a kind is called with."""
    match kind:
        case "payloads" | "payload gather":
            return (count, PAYLOAD)
        case "pipeline":
            return (TRANSFORMS,)
        case "streams" | "fan":
            return (STREAMS,)
        case "hook" | "sleep" | "open":
            return ()
        case "replay":
            return (count // 3,)  # a step makes three events
        case _:
            return (count,)


def expected(kind: Kind, count: int) -> object:
    """Return the result that a run of a kind must have."""
    match kind:
        case "payloads":
            return len(PAYLOAD)
        case "steps" | "gather" | "race" | "payload gather":
            return count
        case _:
            return None
