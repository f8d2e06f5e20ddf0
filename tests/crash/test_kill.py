"""P1: what an append acknowledged survives kill -9."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.sizes import sized
from wf_notebook.testing.conformance.appends import add, created, event, log
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, Chunk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from wf_notebook.world.events import Event

KEY = GivenKey(bytes(range(32)))
RUNS = 4
IN_FLIGHT = 3  # appends that may be written without having been acknowledged


def commit_for_ever(path: str, name: str) -> None:
    """Commit to some runs, a few appends in flight, and say of each that it was acknowledged."""
    store = DuckDBStore.open(path, key_provider=KEY)
    pending: list[Future[tuple[Event, ...]]] = []
    for n in range(1_000_000):
        pending.append(store.commit(append(name, n)))
        if len(pending) == IN_FLIGHT:
            acknowledge(pending.pop(0).result())


def append(name: str, n: int) -> Append:
    run_id = f"{name}-{n % RUNS}"
    if n < RUNS:
        return Append(run_id, (created(),), definition={"source": name})
    key = f"s{n}"
    done = event("step_completed", key, data={"result": "x" * (n % 50 * 2000)}, attempt=1)
    made = event("step_created", key, data={"args": n}, n=n, alias="a", step_id="i")
    return Append(run_id, (made, done), chunks=(Chunk("out", n, n),))


def acknowledge(events: tuple[Event, ...]) -> None:
    lines = "".join(f"{e.run_id} {e.seq} {e.event_id}\n" for e in events)
    os.write(1, lines.encode())


def run_and_kill(path: Path, name: str, lines: int) -> list[tuple[str, int, str]]:
    """Let a process commit until it has acknowledged so many events; then kill it.

    Returns:
        The ledger: run, seq and event id of everything that was acknowledged.
    """
    script = f"from tests.crash.test_kill import commit_for_ever as go; go({str(path)!r}, {name!r})"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.readlines()
    whole = [line.decode().split() for line in told if line.endswith(b"\n")]
    return [(found[0], int(found[1]), found[2]) for found in whole if len(found) == 3]


def check(path: Path, ledger: Sequence[tuple[str, int, str]]) -> None:
    """Everything acknowledged is there, in its place; logs are dense and fold (I1, I4)."""
    with closing(DuckDBStore.open(path, key_provider=KEY)) as store:
        rows = store.runs(limit=None).result(timeout=60)
        logs = {row.run_id: log(store, row.run_id) for row in rows}
        for run_id, seq, event_id in ledger:
            assert logs[run_id][seq - 1].event_id == event_id
        for run_id, events in logs.items():
            assert not fold(events).open_steps, "an append was written in part"
            assert store.definition(run_id).result(timeout=60)
            chunks = store.chunks(run_id, "out").result(timeout=60)
            assert len(chunks) == (len(events) - 1) // 2
        written = sum(len(events) for events in logs.values())
        assert len(ledger) <= written


@pytest.mark.parametrize("seed", range(sized(3, 100)))
def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    """A few processes, each killed in the midst of its commits, one world after another's death."""
    chance = random.Random(seed)
    path = tmp_path / "w.duckdb"
    ledger: list[tuple[str, int, str]] = []
    for round_no in range(sized(3, 5)):
        lines = chance.choice([1, 2, 20, 150, sized(150, 400)])
        ledger += run_and_kill(path, f"p{seed}{round_no}", lines)
        check(path, ledger)


def test_a_world_in_the_making_is_made_again(tmp_path: Path) -> None:
    """A process that dies before it has a world leaves none, or a whole one."""
    path = tmp_path / "w.duckdb"
    for lines in (0, 0, 1):
        run_and_kill(path, f"p{lines}", lines)
    check(path, [])
    with closing(DuckDBStore.open(path, key_provider=KEY)) as store:
        add(store, "r", created())
    assert sorted(os.listdir(tmp_path)) == ["w.duckdb", "w.duckdb.head"]
