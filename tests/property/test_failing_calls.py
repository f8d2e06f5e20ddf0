"""Whichever call of the world fails, before or after its effect: the run ends as if none had."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings

from tests.behaviour.invariants import check_log
from tests.property.driving import MADE, STEPS, DrivenClock, Outcome
from tests.property.failing import FailingCalls
from tests.property.programs import programs
from tests.sizes import sized
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.engine import runner
from wf_notebook.errors import WorldError
from wf_notebook.ids import SeededIds
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.world.store import EventStore


T = TypeVar("T")


class OneSeed(SeededIds):
    """A run that is started again has the seed of the first try."""

    def seed(self) -> bytes:
        return bytes(16)


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """A failed commit is tried again at once: no deadline of a program is over meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "RETRY_WORLD_US", 1)
        yield


def insisting(ask: Callable[[], T]) -> T:
    """Ask again if that failed, as whoever got an error does: one call fails, and no other."""
    try:
        return ask()
    except WorldError:
        return ask()


def outcome(store: EventStore, source: str) -> Outcome:
    """Run a source to its end, asking again for what failed."""
    clock = DrivenClock()
    limits = Limits(concurrent_steps=1)
    world = World(
        store,
        steps=StepRegistry(STEPS),
        clock=clock,
        ids=OneSeed(),
        isolation="inline",
        limits=limits,
    )
    clock.world = world
    MADE.clear()
    try:
        run = insisting(lambda: world.start(source, (1,), steps=STEPS, id="the-run"))
        run.wait_for("terminal", timeout=20)
        state = run.state
        value = state.result if state.status == "completed" else (state.code, state.error)
        return Outcome(state.status, value, insisting(run.events), "", Counter(MADE))
    finally:
        world.close()


def summary(outcome: Outcome) -> str:
    """How a run ended, and what it asked for; not when a wait is due, which a failure puts off."""
    asked = [(kind, key, {**meta, "due_us": 0}, data) for kind, key, meta, data in outcome.asked]
    told = json.dumps([outcome.status, outcome.value, asked], default=str)
    return told.replace(outcome.events[0].run_id, "RUN")  # a conflict names it


def fail_everywhere(source: str, make: Callable[[], EventStore]) -> None:
    """Run a source whole, then once more for every call that may fail."""
    whole = outcome(counted := FailingCalls(make()), source)
    for n in range(1, counted.count + 1):
        for written in (False, True):
            again = outcome(FailingCalls(make(), n, written=written), source)
            where = f"call {n} failed, {'after' if written else 'before'} its effect\n{source}"
            assert summary(again) == summary(whole), where
            assert max(MADE.values(), default=1) == 1, where  # nobody died: none is made twice
            check_log(again.events)


def timeless(source: str) -> str:
    """A program that doesn't tell the time, which moves on when a call fails."""
    return source.replace("now().isoformat()", "now().date().isoformat()")


@settings(max_examples=sized(20, 500))
@given(programs().map(timeless))
def test_memory(source: str) -> None:
    """I17, on the reference store: the run ends, with the same result and the same effects."""
    fail_everywhere(source, MemoryStore)


@settings(max_examples=sized(2, 50))
@given(programs().map(timeless))
def test_duckdb(source: str) -> None:
    """On DuckDB the same."""
    fail_everywhere(source, lambda: opened(":memory:"))
