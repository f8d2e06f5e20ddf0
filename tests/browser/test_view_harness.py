"""The live view in a real browser: what is seen, how it ticks, what its buttons do."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.view_runs import T0, Log, cancelled, completed, failed, many, running, suspended
from wf_notebook.views.words import duration, remaining

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

CORPUS = Path(__file__).parents[1] / "corpus" / "xss.txt"
PAYLOADS = CORPUS.read_text(encoding="utf-8").splitlines()
SOURCE = """\
async def refund(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    held = await steps.reserve(order)
    pause = asyncio.create_task(sleep("15m"))
    async with asyncio.timeout(60):
        answer = await create_hook(token=f"approve-{order_id}", schema="Approval")
    return await steps.charge_back(order, answer.amount)
"""


# ---------------------------------------------------------------------------------- what is seen


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (running(), "● running"), (suspended(), "◷ suspended"), (failed(), "✕ failed"),
        (completed(), "✓ completed"), (cancelled(), "○ cancelled"), (Log(), "◷ pending"),
    ],
)  # fmt: skip
def test_the_header_says_name_state_and_id(stage: Stage, log: Log, words: str) -> None:
    """Each state has a glyph and a word; run id and origin stand beside it."""
    view = stage.open(log, 60)
    header = stage.page.locator(".wfn-head").inner_text().split()
    assert " ".join(header).startswith(f"refund {words}")
    assert view.run_id in header
    assert "process isolation" in stage.page.locator(".wfn-second").inner_text()


def test_replay_is_shown_with_a_bar(stage: Stage) -> None:
    """While k of n events are replayed there is a bar; afterwards the count stays."""
    stage.open(running(), 5, replayed=(3, 8))
    bar = stage.page.get_by_role("progressbar", name="Replay")
    assert (bar.get_attribute("value"), bar.get_attribute("max")) == ("3", "8")
    stage.show(running(), 5, replayed=(8, 8))
    assert bar.count() == 0
    assert "8 of 8 events replayed" in stage.page.locator(".wfn-second").inner_text()


def test_a_row_says_label_state_and_time(stage: Stage) -> None:
    """Rows stand in body order, each with words enough to be read without its bar."""
    stage.open(completed(), 60, attempts=lambda _: 4)
    rows = [" ".join(text.split()) for text in stage.page.locator("li").all_inner_texts()]
    assert rows == [
        "fetch_order line 4 ✓ completed 880 ms",
        "reserve line 5 ✓ completed 4.2 s, attempt 2 of 4",
        "sleep 15 min line 6 ✓ woken 27 s",
        "timeout 1 min line 7 ○ cancelled 26 s",
        "hook approve-A-17 line 8 ✓ resumed 26 s",
        "charge_back line 10 ✓ completed 1.5 s",
        "notify line 11 ✓ completed 290 ms",
    ]


def test_attempts_are_pieces_of_the_bar(stage: Stage) -> None:
    """A step tried twice has two pieces, in the colours of their outcomes."""
    stage.open(running(), 5)
    bars = stage.page.locator("li", has_text="charge_back").locator(".wfn-bar")
    assert bars.evaluate_all("nodes => nodes.map(n => n.dataset.state)") == ["failed", "running"]


def test_bars_stay_on_their_track(stage: Stage) -> None:
    """No bar begins before its track or is wider than it."""
    stage.open(completed(), 60)
    outside = stage.page.locator(".wfn-bar").evaluate_all(
        "nodes => nodes.filter(n => { const b = n.getBoundingClientRect(),"
        " t = n.parentElement.getBoundingClientRect();"
        " return b.left < t.left - 1 || b.right > t.right + 3 || b.width < 2; }).length"
    )
    assert outside == 0


def test_a_failed_run_names_type_and_line(stage: Stage) -> None:
    """Type and line of the error, in the words of the cell."""
    stage.open(failed(), 9)
    assert stage.page.locator(".wfn-banner").inner_text() == "KeyError at line 5 of Cell In[2]"


def test_the_message_of_a_block_comes_aside(stage: Stage) -> None:
    """The snapshot's plain sentence gives way to the engine's message, which is not saved."""
    stage.open(suspended(), blocked="the replay diverged from the log")
    banner = stage.page.locator(".wfn-banner")
    assert banner.inner_text() == "Blocked: the replay diverged from the log"
    stage.page.evaluate("harness.reply({op: 'private', titles: {}, blocked: 'at line 7'})")
    assert banner.inner_text() == "Blocked: at line 7"


def test_a_silent_kernel_is_named(stage: Stage) -> None:
    """A view that gets no answer says so, and takes it back when the kernel answers."""
    stage.show(suspended())
    stage.page.clock.run_for(11_000)
    banner = stage.page.locator(".wfn-banner")
    assert "No answer from the kernel" in banner.inner_text()
    stage.reply("hello", stage.sent("hello")["id"], now_us=T0, titles={}, blocked="")
    assert banner.is_hidden()


def test_a_press_that_nobody_answers_is_said(stage: Stage) -> None:
    """A kernel that was restarted behind a page's back: not silence, but what to do."""
    stage.open(suspended())
    banner = stage.page.locator(".wfn-banner")
    stage.button("Wake now").click()
    stage.page.clock.run_for(9_000)
    assert banner.is_hidden()
    stage.page.clock.run_for(2_000)
    assert "was restarted. Run its cell again" in banner.inner_text()
    stage.reply("done", stage.sent("wake")["id"])
    assert banner.is_hidden()


def test_many_rows_come_as_groups(stage: Stage) -> None:
    """A fan-out of five hundred is one row with a count."""
    stage.open(many(500, done=480), 9)
    assert "charge ×500 (480 done)" in stage.page.locator("li").inner_text()


# -------------------------------------------------------------------------------------- the clock


def test_countdowns_tick_by_the_kernel_s_clock(open_page: Callable[..., Stage]) -> None:
    """A browser whose clock is an hour ahead counts down as the kernel would."""
    stage = open_page(at=3610)
    stage.open(suspended(), 10)
    info = stage.page.locator("li", has_text="sleep 15 min").locator(".wfn-info")
    assert info.inner_text() == "wakes in 14 min 56 s"
    sent = len(stage.all_sent())
    stage.page.clock.run_for(5_000)
    assert info.inner_text() == "wakes in 14 min 51 s"
    assert len(stage.all_sent()) == sent


def test_the_kernel_s_clock_is_narrowed_down(stage: Stage) -> None:
    """What is received bounds the difference on one side, what was asked for on the other."""
    found = stage.page.evaluate("""async () => {
      const { KernelClock } = await import("/view.js");
      const clock = new KernelClock(), seen = [];
      clock.observe(1_000_000, 61_000);                     // stale: saved a minute ago
      seen.push(clock.now(70_000) / 1000);
      clock.observe(63_500_000, 64_000, 62_000);            // asked at 62 s, answered at 64 s
      seen.push(clock.now(70_000) / 1000);
      clock.observe(5_000_000, 71_000);                     // the kernel's clock was set back
      seen.push(clock.now(71_000) / 1000);
      clock.observe(500_000_000, 72_000, 71_900);           // a virtual clock has jumped
      seen.push(clock.now(72_000) / 1000);
      return seen;
    }""")
    assert found == [70_000, 70_500, 71_000, 500_050]


def test_times_are_written_as_in_the_kernel(stage: Stage) -> None:
    """Browser and kernel say the same span in the same words."""
    spans = [0, 999_999, 3_250_000, 27_000_000, 59_999_999, 60_000_000, 7_500_000_000, 10**12]
    found = stage.page.evaluate(
        "async (us) => { const m = await import('/view.js');"
        " return [us.map(m.duration), us.map(m.remaining)]; }",
        spans,
    )
    assert found == [[duration(us) for us in spans], [remaining(us) for us in spans]]


# ----------------------------------------------------------------------------------- the buttons


def test_wake_now_ends_one_sleep(stage: Stage) -> None:
    """The button names its wait; a refusal is shown and lets one try again."""
    stage.open(suspended())
    wake = stage.button("Wake now")
    wake.click()
    wake.click(force=True)
    assert [m["wait"] for m in stage.all_sent("wake")] == ["w1"]
    stage.refuse(stage.sent("wake")["id"], "WF300 The world is full.")
    assert stage.page.locator(".wfn-banner").inner_text() == "WF300 The world is full."
    wake.click()
    assert len(stage.all_sent("wake")) == 2


def test_a_sleep_that_ends_takes_its_button_along(stage: Stage) -> None:
    """When the button goes, the focus goes to the title."""
    log = suspended()
    stage.open(log)
    stage.button("Wake now").click()
    log.add("wait_completed", 11, "w1", meta={"woken": True})
    stage.show(log, 11)
    assert stage.button("Wake now").count() == 0
    assert stage.focus == "refund"


def test_cancel_asks_first(stage: Stage) -> None:
    """Nothing is cancelled by one press; Escape and "keep" lead back."""
    stage.open(suspended())
    cancel = stage.button("Cancel")
    cancel.click()
    assert stage.focus == "Keep it running"
    stage.page.keyboard.press("Escape")
    assert stage.focus == "Cancel"
    cancel.click()
    stage.button("Keep it running").click()
    assert stage.all_sent("cancel") == []
    cancel.click()
    stage.button("Cancel the run").click()
    assert len(stage.all_sent("cancel")) == 1
    assert cancel.get_attribute("aria-disabled") == "true"
    stage.show(cancelled(), 60)
    assert cancel.count() == 0
    assert stage.focus == "refund"


def test_code_is_fetched_when_shown_and_forgotten_when_hidden(stage: Stage) -> None:
    """The source is asked for on reveal, with the lines that wait marked; hiding clears it."""
    stage.open(suspended())
    code = stage.button("Code")
    code.click()
    assert code.get_attribute("aria-expanded") == "true"
    stage.reply("revealed", stage.sent("reveal")["id"], source=SOURCE)
    lines = stage.page.locator(".wfn-code-line")
    assert lines.count() == 8
    assert lines.first.inner_text().split() == ["2", "async", "def", "refund(order_id):"]
    waiting = stage.page.locator(".wfn-waits .wfn-number").all_inner_texts()
    assert waiting == ["6", "7", "8"]
    code.click()
    assert "create_hook" not in stage.page.content()


def test_a_late_source_does_not_open_a_closed_panel(stage: Stage) -> None:
    """An answer to a reveal that was taken back is dropped."""
    stage.open(suspended())
    stage.button("Code").click()
    request = stage.sent("reveal")["id"]
    stage.button("Code").click()
    stage.reply("revealed", request, source=SOURCE)
    assert "create_hook" not in stage.page.content()


def test_a_locked_source_says_so(stage: Stage) -> None:
    """Without a key the panel shows why."""
    stage.open(suspended())
    stage.button("Code").click()
    stage.refuse(stage.sent("reveal")["id"], "WF305 The key is missing.")
    assert stage.page.locator(".wfn-code").inner_text() == "WF305 The key is missing."


def test_the_run_id_is_copied_or_selected(stage: Stage) -> None:
    """With or without a clipboard the id is at hand."""
    view = stage.open(suspended())
    stage.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {configurable: true,"
        " value: {writeText: async (t) => { window.copied = t; }}})"
    )
    stage.button("Copy the run id").click()
    stage.page.wait_for_function("window.copied")
    assert stage.page.evaluate("window.copied") == view.run_id
    stage.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    stage.button("Copy the run id").click()
    assert stage.page.evaluate("getSelection().toString()") == view.run_id


def test_the_header_leads_to_where_a_run_comes_from(stage: Stage) -> None:
    """Badges, and buttons that open the parent and the run that this one repeats."""
    log = Log(parent={"run_id": "wrun_parent", "step_id": "s"}, rerun_of="wrun_before").begin()
    view = stage.open(log, sealed=True)
    badges = stage.page.locator(".wfn-badge:visible").all_inner_texts()
    assert badges == ["process isolation", "sealed"]
    seen = []
    for label in ("Started by wrun_parent", "Rerun of wrun_before"):
        stage.page.get_by_role("button", name=label).click()
        seen.append(stage.sent("open")["run_id"])
        stage.refuse(stage.sent("open")["id"], "It is gone.")
    assert seen == ["wrun_parent", "wrun_before"]
    assert stage.page.locator(".wfn-second").inner_text().count("wrun_parent") == 1
    stage.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    stage.button("Copy the workflow id").click()
    assert stage.page.evaluate("getSelection().toString()") == view.workflow_id
    stage.show(Log().begin(), sealed=False)
    assert stage.page.locator(".wfn-badge:visible").all_inner_texts() == ["process isolation"]
    assert stage.page.locator(".wfn-link:visible").count() == 0


# ------------------------------------------------------------------------------------- manners

TEXTS = """nodes => nodes.map((node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const { left, right, width } = range.getBoundingClientRect();
  return width ? [left, right] : null;
}).filter(Boolean)"""


def test_tab_goes_through_header_forms_and_rows(stage: Stage) -> None:
    """The order of the keyboard is the order of the page."""
    stage.open(suspended())
    seen: list[str] = []
    for _ in range(30):
        stage.page.keyboard.press("Tab")
        seen.append(stage.focus)
    order = ["Code", "Cancel", "Copy", "Approved", "Amount", "Level", "Pay until *", "Note",
             "Resume", "Wake now"]  # fmt: skip
    assert list(dict.fromkeys(name for name in seen if name in order)) == order


def test_keys_on_a_control_are_not_taken_for_commands(stage: Stage) -> None:
    """JupyterLab would insert a cell for an "a" on a select: whatever has the focus keeps its keys."""
    stage.open(suspended())
    stage.button("Code").click()
    bare = (
        "#output :is(button, input, select, textarea, [tabindex]):not([data-lm-suppress-shortcuts])"
    )
    assert stage.page.locator(bare).count() == 0


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [320, 450, 900])
def test_nothing_is_wider_than_the_page(
    open_page: Callable[..., Stage], width: int, direction: str
) -> None:
    """From 320 pixels on, zoomed to 200 % (450), in both directions of writing: it fits."""
    stage = open_page(width=width)
    stage.page.evaluate("d => { document.documentElement.dir = d }", direction)
    log = suspended().hook("h2", "a-very-long-token-" * 9, 6)
    stage.open(log)
    root = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert root[0] <= root[1]


