"""What a view holds, and what it must never hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.view_runs import (
    APPROVAL,
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
from wf_notebook.views.groups import GROUP_OVER
from wf_notebook.views.rows import GLYPHS
from wf_notebook.views.words import duration, remaining, visible

if TYPE_CHECKING:
    from wf_notebook.views.model import RunView

EVERY_STATE = {
    "running": running(),
    "suspended": suspended(),
    "failed": failed(),
    "completed": completed(),
    "cancelled": cancelled(),
}


def states(view: RunView) -> dict[str, str]:
    return {row.label: row.state for row in view.rows}


@pytest.mark.parametrize("status", EVERY_STATE)
def test_the_status_word_is_that_of_the_run(status: str) -> None:
    """Each state of a run has its word, and each word its glyph."""
    view = EVERY_STATE[status].view(60)
    assert (view.status, view.glyph) == (status, GLYPHS[status])


def test_a_new_run_is_pending() -> None:
    """Before it has started, a run is pending and has no rows."""
    view = Log().view(1)
    assert (view.status, view.rows, view.forms, view.terminal) == ("pending", (), (), False)


def test_an_open_step_keeps_a_run_from_being_suspended() -> None:
    """Suspended means: nothing but sleeps and hooks can move the run."""
    log = suspended().step("s9", "notify", 6)
    assert log.view(7).status == "running"


def test_blocked_yields_to_the_end() -> None:
    """A blocked run says so with its reason; one that has ended is what it ended as."""
    view = suspended().view(9, blocked="a step is not registered")
    assert (view.status, view.blocked) == ("blocked", "a step is not registered")
    view = completed().view(60, blocked="a step is not registered")
    assert (view.status, view.blocked) == ("completed", "")


@pytest.mark.parametrize("log", EVERY_STATE.values(), ids=EVERY_STATE)
def test_nothing_sealed_gets_into_a_snapshot(log: Log) -> None:
    """Arguments, results, payloads, messages of errors, reasons and titles stay out of it."""
    assert SECRET not in json.dumps(log.view(60).to_json())


def test_titles_are_there_for_people_on_the_line() -> None:
    """A hook's title is in the view, for the message that brings it to a browser."""
    view = suspended().view(9)
    assert view.titles == {"h1": f"Approve the refund {SECRET}"}


@pytest.mark.parametrize("log", EVERY_STATE.values(), ids=EVERY_STATE)
def test_equal_states_give_equal_snapshots(log: Log) -> None:
    """Time alone changes nothing that is sent: countdowns tick in the browser."""
    assert log.view(60).to_json() == log.view(600).to_json()


def test_lines_are_those_of_the_cell() -> None:
    """A line is the one the user sees: the source's, plus the offset of its origin."""
    view = suspended().view(9)
    assert [row.line for row in view.rows] == [4, 5, 6, 7, 8]
    assert (view.forms[0].line, view.origin, view.line_offset) == (8, "Cell In[2]", 1)
    assert failed().view(9).error == "KeyError at line 5"


def test_a_source_without_an_origin_keeps_its_lines() -> None:
    """With no offset recorded, lines are those of the source."""
    log = Log(origin={}).begin().step("s1", "a", 0.1, line=3)
    assert log.view(1).rows[0].line == 3
    assert Log(origin="report.ipynb").view(1).origin == "report.ipynb"


def test_rows_stand_in_body_order() -> None:
    """Steps, sleeps, deadlines and hooks stand in the order in which the body asked for them."""
    view = completed().view(60)
    assert [row.kind for row in view.rows] == [
        "step", "step", "sleep", "timer", "hook", "step", "step",
    ]  # fmt: skip
    assert states(view) == {
        "fetch_order": "completed", "reserve": "completed", "sleep 15 min": "woken",
        "timeout 1 min": "cancelled", "approve-A-17": "resumed", "charge_back": "completed",
        "notify": "completed",
    }  # fmt: skip


def test_deadlines_of_asyncio_are_quiet() -> None:
    """`asyncio.timeout` is shown, less prominently than a sleep of the body."""
    assert [row.label for row in suspended().view(9).rows if row.quiet] == ["timeout 1 min"]


def test_attempts_are_marks() -> None:
    """Each attempt of a step is a piece of its bar, with its outcome."""
    view = failed().view(9, attempts=lambda _: 4)
    row = view.rows[1]
    assert [(m.number, m.state) for m in row.marks] == [(1, "failed"), (2, "failed")]
    assert (row.attempts, row.error) == (4, "CardExpired")
    assert [m.state for m in running().view(4).rows[1].marks] == ["failed", "running"]


def test_a_retry_says_when_it_comes() -> None:
    """While a step waits for its next attempt, the row holds the moment for the browser."""
    log = Log().begin().step("s1", "a", 0).attempt("s1", 0).retry("s1", 1, 5)
    row = log.view(2).rows[0]
    assert (row.state, row.due_us, row.error) == ("retrying", T0 + 5 * SECOND, "TimeoutError")


def test_an_attempt_run_again_after_a_crash_says_so() -> None:
    """Both attempts keep their number; the one that died is not shown as running."""
    log = Log().begin().step("s1", "a", 0).attempt("s1", 0).attempt("s1", 9, rerun=True)
    marks = log.view(10).rows[0].marks
    assert [(m.number, m.state, m.rerun) for m in marks] == [
        (1, "cancelled", False),
        (1, "running", True),
    ]


