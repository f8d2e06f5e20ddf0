"""P8: opening a damaged world never changes it and never puts an empty one in its place.

And the other half: every acknowledged commit is there, or it is said that one is not.
"""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash.damaging import DAMAGE, NAMES, RUNS, Written, written
from tests.sizes import sized
from tests.worlds import contents, copies, opened
from wf_notebook.errors import WorldDamagedError, WorldError
from wf_notebook.testing.conformance.appends import add, created, log

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.world.duckdb import DuckDBStore


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("seed", range(sized(3, 46)))
@pytest.mark.parametrize("way", DAMAGE)
def test_what_was_acknowledged_is_there_or_its_lack_is_said(
    world: Written, tmp_path: Path, way: str, seed: int
) -> None:
    """Whatever happens to the files: never silently shorter, never changed, never empty."""
    shutil.copytree(world.folder, tmp_path, dirs_exist_ok=True)
    DAMAGE[way](tmp_path, world, random.Random(f"{way} {seed}"))
    place = tmp_path / "w.duckdb"
    before = contents(place)
    try:
        with closing(opened(place)) as store:
            read(store, world)
            assert store.damage is None
    except WorldError as error:
        check_way_out(error)
        assert contents(place) == before
        check_copies(place, before, error)
        if seed % 2:
            check_going_on(place, world)
        else:
            check_reading(place, world, before)
    else:
        check_more(place)


def read(store: DuckDBStore, world: Written, *, all_of_it: bool = True) -> None:
    """Hold what is read against what was written; a run of which something is damaged says so."""
    found = [row.run_id for row in store.runs(limit=None).result(timeout=30)]
    assert not all_of_it or set(found) == set(RUNS)
    for run_id in found:
        try:
            events, chunks = list(log(store, run_id)), stream(store, run_id)
            assert store.definition(run_id).result(timeout=30)
        except WorldDamagedError as error:
            check_way_out(error)
            continue
        if run_id in RUNS:
            assert events == world.logs[run_id][: len(events)]
            assert chunks == world.chunks[run_id][: len(chunks)]
            lost = len(events) < len(world.logs[run_id]) or len(chunks) < len(world.chunks[run_id])
            assert not (lost and all_of_it)


def check_way_out(error: WorldError) -> None:
    """Whatever is refused says what can be done."""
    assert error.hint


def stream(store: DuckDBStore, run_id: str) -> list[Any]:
    return list(store.chunks(run_id, "out").result(timeout=30))


def check_copies(place: Path, before: dict[str, bytes], error: WorldError) -> None:
    """What is damaged was copied once, byte for byte, for its user only; the error says where."""
    if not isinstance(error, WorldDamagedError) or not place.exists():
        assert not copies(place)
        return
    with pytest.raises(WorldDamagedError) as again:
        opened(place)
    (copy,) = copies(place)
    assert str(copy) in error.message
    assert str(copy) in again.value.message
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert copy.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in copy.iterdir()} == {0o600}


def check_reading(place: Path, world: Written, before: dict[str, bytes]) -> None:
    """What is whole can be read, and reading changes nothing."""
    try:
        with closing(opened(place, read_only=True)) as store:
            assert store.damage is not None
            read(store, world, all_of_it=False)
    except WorldError as error:
        check_way_out(error)
    assert contents(place) == before


def check_going_on(place: Path, world: Written) -> None:
    """Who accepts the loss goes on with what is whole, and is not told of it again."""
    kept = contents(place)
    try:
        with closing(opened(place, accept_loss=True)) as store:
            assert store.damage is not None
            assert str(copies(place)[0]) in store.damage.message
            read(store, world, all_of_it=False)
    except WorldError as error:
        check_way_out(error)
        assert contents(place) == kept
    else:
        check_more(place)


def check_more(place: Path) -> None:
    """The world takes commits, and opens as a whole one."""
    with closing(opened(place)) as store:
        assert store.damage is None
        add(store, "more", created(), definition={"source": "more"})
    with closing(opened(place)) as store:
        assert store.damage is None
        assert len(log(store, "more")) == 1
    assert set(contents(place)) <= set(NAMES)
