"""On a full disk nothing acknowledged is lost, and with room again the run goes on by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.crash.flow import KEY
from tests.crash.full import DIED, MOMENTS, PIECES
from tests.crash.killing import ROOT, logs
from tests.sizes import sized
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from pathlib import Path

AT_A_TIME = 2


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE there")
@pytest.mark.parametrize("first", range(0, sized(4, 50), AT_A_TIME))
def test_a_run_outlives_a_full_disk(tmp_path: Path, first: int) -> None:
    """At its opening, in commits small and large, at a checkpoint, in a stream; or it dies of it."""
    seeds = range(first, first + AT_A_TIME)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda seed: play(tmp_path / str(seed) / "w.duckdb", seed), seeds))


def play(path: Path, seed: int) -> None:
    path.parent.mkdir()
    moment = MOMENTS[seed % len(MOMENTS)]
    told, code = run(path, moment, str(seed))
    assert ["full"] in told, f"{moment}, seed {seed}: there was always room"
    if code == DIED:
        more, code = run(path, moment, str(seed), "again")
        told += more
    assert code == 0
    assert told[-1] == ["result", "True"]
    check(path, told)
    assert sorted(os.listdir(path.parent)) == ["w.duckdb", "w.duckdb.head"]


def run(*arguments: object) -> tuple[list[list[str]], int]:
    program = subprocess.run(
        [sys.executable, "-m", "tests.crash.full", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert program.returncode in (0, DIED), program.stderr
    return [line.split() for line in program.stdout.splitlines()], program.returncode


def check(path: Path, told: list[list[str]]) -> None:
    """Each acknowledged event and chunk is there; each piece of the stream in its order."""
    found = logs(path)
    for words in told:
        if words[0] == "event":
            assert found[words[1]][int(words[2]) - 1].event_id == words[3]
    (run_id,) = [run_id for run_id, log in found.items() if fold(log).status == "completed"]
    with closing(DuckDBStore.open(path, key_provider=GivenKey(KEY), read_only=True)) as store:
        chunks = store.chunks(run_id, "numbers").result(timeout=60)
    pieces = [chunk.data[0] for chunk in chunks]
    acknowledged = [int(words[1]) for words in told if words[0] == "chunk"]
    # An attempt that its process died in is made again, and appends.
    *died, whole = attempts(pieces)
    assert whole == list(range(PIECES)) == attempts(acknowledged)[-1]
    for left, told_of in zip(died, attempts(acknowledged)[:-1], strict=False):
        assert left[: len(told_of)] == told_of


def attempts(numbers: list[int]) -> list[list[int]]:
    """What each attempt wrote; each begins with 0."""
    begun = [place for place, number in enumerate(numbers) if number == 0]
    ends = [*begun[1:], len(numbers)]
    return [numbers[start:end] for start, end in zip(begun, ends, strict=True)]
