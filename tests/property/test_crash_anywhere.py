"""A run dropped at any event of its log, and opened again, asks for the same and ends the same."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.behaviour.folded import check_views
from tests.behaviour.invariants import (
    check_attempts,
    check_kept,
    check_log,
    check_reading,
    check_replay,
    check_same_end,
    check_same_logs,
)
from tests.property.driving import Outcome, copy_log, run_to_end
from tests.property.programs import programs
from tests.sizes import sized
from tests.worlds import QUICK, abandoned, opened
from wf_notebook.guest import machine
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

ROOT = Path(__file__).resolve().parents[2]
PART = 500  # programs in one test; by night there are more of these, as no test may take for ever
READ_EVERY = 5  # crashes, after which everything is read that can be read


@pytest.fixture(scope="module", autouse=True)
def compiled_once() -> Iterator[None]:
    """A source is replayed once for each of its events: compile it once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        kept = functools.lru_cache(maxsize=8)(machine.compile_ordered)
        patch.setattr(machine, "compile_ordered", kept)
        yield


def summary(outcome: Outcome) -> str:
    """What two executions of one program must have in common."""
    found = [outcome.status, outcome.value, outcome.asked, outcome.printed]
    return json.dumps(found, sort_keys=True, default=str)


def played(store: EventStore, source: str, *, at_once: int = 1) -> tuple[Outcome, MemoryStore]:
    """Run a source whole; return how it ended and a copy of what it wrote."""
    copy = MemoryStore(store.world_id)

    def keep(store: EventStore, events: Sequence[Event]) -> None:
        copy_log(store, copy, events)
        check_replay(store.definition(events[0].run_id).result(60), events)

    whole = run_to_end(store, source, at_once=at_once, look=keep)
    check_log(whole.events)
    check_attempts(whole.events, whole.made, crashes=0)
    return whole, copy


def goes_on(whole: Outcome, left: EventStore, count: int, source: str) -> None:
    """Open what a crash after so many events has left, and check what becomes of it."""
    last_us = whole.events[count - 1].time_us
    look = read_only if count % READ_EVERY == 0 else None
    resumed = run_to_end(left, None, start_us=last_us, look=look)
    assert summary(resumed) == summary(whole), f"dropped after event {count}\n{source}"
    check_kept(whole.events[:count], resumed.events)
    check_same_end(whole.events, resumed.events)
    check_log(resumed.events)
    check_attempts(resumed.events, resumed.made, crashes=1)


def read_only(store: EventStore, events: Sequence[Event]) -> None:
    """Look at everything there is to be read."""
    check_reading(store, [events[0].run_id])
    if isinstance(store, DuckDBStore):
        check_views(store, events)


@pytest.mark.parametrize("part", range(sized(1, 20)))
def test_memory(part: int) -> None:
    """On the reference store: dropped after every event, result, commands and prints are equal."""

    @settings(max_examples=PART)
    @given(programs())
    def dropped(source: str) -> None:
        whole, copy = played(MemoryStore(), source)
        for count in range(1, len(whole.events)):
            again = MemoryStore(copy.world_id)
            copy_log(copy, again, whole.events[:count])
            goes_on(whole, again, count, source)

    dropped()


@settings(max_examples=40)
@given(programs())
def test_races(source: str) -> None:
    """Where steps race for real, a dropped run may go another way, but only from there on (I4)."""
    whole, copy = played(MemoryStore(), source, at_once=8)
    for count in range(1, len(whole.events)):
        again = MemoryStore(copy.world_id)
        copy_log(copy, again, whole.events[:count])
        last_us = whole.events[count - 1].time_us
        resumed = run_to_end(again, None, at_once=8, start_us=last_us)
        check_kept(whole.events[:count], resumed.events)
        check_log(resumed.events)
        assert resumed.status in ("completed", "failed")


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


_COLLECTED: list[str] = []


@settings(max_examples=100)
@given(programs())
def _collect(source: str) -> None:
    _COLLECTED.append(source)


def digest(sources: list[str]) -> str:
    """One digest over everything that these programs ask for and return."""
    found = [summary(run_to_end(MemoryStore(), source)) for source in sources]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def _digest_under(hash_seed: str, sources: list[str]) -> str:
    code = (
        "import json, sys; from tests.property.test_crash_anywhere import digest;"
        "print(digest(json.load(sys.stdin)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]


def test_hash_seeds() -> None:
    """The hash seed of the host's Python changes nothing that a run asks for or returns."""
    _collect()
    assert len({_digest_under(seed, _COLLECTED) for seed in ("0", "1", "4711")}) == 1
