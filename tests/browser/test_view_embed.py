"""Runs opened inside a run's view, in a real browser."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.view_runs import Log, completed, suspended

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

CHILD = "wrun_child"
SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them


def parent(stage: Stage) -> None:
    """A run whose first step has started another one."""
    stage.open(suspended(), children={"s1": CHILD})


def other(stage: Stage, run_id: str = CHILD, model_id: str = "m1", log: Log | None = None) -> None:
    """The kernel makes the model of another run's view, and says so."""
    view = (log or completed()).view(60)
    json = {**view.to_json(), "run_id": run_id, "name": "ship"}
    stage.page.evaluate("([i, v, n]) => harness.other(i, v, n)", [model_id, json, view.now_us])


def embedded(stage: Stage) -> Locator:
    return stage.page.get_by_role("region", name="Runs opened from here")


def open_child(stage: Stage) -> Locator:
    parent(stage)
    other(stage)
    stage.button("Open the run that fetch_order has started").click()
    stage.reply("opened", stage.sent("open")["id"], run_id=CHILD, model_id="m1")
    found = stage.page.get_by_role("group", name=f"Run {CHILD}", exact=True)
    found.get_by_role("heading", name="ship").wait_for()
    return found


def test_a_child_is_opened_below_its_parent(stage: Stage) -> None:
    """From the row of the step that has started it; the focus goes there, and it lives."""
    child = open_child(stage)
    assert stage.sent("open")["run_id"] == CHILD
    assert stage.focus == f"Run {CHILD}"
    assert "charge_back" in child.inner_text()
    assert stage.page.locator("#output > .wfn-timeline li").count() == 5
    sent = "harness.model.widget_manager.models.get('m1').sent.map(m => m.op)"
    assert stage.page.evaluate(sent) == ["hello"]


def test_rows_without_a_child_have_no_such_button(stage: Stage) -> None:
    """Nor is there anything below where nothing was opened."""
    parent(stage)
    assert stage.page.locator(".wfn-child:visible").count() == 1
    assert embedded(stage).count() == 0


def test_a_run_that_is_opened_again_is_shown_once(stage: Stage) -> None:
    """The second time the focus goes to where it is."""
    open_child(stage)
    stage.button("Open the run that fetch_order has started").click()
    stage.reply("opened", stage.sent("open")["id"], run_id=CHILD, model_id="m1")
    assert stage.page.locator(".wfn-embed").count() == 1
    assert stage.focus == f"Run {CHILD}"


def test_closing_lets_go_of_it(stage: Stage) -> None:
    """Its view is removed, the kernel is told, and the focus goes to the title."""
    open_child(stage)
    stage.button(f"Close run {CHILD}").click()
    assert stage.page.evaluate("harness.model.widget_manager.removed") == 1
    assert stage.sent("shut")["run_id"] == CHILD
    assert stage.focus == "refund"
    assert embedded(stage).count() == 0


def test_a_run_that_has_ended_can_be_run_again(stage: Stage) -> None:
    """Rerun stands where the run is over, and its new run appears below."""
    stage.open(suspended())
    assert stage.button("Rerun").count() == 0
    stage.show(completed(), 60)
    stage.button("Rerun").click()
    stage.button("Rerun").click(force=True)
    assert len(stage.all_sent("rerun")) == 1
    assert stage.button("Rerun").get_attribute("aria-disabled") == "true"
    other(stage, "wrun_again", "m2", suspended())
    stage.reply("opened", stage.sent("rerun")["id"], run_id="wrun_again", model_id="m2")
    again = stage.page.get_by_role("group", name="Run wrun_again", exact=True)
    again.get_by_role("button", name="Resume").wait_for()
    assert stage.button("Rerun").first.get_attribute("aria-disabled") is None


def test_no_two_nodes_of_a_page_have_the_same_id(stage: Stage) -> None:
    """Each view has its own copy of the module: a label must find the field of its own view."""
    parent(stage)
    other(stage, log=suspended())
    stage.button("Open the run that fetch_order has started").click()
    stage.reply("opened", stage.sent("open")["id"], run_id=CHILD, model_id="m1")
    child = stage.page.get_by_role("group", name=f"Run {CHILD}", exact=True)
    child.get_by_label("Amount").fill("7")
    ids = stage.page.locator("#output [id]").evaluate_all("nodes => nodes.map(n => n.id)")
    assert len(ids) == len(set(ids)) > 20


def test_a_refusal_is_shown_in_the_view(stage: Stage) -> None:
    """What cannot be opened says why, and can be tried again."""
    parent(stage)
    stage.button("Open the run that fetch_order has started").click()
    stage.refuse(stage.sent("open")["id"], "WF212 There is no run.")
    assert stage.page.locator(".wfn-banner").inner_text() == "WF212 There is no run."
    assert stage.page.locator(".wfn-child[aria-disabled]").count() == 0
    assert embedded(stage).count() == 0


@pytest.mark.parametrize("lacks", ["manager", "model"])
def test_where_no_view_can_be_made_the_magic_is_named(stage: Stage, lacks: str) -> None:
    """A front end without widgets to make views of, or one that lost the model."""
    if lacks == "manager":
        stage.page.evaluate("delete harness.model.widget_manager")
    parent(stage)
    stage.button("Open the run that fetch_order has started").click()
    stage.reply("opened", stage.sent("open")["id"], run_id=CHILD, model_id="nowhere")
    text = embedded(stage).get_by_text(f"%wf show {CHILD}")
    text.wait_for()


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_a_view_in_a_view_is_no_wider_than_the_page(
    open_page: Callable[..., Stage], direction: str
) -> None:
    """At 320 pixels, in both directions of writing."""
    stage = open_page(width=320)
    stage.page.evaluate("d => { document.documentElement.dir = d }", direction)
    open_child(stage)
    if SHOTS:
        stage.page.evaluate("document.body.dataset.jpThemeLight = 'false'")
        stage.page.screenshot(path=f"{SHOTS}/embed-{direction}.png", full_page=True)
    wide, room = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room


def test_a_view_that_goes_takes_those_inside_along(stage: Stage) -> None:
    """No view, timer or listener of theirs is left, and what comes late is not shown."""
    open_child(stage)
    stage.button("Rerun").first.click()
    stage.page.evaluate("harness.stop()")
    assert stage.page.evaluate("harness.model.widget_manager.removed") == 1
    left = "[...harness.model.widget_manager.models.get('m1').handlers.values()].flat().length"
    assert stage.page.evaluate(left) == 0


def test_a_run_s_id_is_never_markup(stage: Stage) -> None:
    """An id comes from a log that anyone may have written."""
    payload = "<img src=x onerror='window.owned=1'>"
    stage.open(suspended(), children={"s1": payload})
    other(stage, payload)
    stage.page.locator(".wfn-child:visible").click()
    stage.reply("opened", stage.sent("open")["id"], run_id=payload, model_id="m1")
    stage.page.locator(".wfn-embed").get_by_role("heading", name="ship").wait_for()
    assert stage.page.locator("#output img").count() == 0
    assert stage.page.evaluate("window.owned") is None
