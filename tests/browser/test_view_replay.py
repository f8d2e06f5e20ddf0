"""The replay bar in a real browser: the run as it stood, by pointer, by keyboard, played."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_runs import Log, completed, suspended
from wf_notebook.views.past import Past

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them


class Bar:
    """The bar of a run, whose questions are answered as the kernel does."""

    def __init__(self, stage: Stage, log: Log, now: float = 60) -> None:
        self.stage, self.log = stage, log
        self.past = Past()
        self.past.extend(log.events)
        self.answered: set[str] = set()
        stage.open(log, now)

    def open(self) -> Bar:
        self.stage.button("Replay").click()
        return self.answer()

    def pending(self) -> list[dict[str, Any]]:
        return [ask for ask in self.stage.all_sent("at") if ask["id"] not in self.answered]

    def answer(self) -> Bar:
        """Answer what was asked, in order, and what is asked because of it."""
        while pending := self.pending():
            for ask in pending:
                told, _ = self.past.at(ask["seq"], self.log.facts())
                self.answered.add(ask["id"])
                self.stage.reply("at", ask["id"], **told)
        return self

    @property
    def slider(self) -> Locator:
        return self.stage.page.get_by_role("slider", name="Event")

    @property
    def place(self) -> str:
        return self.stage.page.locator(".wfn-past-place").inner_text()

    def press(self, key: str) -> str:
        self.stage.page.keyboard.press(key)
        self.answer()
        return self.place


def rows(stage: Stage) -> list[str]:
    return stage.page.locator(".wfn-row .wfn-name").all_inner_texts()


def test_the_run_is_shown_as_it_stood(stage: Stage) -> None:
    """State, rows and how many events: of the moment that the bar stands at; marked as past."""
    bar = Bar(stage, completed()).open()
    total = len(bar.log.events)
    assert bar.place == f"event {total} of {total}"
    bar.slider.fill("4")
    bar.answer()
    assert bar.place == f"event 4 of {total}"
    assert stage.page.locator(".wfn-pill").inner_text() == "●\nrunning"
    assert f"event 4 of {total}" in stage.page.locator(".wfn-second").inner_text()
    assert rows(stage) == ["fetch_order"]
    assert stage.page.locator(".wfn").get_attribute("data-past") == "true"
    assert bar.slider.get_attribute("aria-valuetext") == (
        f"event 4 of {total}: step_started · fetch_order · +20 ms"
    )


def test_the_keyboard_alone_goes_through_the_log(stage: Stage) -> None:
    """Arrows, Home, End and the page keys on the slider; Tab leads to it, and back to live."""
    bar = Bar(stage, completed())
    total = len(bar.log.events)
    stage.button("Replay").focus()
    stage.page.keyboard.press("Enter")
    bar.answer()
    bar.slider.focus()
    assert bar.press("Home") == f"event 1 of {total}"
    assert bar.press("ArrowRight") == f"event 2 of {total}"
    assert bar.press("End") == f"event {total} of {total}"
    assert bar.press("ArrowLeft") == f"event {total - 1} of {total}"
    bar.press("PageDown")
    assert int(bar.slider.input_value()) < total - 2
    stage.button("Back to live").focus()
    stage.page.keyboard.press("Enter")
    assert stage.focus == "Replay"
    assert stage.page.locator(".wfn").get_attribute("data-past") == "false"


def test_buttons_step_to_the_next_event_and_the_one_before(stage: Stage) -> None:
    """One event at a time, and not beyond the ends."""
    bar = Bar(stage, suspended()).open()
    total = len(bar.log.events)
    stage.button("Next event").click()
    assert bar.answer().place == f"event {total} of {total}"
    for _ in range(3):
        stage.button("Event before").click()
        bar.answer()
    assert bar.place == f"event {total - 3} of {total}"
    stage.button("Next event").click()
    assert bar.answer().place == f"event {total - 2} of {total}"


def test_one_question_is_on_its_way_however_fast_one_drags(stage: Stage) -> None:
    """What was passed in between is not asked for; where the drag ended is."""
    bar = Bar(stage, completed()).open()
    asked = len(stage.all_sent("at"))
    for seq in ("9", "8", "7", "6"):
        bar.slider.fill(seq)
    assert [ask["seq"] for ask in stage.all_sent("at")[asked:]] == [9]
    bar.answer()
    assert [ask["seq"] for ask in stage.all_sent("at")[asked:]] == [9, 6]
    assert bar.place.startswith("event 6 ")
    assert bar.slider.input_value() == "6"


def test_nothing_acts_on_the_past(stage: Stage) -> None:
    """No form, no Wake now, no Cancel while it is shown; what was typed is there afterwards."""
    bar = Bar(stage, suspended(), 10)
    stage.field("Amount").fill("77")
    bar.open()
    for name in ("Resume", "Wake now", "Cancel", "Rerun"):
        assert stage.button(name).count() == 0
    assert stage.page.locator(".wfn-past .wfn-note").inner_text().startswith("Forms, Wake now")
    stage.button("Back to live").click()
    assert stage.field("Amount").input_value() == "77"
    for name in ("Resume", "Wake now", "Cancel"):
        assert stage.button(name).is_visible()


def test_a_question_about_cancelling_does_not_stay_open_in_the_past(stage: Stage) -> None:
    """It would cancel what is not shown."""
    bar = Bar(stage, suspended(), 10)
    stage.button("Cancel").click()
    bar.open()
    assert stage.button("Cancel the run").count() == 0
    stage.button("Back to live").click()
    assert stage.button("Cancel").is_visible()


def test_what_happens_meanwhile_does_not_move_what_is_shown(stage: Stage) -> None:
    """The past stays; the bar grows with the log, and back to live is the run as it is."""
    bar = Bar(stage, suspended(), 10).open()
    bar.slider.fill("4")
    bar.answer()
    stage.show(completed(), 60)
    assert rows(stage) == ["fetch_order"]
    assert bar.place == f"event 4 of {len(completed().events)}"
    assert stage.said == "refund is completed."
    stage.button("Back to live").click()
    assert "notify" in rows(stage)
    assert stage.button("Rerun").is_visible()


def test_leaving_tells_the_kernel(stage: Stage) -> None:
    """What was read for the bar is let go of, once, when no panel looks at the log any more."""
    Bar(stage, completed()).open()
    stage.button("Events").click()
    stage.button("Back to live").click()
    assert stage.all_sent("leave") == []
    stage.button("Events").click()
    assert len(stage.all_sent("leave")) == 1


def test_play_takes_the_time_between_events_and_shortens_long_gaps(stage: Stage) -> None:
    """By the page's clock: a gap of 0.88 s at x1 takes that; one of 26 s takes two, and says so."""
    bar = Bar(stage, completed()).open()
    bar.slider.fill("4")
    bar.answer()
    stage.button("▶ Play").click()
    bar.answer()
    stage.page.clock.run_for(870)
    assert bar.place.startswith("event 4 ")
    stage.page.clock.run_for(20)
    assert bar.answer().place.startswith("event 5 ")
    stage.button("❚❚ Pause").click()
    stage.page.clock.run_for(5_000)
    assert bar.answer().place.startswith("event 5 ")
    bar.slider.fill("13")  # the hook was opened; its answer comes 26 s later
    bar.answer()
    stage.button("▶ Play").click()
    bar.answer()
    note = stage.page.locator(".wfn-past .wfn-note")
    assert note.inner_text() == "26 s until the next event, shortened to 2 s."
    stage.page.clock.run_for(1_990)
    assert bar.place.startswith("event 13 ")
    stage.page.clock.run_for(20)
    assert bar.answer().place.startswith("event 14 ")


