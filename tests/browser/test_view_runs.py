"""The live table of runs in a real browser: what is seen, found, ordered, chosen and opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_rosters import each_state, plain, roster, row, run_id
from tests.view_runs import SECOND, T0, Log, completed, suspended

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.view_stage import Stage
    from wf_notebook.views.listing import Listed

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

PAYLOADS = (Path(__file__).parents[1] / "corpus" / "xss.txt").read_text("utf-8").splitlines()
SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them


@pytest.fixture
def stage(open_page: Callable[..., Stage]) -> Stage:
    return open_page(path="runs/")


def show(stage: Stage, rows: Sequence[Listed], now: float = 20, **chosen: Any) -> None:
    """Show a snapshot of these runs, and answer the table's greeting."""
    now_us = T0 + round(now * SECOND)
    table = roster(rows, **chosen).snapshot()
    greeted = stage.page.evaluate("harness.model.sent.length") > 0
    stage.page.evaluate("([t, n]) => harness.snapshot(t, n)", [table, now_us])
    if not greeted:
        stage.reply("hello", stage.sent("hello")["id"], now_us=now_us)


def names(stage: Stage) -> list[str]:
    found = stage.page.locator("th[scope=row] > :is(button, strong):visible")
    return found.all_inner_texts()


def line(stage: Stage, number: int) -> str:
    """What is read of a run, in one line."""
    found = stage.page.locator("tbody tr", has=stage.page.locator(f"[title={run_id(number)}]"))
    return " ".join(found.inner_text().split())


def rest(stage: Stage) -> None:
    """Point at no row."""
    stage.page.mouse.move(1, 1)


def styles(stage: Stage) -> list[str]:
    """How everything of the table is drawn."""
    words = "n => ['color', 'padding', 'margin', 'font', 'borderColor', 'background', 'display']"
    drawn = f"nodes => nodes.map({words}.map(k => getComputedStyle(n)[k]).join())"
    stage.page.evaluate("document.activeElement.blur()")
    table = stage.page.locator("#output > header *, #output > table *")
    return table.evaluate_all(drawn)  # type: ignore[no-any-return]


def shot(stage: Stage, name: str) -> None:
    if SHOTS:
        stage.page.screenshot(path=f"{SHOTS}/runs-{name}.png", full_page=True)


def test_a_line_says_how_its_run_stands(stage: Stage) -> None:
    """State with glyph and word, name, id, labels, what it waits for, age, last event."""
    show(stage, each_state())
    assert names(stage) == [
        "refund", "settle", "nightly", "import_orders", "refund", "charge_back", "report",
        "erased",
    ]  # fmt: skip
    assert line(stage, 8).startswith("◷ suspended refund wrun_01KDV6Q8…0008 customer=A-17 hook")
    assert "hook approve-A-17 (open for 14 s)" in line(stage, 8)
    assert "! blocked" in line(stage, 5)
    assert "a step that it needs is not defined where it runs" in line(stage, 5)
    assert "✕ failed" in line(stage, 3)
    assert "KeyError at line 5" in line(stage, 3)
    assert line(stage, 1).startswith("○ forgotten erased")
    assert stage.page.get_by_role("button", name="erased").count() == 0
    assert stage.page.locator(".wfn-elapsed").inner_text() == "8 runs"
    shot(stage, "light")


def test_countdowns_run_in_the_browser(stage: Stage) -> None:
    """What is to come comes nearer, and ages grow, without a word from the kernel."""
    show(stage, each_state())
    assert "ends in 17 s" in line(stage, 6)
    sent = len(stage.all_sent())
    stage.page.clock.run_for(5000)
    assert "ends in 12 s" in line(stage, 6)
    assert "19 s" in line(stage, 6)  # its age
    assert len(stage.all_sent()) == sent


def test_what_happens_is_seen(stage: Stage) -> None:
    """A run that ends and one that begins, each in its place, and it is read out."""
    rows = each_state()
    show(stage, rows)
    rest(stage)
    rows[6] = row(7, completed(), name="settle")
    show(stage, [*rows, row(9, Log("fresh"))], 60)
    assert names(stage)[:3] == ["fresh", "refund", "settle"]
    assert "✓ completed" in line(stage, 7)
    stage.page.clock.run_for(1000)
    assert stage.said == "settle is completed."


def test_text_and_state_filter(stage: Stage) -> None:
    """Names, ids, labels and what is waited for; the options say how many there are."""
    show(stage, each_state())
    stage.field("Text").fill("APPROVE-a")
    assert names(stage) == ["refund"]
    stage.field("Text").fill("customer=A-17")
    assert names(stage) == ["refund", "refund"]
    stage.field("State").select_option(label="completed (1)")
    assert names(stage) == ["refund"]
    stage.field("Text").fill("nothing like it")
    assert stage.page.get_by_text("No run that is known here is like that.").is_visible()
    stage.field("Text").fill("")
    stage.field("State").select_option("")
    assert len(names(stage)) == 8


