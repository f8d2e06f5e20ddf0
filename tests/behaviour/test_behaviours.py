"""Every behaviour, on both stores and in both isolations, and crashed at every event."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.invariants import check_log
from tests.behaviour.logs import lines
from tests.behaviour.playing import Played, cuts, play, play_on
from tests.worlds import opened
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import NewKey
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.behaviour.behaviour import Behaviour
    from wf_notebook.config import IsolationMode
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

each = pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.name)


def duckdb() -> DuckDBStore:
    return DuckDBStore.open(":memory:", key_provider=NewKey(), owner={})


def as_promised(behaviour: Behaviour, played: Played) -> None:
    assert played.ending == behaviour.ending, behaviour.promise
    assert played.log == lines(behaviour.log), behaviour.promise
    assert played.notes == list(behaviour.notes), behaviour.promise
    assert played.printed == behaviour.prints
    check_log(played.world)


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
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.name)
def test_crash_at_every_event_on_disk(behaviour: Behaviour, tmp_path: Path) -> None:
    """In world files the same."""
    files = (str(tmp_path / f"{number}.duckdb") for number in count())
    crash_everywhere(behaviour, lambda: opened(next(files)))


def crash_everywhere(behaviour: Behaviour, make: Callable[[], EventStore]) -> None:
    whole = play(behaviour, make())
    for after in cuts(behaviour, whole):
        again = play_on(behaviour, whole, make(), after)
        where = f"{behaviour.name} dropped after event {after}: {whole.world[after - 1].type}"
        assert again.ending == behaviour.ending, where
        assert again.asked == whole.asked, where
        assert again.printed == behaviour.prints, where
        kept = [e for e in whole.world[:after] if e.run_id == whole.runs["main"]]
        assert list(again.events[: len(kept)]) == kept, where  # I4
        reruns_are_honest(kept, again, where)
        check_log([*whole.world[:after], *again.world])


def reruns_are_honest(kept: Sequence[Event], again: Played, where: str) -> None:
    """Only what was being attempted when the world was dropped is attempted again (P2)."""
    running = {s.id for s in fold(kept).open_steps if s.status == "running"}
    rerun = {e.correlation_id for e in again.events[len(kept) :] if e.meta.get("rerun")}
    assert rerun <= running, where
