"""Every behaviour, on both stores and in both isolations, and crashed at every event."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.behaviour.behaviour import Behaviour
from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.playing import House, Played, needs_its_own_world, play
from tests.behaviour.promises import as_promised, crash_everywhere
from tests.worlds import opened
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import NewKey
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wf_notebook.config import IsolationMode

each = pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.name)


def duckdb() -> DuckDBStore:
    return DuckDBStore.open(":memory:", key_provider=NewKey(), owner={})


WARM_UP = Behaviour(
    name="warm_up",
    promise="Whatever a world starts on first use has been started.",
    source="async def warm_up():\n    return await steps.double(1)\n",
    returns=2,
    log="",
)


@pytest.fixture(scope="module", params=[MemoryStore, duckdb], ids=["memory", "duckdb"])
def play_there(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Behaviour, IsolationMode], Played]]:
    """Play in one world with one zygote, and only those that need it in a world of their own."""
    with House(request.param()) as house:
        for isolation in ("inline", "process"):
            house.play(WARM_UP, isolation)

        def there(behaviour: Behaviour, isolation: IsolationMode) -> Played:
            if needs_its_own_world(behaviour):
                return play(behaviour, request.param(), isolation)
            return house.play(behaviour, isolation)

        yield there


@each
@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_behaviour(
    behaviour: Behaviour,
    isolation: IsolationMode,
    play_there: Callable[[Behaviour, IsolationMode], Played],
) -> None:
    """It ends as promised, and its log is the promised one, wherever facts and guest live."""
    as_promised(behaviour, play_there(behaviour, isolation))


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