@pytest.mark.parametrize("width", [320, 700, 900])
def test_all_bars_are_on_one_axis_that_can_be_read(
    open_page: Callable[..., Stage], width: int
) -> None:
    """However narrow: each bar's track is as wide as the axis, whose texts keep apart."""
    stage = open_page(width=width)
    log = suspended().step("s9", "ship_with_a_rather_long_name", 7).attempt("s9", 7.1)
    stage.open(log.retry("s9", 8, 30, "ConnectionResetError"), children={"s1": "wrun_child"})
    edges = "nodes => nodes.map(n => n.getBoundingClientRect()).map(b => `${b.left} ${b.right}`)"
    tracks = stage.page.locator(".wfn-scale, .wfn-track").evaluate_all(edges)
    assert len(set(tracks)) == 1
    ticks = stage.page.locator(".wfn-tick").evaluate_all(TEXTS)
    assert len(ticks) > 1
    assert all(end <= start for (_, end), (start, _) in pairwise(ticks))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_are_seen_in_forced_colours(open_page: Callable[..., Stage], scheme: str) -> None:
    """They take the colours that the person has chosen; what has failed is told apart."""
    stage = open_page(forced_colors="active", color_scheme=scheme)
    stage.open(completed(), 60)
    text = stage.page.locator(".wfn-title").evaluate("n => getComputedStyle(n).color")
    bars = stage.page.locator(".wfn-bar").evaluate_all(
        "nodes => nodes.map(n => [n.dataset.state, getComputedStyle(n).backgroundColor])"
    )
    assert {colour for state, colour in bars if state != "failed"} == {text}
    assert text not in {colour for state, colour in bars if state == "failed"}


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_whom_it_should_not(
    open_page: Callable[..., Stage], motion: str, moves: bool
) -> None:
    """A running view breathes, unless less motion is asked for."""
    stage = open_page(reduced_motion=motion)
    stage.open(running(), 4)
    stage.show(running(), 6)
    assert stage.page.evaluate("document.getAnimations().length > 0") is moves


