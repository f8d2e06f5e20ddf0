"""The timeline in a real browser: long runs, what rows hold, the keyboard."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_runs import Log, many, suspended
from wf_notebook.views.reading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.view_stage import Stage
    from wf_notebook.views.model import RunView

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them
LONG = 10_000
DRAWN = 60  # rows that may be in the page at once, of however many
PARTS = [
    {"title": "Arguments", "text": '{"order": "B-99"}'},
    {"title": "Result", "text": '{"paid": 80}'},
]


def shot(stage: Stage, name: str) -> None:
    if SHOTS:
        stage.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


class Kernel:
    """Answers what a timeline asks about the members of a snapshot's groups."""

    def __init__(self, stage: Stage, view: RunView) -> None:
        self.stage = stage
        self.view = view
        self.answered: set[str] = set()

    def answer(self) -> list[dict[str, Any]]:
        """Answer all that was asked since, and what is asked because of that; return it."""
        asked: list[dict[str, Any]] = []
        while found := [m for m in self.stage.all_sent("rows") if m["id"] not in self.answered]:
            for message in found:
                self.answered.add(message["id"])
                group, start, end = message["group"], message["from"], message["to"]
                told = rows_of(self.view.members, group, start, end)
                self.stage.reply("rows", message["id"], **told)
            asked += found
        return asked


def row(stage: Stage, text: str) -> Locator:
    return stage.page.locator(".wfn-row", has_text=text)


def name(stage: Stage, text: str) -> Locator:
    """The button that opens a row."""
    return row(stage, text).locator(".wfn-name")


def opened(stage: Stage, count: int = LONG) -> Kernel:
    """A fan-out whose one group is open."""
    kernel = Kernel(stage, stage.open(many(count, done=count - 20), 200))
    name(stage, "charge ×").click()
    kernel.answer()
    stage.page.mouse.move(1, 1)
    return kernel


def positions(stage: Stage) -> list[int]:
    return stage.page.locator(".wfn-row").evaluate_all(
        "nodes => nodes.map(n => Number(n.getAttribute('aria-posinset')))"
    )


# ------------------------------------------------------------------------------------- long runs


@pytest.mark.parametrize("count", [1000, LONG])
def test_of_many_rows_only_those_that_are_seen_have_nodes(stage: Stage, count: int) -> None:
    """A group opens in place; however far one scrolls, few rows are in the page, and in order."""
    kernel = opened(stage, count)
    rows = stage.page.locator(".wfn-scroll")
    for share in (0, 0.37, 1):
        rows.evaluate("(n, s) => { n.scrollTop = s * n.scrollHeight }", share)
        stage.page.wait_for_function(
            "s => { const l = document.querySelector('.wfn-scroll'), b = l.getBoundingClientRect();"
            " const hit = document.elementFromPoint(b.left + 30, b.top + b.height / 2);"
            " return hit?.closest('.wfn-row') !== null && Math.abs("
            " l.scrollTop - s * (l.scrollHeight - l.clientHeight)) < l.clientHeight; }",
            arg=share,
        )
        kernel.answer()
        seen = positions(stage)
        assert len(seen) <= DRAWN
        assert seen == list(range(seen[0], seen[0] + len(seen)))
        assert stage.page.locator(".wfn-row[data-kind='']").count() == 0
    assert seen[-1] == count + 1
    sizes = stage.page.locator(".wfn-row").evaluate_all(
        "nodes => [...new Set(nodes.map(n => n.getAttribute('aria-setsize')))]"
    )
    assert sizes == [str(count + 1)]
    shot(stage, f"long-{count}")


@pytest.mark.parametrize("width", [320, 900])
def test_rows_of_a_long_run_are_equally_high(open_page: Callable[..., Stage], width: int) -> None:
    """Where a row stands is reckoned from that; none holds more than it shows."""
    stage = open_page(width=width)
    opened(stage, 1000)
    sizes = stage.page.locator(".wfn-row").evaluate_all(
        "nodes => nodes.map(n => [n.offsetHeight, n.scrollHeight > n.clientHeight])"
    )
    assert len({tuple(size) for size in sizes}) == 1
    assert sizes[0][1] is False


def test_a_snapshot_asks_anew_for_what_is_seen_of_a_changed_group(stage: Stage) -> None:
    """Not for all that was ever seen, and for nothing where nothing has changed."""
    kernel = opened(stage)
    stage.show(many(LONG, done=LONG - 20), 201)
    assert kernel.answer() == []
    kernel.view = stage.show(many(LONG, done=LONG - 19), 202)
    assert [(m["from"], m["to"]) for m in kernel.answer()] == [(0, 50)]
    assert f"({LONG - 19} done)" in row(stage, "charge ×").inner_text()


