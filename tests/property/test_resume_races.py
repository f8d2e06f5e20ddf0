"""One hook, many who resume it at once: each gets an answer, each payload is recorded once."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.behaviour.invariants import check_log
from tests.engine.flows import double, flow
from tests.sizes import sized
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.errors import HookNotFoundError
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wf_notebook.run import Run
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

CALLERS = 4
ONCE = "return await create_hook(token={token!r})"
DISPOSING = """
hook = create_hook(token={token!r})
first = await hook
hook.dispose()
return first
"""
COLLECTING = """
found = []
async for item in create_hook(token={token!r}):
    found.append(item)
    if len(found) == 3:
        return found
"""
BODIES = (ONCE, DISPOSING, COLLECTING)


@dataclass(frozen=True)
class Asked:
    """What a caller asked, and what it was answered: the event's seq, or that it came too late."""

    what: str
    resume_id: str
    seq: int | None


def caller(run: Run, token: str, chance: random.Random, gate: threading.Barrier) -> list[Asked]:
    """One who resumes, some of it twice, or cancels."""
    picked = [chance.choice("rrrrrrrrswc") for _ in range(2)]
    ids = [chance.choice(["same", f"{chance.random()}"]) for _ in picked]
    gate.wait(30)
    return [ask(run, token, what, resume_id) for what, resume_id in zip(picked, ids, strict=True)]


def ask(run: Run, token: str, what: str, resume_id: str) -> Asked:
    try:
        match what:
            case "r":  # as from a cell
                return Asked("resume", resume_id, run.resume(token, resume_id, resume_id))
            case "s":  # as from a click, which is sent twice
                clicks = [run.actions.resume(token, resume_id, resume_id) for _ in range(2)]
                (seq,) = {click.result(timeout=30) for click in clicks}
                return Asked("resume", resume_id, seq)
            case "w":
                return Asked("wake", "", run.wake())
            case _:
                return Asked("cancel", "", run.cancel("raced"))
    except HookNotFoundError:
        return Asked("resume", resume_id, None)


def race(world: World, number: int, pool: ThreadPoolExecutor) -> None:
    """Let some callers at one hook, all at the same time; check what they were told."""
    chance = random.Random(number)
    token = f"hook-{number}"
    source = flow(chance.choice(BODIES).format(token=token))
    run = world.start(source, steps=[double]).wait_for("hook", timeout=30)
    gate = threading.Barrier(CALLERS)
    asking = [
        pool.submit(caller, run, token, random.Random(f"{number}/{i}"), gate)
        for i in range(CALLERS)
    ]
    asked = [one for found in asking for one in found.result(timeout=60)]
    if not run.state.terminal and run.state.open_hooks:
        run.cancel("over")
    run.wait_for("terminal", timeout=30)
    check(run.events(), asked)


def check(events: Sequence[Event], asked: Sequence[Asked]) -> None:
    """I8: each resume id once, and its caller was told of that very event; nothing unheard of."""
    check_log(events)
    recorded = {e.meta["resume_id"]: e.seq for e in events if e.type == "hook_received"}
    told = [one for one in asked if one.what == "resume" and one.seq is not None]
    assert {one.resume_id: one.seq for one in told} == recorded
    assert all(recorded[one.resume_id] == one.seq for one in told)
    cancels = Counter(one.seq for one in asked if one.what == "cancel")
    cancelled = [e.seq for e in events if e.type == "run_cancelled"]
    assert {seq for seq in cancels if seq} <= set(cancelled)
    assert cancels[cancelled[0]] <= 1 if cancelled else True


def races(store: EventStore, numbers: range) -> None:
    world = World(store, steps=StepRegistry([double]), isolation="inline")
    with closing(world), ThreadPoolExecutor(CALLERS) as pool:
        for number in numbers:
            race(world, number, pool)


def test_many_at_once() -> None:
    """Threads and clicks, same ids and others, disposals and cancels between them."""
    for first in range(0, sized(950, 19_475), 475):
        races(MemoryStore(), range(first, first + 475))


def test_duckdb(tmp_path: Path) -> None:
    """In a world file the same; fifty in each."""
    for first in range(0, sized(50, 500), 50):
        races(opened(tmp_path / f"{first}.duckdb"), range(first, first + 50))
