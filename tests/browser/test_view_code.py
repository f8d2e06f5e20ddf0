"""The source that runs, in a real browser: its marks, its way to the rows and back, its hash."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_runs import Log, completed, suspended
from wf_notebook.views.lines import reached, waiting
from wf_notebook.views.past import Past

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them
HASH = "5f1c0a" + "9" * 58
SOURCE = """\
async def refund(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    held = await steps.reserve(order)
    pause = asyncio.create_task(sleep("15m"))
    async with asyncio.timeout(60):
        answer = await create_hook(token=f"approve-{order_id}", schema="Approval")
    await pause
    done = await steps.charge_back(order, answer.amount)
    await steps.notify(done)
    return done
"""
DIFF = """\
--- the run
+++ the cell now
@@ -8,3 +8,3 @@
     await pause
-    done = await steps.charge_back(order, answer.amount)
+    done = await steps.charge_back(order, 5)
     await steps.notify(done)
"""


def answer(stage: Stage, log: Log, **more: Any) -> None:
    told = {"source": SOURCE, "hash": HASH, "compared": True, "changed": None, **more}
    marks = {"reached": reached(log.state), "waiting": waiting(log.state)}
    stage.reply("revealed", stage.sent("reveal")["id"], **{**told, **marks})


def reveal(stage: Stage, log: Log, now: float = 10, **more: Any) -> Locator:
    stage.open(log, now)
    stage.button("Code").click()
    answer(stage, log, **more)
    return stage.page.get_by_role("region", name="The source that runs")


def marked(stage: Stage, kind: str) -> list[str]:
    return stage.page.locator(f".wfn-{kind} .wfn-number").all_inner_texts()


def chosen(stage: Stage) -> tuple[list[str], list[str]]:
    """The line and the rows that are marked."""
    line = stage.page.locator(".wfn-code-line[data-chosen=true] .wfn-number")
    rows = stage.page.locator(".wfn-row[aria-current=true] .wfn-name")
    return line.all_inner_texts(), rows.all_inner_texts()


def number(stage: Stage, line: int) -> Locator:
    return stage.button(f"Line {line}, reached: mark its rows")


def test_lines_reached_and_lines_that_wait_are_marked(stage: Stage) -> None:
    """By more than colour: a word where it waits, and the number of a reached line is a button."""
    panel = reveal(stage, suspended())
    assert marked(stage, "reached") == ["4", "5", "6", "7", "8"]
    assert marked(stage, "waits") == ["6", "7", "8"]
    assert panel.get_by_role("button", name="Line ").count() == 5
    assert "← here" in panel.locator("[data-line='8']").inner_text()


def test_the_approval_stands_beside_the_hash(stage: Stage) -> None:
    """Which revision it is; nothing where a run says of none."""
    panel = reveal(stage, suspended(), approved="refund@3")
    assert "✓ approved as refund@3" in panel.inner_text()


def test_the_marks_move_with_the_run(stage: Stage) -> None:
    """A snapshot is enough: the source isn't asked for again."""
    reveal(stage, suspended())
    stage.show(completed(), 60)
    assert marked(stage, "waits") == []
    assert marked(stage, "reached") == ["4", "5", "6", "7", "8", "10", "11"]
    assert len(stage.all_sent("reveal")) == 1


def test_the_marks_follow_the_replay_bar(stage: Stage) -> None:
    """As the kernel says of that moment; back to live they are those of now."""
    log = completed()
    reveal(stage, log, 60)
    past = Past()
    past.extend(log.events)
    stage.button("Replay").click()
    told, _ = past.at(4, log.facts())
    stage.reply("at", stage.sent("at")["id"], **told)
    assert (marked(stage, "reached"), marked(stage, "waits")) == (["4"], ["4"])
    stage.button("Back to live").click()
    assert (len(marked(stage, "reached")), marked(stage, "waits")) == (7, [])


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
def test_a_row_leads_to_its_line_and_a_line_to_its_rows(stage: Stage, by: str) -> None:
    """The line gets the focus, both are marked; pressed again, neither is."""

    def press(node: Locator) -> None:
        if by == "pointer":
            node.click()
        else:
            node.focus()
            stage.page.keyboard.press("Enter")

    reveal(stage, suspended())
    press(stage.button("line 5"))
    assert chosen(stage) == (["5"], ["reserve"])
    assert stage.focus == "5"
    press(number(stage, 8))
    assert chosen(stage) == (["8"], ["hook approve-A-17"])
    assert stage.said == "1 row of line 8 marked in the timeline."
    assert number(stage, 8).get_attribute("aria-pressed") == "true"
    press(number(stage, 8))
    assert chosen(stage) == ([], [])


def test_all_rows_of_a_line_are_marked(stage: Stage) -> None:
    """A loop stands on one line; a row that comes later is marked too."""
    log = Log().begin().done("s1", "fetch_order", 0.1, 0.2, line=3)
    log.done("s2", "fetch_order", 0.2, 0.3, line=3)
    reveal(stage, log)
    number(stage, 4).click()
    assert stage.said == "2 rows of line 4 marked in the timeline."
    stage.show(log.done("s3", "fetch_order", 0.3, 0.4, line=3), 11)
    assert chosen(stage)[1] == ["fetch_order"] * 3


def test_a_row_reveals_the_source_that_is_locked(stage: Stage) -> None:
    """It is asked for then, and its line is gone to when it has come; hidden, nothing is marked."""
    log = suspended()
    stage.open(log)
    assert stage.all_sent("reveal") == []
    stage.button("line 4").click()
    answer(stage, log)
    stage.page.wait_for_function("document.activeElement.textContent === '4'")
    assert chosen(stage) == (["4"], ["fetch_order"])
    stage.button("Code").click()
    assert chosen(stage) == ([], [])
    assert "create_hook" not in stage.page.content()


def test_the_hash_can_be_copied_whole(stage: Stage) -> None:
    """It is shown short."""
    panel = reveal(stage, suspended())
    stage.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {configurable: true,"
        " value: {writeText: async (t) => { window.copied = t; }}})"
    )
    digest = panel.locator(".wfn-hash")
    assert digest.evaluate("node => node.clientWidth < node.scrollWidth")
    stage.button("Copy the hash").click()
    stage.page.wait_for_function("window.copied")
    assert stage.page.evaluate("window.copied") == HASH


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "✓ matches the cell"),
        ({"compared": False}, "not compared: its cell was not run in this session"),
        ({"changed": DIFF}, "≠ the cell has changed since: this is what runs"),
    ],
)
def test_it_says_how_the_cell_differs(stage: Stage, told: dict[str, Any], words: str) -> None:
    """It matches, it has changed, or nobody knows."""
    panel = reveal(stage, suspended(), **told)
    assert words in panel.locator(".wfn-code-facts").inner_text()


def test_the_difference_is_shown_as_text(stage: Stage) -> None:
    """Line by line with its signs; it can be folded."""
    hostile = DIFF + "+<img src=x onerror='window.owned=1'>\n"
    panel = reveal(stage, suspended(), changed=hostile)
    assert panel.locator(".wfn-diff-more").all_text_contents() == [
        "+    done = await steps.charge_back(order, 5)\n",
        "+<img src=x onerror='window.owned=1'>\n",
    ]
    assert len(panel.locator(".wfn-diff-less").all()) == 1
    panel.locator("summary").press("Enter")
    assert not panel.locator(".wfn-diff pre").is_visible()
    assert stage.page.evaluate("window.owned") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 900])
def test_the_panel_is_no_wider_than_the_page(
    open_page: Callable[..., Stage], width: int, theme: str
) -> None:
    """Long lines scroll inside it."""
    stage = open_page(width=width)
    stage.page.evaluate(
        "t => { document.body.dataset.jpThemeLight = t }", str(theme == "light").lower()
    )
    reveal(stage, suspended(), changed=DIFF)
    number(stage, 8).click()
    if SHOTS:
        stage.page.screenshot(path=f"{SHOTS}/code-{width}-{theme}.png", full_page=True)
    wide, room = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room
