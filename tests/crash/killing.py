"""Run a program, kill it, and read what it told and what its world holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.crash.flow import KEY
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.state import RunState, fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.world.events import Event

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Ledger:
    """What programs have told, and what is known of their crashes.

    Attributes:
        events: run, seq and id of each acknowledged event.
        effects: how often each attempt of each step did what it does.
        crashes: how often a process died while an attempt was running.
        kills: how many processes were killed.
    """

    events: list[tuple[str, int, str]] = field(default_factory=list)
    effects: Counter[tuple[str, int]] = field(default_factory=Counter)
    crashes: Counter[tuple[str, int]] = field(default_factory=Counter)
    kills: int = 0

    def hear(self, lines: Sequence[str]) -> str | None:
        """Take down what a program told; returns its result, if it came to one."""
        result = None
        for line in lines:
            match line.split():
                case ["event", run_id, seq, event_id]:
                    self.events.append((run_id, int(seq), event_id))
                case ["effect", step_id, attempt]:
                    self.effects[step_id, int(attempt)] += 1
                case ["result", text]:
                    result = text
                case found:
                    raise AssertionError(found)
        return result


def run_until(
    path: Path, lines: int | None, *, environment: Mapping[str, str] | None = None
) -> tuple[list[str], bool]:
    """Let the program run, kill it with -9 after so many lines.

    Returns:
        what it told until it was dead, whole lines, and whether it was killed.
    """
    command = [sys.executable, "-m", "tests.crash.flow", str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, **(environment or {})}
    ) as program:
        assert program.stdout is not None
        told: list[bytes] = []
        for line in program.stdout:
            told.append(line)
            if len(told) == lines:
                program.kill()
        program.wait(60)
    assert program.returncode in (0, -9)
    return [line.decode().strip() for line in told if line.endswith(b"\n")], program.returncode != 0


def logs(path: Path) -> dict[str, list[Event]]:
    """Every run's log, as it stands in the file; nothing is changed."""
    if not path.exists():
        return {}
    with closing(DuckDBStore.open(path, key_provider=GivenKey(KEY), read_only=True)) as store:
        rows = store.runs(limit=None).result(timeout=60)
        return {row.run_id: list(store.read(row.run_id).result(timeout=60)) for row in rows}


def states(found: Mapping[str, Sequence[Event]]) -> list[RunState]:
    return [fold(events) for events in found.values()]
