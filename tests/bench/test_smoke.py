"""The bench itself works: everyone plays, and what comes of it is a table and JSON. Nothing is timed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tests.bench import page, report
from tests.bench.commands import contestants, main, selected
from tests.bench.contestant import BARE, OURS, PEERS, Timing
from tests.bench.measuring import Result, measured
from tests.bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 120
ONE = Workload("1 step", "steps", 1)
MODULES = {"vercel-workflow": "vercel", "dbos": "dbos"}


def played(workload: Workload, place: Path, *names: str) -> dict[str, Result]:
    return asyncio.run(measured(workload, names, place=place, rounds=1, patience=PATIENCE))


def test_ours_and_the_bare_limit(tmp_path: Path) -> None:
    """Ours plays, and so does the script that commits its rows, each in a process of its own."""
    found = played(ONE, tmp_path, OURS, BARE)
    assert [result.lacks for result in found.values()] == ["", ""]
    assert [len(result.timings) for result in found.values()] == [1, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MODULES)
def test_peers(tmp_path: Path, name: str) -> None:
    """A peer plays where it is installed, and says where it isn't."""
    found = played(ONE, tmp_path, name)[name]
    if importlib.util.find_spec(MODULES[name]) is None:
        assert "is not installed" in found.lacks
    else:
        assert (found.lacks, len(found.timings)) == ("", 1)


def test_worlds_that_hold_runs(tmp_path: Path) -> None:
    """A world is filled with copies of real runs; it opens, and they are listed."""
    few = Workload("open", "open", stored=20, asleep=5)
    assert played(few, tmp_path, OURS)[OURS].lacks == ""
    listed = Workload("list", "list", 20, stored=20)
    assert played(listed, tmp_path, OURS)[OURS].lacks == ""


def test_who_takes_too_long_lacks_a_figure(tmp_path: Path) -> None:
    """A play that takes longer than it may is given up, and said."""
    sleeping = Workload("sleep", "sleep")
    found = asyncio.run(measured(sleeping, [OURS], place=tmp_path, rounds=1, patience=0.01))
    assert found[OURS].lacks == "one play took longer than 0.01 s"
    assert found[OURS].median is None


def test_report() -> None:
    """Ours in ms, the bare limit as a ratio, others in ms and times ours; lacks with their reasons."""
    found = {
        OURS: Result([Timing(0.02, 0.01), Timing(0.04, 0.03), Timing(0.03, 0.02)]),
        BARE: Result([Timing(0.01)]),
        PEERS[0]: Result([Timing(0.3, 0.1)], about="1.0"),
        "dbos": Result(lacks="it has none"),
    }
    rows = [(Workload("stream", "stream"), found)]
    lines = list(report.table(rows))
    assert lines[2:] == [
        "| stream | 30.0 | 3.00 | 300.0 (×10.0) | – |",
        "| … first chunk | 20.0 | – | 100.0 (×5.0) | – |",
    ]
    about = {**report.machine(), "rounds": 3}
    text = "\n".join(report.markdown(about, {"append": 0.001}, rows))
    assert "- append: 1.000" in text
    assert text.endswith("- dbos, stream: it has none")
    assert json.loads(json.dumps(report.to_json(about, {}, rows)))["contestants"] == {
        PEERS[0]: "1.0"
    }


def test_workloads() -> None:
    """Their names are their own; --only takes a name, or a text that names hold."""
    names = [workload.name for workload in workloads()]
    assert len(set(names)) == len(names)
    assert [w.name for w in selected(workloads(), ["1 step"])] == ["1 step"]
    assert len(selected(workloads(), ["gather"])) > 3
    with pytest.raises(click.UsageError, match="No workload is called 'sorting'"):
        selected(workloads(), ["sorting"])
    assert contestants(ONE, peers=True) == [OURS, BARE, *PEERS]
    assert contestants(Workload("", "cell"), peers=True) == [OURS]
    assert CliRunner().invoke(main, ["--quick", "--list"]).output.startswith("no steps\n1 step\n")


@pytest.mark.browser
def test_frames_of_a_page_are_counted(chromium: str) -> None:
    """Every scene is played; what comes of it is a table."""
    few = ["--steps", "1000", "--frames", "5", "--chromium", chromium]
    found = CliRunner().invoke(page.main, few)
    assert found.exception is None, found.output
    rows = [line.split(" | ") for line in found.output.splitlines()[2:]]
    assert [row[0] for row in rows] == [f"| {scene.words}" for scene in page.SCENES]
    assert all(row[5].endswith("of 5") for row in rows)
