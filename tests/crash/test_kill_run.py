"""A run whose process is killed with -9 goes on where it was."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from wf_notebook import open_world

ROOT = Path(__file__).resolve().parents[2]
RESULT = sum(range(5)) + 100 + 101 + 102 + 1000


def run_until(world_path: str, lines: int | None) -> list[str]:
    """Run the program, kill it with -9 after so many lines; return what it printed."""
    command = [sys.executable, "-m", "tests.crash.flow", world_path]
    printed: list[str] = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line.strip())
            if len(printed) == lines:
                process.kill()
        process.wait(60)
    return printed


@pytest.mark.parametrize("kills", [(1, 1, 1, 1), (3, 2), (6, 1), (8, 1), (9, 1), (10,), (2, 4, 2)])
def test_killed_and_reopened(world_path: str, kills: tuple[int, ...]) -> None:
    """No recorded step runs again, a running one at most once per crash; the result is the same."""
    ledger: Counter[str] = Counter()
    for lines in kills:
        ledger.update(run_until(world_path, lines))
    last = run_until(world_path, None)
    ledger.update(last)
    assert last[-1] == f"result {RESULT}"
    with open_world(world_path, key=b"k" * 32, read_only=True) as world:
        (run,) = world.runs()
        events = run.events()
    assert run.status == "completed"
    reruns = Counter(e.correlation_id for e in events if e.meta.get("rerun"))
    started = Counter(e.correlation_id for e in events if e.type == "step_started")
    assert all(started[key] == 1 + reruns[key] for key in started)
    for step, effects in ledger.items():
        if step.startswith("work"):
            assert effects <= 1 + len(kills), step
    assert sum(n for s, n in ledger.items() if s.startswith("work")) <= 8 + sum(reruns.values())
    assert sum(e.type == "step_completed" for e in events) == 8
    assert sum(e.type == "hook_received" for e in events) == 1
