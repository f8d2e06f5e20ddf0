"""A run dropped at any event of its log, and replayed, asks for the same and ends the same."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings

from tests.property.driving import Outcome, prefix, run_to_end
from tests.property.programs import programs
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import NewKey
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.world.store import EventStore

ROOT = Path(__file__).resolve().parents[2]


def summary(outcome: Outcome) -> str:
    """What two executions of one program must have in common."""
    return json.dumps([outcome.status, outcome.value, outcome.asked], sort_keys=True, default=str)


def crash_everywhere(source: str, make: Callable[[], EventStore]) -> Outcome:
    """Run a source whole, then once more for every event that it may be dropped at."""
    store = make()
    # a closed world can't be read: keep a plain copy of what the whole run wrote
    whole = run_to_end(store, source, keep=(copy := MemoryStore()))
    for count in range(1, len(whole.events)):
        again = make()
        prefix(copy, again, whole.events, count)
        last = whole.events[count - 1].time_us
        resumed = run_to_end(again, None, start_us=last)
        assert summary(resumed) == summary(whole), f"dropped after event {count}\n{source}"
    return whole


@settings(max_examples=300)
@given(programs())
def test_memory(source: str) -> None:
    """On the reference store: dropped after every event, the result and the commands are equal."""
    crash_everywhere(source, MemoryStore)


@settings(max_examples=40)
@given(programs())
def test_races(source: str) -> None:
    """Where steps race for real, a dropped run may go another way, but only from there on (I4)."""
    whole = run_to_end(MemoryStore(), source, at_once=8, keep=(copy := MemoryStore()))
    for count in range(1, len(whole.events)):
        again = MemoryStore()
        prefix(copy, again, whole.events, count)
        last = whole.events[count - 1].time_us
        resumed = run_to_end(again, None, at_once=8, start_us=last)
        assert list(resumed.events[:count]) == list(whole.events[:count])
        assert resumed.status in ("completed", "failed")


@settings(max_examples=30)
@given(programs())
def test_duckdb(source: str) -> None:
    """On DuckDB the same."""
    crash_everywhere(source, lambda: DuckDBStore.open(":memory:", key_provider=NewKey(), owner={}))


_COLLECTED: list[str] = []


@settings(max_examples=300)
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
