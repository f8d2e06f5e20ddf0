"""Every behaviour, on both stores and in both isolations, and crashed at every event."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.playing import play
from tests.behaviour.promises import as_promised, crash_everywhere
from tests.worlds import opened
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import NewKey
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.behaviour.behaviour import Behaviour
    from wf_notebook.config import IsolationMode
    from wf_notebook.world.store import EventStore

each = pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.name)


def duckdb() -> DuckDBStore:
    return DuckDBStore.open(":memory:", key_provider=NewKey(), owner={})


@each
@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("make", [MemoryStore, duckdb])
def test_behaviour(
    behaviour: Behaviour, isolation: IsolationMode, make: Callable[[], EventStore]
) -> None:
    """It ends as promised, and its log is the promised one, wherever facts and guest live."""
    as_promised(behaviour, play(behaviour, make(), isolation))


@each
def test_crash_at_every_event(behaviour: Behaviour) -> None:
    """Dropped after any event of the world and opened again, it goes on to the same end."""
    crash_everywhere(behaviour, MemoryStore)


@pytest.mark.parametrize("behaviour", BEHAVIOURS[::3], ids=lambda b: b.name)
def test_crash_at_every_event_on_duckdb(behaviour: Behaviour) -> None:
    """On DuckDB the same."""
    crash_everywhere(behaviour, duckdb)


@pytest.mark.nightly
@each
def test_crash_at_every_event_on_disk(behaviour: Behaviour, tmp_path: Path) -> None:
    """In world files the same."""
    files = (str(tmp_path / f"{number}.duckdb") for number in count())
    crash_everywhere(behaviour, lambda: opened(next(files)))
