"""Rows of long runs: made once, grouped to a bounded number, opened in windows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.view_runs import RUN_ID, T0, Log, suspended
from wf_notebook.views.groups import GROUP_OVER
from wf_notebook.views.model import CHILDREN, FORMS, Drawing
from wf_notebook.views.past import PAGE
from wf_notebook.views.reading import rows_of
from wf_notebook.views.rows import MARKS

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS = 10_000
SNAPSHOT_CHARS = 128_000  # eight of these a second at most: no need to send what has changed alone


def long_run(count: int, aliases: int) -> Log:
    """So many steps, done, of so many aliases by turns."""
    log = Log("long").begin()
    for n in range(count):
        log.done(f"step_{n:026}", f"alias_number_{n % aliases}", n, n + 0.5, line=3)
    return log


def children_of(count: int) -> Mapping[str, str]:
    """A child of each step of a long run."""
    return {f"step_{n:026}": f"wrun_{n:026}" for n in range(count)}


def test_a_change_costs_the_row_it_changes() -> None:
    """After one event of a run of 10,000 steps one row is made, and one group."""
    log, drawing = long_run(STEPS - 1, 1), Drawing()
    log.step("last", "alias_number_0", STEPS)
    log.view(STEPS, drawing=drawing)
    assert (drawing.rows.kept.made, drawing.groups.kept.made) == (STEPS, 1)
    log.attempt("last", STEPS + 1)
    view = log.view(STEPS + 1, drawing=drawing)
    # what the log is folded to anew is equal, not the same: that is seen without making a row
    assert (drawing.rows.kept.made, drawing.groups.kept.made) == (STEPS + 1, 2)
    assert view.rows == log.view(STEPS + 1).rows


def test_the_end_of_a_run_changes_what_was_open() -> None:
    """When a run ends its open rows do; those that had ended are kept."""
    log, drawing = long_run(50, 1).step("last", "charge", 60), Drawing()
    log.view(61, drawing=drawing)
    before = drawing.rows.kept.made
    view = log.end("cancelled", 62).view(62, drawing=drawing)
    assert drawing.rows.kept.made == before + 1
    assert (view.rows[-1].state, view.rows[-1].end_us) == ("cancelled", T0 + 62_000_000)


def test_rows_follow_what_becomes_known() -> None:
    """A step that is registered later, or a child that is found, shows in its row."""
    log, drawing = long_run(3, 1), Drawing()
    log.view(4, drawing=drawing)
    key = next(iter(log.state.steps))
    view = log.view(4, drawing=drawing, attempts=lambda _: 4, children={key: "wrun_2"})
    assert [(row.attempts, row.child) for row in view.rows] == [(4, "wrun_2"), (4, ""), (4, "")]
    assert view.to_json()["children"] == ["wrun_2"]


def test_rows_stay_in_body_order() -> None:
    """Steps, sleeps and hooks stand in the order in which the body asked for them, also later on."""
    log, drawing = suspended(), Drawing()
    log.view(10, drawing=drawing)
    log.step("s9", "charge", 11).sleep("w9", 12, 13).hook("h9", "again", 13)
    view = log.view(14, drawing=drawing)
    assert [row.id for row in view.rows] == ["s1", "s2", "w1", "w2", "h1", "s9", "w9", "h9"]


@pytest.mark.parametrize("aliases", [1, 2, 300, STEPS])
def test_a_snapshot_stays_small(aliases: int) -> None:
    """10,000 steps of one alias, of two by turns, of 300, all different, each with a child."""
    log = long_run(STEPS, aliases)
    view = log.view(STEPS, children=children_of(STEPS))
    snapshot = view.to_json()
    assert len(view.rows) <= GROUP_OVER
    assert len(json.dumps(snapshot)) <= SNAPSHOT_CHARS
    assert sum(len(members) for members in view.members.values()) in (STEPS, STEPS - 1)
    assert len(snapshot["children"]) == CHILDREN


def test_two_hundred_single_rows_fit() -> None:
    """What is never grouped is within the bound as well, with four attempts each."""
    log = Log("long").begin()
    for n in range(GROUP_OVER):
        log.step(f"step_{n:026}", f"alias_number_{n}", n, 3)
        for attempt in range(1, 4):
            log.attempt(f"step_{n:026}", n, attempt).retry(f"step_{n:026}", n, n)
        log.attempt(f"step_{n:026}", n, 4)
    text = json.dumps(log.view(900, children=children_of(GROUP_OVER)).to_json())
    assert len(text) <= 2 * SNAPSHOT_CHARS


def test_many_hooks_are_counted_not_sent() -> None:
    """A browser gets the first forms and how many hooks there are; titles and details likewise."""
    log = Log("many").begin()
    for n in range(STEPS):
        log.hook(f"hook_{n}", f"approve-{n}", n, schema="Approval", title=f"Approve {n}")
    view = log.view(STEPS)
    snapshot = view.to_json()
    assert (len(snapshot["forms"]), snapshot["hooks"], len(view.titles)) == (FORMS, STEPS, FORMS)
    assert len(json.dumps(snapshot)) <= SNAPSHOT_CHARS


def test_very_many_attempts_are_shown_by_the_newest() -> None:
    """A step that was tried a thousand times has as many pieces as can be seen."""
    log = Log().begin().step("s1", "charge", 0)
    for n in range(1, 1001):
        log.attempt("s1", n, n).retry("s1", n + 0.5, n + 1)
    (row,) = log.view(1002).rows
    assert (len(row.marks), row.marks[-1].number) == (MARKS, 1000)


def test_an_attempt_that_its_process_died_in_ends_where_the_next_begins() -> None:
    """It has no end in the log; its piece of the bar doesn't grow for ever."""
    log = Log().begin().step("s1", "charge", 0).attempt("s1", 1).attempt("s1", 5, 1, rerun=True)
    (row,) = log.view(9).rows
    assert [(m.state, m.end_us) for m in row.marks] == [
        ("cancelled", T0 + 5_000_000), ("running", None),
    ]  # fmt: skip
    (row,) = log.complete("s1", 7).view(9).rows
    assert [m.end_us for m in row.marks] == [T0 + 5_000_000, T0 + 7_000_000]


