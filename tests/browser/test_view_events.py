"""The log of a run in a real browser: in pages, filtered, opened one event at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.view_runs import SECRET, T0, Log, completed, many, suspended
from wf_notebook.views.past import Past
from wf_notebook.views.peek import event_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

SHOTS = os.environ.get("WF_TEST_SHOTS")  # a folder for pictures, for whoever looks at them
CORPUS = Path(__file__).parents[1] / "corpus" / "xss.txt"


class Panel:
    """The panel of a run, whose questions are answered as the kernel does."""

    def __init__(self, stage: Stage, log: Log, now: float = 60) -> None:
        self.stage, self.log = stage, log
        self.answered: set[str] = set()
        stage.open(log, now)
        stage.button("Events").click()
        self.answer()

    def answer(self) -> Panel:
        past = Past()
        past.extend(self.log.events)
        for ask in self.stage.all_sent("events"):
            if ask["id"] in self.answered:
                continue
            self.answered.add(ask["id"])
            types = None if ask["types"] is None else set(ask["types"])
            told = past.page(ask["after"], ask["limit"], types=types, entity=ask["entity"])
            self.stage.reply("events", ask["id"], **told)
        return self

    def reply_event(self) -> None:
        ask = self.stage.sent("event")
        text = event_text(self.log.events[ask["seq"] - 1])
        self.stage.reply("event", ask["id"], seq=ask["seq"], text=text)

    @property
    def node(self) -> Locator:
        return self.stage.page.get_by_role("region", name="Events of the run")

    @property
    def seqs(self) -> list[int]:
        texts = self.node.locator(".wfn-event-seq").all_inner_texts()
        return [int(text[1:]) for text in texts]

    @property
    def count(self) -> str:
        return self.node.locator(".wfn-events-count").inner_text()

    def turn(self, name: str) -> Panel:
        self.stage.button(f"{name} page of events").click()
        return self.answer()


def repeated() -> Log:
    """An answer that was given twice, and an outcome that came after the end."""
    log = completed()
    resume = next(event for event in log.events if event.type == "hook_received")
    log.add("hook_received", 36, "h1", meta=resume.meta, data=resume.data)
    return log.complete("s3", 37)


def test_the_log_is_shown_in_order(stage: Stage) -> None:
    """Number, type, what it is about and when, each event once."""
    panel = Panel(stage, completed())
    total = len(panel.log.events)
    assert panel.seqs == list(range(1, total + 1))
    assert panel.count == f"1–{total} of {total}"
    third = panel.node.get_by_role("listitem").nth(2)
    assert third.inner_text().split() == [
        "#3", "+20", "ms", "step_created", "fetch_order", "JSON", "Then",
    ]  # fmt: skip


def test_only_one_page_has_nodes(stage: Stage) -> None:
    """However long the log; first, previous, next and last lead through all of it."""
    panel = Panel(stage, many(400, done=300))
    total = len(panel.log.events)
    assert (len(panel.seqs), panel.count) == (50, f"1–50 of {total}")
    assert panel.turn("Next").seqs == list(range(51, 101))
    assert panel.turn("Last").seqs[-1] == total
    assert len(panel.seqs) <= 50
    before = panel.seqs[0]
    assert panel.turn("Previous").seqs[-1] == before - 1
    assert panel.turn("First").seqs[0] == 1
    assert stage.field("Type").evaluate("node => node.selectedOptions[0].text") == "all"
    asked = len(stage.all_sent("events"))
    stage.button("First page of events").click(force=True)
    assert len(stage.all_sent("events")) == asked


def test_filters_by_type_and_by_what_it_is_about(stage: Stage) -> None:
    """The types that there are, and the rows; both together; and everything again."""
    panel = Panel(stage, completed())
    stage.field("Type").select_option(label="step_started (5)")
    assert panel.answer().count == "1–5 of 5"
    stage.field("About").select_option(label="reserve, line 5")
    panel.answer()
    assert panel.node.locator("code").all_inner_texts() == ["step_started", "step_started"]
    stage.field("Type").select_option("")
    assert len(panel.answer().seqs) == 5
    stage.field("About").select_option("")
    assert len(panel.answer().seqs) == len(panel.log.events)


def test_an_event_leads_to_all_that_is_about_the_same(stage: Stage) -> None:
    """By keyboard: the filter then says what it is, and has the focus."""
    panel = Panel(stage, completed())
    about = panel.node.get_by_role("button", name="approve-A-17", exact=True).first
    about.focus()
    stage.page.keyboard.press("Enter")
    panel.answer()
    assert panel.node.locator("code").all_inner_texts() == ["hook_created", "hook_received"]
    assert stage.focus == "About"
    assert stage.field("About").input_value() == "h1"


def test_what_has_no_row_of_its_own_can_be_chosen_too(stage: Stage) -> None:
    """A member of a group is known by its id."""
    panel = Panel(stage, many(400, done=300))
    panel.node.get_by_role("button", name="s1", exact=True).click()
    assert panel.answer().seqs != []
    assert stage.field("About").input_value() == "s1"


def test_what_an_event_holds_is_opened_on_demand_and_forgotten(stage: Stage) -> None:
    """Asked for one event at a time; what was opened leaves the page when it is closed."""
    panel = Panel(stage, completed())
    assert SECRET not in stage.page.content()
    opened = stage.button("JSON of event 5")
    opened.focus()
    stage.page.keyboard.press("Enter")
    assert stage.sent("event")["seq"] == 5
    panel.reply_event()
    assert opened.get_attribute("aria-expanded") == "true"
    assert SECRET in panel.node.locator(".wfn-event-parts").inner_text()
    stage.page.keyboard.press("Enter")
    assert opened.get_attribute("aria-expanded") == "false"
    assert SECRET not in stage.page.content()
    opened.click()
    panel.reply_event()
    stage.button("Events").click()
    assert SECRET not in stage.page.content()


def test_an_answer_that_comes_too_late_is_dropped(stage: Stage) -> None:
    """What was closed before its answer came stays closed."""
    panel = Panel(stage, completed())
    stage.button("JSON of event 5").click()
    stage.button("JSON of event 5").click()
    panel.reply_event()
    assert SECRET not in stage.page.content()


def test_what_was_opened_can_be_copied(stage: Stage) -> None:
    """What is plain of it, and what was sealed."""
    panel = Panel(stage, completed())
    stage.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {configurable: true,"
        " value: {writeText: async (t) => { window.copied = t; }}})"
    )
    stage.button("JSON of event 3").click()
    panel.reply_event()
    stage.button("Copy the JSON of event 3").click()
    stage.page.wait_for_function("window.copied")
    copied = stage.page.evaluate("window.copied")
    assert '"alias": "fetch_order"' in copied
    assert SECRET in copied


def test_a_refusal_stands_at_its_event(stage: Stage) -> None:
    """The others can still be read."""
    panel = Panel(stage, completed())
    stage.button("JSON of event 5").click()
    stage.refuse(stage.sent("event")["id"], "WF305 The key is missing.")
    assert panel.node.locator(".wfn-event .wfn-error").inner_text() == "WF305 The key is missing."
    assert len(panel.seqs) == len(panel.log.events)


def test_duplicates_and_what_came_too_late_are_marked(stage: Stage) -> None:
    """By words, not by colour alone."""
    panel = Panel(stage, repeated())
    inert = panel.node.get_by_role("listitem").filter(has_text="○ changed nothing")
    assert inert.locator("code").all_inner_texts() == ["hook_received", "step_completed"]


def test_the_last_page_follows_the_log(stage: Stage) -> None:
    """What comes is asked for once, and what is open stays so; an earlier page stays as it is."""
    panel = Panel(stage, suspended(), 10)
    stage.button("JSON of event 3").click()
    panel.reply_event()
    asked = len(stage.all_sent("events"))
    panel.log = completed()
    stage.show(panel.log, 60)
    stage.show(panel.log, 61)
    assert len(stage.all_sent("events")) == asked + 1
    assert panel.answer().seqs[-1] == len(panel.log.events)
    assert stage.button("JSON of event 3").get_attribute("aria-expanded") == "true"
    assert panel.node.locator(".wfn-event-parts").count() == 1


def test_an_event_leads_to_the_run_as_it_stood_then(stage: Stage) -> None:
    """The replay bar opens at it, and where the bar stands is marked in the log."""
    panel = Panel(stage, completed())
    stage.button("Then: the run after event 6").click()
    ask = stage.sent("at")
    assert ask["seq"] == 6
    past = Past()
    past.extend(panel.log.events)
    stage.reply("at", ask["id"], **past.at(6, panel.log.facts())[0])
    current = panel.node.locator("[aria-current=true] .wfn-event-seq")
    assert current.all_inner_texts() == ["#6"]
    stage.button("Then: the run after event 2").click()
    stage.reply("at", stage.sent("at")["id"], **past.at(2, panel.log.facts())[0])
    assert current.all_inner_texts() == ["#2"]


def test_an_event_s_text_is_never_markup(stage: Stage) -> None:
    """The corpus in all that an event holds, here and in the replay bar: the flag is never set."""
    payloads = CORPUS.read_text(encoding="utf-8").splitlines()
    events = [
        {"seq": i, "type": payload, "entity": payload, "time_us": T0, "inert": True,
         "meta": {payload: payload}}
        for i, payload in enumerate(payloads, 1)
    ]  # fmt: skip
    view = stage.open(completed(), 60).to_json()
    stage.button("Events").click()
    page = {
        "events": events,
        "more": False,
        "total": len(events),
        "types": dict.fromkeys(payloads, 1),
    }
    stage.reply("events", stage.sent("events")["id"], **page)
    press = "nodes => nodes.forEach(node => node.click())"
    stage.page.get_by_role("button", name="JSON of event").evaluate_all(press)
    for ask in stage.all_sent("event"):
        stage.reply("event", ask["id"], seq=ask["seq"], text=payloads[ask["seq"] - 1])
    assert stage.page.locator(".wfn-event pre").all_text_contents()[1::2] == payloads
    for event in events:
        stage.page.locator(f"[aria-label='Then: the run after event {event['seq']}']").evaluate(
            "node => node.click()"
        )
        told = {"seq": event["seq"], "total": 99, "now_us": T0, "event": event, "view": view}
        stage.reply("at", stage.sent("at")["id"], **told, waiting=[], reached=[])
        assert event["type"] in (stage.page.locator(".wfn-past-event").text_content() or "")
    assert stage.page.locator("#output :is(script, img, svg, iframe, a, style, math)").count() == 0
    assert stage.page.evaluate("window.owned") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "direction"), [(320, "ltr"), (320, "rtl"), (900, "ltr")])
def test_the_log_is_no_wider_than_the_page(
    open_page: Callable[..., Stage], width: int, direction: str, theme: str
) -> None:
    """At 320 pixels too, in both directions of writing."""
    stage = open_page(width=width)
    script = (
        "([t, d]) => { document.body.dataset.jpThemeLight = t; document.documentElement.dir = d }"
    )
    stage.page.evaluate(script, [str(theme == "light").lower(), direction])
    panel = Panel(stage, repeated())
    stage.button("JSON of event 3").click()
    panel.reply_event()
    panel.node.evaluate("node => { node.style.maxHeight = 'none' }")
    if SHOTS:
        stage.page.screenshot(
            path=f"{SHOTS}/events-{width}-{theme}-{direction}.png", full_page=True
        )
    wide, room = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room
