"""Worlds of this folder: in memory, guests inline, a clock that jumps."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.testing import VirtualClock
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.world.store import EventStore


@pytest.fixture
def registry() -> StepRegistry:
    """The steps that this test's worlds know."""
    return StepRegistry()


@pytest.fixture(params=["memory", "duckdb"])
def any_store(request: pytest.FixtureRequest) -> Iterator[EventStore]:
    """A store of each kind."""
    store = MemoryStore() if request.param == "memory" else opened(":memory:")
    with contextlib.closing(store):
        yield store


@pytest.fixture
def make_world(registry: StepRegistry) -> Iterator[Callable[..., World]]:
    """Open worlds that are closed after the test."""
    made: list[World] = []

    def make(store: EventStore | None = None, **options: Any) -> World:
        options.setdefault("clock", VirtualClock(autojump=True))
        options.setdefault("isolation", "inline")
        world = World(store or MemoryStore(), steps=registry, **options)
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One such world."""
    return make_world()