def test_too_many_aliases_are_put_together_by_neighbours() -> None:
    """Where each row has a name of its own, a group is named after its first and its last."""
    view = long_run(300, 300).view(300)
    assert len(view.rows) == 150
    assert view.rows[0].label == "alias_number_0 … alias_number_1 ×2 (2 done)"
    assert view.rows[0].id == f"group:{view.members[view.rows[0].id][0].id}"


def test_a_group_is_opened_in_windows() -> None:
    """Its members come in body order, never more than a page at once."""
    view = long_run(500, 1).view(500)
    (group,) = view.members
    found = rows_of(view.members, group, 490, 600)
    assert (found["total"], len(found["rows"])) == (500, 10)
    assert len(rows_of(view.members, group, 0, 500)["rows"]) == PAGE
    assert rows_of(view.members, group, -9, 1)["rows"][0]["id"].endswith("0" * 26)
    assert rows_of(view.members, group, 7, 3)["rows"] == []


def test_a_hook_s_own_timeout_is_known() -> None:
    """The timer of `create_hook(timeout=…)` comes right after its hook; another one is not its."""
    log = Log().begin()
    log.hook("h1", "a", 1, 3).sleep("w1", 1, 61, 3, kind="timer")
    log.hook("h2", "b", 2, 4).sleep("w2", 2, 62, 5, kind="timer")
    log.hook("h3", "c", 3, 6).sleep("w3", 3, 63, 6)
    due = [form.timeout_us for form in log.view(9).forms]
    assert due == [T0 + 61_000_000, None, None]
    assert log.view(9).to_json()["forms"][0]["timeout_us"] == T0 + 61_000_000


def test_the_facts_that_links_and_badges_need() -> None:
    """Hash, what is repeated, who has started it, and whether it is sealed."""
    log = Log(source_hash="5eed", rerun_of="wrun_1", parent={"run_id": "wrun_0", "step_id": "s"})
    snapshot = log.view(1, sealed=True).to_json()
    assert snapshot["run_id"] == RUN_ID
    assert [snapshot[name] for name in ("hash", "rerun_of", "parent", "sealed")] == [
        "5eed", "wrun_1", "wrun_0", True,
    ]  # fmt: skip