def test_rows_on_two_lines_do_not_overlap(open_page: Callable[..., Stage]) -> None:
    """Where it is narrow each row is as high as what it holds, however many there are."""
    stage = open_page(width=320)
    stage.open(completed(), 60)
    low = stage.page.locator(".wfn-row").evaluate_all(
        "nodes => nodes.filter(n => n.scrollHeight > Math.ceil(n.clientHeight)).length"
    )
    assert low == 0


def test_a_closed_view_leaves_nothing(stage: Stage) -> None:
    """After its cleanup a view has no listener and no timer."""
    stage.open(suspended())
    stage.page.evaluate("harness.stop()")
    assert stage.page.evaluate("harness.listeners()") == 0
    before = stage.page.locator("#output").inner_text()
    stage.page.clock.run_for(60_000)
    assert stage.page.locator("#output").inner_text() == before


def test_a_run_s_text_is_never_markup(stage: Stage) -> None:
    """The corpus in every place that a run can fill: the flag in the page is never set."""
    for payload in PAYLOADS:
        log = Log(payload, origin={"label": payload, "line_offset": 0}).begin()
        log.step("s1", payload, 0.1).attempt("s1", 0.2).fail("s1", 0.3, error=payload)
        log.hook("h1", payload[:200], 0.4, schema="S")
        schema = {
            "title": payload,
            "properties": {payload: {"title": payload, "description": payload, "default": payload,
                                     "enum": [payload]}},
            "type": "object",
        }  # fmt: skip
        view = log.view(1, isolation=payload, blocked=payload, schemas={"S": schema}).to_json()
        view |= {
            "run_id": payload, "workflow_id": payload, "error": payload, "parent": payload,
            "rerun_of": payload, "notes": [payload],
        }  # fmt: skip
        stage.page.evaluate("([v, n]) => harness.snapshot(v, n)", [view, T0])
        by_hook = {"h1": payload}
        private = {
            "op": "private", "titles": by_hook, "details": by_hook, "commands": by_hook,
            "blocked": payload,
        }  # fmt: skip
        stage.page.evaluate("(c) => harness.reply(c)", private)
        stream = {
            "op": "stream", "name": payload, "from": None, "to": 1, "text": payload,
            "closed": False, "more": 0, "cut": False,
        }  # fmt: skip
        stage.page.evaluate("(c) => harness.reply(c)", stream)
        stage.page.locator(".wfn-name").first.click()
        parts = [{"title": payload, "text": payload}]
        stage.reply("peeked", stage.sent("peek")["id"], entity="s1", parts=parts)
        assert payload in stage.page.locator(".wfn-detail").evaluate("n => n.textContent")
        button = stage.button("Code")
        button.click()
        stage.reply("revealed", stage.sent("reveal")["id"], source=payload)
        button.click()
        # a hook is known by its id: without it the next round keeps this round's form
        stage.show(Log().begin(), 1)
    foreign = "script, img, svg, iframe, object, embed, a, style, link, video, audio, math, base"
    assert stage.page.locator(f"#output :is({foreign})").count() == 0
    assert stage.page.evaluate("window.owned") is None


def test_the_tree_that_a_screen_reader_sees(stage: Stage) -> None:
    """Headings, regions, groups and names of a waiting run, as a snapshot."""
    stage.open(suspended())
    tree = stage.page.locator("#output").aria_snapshot()
    for part in (
        'group "Run of refund"', 'heading "refund" [level=3]', 'button "Copy the run id"',
        'region "Waiting for you"', 'spinbutton "Amount"', 'checkbox "Approved"',
        'region "Timeline"', "listitem", "status",
    ):  # fmt: skip
        assert part in tree