def test_a_group_that_is_closed_leaves_no_row(stage: Stage) -> None:
    """Closed it is one row again, and says so to a screen reader."""
    opened(stage)
    group = name(stage, "charge ×")
    assert group.get_attribute("aria-expanded") == "true"
    group.click()
    assert group.get_attribute("aria-expanded") == "false"
    assert stage.page.locator(".wfn-row").count() == 1


def test_the_keyboard_reaches_every_row_of_a_long_run(stage: Stage) -> None:
    """Arrows, pages, Home and End: the row with the focus is drawn, and seen."""
    kernel = opened(stage)
    name(stage, "charge ×").focus()
    seen = []
    for key in ("ArrowDown", "PageDown", "End", "ArrowUp", "PageUp", "Home"):
        stage.page.keyboard.press(key)
        kernel.answer()
        seen.append(
            stage.page.evaluate(
                "(() => { const r = document.activeElement.closest('.wfn-row'),"
                " l = r.closest('.wfn-scroll').getBoundingClientRect(), b = r.getBoundingClientRect();"
                " return [Number(r.getAttribute('aria-posinset')),"
                " b.top >= l.top - 1 && b.bottom <= l.bottom + 1]; })()"
            )
        )
    page = seen[1][0] - seen[0][0]
    assert page > 5
    steps = [2, 2 + page, LONG + 1, LONG, LONG - page, 1]
    assert seen == [[step, True] for step in steps]


def test_one_row_is_on_the_way_of_the_tab_key(stage: Stage) -> None:
    """Tab leads into the rows once and out again; the keyboard finds the row where it was."""
    opened(stage)
    name(stage, "charge ×").focus()
    stage.page.keyboard.press("ArrowDown")
    stops = stage.page.locator(".wfn-rows [tabindex='0']:not([hidden])")
    row = "n => n.map(b => b.closest('.wfn-row') === document.activeElement.closest('.wfn-row'))"
    assert stops.evaluate_all(row) == [True, True]  # what it holds, and its line of the source


def test_a_focus_that_is_scrolled_away_stays_in_the_list(stage: Stage) -> None:
    """Its row has no node any more, but the next key goes on from where it was."""
    kernel = opened(stage)
    name(stage, "charge ×").focus()
    stage.page.keyboard.press("ArrowDown")
    stage.page.locator(".wfn-scroll").evaluate("n => { n.scrollTop = n.scrollHeight }")
    stage.page.wait_for_function("document.activeElement.className === 'wfn-rows'")
    kernel.answer()
    stage.page.keyboard.press("ArrowDown")
    at = "document.activeElement.closest('.wfn-row').getAttribute('aria-posinset')"
    assert stage.page.evaluate(at) == "3"


def test_a_group_that_is_gone_closes(stage: Stage) -> None:
    """The kernel knows best; what it refuses is said."""
    stage.open(many(500, done=480), 200)
    name(stage, "charge ×").click()
    stage.refuse(stage.sent("rows")["id"], "There is no such group.")
    assert name(stage, "charge ×").get_attribute("aria-expanded") == "false"
    assert stage.said == "There is no such group."


# ------------------------------------------------------------------------------- what a row holds


def test_a_row_opens_what_it_holds(stage: Stage) -> None:
    """Asked for when it is opened; closed, nothing of it stays in the page."""
    stage.open(suspended())
    button = name(stage, "fetch_order")
    button.focus()
    stage.page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    request = stage.sent("peek")
    assert request["entity"] == "s1"
    stage.reply("peeked", request["id"], entity="s1", parts=PARTS)
    detail = stage.page.get_by_role("group", name="What fetch_order holds")
    seen = [line for line in detail.inner_text().split("\n") if line]
    assert seen == ["Arguments", '{"order": "B-99"}', "Result", '{"paid": 80}']
    assert button.get_attribute("aria-controls") == detail.get_attribute("id")
    shot(stage, "detail")
    stage.page.keyboard.press("Escape")
    assert button.get_attribute("aria-expanded") == "false"
    assert "B-99" not in stage.page.content()
    assert stage.focus == "fetch_order"


def test_one_row_is_open_at_a_time(stage: Stage) -> None:
    """What another one held is dropped, and so is an answer that comes after it was closed."""
    stage.open(suspended())
    name(stage, "fetch_order").click()
    first = stage.sent("peek")["id"]
    name(stage, "reserve").click()
    stage.reply("peeked", first, entity="s1", parts=PARTS)
    assert "B-99" not in stage.page.content()
    assert stage.page.locator(".wfn-name[aria-expanded='true']").all_inner_texts() == ["reserve"]