def test_what_was_asked_for_is_shown_first(stage: Stage) -> None:
    """`--status suspended` sets the filter, which may be changed."""
    show(stage, each_state(), status="suspended")
    assert names(stage) == ["refund", "nightly"]
    assert stage.page.locator(".wfn-elapsed").inner_text() == "2 of 8 runs shown"


def test_each_column_orders(stage: Stage) -> None:
    """A second press turns the order round; which one it is is said to all."""
    show(stage, each_state())
    for column in ("State", "Run", "Waits for", "Age", "Last event"):
        head = stage.page.get_by_role("columnheader", name=column)
        head.get_by_role("button").click()
        first = head.get_attribute("aria-sort")
        before = names(stage)
        head.get_by_role("button").click()
        assert {first, head.get_attribute("aria-sort")} == {"ascending", "descending"}
        assert names(stage) != before
    stage.page.get_by_role("columnheader", name="State").get_by_role("button").click()
    states = stage.page.locator(".wfn-pill").all_inner_texts()
    assert [text.split()[-1] for text in states] == [
        "blocked", "suspended", "suspended", "running", "failed", "cancelled", "completed",
        "forgotten",
    ]  # fmt: skip
    assert stage.page.locator("th[aria-sort]").count() == 1


def test_several_are_cancelled_after_a_question(stage: Stage) -> None:
    """Only runs that may move can be chosen; one that refuses stays chosen and says why."""
    show(stage, each_state())
    assert stage.page.locator("tbody input[type=checkbox]:visible").count() == 4
    assert stage.page.get_by_role("button", name="Cancel").count() == 0
    stage.page.get_by_label("Select all that are shown and have not ended").check()
    stage.page.get_by_label("Select import_orders").uncheck()
    stage.button("Cancel 3 runs…").click()
    question = stage.page.get_by_role("group", name="Cancel the selected runs?")
    assert "Cancel 3 runs: refund, settle, nightly?" in question.inner_text()
    assert stage.focus == "Keep them running"
    shot(stage, "question")
    stage.page.keyboard.press("Escape")
    assert question.is_hidden()
    assert stage.focus == "Cancel 3 runs…"
    assert stage.all_sent("cancel") == []
    stage.button("Cancel 3 runs…").click()
    stage.button("Cancel 3 runs").click()
    message = stage.sent("cancel")
    assert message["runs"] == [run_id(8), run_id(7), run_id(6)]
    refused = {run_id(6): "WF305 The key is missing."}
    stage.reply("cancelled", message["id"], done=[run_id(8)], late=[run_id(7)], refused=refused)
    assert stage.page.locator(".wfn-banner").inner_text() == "nightly: WF305 The key is missing."
    assert stage.button("Cancel 1 run…").is_visible()


def test_what_ends_meanwhile_is_no_longer_chosen(stage: Stage) -> None:
    """The question goes with it, and the focus goes to the title."""
    show(stage, [row(1, suspended())])
    stage.page.get_by_label("Select refund").check()
    stage.button("Cancel 1 run…").click()
    show(stage, [row(1, completed())], 60)
    assert stage.page.get_by_role("button", name="Cancel").count() == 0
    assert stage.focus == "Runs"


def test_no_row_moves_under_a_pointer(stage: Stage) -> None:
    """New runs wait until the pointer has left; what is shown says how it stands all the same."""
    rows = [row(1, suspended()), plain(2)]
    show(stage, rows)
    stage.page.locator("tbody tr").first.hover()
    show(stage, [row(1, completed()), plain(2), plain(3), plain(4)], 60)
    assert names(stage) == ["job 2", "refund"]
    assert "✓ completed" in line(stage, 1)
    assert stage.button("Show 2 more that came meanwhile").is_visible()
    rest(stage)
    assert names(stage) == ["job 4", "job 3", "job 2", "refund"]


def test_keys_alone_do(stage: Stage) -> None:
    """Up and down go from line to line; the focus survives snapshots and new runs."""
    show(stage, each_state())
    stage.page.locator("tbody input").first.focus()
    stage.page.keyboard.press("Space")
    stage.page.keyboard.press("ArrowDown")
    stage.page.keyboard.press("ArrowDown")
    stage.page.keyboard.press("Space")
    show(stage, [*each_state(), plain(9), plain(10)], 21)
    assert stage.page.evaluate("document.activeElement.ariaLabel").startswith("Select nightly")
    stage.page.keyboard.press("Tab")
    stage.page.keyboard.press("Enter")
    assert stage.sent("open")["run_id"] == run_id(6)
    assert stage.button("Cancel 2 runs…").is_visible()
    stage.button("Show 2 more that came meanwhile").press("Enter")
    assert stage.focus == "Runs"
    assert names(stage)[:2] == ["job 10", "job 9"]


