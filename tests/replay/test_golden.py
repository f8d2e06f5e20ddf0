"""Histories that were saved once are replayed by every later version (P4)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.replay.make_histories import GOLDEN, played
from wf_notebook.testing import load_history, replay_history

FOLDER = Path(__file__).with_name("histories")
SAVED = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
ENDS: dict[str, Any] = {
    "steps": [
        "paid",
        936,
        "497fba87-c1e6-4720-b51e-979df12de2d3",
        datetime(2026, 1, 1, tzinfo=UTC),
    ],
    "retries": ["RuntimeError", "paid"],
    "gather": ["paid"] * 3,
    "race_lost": "late",
    "race_won": 7,
    "timeout": "too late",
    "sleep_woken": 86_490.0,
    "hooks": 25,
    "conflict": True,
    "task_group": ValueError,
    "cancelled": None,
}


def test_each_is_saved() -> None:
    """Each history that can be made is saved, and what each comes to stands here."""
    assert set(SAVED) == set(GOLDEN) == set(ENDS)


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("name", SAVED)
def test_replays(name: str, isolation: Any) -> None:
    """Its source asks for what was recorded and ends as it did, in either place."""
    report = replay_history(load_history(SAVED[name]), isolation=isolation)
    report.raise_for_divergence()
    assert report.asks == ()
    end = ENDS[name]
    if name == "cancelled":
        assert report.status == "suspended"
    elif isinstance(end, type):
        assert (report.status, report.code) == ("failed", "USER_ERROR")
        assert report.error is not None
        assert report.error["type"] == end.__name__
    else:
        assert (report.status, report.result) == ("completed", end)


@pytest.mark.parametrize("name", SAVED)
def test_replays_from_anywhere(name: str) -> None:
    """As it stood after each of its events the run replays, too."""
    history = load_history(SAVED[name])
    count = len(history["events"])
    statuses = [
        replay_history(history, at=at, isolation="inline").raise_for_divergence().status
        for at in range(1, count + 1)
    ]
    assert statuses[0] == "suspended"


@pytest.mark.parametrize("name", SAVED)
def test_can_be_made_again(name: str) -> None:
    """Made twice, a history is the same, so that a new one is reviewed for what it records."""
    with played(name) as first, played(name) as second:
        assert first.history() == second.history()


@pytest.mark.parametrize(
    ("name", "before", "after", "line", "asked"),
    [
        ("steps", "amount=order", "amount=1 + order", 6, "command 2: step charge"),
        ("retries", "notify(", "fetch(", 5, "command 1: step fetch"),
        ("gather", "range(3)", "range(2)", 4, "command 3: step charge"),
        ("race_won", "2d", "3d", 5, "sleep until 2026-01-04"),
        ("race_lost", "answer.cancel()", "await steps.charge(order_id)", 8, "step charge"),
        ("timeout", "timeout(60)", "timeout(61)", 5, "timer until"),
        ("sleep_woken", '    await sleep("30d")\n', "", 5, "sleep until"),
        ("hooks", 'token="amounts"', 'token="sums"', 5, "hook sums"),
        ("conflict", 'await steps.notify("taken")', "pass", 8, "nothing: it returned"),
        ("task_group", "raise ValueError", "raise TypeError", 11, "raised TypeError"),
        ("task_group", "the group", "a group", 11, "raised ValueError"),
        ("cancelled", 'sleep("30d")', "create_hook()", 6, "hook "),
    ],
)
def test_a_changed_source_diverges(
    name: str, before: str, after: str, line: int, asked: str
) -> None:
    """A source that does something else is found out, at the line where it does."""
    source = GOLDEN[name].source
    assert before in source
    report = replay_history(
        load_history(SAVED[name]), source.replace(before, after, 1), isolation="inline"
    )
    assert report.status == "diverged"
    assert report.divergence is not None
    assert report.divergence.line == line
    assert asked in report.divergence.asked