def test_a_row_that_is_gone_drops_what_it_held(stage: Stage) -> None:
    """When it comes again it is closed."""
    stage.open(suspended())
    name(stage, "fetch_order").click()
    stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=PARTS)
    stage.show(Log().begin(), 11)
    assert "B-99" not in stage.page.content()
    stage.show(suspended(), 12)
    assert name(stage, "fetch_order").get_attribute("aria-expanded") == "false"


def test_an_open_row_is_asked_anew_when_it_has_changed(stage: Stage) -> None:
    """Not with each snapshot, and what was shown stays until there is more."""
    log = Log().begin().step("s1", "charge", 1, line=3).attempt("s1", 1)
    stage.open(log)
    name(stage, "charge").click()
    stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=PARTS[:1])
    stage.show(log, 11)
    assert len(stage.all_sent("peek")) == 1
    stage.show(log.complete("s1", 12), 12)
    assert len(stage.all_sent("peek")) == 2
    detail = stage.page.get_by_role("group", name="What charge holds")
    assert "B-99" in detail.inner_text()
    stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=PARTS)
    assert "paid" in detail.inner_text()


def test_a_row_that_cannot_be_opened_says_why(stage: Stage) -> None:
    """Without the key there is a message, not a hole."""
    stage.open(suspended())
    name(stage, "fetch_order").click()
    stage.refuse(stage.sent("peek")["id"], "WF305 The key is missing.")
    assert "WF305 The key is missing." in row(stage, "fetch_order").inner_text()


def test_a_detail_among_many_rows_moves_those_below(stage: Stage) -> None:
    """The rows after it stand below it, and the last one is still reached."""
    kernel = opened(stage)
    stage.page.locator(".wfn-row .wfn-name").nth(3).click()
    request = stage.sent("peek")
    text = "\n".join(f"line {n}" for n in range(30))
    stage.reply(
        "peeked", request["id"], entity=request["entity"], parts=[{"title": "A", "text": text}]
    )
    tops = stage.page.locator(".wfn-row").evaluate_all(
        "nodes => nodes.map(n => n.getBoundingClientRect()).map(b => [b.top, b.bottom])"
    )
    for (_, bottom), (top, _) in pairwise(tops):
        assert abs(bottom - top) < 1.5
    stage.page.keyboard.press("End")
    kernel.answer()
    assert positions(stage)[-1] == LONG + 1
    stage.page.keyboard.press("Home")
    assert "line 29" in stage.page.locator(".wfn-detail").inner_text()


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_resting_on_a_row_shows_what_it_holds(stage: Stage, by: str) -> None:
    """After a moment, above the page; leaving drops it."""
    stage.open(suspended())
    if by == "pointer":
        name(stage, "fetch_order").hover()
    else:
        name(stage, "fetch_order").focus()
        stage.page.keyboard.press("ArrowDown")
        stage.page.keyboard.press("ArrowUp")
    assert stage.all_sent("peek") == []
    stage.page.clock.run_for(400)
    stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=PARTS)
    hover = stage.page.locator(".wfn-hover")
    assert "paid" in hover.inner_text()
    box = hover.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 900
    shot(stage, f"hover-{by}")
    if by == "pointer":
        stage.page.mouse.move(1, 1)
    else:
        stage.page.keyboard.press("Escape")
    assert hover.is_hidden()
    assert "paid" not in stage.page.content()


def test_passing_over_rows_asks_for_nothing(stage: Stage) -> None:
    """A pointer on its way elsewhere opens nothing that is sealed."""
    stage.open(suspended())
    for text in ("fetch_order", "reserve", "approve-A-17"):
        row(stage, text).locator(".wfn-name").hover()
        stage.page.clock.run_for(100)
    stage.page.mouse.move(1, 1)
    stage.page.clock.run_for(1000)
    assert stage.all_sent("peek") == []


def test_a_view_that_goes_drops_what_was_open(open_page: Callable[..., Stage]) -> None:
    """Nothing that was sealed stays, and no timer runs."""
    stage = open_page()
    stage.open(suspended())
    name(stage, "fetch_order").click()
    stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=PARTS)
    name(stage, "reserve").hover()
    stage.page.evaluate("harness.stop()")
    stage.page.clock.run_for(1000)
    assert "paid" not in stage.page.content()
    assert len(stage.all_sent("peek")) == 1