def test_speed_makes_it_quicker_and_it_ends_at_the_end(stage: Stage) -> None:
    """At x100 the last gap of 0.1 s is one of 1 ms; at the end it stands, and plays anew."""
    bar = Bar(stage, completed()).open()
    total = len(bar.log.events)
    bar.slider.fill(str(total - 1))
    bar.answer()
    stage.field("Speed").select_option("100")
    stage.button("▶ Play").click()
    bar.answer()
    stage.page.clock.run_for(2)
    assert bar.answer().place == f"event {total} of {total}"
    stage.button("▶ Play").click()
    assert bar.answer().place == f"event 1 of {total}"
    assert stage.button("❚❚ Pause").is_visible()


def test_what_was_on_its_way_when_it_was_paused_is_not_played(stage: Stage) -> None:
    """Its answer is dropped, whatever is pressed next."""
    bar = Bar(stage, completed()).open()
    bar.slider.fill("4")
    bar.answer()
    stage.button("▶ Play").click()
    stage.button("❚❚ Pause").click()
    bar.answer()
    stage.button("▶ Play").click()
    stage.field("Speed").select_option("100")
    stage.page.clock.run_for(1_000)
    assert bar.place.startswith("event 4 ")
    bar.answer()
    stage.page.clock.run_for(1_000)
    assert bar.answer().place.startswith("event 5 ")


def test_a_view_that_goes_plays_no_longer(stage: Stage) -> None:
    """No timer of it is left."""
    bar = Bar(stage, completed()).open()
    stage.button("▶ Play").click()
    bar.answer()
    stage.page.evaluate("harness.stop()")
    asked = len(stage.all_sent("at"))
    stage.page.clock.run_for(10_000)
    assert len(stage.all_sent("at")) == asked


def test_a_refusal_takes_the_place_of_the_bar(stage: Stage) -> None:
    """Why the past cannot be shown; closing it leads back to the run as it is."""
    stage.open(suspended())
    stage.button("Replay").click()
    stage.refuse(stage.sent("at")["id"], "WF305 The key is missing.")
    assert stage.page.get_by_role("region", name="Replay bar").inner_text() == (
        "WF305 The key is missing."
    )
    stage.button("Replay").click()
    assert stage.button("Resume").is_visible()


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 900])
def test_the_bar_is_no_wider_than_the_page(
    open_page: Callable[..., Stage], width: int, theme: str, direction: str
) -> None:
    """At 320 pixels too, in both directions of writing."""
    stage = open_page(width=width)
    script = (
        "([t, d]) => { document.body.dataset.jpThemeLight = t; document.documentElement.dir = d }"
    )
    stage.page.evaluate(script, [str(theme == "light").lower(), direction])
    bar = Bar(stage, completed()).open()
    bar.slider.fill("12")
    bar.answer()
    if SHOTS:
        stage.page.screenshot(
            path=f"{SHOTS}/replay-{width}-{theme}-{direction}.png", full_page=True
        )
    wide, room = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room
