"""What can't be beaten here: an append with fsync, one commit of a step's rows, one trip to a guest.

A step needs a commit and a trip, and is itself run by another thread. What these take one after the
other, with nothing of ours between, is its bare mechanics. A log that is replayed cold has to be
read, opened, parsed and written down for a guest before that can begin.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import duckdb
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.bench.bare import connected, recorded
from tests.bench.workloads import Workload
from tests.guest_runs import START_US, start_message
from wf_notebook.config import Limits
from wf_notebook.engine.loops import LoopThread
from wf_notebook.guest.machine import Machine
from wf_notebook.isolation.choose import choose
from wf_notebook.world.connection import CONFIG
from wf_notebook.world.schema import insert, parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from wf_notebook.isolation.protocol import Guest

BYTES: Final = 600  # about what the event rows of one step take
EVENTS: Final = 10_000
PAUSE_SECONDS: Final = 0.002
SEQUENTIAL: Final = Workload("", "steps", 3)
LOOP: Final = "async def w():\n    while True:\n        await steps.c()\n"


def limits(folder: Path, rounds: int) -> dict[str, float]:
    """Return the seconds that each takes, by its name: medians."""
    rows = recorded(str(folder / "limits.duckdb"), SEQUENTIAL)[2]["events"]
    statement, values = insert("events", len(rows)), parameters(rows)
    with closing(connected(str(folder / "committed.duckdb"))) as file:

        def commit() -> None:
            file.execute(statement, values)

        return {
            f"append of {BYTES} bytes, fsync": _appended(folder, rounds),
            f"bare commit of a step's {len(rows)} event rows": _median(commit, rounds),
            f"the same after {PAUSE_SECONDS * 1e3:g} ms of rest": _median(
                commit, rounds, PAUSE_SECONDS
            ),
            **asyncio.run(_trips(commit, rounds)),
            f"{EVENTS:,} events read, opened, parsed and written down": _reread(
                folder, rows[1], max(rounds // 10, 1)
            ),
            f"{EVENTS:,} events replayed in a guest": _median(_replayed, max(rounds // 10, 1)),
        }


def _median(play: Callable[[], object], rounds: int, pause: float = 0) -> float:
    taken: list[float] = []
    for _ in range(rounds + 1):
        time.sleep(pause)  # caches and cores go cold, as they do where others work meanwhile
        begun = time.perf_counter()
        play()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])


def _appended(folder: Path, rounds: int) -> float:
    with (folder / "appended").open("ab", buffering=0) as file:

        def append() -> None:
            file.write(b"x" * BYTES)
            os.fsync(file.fileno())

        return _median(append, rounds)


async def _trips(commit: Callable[[], None], rounds: int) -> dict[str, float]:
    """A guest is told of one event and asks for the next step; then all that a step needs."""
    isolation = await choose(None, Limits())
    steps = LoopThread("steps")
    try:
        guest = await isolation.spawn()
        await guest.activate(start_message(LOOP))
        trips = [await _took(_trip(guest, n)) for n in range(1, rounds + 2)]
        with ThreadPoolExecutor(1) as world:
            mechanics = [
                await _took(_mechanics(guest, n, steps, world, commit))
                for n in range(rounds + 2, 2 * rounds + 3)
            ]
    finally:
        steps.close()
        await isolation.close()
    return {
        f"round trip to a guest ({isolation.mode})": statistics.median(trips[1:]),
        "bare mechanics of a step: its thread, a trip, a commit": statistics.median(mechanics[1:]),
    }


async def _took(play: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await play
    return time.perf_counter() - begun


async def _trip(guest: Guest, n: int) -> None:
    await guest.activate({"op": "deliver", "events": [_completed(n)]})


async def _mechanics(
    guest: Guest, n: int, steps: LoopThread, world: Executor, commit: Callable[[], None]
) -> None:
    await asyncio.wrap_future(steps.submit(asyncio.sleep(0)))
    await _trip(guest, n)
    await asyncio.get_running_loop().run_in_executor(world, commit)


def _completed(n: int) -> dict[str, Any]:
    return {"type": "step_completed", "n": n, "time_us": START_US + n, "value": n}


def _replayed() -> None:
    machine = Machine(start_message(LOOP, events=[_completed(n) for n in range(1, EVENTS + 1)]))
    machine.advance()
    machine.deliver_all(machine._start["events"])
    assert machine.reply()["after"] == EVENTS


def _reread(folder: Path, row: tuple[object, ...], rounds: int) -> float:
    """A file of so many rows is opened and read; each holds a sealed value, which a guest is told."""
    path, aead, nonce = str(folder / "reread.duckdb"), AESGCM(bytes(32)), bytes(12)
    sealed = aead.encrypt(nonce, b'{"result": 1}', None)
    with closing(connected(path)) as file:
        rows = [(*row[:2], seq, *row[3:-1], sealed) for seq in range(EVENTS)]
        file.execute(insert("events", EVENTS), parameters(rows))

    def read() -> None:
        with closing(duckdb.connect(path, config=CONFIG)) as file:
            found = file.execute("select * from events order by seq").fetchall()
        told: list[dict[str, Any]] = []
        for *_, seq, _, kind, _, time_us, meta, data in found:
            json.loads(meta)
            value = json.loads(aead.decrypt(nonce, data, None))["result"]
            told.append({"type": kind, "n": seq, "time_us": time_us, "value": value})
        json.dumps(told)

    return _median(read, rounds)
