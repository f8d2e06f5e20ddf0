"""The same in a world file: a run dropped at any event, and the file opened as the crash left it."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.behaviour.invariants import check_same_logs
from tests.property.crashing import PART, goes_on, played
from tests.property.driving import copy_log
from tests.property.programs import programs
from tests.sizes import sized
from tests.worlds import QUICK, abandoned, opened
from wf_notebook.world.memory import MemoryStore

pytestmark = pytest.mark.usefixtures("compiled_once")


@pytest.mark.parametrize("part", range(sized(1, 20)))
def test_duckdb(part: int) -> None:
    """In a world file the same, opened again as a crash after the event has left it."""

    @settings(max_examples=PART // 10)
    @given(programs())
    def dropped(source: str) -> None:
        with tempfile.TemporaryDirectory(dir=QUICK) as folder:
            dropped_on_disk(Path(folder), source)

    dropped()


def dropped_on_disk(folder: Path, source: str) -> None:
    whole, copy = played(opened(folder / "whole.duckdb"), source)
    in_memory, other = played(MemoryStore(copy.world_id), source)
    assert list(in_memory.events) == list(whole.events), "I12"
    check_same_logs(copy, other, [whole.events[0].run_id])
    with closing(opened(folder / "growing.duckdb")) as growing:
        for count in range(1, len(whole.events)):
            copy_log(copy, growing, whole.events[count - 1 : count])
            with abandoned(folder / "growing.duckdb") as place:
                goes_on(whole, opened(place), count, source)
