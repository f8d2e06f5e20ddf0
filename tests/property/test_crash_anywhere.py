"""A run dropped at any event of its log, and opened again, asks for the same and ends the same."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.behaviour.invariants import check_kept, check_log
from tests.property.crashing import PART, goes_on, played, summary
from tests.property.driving import copy_log, run_to_end
from tests.property.programs import programs
from tests.sizes import sized
from wf_notebook.world.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("compiled_once")


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
