"""Make golden histories: a run for each, with seeded ids, a clock that tests move, and stubs.

    python -m tests.replay.make_histories FOLDER NAME…

A history that was released is never made again: later versions must replay it as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.replay import sources
from wf_notebook import FatalError, Run, World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.errors import RetryableError
from wf_notebook.ids import SeededIds
from wf_notebook.testing import VirtualClock, in_turn, save_history, stub_steps
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


USUAL: dict[str, object] = {
    "fetch": lambda order_id: {"id": order_id, "total": 10 * len(order_id)},
    "charge": "paid",
    "notify": None,
}


@dataclass(frozen=True)
class Golden:
    """A history to be made.

    Attributes:
        source: what runs.
        drive: what is done to it meanwhile; None: it ends by itself, and the clock jumps.
        beside: another run of the world, which is there first.
        outcomes: of stubs, made anew for each run.
    """

    source: str
    drive: Callable[[Run, VirtualClock], object] | None = None
    beside: str | None = None
    outcomes: Callable[[VirtualClock], dict[str, object]] = field(default=lambda clock: {})


def _retried(clock: VirtualClock) -> dict[str, object]:
    tries = in_turn(ConnectionError("down"), RetryableError("busy", retry_after=30), "paid")
    return {"charge": tries, "notify": RuntimeError("no network")}


def _slow(clock: VirtualClock) -> dict[str, object]:
    async def fetch(order_id: str) -> None:
        clock.advance("2m")
        await asyncio.Event().wait()

    return {"fetch": fetch}


def _answer_early(run: Run, clock: VirtualClock) -> None:
    run.wait_for("suspended")
    clock.advance("1d")
    run.resume("approve", {"ok": True, "amount": 7}, "answer-1")


def _wake(run: Run, clock: VirtualClock) -> None:
    run.wait_for("suspended")
    clock.advance("1d")
    run.wake()
    clock.advance(90)


def _answer_thrice(run: Run, clock: VirtualClock) -> None:
    for index, amount in enumerate((20, 5)):
        run.wait_for("suspended")
        clock.advance("1h")
        run.resume("amounts", {"ok": True, "amount": amount}, f"answer-{index}")
    run.wait_for("suspended")
    run.resume("amounts", {"ok": False}, "answer-2")


def _cancel(run: Run, clock: VirtualClock) -> None:
    run.wait_for("suspended")
    clock.advance("1d")
    run.cancel("no longer wanted")


GOLDEN = {
    "steps": Golden(sources.STEPS),
    "retries": Golden(sources.RETRIES, outcomes=_retried),
    "gather": Golden(sources.GATHER),
    "race_lost": Golden(sources.RACE),
    "race_won": Golden(sources.RACE, _answer_early),
    "timeout": Golden(sources.TIMEOUT, outcomes=_slow),
    "sleep_woken": Golden(sources.SLEEP, _wake),
    "hooks": Golden(sources.HOOKS, _answer_thrice),
    "conflict": Golden(sources.CONFLICT, beside=sources.OWNER),
    "task_group": Golden(sources.GROUP, outcomes=lambda clock: {"notify": FatalError("no")}),
    "cancelled": Golden(sources.CANCELLED, _cancel),
}


@contextlib.contextmanager
def played(name: str) -> Iterator[Run]:
    """The run of a golden history, at its end; its world is open inside."""
    golden = GOLDEN[name]
    clock = VirtualClock(autojump=golden.drive is None)
    stubs = stub_steps(USUAL | golden.outcomes(clock), like=sources.REAL)
    world = World(
        MemoryStore(f"world of {name}"),
        steps=StepRegistry(stubs.values()),
        clock=clock,
        ids=SeededIds(name),
        isolation="inline",
        limits=Limits(concurrent_steps=1),  # in the program's order, not in that of a race
    )
    with world:
        if golden.beside is not None:
            world.start(golden.beside, ("A-17",), steps=stubs).wait_for("hook")
        run = world.start(golden.source, ("A-17",), steps=stubs, schemas=[sources.Approval])
        if golden.drive is not None:
            golden.drive(run, clock)
        yield run.wait_for("terminal")


def main(folder: str, *names: str) -> None:
    """Write the histories of these names into a folder."""
    for name in names:
        with played(name) as run:
            save_history(run, Path(folder) / f"{name}.json")


if __name__ == "__main__":
    main(*sys.argv[1:])
