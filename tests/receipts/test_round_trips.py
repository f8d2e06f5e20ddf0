"""Runs of every shape go into a notebook and come back as they were, and replay from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.behaviour.behaviour import Behaviour
from tests.behaviour.catalogue import BEHAVIOURS
from tests.behaviour.playing import House, needs_its_own_world
from wf_notebook import read_receipt
from wf_notebook.config import Limits
from wf_notebook.errors import PayloadsMissingError
from wf_notebook.history import write
from wf_notebook.testing import replay_history
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import NewKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wf_notebook import Run
    from wf_notebook.world.events import Event

Played = "Callable[[Behaviour], Run]"


WARM_UP = Behaviour(
    name="receipts_warm_up",
    promise="Not one of the catalogue: a world plays each of those once.",
    source="async def warm_up():\n    return await steps.double(1)\n",
    returns=2,
    log="",
)


def duckdb() -> DuckDBStore:
    return DuckDBStore.open(":memory:", key_provider=NewKey(), owner={})


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    with House(duckdb()) as house:
        house.play(WARM_UP)  # whatever a world starts on first use has been started
        yield house


@pytest.fixture
def played(shared: House) -> Iterator[Callable[[Behaviour], Run]]:
    """Plays a behaviour; its world is open until the test is over."""
    own: list[House] = []

    def play(behaviour: Behaviour) -> Run:
        house = shared
        if needs_its_own_world(behaviour):
            limits = Limits(concurrent_steps=behaviour.at_once, **behaviour.limits)
            house = House(duckdb(), limits=limits)
            own.append(house)
        runs = house.play(behaviour).runs
        assert house._world is not None
        return house._world.get(runs["main"])

    yield play
    for house in own:
        house.__exit__()


def plain(events: list[Event]) -> list[Event]:
    return [replace(event, data=None) for event in events]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.name)
def test_round_trip(behaviour: Behaviour, played: Any, tmp_path: Path) -> None:
    """Without payloads all that is plain comes back; with them all, and the run replays from it."""
    run: Run = played(behaviour)
    definition, events = run.definition, run.events()
    bare, full = tmp_path / "bare.ipynb", tmp_path / "full.ipynb"

    made = run.to_notebook(bare)
    nbformat.validate(nbformat.read(bare, as_version=4))
    found = read_receipt(bare)
    assert found == made
    assert found.definition == definition
    assert list(found.events) == plain(events)
    assert (found.status, found.run_id, found.payloads) == (run.status, run.id, False)
    assert [s.status for s in found.state.steps.values()] == [s.status for s in run.steps]
    with pytest.raises(PayloadsMissingError, match="WF244"):
        found.history()

    run.to_notebook(full, payloads=True)
    nbformat.validate(nbformat.read(full, as_version=4))
    found = read_receipt(full)
    assert found.history() == write(run.id, definition, events) == run.history()
    report = replay_history(found.history(), isolation="inline").raise_for_divergence()
    if found.state.status == "completed":
        assert report.status == "completed"


WARM_UP_TWICE = replace(WARM_UP, name="receipts_twice")


def test_the_same_twice(played: Any, tmp_path: Path) -> None:
    """Exported at one moment twice, a receipt is the same, byte for byte."""
    run = played(WARM_UP_TWICE)
    for name in ("a", "b"):
        run.to_notebook(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
