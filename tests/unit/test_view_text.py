"""Runs as text for a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.view_runs import (
    SECOND,
    SECRET,
    T0,
    Log,
    cancelled,
    completed,
    failed,
    many,
    running,
    suspended,
)
from wf_notebook.views.listing import Listed
from wf_notebook.views.text import clipped, render_run, render_runs, table, width_of
from wf_notebook.views.why import Moment

COMPLETED = """\
✓ refund  completed after 35 s
  wrun_01KDV6Q8Z4H2M7T3N5R9WXYABC · Cell In[2] · 23 events · process isolation

  fetch_order        ✓ completed  line 4   |█                   |  880 ms
  reserve            ✓ completed  line 5   |███                 |  4.2 s, attempt 2 of 4
  sleep 15 min       ✓ woken      line 6   |  █████████████████ |  27 s
  timeout 1 min      ○ cancelled  line 7   |  ████████████████  |  26 s
  hook approve-A-17  ✓ resumed    line 8   |   ███████████████  |  26 s
  charge_back        ✓ completed  line 10  |                  ██|  1.5 s
  notify             ✓ completed  line 11  |                   █|  290 ms"""


def row(run_id: str, **more: Any) -> Listed:
    return Listed(run_id, "refund", "suspended", T0, T0, None, **more)


def test_a_run_reads_like_this() -> None:
    """Heading, facts, and an aligned timeline with a glyph and a word in each row."""
    assert render_run(completed().view(60, attempts=lambda _: 4)) == COMPLETED


@pytest.mark.parametrize("log", [running(), suspended(), failed(), completed(), cancelled()])
def test_text_holds_nothing_sealed(log: Log) -> None:
    """text/plain is saved with a notebook, so titles are left out unless asked for."""
    assert SECRET not in render_run(log.view(60))


def test_titles_are_shown_on_request() -> None:
    """In a terminal, where nothing is saved, titles help."""
    text = render_run(suspended().view(9), titles=True)
    assert f"? hook approve-A-17 (Approval) Approve the refund {SECRET}" in text


def test_columns_stand_under_one_another() -> None:
    """Bars begin in the same column, wide characters and long tokens included."""
    log = Log().begin().hook("h1", "日本" * 30, 1).step("s1", "a", 2, line=3)
    lines = render_run(log.view(3)).splitlines()[-2:]
    assert len({width_of(line.split("|")[0]) for line in lines}) == 1


def test_a_token_cannot_drive_the_terminal() -> None:
    """Escape sequences are written out."""
    text = render_run(Log().begin().hook("h1", "a\x1b[2J", 1).view(2), titles=True)
    assert "\x1b" not in text


def test_groups_replays_and_empty_runs_have_text() -> None:
    """Every kind of run has a text."""
    assert "charge ×500 (480 done)" in render_run(many(500, done=480).view(9))
    assert "3 of 7 events replayed" in render_run(running().view(4, replayed=(3, 7)))
    assert render_run(Log().view(1)).splitlines()[0] == "◷ refund  has not started yet"


def test_a_list_of_runs_reads_like_this() -> None:
    """One line each: state, name, id, age, time taken, and what it waits on."""
    last = T0 + 3 * SECOND
    rows = [
        row("wrun_2", said=("waits for hook a (open for ", Moment(T0 + 60 * SECOND), ")")),
        Listed("wrun_1", "report", "completed", T0, last, last),
    ]
    assert render_runs(rows, now_us=T0 + 7200 * SECOND).splitlines() == [
        "◷ suspended  refund  wrun_2  2 h ago  2 h  waits for hook a (open for 1 h 59 min)",
        "✓ completed  report  wrun_1  2 h ago  3 s",
    ]


def test_no_runs_is_said() -> None:
    """An empty world has a sentence."""
    assert render_runs([], now_us=T0) == "No runs."


def test_clipping_counts_columns() -> None:
    """A clipped text never takes more columns than it may."""
    assert clipped("日本日本", 5) == "日本…"
    assert clipped("abc", 3) == "abc"
    assert table([("日", "x"), ("ab", "y")]) == ["日  x", "ab  y"]
