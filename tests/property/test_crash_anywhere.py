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


@settings(max_examples=int(os.environ.get("WF_TEST_PROGRAMS", "60")))
@given(programs())
def test_memory(source: str) -> None:
    """On the reference store: dropped after every event, the result and the commands are equal."""
    crash_everywhere(source, MemoryStore)


@settings(max_examples=30)
@given(programs())
def test_duckdb(source: str) -> None:
    """On DuckDB the same."""
    crash_everywhere(source, lambda: DuckDBStore.open(":memory:", key_provider=NewKey(), owner={}))


DIGESTS: list[str] = []


@settings(max_examples=int(os.environ.get("WF_TEST_PROGRAMS", "20")))
@given(programs())
def _digest(source: str) -> None:
    DIGESTS.append(summary(run_to_end(MemoryStore(), source)))


def _digest_under(hash_seed: str) -> str:
    code = (
        "from tests.property import test_crash_anywhere as t; import hypothesis as h;"
        "h.settings.register_profile('x', derandomize=True, deadline=None, database=None);"
        "h.settings.load_profile('x'); t._digest(); print(t.digest())"
    )
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def digest() -> str:
    """One digest over everything that the programs of this process did."""
    return hashlib.sha256("\n".join(DIGESTS).encode()).hexdigest()


def test_hash_seeds() -> None:
    """The hash seed of the host's Python changes nothing that a run asks for or returns."""
    assert len({_digest_under(seed) for seed in ("0", "1", "4711")}) == 1
