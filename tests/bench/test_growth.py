"""What measures growth works: worlds are stocked and looked at, and what comes of it is a table and curves.

Nothing is timed.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.bench import growth_report
from tests.bench.growth import main
from tests.bench.stock import fill
from tests.worlds import opened, rows
from wf_notebook.api import World
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = 12


def test_it_grows(tmp_path: Path) -> None:
    """A world of finished runs at each size; the last again with some that sleep, some that wait."""
    target, plot = tmp_path / "growth.json", tmp_path / "growth.svg"
    options = ["--quick", "--sizes", "0,3", "--folder", str(tmp_path), "--json", str(target)]
    said = CliRunner().invoke(main, options, catch_exceptions=False)
    found = json.loads(target.read_text("utf-8"))
    held = [(look["finished"], look["asleep"], look["waiting"]) for look in found["looks"]]
    assert held == [(0, 0, 0), (3, 0, 0), (3, 1, 0), (3, 3, 0), (3, 0, 1), (3, 0, 3)]
    assert all(figure > 0 for look in found["looks"] for figure in look["figures"]["opening"])
    table = [line for line in said.output.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in table] == [COLUMNS + 1] * 8
    assert "runs of one step at once" in said.output
    pytest.importorskip("matplotlib")  # the extra `plots`
    growth_report.draw(found, plot)
    assert "finished runs in the world" in plot.read_text("utf-8")


def test_a_world_is_topped_up(tmp_path: Path) -> None:
    """What is stored comes to what was there; no two hooks share a token, and each run goes on."""
    path, clock = tmp_path / "w.duckdb", VirtualClock()
    for _ in range(2):
        with closing(world_of(path, clock)) as world:
            fill(world, 2, 3, 3)
    with closing(world_of(path, clock)) as world:
        world.settle()
        assert rows(world.host.store, "select status, count(*) from runs group by 1") == [
            ("completed", 4),
            ("running", 12),
        ]
        tokens = {hook.token for _, hook in world.hooks()}
        assert len(tokens) == 6
        for run in world.unfinished():
            token = run.hooks[0].token if run.hooks else None
            run.resume(token, 1) if token else run.wake()
            run.wait_for("terminal", timeout=60)
            assert run.status == "completed"


def world_of(path: Path, clock: VirtualClock) -> Any:
    return World(opened(path), clock=clock, isolation="process")