def test_a_run_is_opened_below(stage: Stage) -> None:
    """Its live view, as a child's in the view of its parent; a refusal is shown.

    The style sheet that it brings along changes nothing of the table.
    """
    show(stage, each_state())
    drawn = styles(stage)
    stage.button("Open nightly, wrun_01KDV6Q8…0006").click()
    stage.refuse(stage.sent("open")["id"], "WF212 There is no run.")
    assert stage.page.locator(".wfn-runs > .wfn-banner").inner_text() == "WF212 There is no run."
    stage.button("Open nightly, wrun_01KDV6Q8…0006").click()
    assert stage.page.locator(".wfn-runs > .wfn-banner").is_hidden()
    view = suspended().view(20)
    stage.page.evaluate(
        "([i, v, n]) => harness.other(i, v, n)", ["m1", view.to_json(), view.now_us]
    )
    stage.reply("opened", stage.sent("open")["id"], run_id=run_id(6), model_id="m1")
    stage.page.get_by_role("group", name=f"Run {run_id(6)}").get_by_text("Amount").wait_for()
    rest(stage)
    shot(stage, "opened")
    assert styles(stage) == drawn
    stage.button(f"Close run {run_id(6)}").click()
    assert stage.sent("shut")["run_id"] == run_id(6)


def test_many_come_page_by_page(stage: Stage) -> None:
    """First what the snapshot has, then what the kernel is asked for, each from where it ended."""
    rows = [plain(n) for n in range(450)]
    found = roster(rows, limit=100)
    show(stage, rows, 600, limit=100)
    assert len(names(stage)) == 100
    stage.button("Show more").click()
    assert len(names(stage)) == 200
    for before in (None, [T0 + 50 * SECOND, run_id(50)]):
        stage.button("Look among older runs").click()
        message = stage.sent("older")
        assert (message["status"], message["text"], message["before"]) == ("", "", before)
        key = None if before is None else (before[0], before[1])
        stage.reply("older", message["id"], **found.older("", "", key))
        while stage.button("Show more").count():
            stage.button("Show more").click()
    assert len(names(stage)) == 450
    assert stage.button("Look among older runs").count() == 0


def test_an_older_run_that_changes_is_told_beside_the_snapshot(stage: Stage) -> None:
    """So is one that is no longer listed."""
    show(stage, [plain(n) for n in range(3)])
    told = {"op": "rows", "rows": [plain(1, "failed").to_json()], "gone": [run_id(0)]}
    stage.page.evaluate("(c) => harness.reply(c)", told)
    assert names(stage) == ["job 2", "job 1"]
    assert "✕ failed" in line(stage, 1)


def test_no_name_is_ever_markup(stage: Stage) -> None:
    """Names, labels and tokens come from whoever wrote the world."""
    rows = [
        row(n, Log(payload).begin().hook("h1", payload, 1), labels={payload: payload})
        for n, payload in enumerate(PAYLOADS)
    ]
    show(stage, rows, limit=200)
    assert len(names(stage)) == len(PAYLOADS)
    allowed = "th, td, tr, thead, tbody, table, span, strong, code, button, input"
    inside = f"document.querySelectorAll('#output tbody *:not({allowed})').length"
    assert stage.page.evaluate(inside) == 0
    assert stage.page.evaluate("window.owned ?? null") is None


def test_a_silent_kernel_is_named(stage: Stage) -> None:
    """A table that gets no answer says so, and takes it back when the kernel answers."""
    table = roster(each_state()).snapshot()
    stage.page.evaluate("([t, n]) => harness.snapshot(t, n)", [table, T0])
    stage.page.clock.run_for(11_000)
    assert "No answer from the kernel" in stage.page.locator(".wfn-banner").inner_text()
    stage.reply("hello", stage.sent("hello")["id"], now_us=T0)
    assert stage.page.locator(".wfn-banner").is_hidden()


def test_an_empty_world_says_so(stage: Stage) -> None:
    """There is no table of nothing."""
    show(stage, [])
    assert stage.page.get_by_text("No runs yet.").is_visible()
    assert stage.page.get_by_role("table").count() == 0


def test_a_table_that_goes_leaves_nothing(stage: Stage) -> None:
    """No listener is left, and no timer asks or draws."""
    show(stage, each_state())
    stage.page.evaluate("harness.stop()")
    assert stage.page.evaluate("harness.listeners()") == 0


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_narrow_page_is_wide_enough(open_page: Callable[..., Stage], direction: str) -> None:
    """At 320 pixels, dark, in both directions of writing; nothing is cut off."""
    stage = open_page(width=320, path="runs/")
    stage.page.evaluate("d => { document.documentElement.dir = d }", direction)
    stage.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    show(stage, each_state())
    shot(stage, f"narrow-{direction}")
    wide, room = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room
    cut = "nodes => nodes.filter(n => n.scrollWidth > n.clientWidth).length"
    assert stage.page.locator("#output, #output :is(table, tr, th, td)").evaluate_all(cut) == 0