def test_the_end_of_a_run_ends_its_rows() -> None:
    """After the end nothing is shown as open: no bar grows, no form asks."""
    log = suspended().step("s9", "notify", 6).attempt("s9", 6).end("cancelled", 8)
    view = log.view(60)
    assert view.forms == ()
    assert all(row.end_us is not None for row in view.rows)
    assert states(view)["approve-A-17"] == "closed"
    assert states(view)["notify"] == "cancelled"


def test_an_open_hook_has_a_form() -> None:
    """A form names its hook, token and schema; the schema comes along once."""
    view = suspended().hook("h2", "approve-B-2", 6, schema="Approval").view(9)
    assert [(f.id, f.token, f.schema, f.received) for f in view.forms] == [
        ("h1", "approve-A-17", "Approval", 0),
        ("h2", "approve-B-2", "Approval", 0),
    ]
    assert view.schemas == {"Approval": APPROVAL}


def test_an_answered_hook_stays_open_for_more() -> None:
    """A hook that got a payload is no longer waited for, but may get another."""
    view = suspended().received("h1", 10).view(12)
    assert states(view)["approve-A-17"] == "resumed"
    assert [f.received for f in view.forms] == [1]


def test_a_token_in_conflict_never_opened() -> None:
    """A hook whose token another run owns has no form."""
    log = Log().begin()
    log.add("hook_conflict", 1, "h1", meta={"n": 1, "token": "t", "owner": "wrun_2"})
    view = log.view(2)
    assert (view.rows[0].state, view.forms) == ("conflict", ())


def test_only_schemas_that_a_form_needs_are_sent() -> None:
    """Schemas of hooks that are not open stay in the kernel."""
    assert completed().view(60).schemas == {}


def test_many_rows_of_one_alias_are_grouped() -> None:
    """Over two hundred rows, consecutive ones of an alias become one, with a count."""
    view = many(500, done=480).view(9)
    assert [row.label for row in view.rows] == ["charge ×500 (480 done)"]
    assert (view.rows[0].state, view.rows[0].end_us) == ("running", None)


def test_few_rows_are_never_grouped() -> None:
    """Up to two hundred rows each stands for itself."""
    assert len(many(GROUP_OVER, done=0).view(9).rows) == GROUP_OVER


def test_groups_tell_of_failures() -> None:
    """A failure does not drown in a group."""
    log = many(300, done=299).attempt("s299", 5).fail("s299", 6)
    row = log.view(9).rows[0]
    assert (row.label, row.state) == ("charge ×300 (300 done, 1 failed)", "failed")


def test_alternating_aliases_are_grouped_too() -> None:
    """A loop over two steps stays short: where neighbours differ, all of one alias are grouped."""
    log = Log().begin()
    for i in range(150):
        log.done(f"a{i}", "read", i, i + 0.1).done(f"b{i}", "write", i + 0.2, i + 0.3)
    labels = [row.label for row in log.view(200).rows]
    assert labels == ["read ×150 (150 done)", "write ×150 (150 done)"]


def test_a_snapshot_is_json() -> None:
    """Whatever the state, the snapshot crosses the wire as it is."""
    for log in EVERY_STATE.values():
        snapshot = log.view(60, replayed=(3, 7)).to_json()
        assert json.loads(json.dumps(snapshot, allow_nan=False)) == snapshot


def test_control_characters_are_written_out() -> None:
    """A token can neither clear a terminal nor turn a sentence round."""
    assert visible("a\x1b[2J\u202eb\n") == "a\\x1b[2J\\u202eb\\n"
    assert visible("naïve 日本 ✓") == "naïve 日本 ✓"
    log = Log().begin().hook("h1", "t\x1b[2J", 1)
    view = log.view(2)
    assert view.rows[0].label == "t\\x1b[2J"
    assert view.forms[0].token == "t\x1b[2J"  # to resume with, it stays as it is


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (-1, "0 ms"), (0, "0 ms"), (999_999, "999 ms"), (SECOND, "1 s"), (9_999_999, "9.9 s"),
        (10 * SECOND, "10 s"), (59_999_999, "59 s"), (60 * SECOND, "1 min"),
        (3_599 * SECOND, "59 min 59 s"), (3_600 * SECOND, "1 h"), (86_400 * SECOND, "1 d"),
        (90_000 * SECOND, "1 d 1 h"),
    ],
)  # fmt: skip
def test_durations_are_cut_not_rounded(us: int, text: str) -> None:
    """A span is never said to be longer than it is."""
    assert duration(us) == text


@pytest.mark.parametrize(
    ("us", "text"), [(1, "1 s"), (0, "0 s"), (-9, "0 s"), (60_000_001, "1 min 1 s")]
)
def test_a_countdown_never_says_zero_too_early(us: int, text: str) -> None:
    """What is left is rounded up."""
    assert remaining(us) == text


def test_a_drawn_token_is_shown_by_its_schema() -> None:
    """128 bits say nothing to a person; a token that was chosen is shown as it is."""
    drawn = "hook_" + "0a" * 16
    log = Log().hook("h1", drawn, 1, schema="Approval").hook("h2", drawn[:-1] + "b", 2)
    log = log.hook("h3", "approve-A-17", 3, schema="Approval")
    labels = [row.label for row in log.view(4).rows]
    assert labels == ["Approval", drawn[:-1] + "b", "approve-A-17"]
