"""What can't be beaten here: an append with fsync, one commit of a step's rows, one trip to a guest."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from tests.bench.bare import connected, recorded
from tests.bench.workloads import Workload
from tests.guest_runs import START_US, start_message
from wf_notebook.config import Limits
from wf_notebook.guest.machine import Machine
from wf_notebook.isolation.choose import choose
from wf_notebook.world.schema import insert, parameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.bare import Rows
    from wf_notebook.isolation.protocol import Guest

BYTES: Final = 600  # about what the event rows of one step take
EVENTS: Final = 10_000
SEQUENTIAL: Final = Workload("", "steps", 3)
LOOP: Final = "async def w():\n    while True:\n        await steps.c()\n"


def limits(folder: Path, rounds: int) -> dict[str, float]:
    """Return the seconds that each takes, by its name: medians."""
    rows = recorded(str(folder / "limits.duckdb"), SEQUENTIAL)[2]
    return {
        f"append of {BYTES} bytes, fsync": _appended(folder, rounds),
        f"bare commit of a step's {len(rows)} event rows": _committed(folder, rows, rounds),
        **asyncio.run(_trips(rounds)),
        f"{EVENTS:,} events replayed in a guest": _median(_replayed, max(rounds // 10, 1)),
    }


def _median(play: Callable[[], object], rounds: int) -> float:
    taken: list[float] = []
    for _ in range(rounds + 1):
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


def _committed(folder: Path, rows: Rows, rounds: int) -> float:
    statement, values = insert("events", len(rows)), parameters(rows)
    file = connected(str(folder / "committed.duckdb"))
    try:
        return _median(lambda: file.execute(statement, values), rounds)
    finally:
        file.close()


async def _trips(rounds: int) -> dict[str, float]:
    """A guest is told of one event and asks for the next step."""
    isolation = await choose(None, Limits())
    try:
        guest = await isolation.spawn()
        await guest.activate(start_message(LOOP))
        taken = [await _took(guest, _completed(n)) for n in range(1, rounds + 2)]
    finally:
        await isolation.close()
    return {f"round trip to a guest ({isolation.mode})": statistics.median(taken[1:])}


async def _took(guest: Guest, event: dict[str, Any]) -> float:
    begun = time.perf_counter()
    await guest.activate({"op": "deliver", "events": [event]})
    return time.perf_counter() - begun


def _completed(n: int) -> dict[str, Any]:
    return {"type": "step_completed", "n": n, "time_us": START_US + n, "value": n}


def _replayed() -> None:
    machine = Machine(start_message(LOOP, events=[_completed(n) for n in range(1, EVENTS + 1)]))
    machine.advance()
    machine.deliver_all(machine._start["events"])
    assert machine.reply()["after"] == EVENTS
