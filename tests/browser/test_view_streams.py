"""Streams in a real browser: how text grows, what scrolls, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_runs import running
from wf_notebook.views.tails import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from playwright.sync_api import Locator

    from tests.view_stage import Stage

pytestmark = pytest.mark.browser
pytest_plugins = ["tests.view_stage"]

PAYLOADS = (Path(__file__).parents[1] / "corpus" / "xss.txt").read_text("utf-8").splitlines()
LINES = [f"epoch {n}: loss {1 / (n + 1):.4f}\n" for n in range(60)]


class Writer:
    """What the kernel sends of one stream."""

    def __init__(self, stage: Stage, name: str = "log") -> None:
        self.stage = stage
        self.name = name
        self.index = 0

    def send(self, *values: Any, **more: Any) -> None:
        begun, self.index = self.index, self.index + len(values)
        text = joined(values, fresh=True)
        self.stage.page.evaluate(
            "(c) => harness.reply(c)",
            {
                "op": "stream", "name": self.name, "from": begun, "to": self.index, "text": text,
                "closed": False, "more": 0, **more,
            },
        )  # fmt: skip

    @property
    def pane(self) -> Locator:
        return self.stage.page.locator(".wfn-stream", has_text=self.name)

    @property
    def body(self) -> Locator:
        return self.stage.page.get_by_role("region", name=self.name, exact=True)

    @property
    def text(self) -> str:
        return self.pane.locator(".wfn-stream-text").inner_text()

    def end(self) -> float:
        """How far from its end the text is scrolled, in pixels."""
        return self.body.evaluate("n => n.scrollHeight - n.scrollTop - n.clientHeight")

    def settle(self) -> None:
        """Let the page be drawn: scroll events come with it."""
        self.stage.page.evaluate(
            "() => new Promise(done => { const c = new MessageChannel();"
            " c.port1.onmessage = done; c.port2.postMessage(0); })"
        )
        self.stage.page.screenshot()


@pytest.fixture
def log(stage: Stage) -> Writer:
    stage.open(running(), 5)
    return Writer(stage)


def test_without_streams_there_is_no_place_for_them(stage: Stage) -> None:
    """A run that writes nothing looks as ever."""
    stage.open(running(), 5)
    assert stage.page.get_by_role("region", name="Streams").count() == 0


def test_a_text_grows_in_place(log: Writer) -> None:
    """Tokens run on; what is no text has lines of its own; the head counts chunks."""
    log.send("one ", "two ")
    log.send("three\n", {"n": 1}, b"abc")
    assert log.text.splitlines() == ["one two three", '{"n": 1}', "3 bytes"]
    assert log.pane.locator("summary").inner_text().split() == ["log", "5", "chunks"]
    log.send(closed=True)
    assert log.pane.locator(".wfn-stream-facts").inner_text() == "5 chunks, closed"


def test_it_follows_the_end_unless_somebody_reads_further_up(log: Writer) -> None:
    """Scrolled to the end it stays there; scrolled up it stands still, with a way back."""
    log.send(*LINES)
    assert log.end() < 2
    log.send(*LINES)
    assert log.end() < 2
    assert log.stage.button("Newest ↓").count() == 0
    log.body.evaluate("n => { n.scrollTop = 100 }")
    log.settle()
    log.send(*LINES)
    assert log.body.evaluate("n => n.scrollTop") == 100
    log.stage.button("Newest ↓").click()
    assert log.end() < 2
    log.settle()
    assert log.stage.button("Newest ↓").count() == 0
    log.send(*LINES)
    assert log.end() < 2


def test_only_the_end_is_kept(log: Writer) -> None:
    """Some two hundred lines stay; a note says that there was more. A reader's place is spared."""
    for _ in range(10):
        log.send(*LINES)
    assert 200 <= log.text.count("\n") <= 260
    assert log.pane.locator(".wfn-stream-cut").is_visible()
    log.body.evaluate("n => { n.scrollTop = 0 }")
    log.settle()
    before = log.text
    for _ in range(10):
        log.send(*LINES)
    assert log.text.startswith(before)


def test_a_selection_survives_what_is_new(log: Writer) -> None:
    """Somebody who marks a line to copy it does not lose it to the next one."""
    log.send("copy me\n")
    log.body.evaluate("n => getSelection().selectAllChildren(n.querySelector('.wfn-stream-text'))")
    log.send("later\n")
    assert log.stage.page.evaluate("getSelection().toString()").strip() == "copy me"


def test_a_view_that_comes_late_gets_what_is_there(stage: Stage) -> None:
    """The answer to its greeting brings all that is shown; what came before that is left alone."""
    view = stage.show(running(), 5)
    late = Writer(stage)
    late.index = 7
    late.send("from the middle")
    assert stage.page.locator(".wfn-stream").count() == 0
    whole = {"name": "log", "from": None, "to": 8, "text": "all of it\n", "cut": True,
             "closed": False, "more": 2}  # fmt: skip
    hello = stage.sent("hello")["id"]
    stage.reply("hello", hello, now_us=view.now_us, titles={}, blocked="", streams=[whole])
    late.send("and more\n", more=2)
    late.index = 20
    late.send("a gap")
    assert late.text.splitlines() == ["all of it", "and more"]
    assert late.pane.locator(".wfn-stream-cut").is_visible()
    assert "2 more streams are not shown" in stage.page.locator(".wfn-streams").inner_text()


def test_it_is_not_read_aloud_and_can_be_scrolled_by_keyboard(log: Writer) -> None:
    """A region with the stream's name, quiet for screen readers, in the order of the keyboard."""
    log.send(*LINES)
    assert log.body.get_attribute("aria-live") == "off"
    log.body.focus()
    log.stage.page.keyboard.press("Home")
    log.stage.page.wait_for_function("document.querySelector('.wfn-stream-body').scrollTop === 0")
    log.settle()
    assert log.stage.button("Newest ↓").count() == 1


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [320, 900])
def test_long_lines_wrap(open_page: Callable[..., Stage], width: int, direction: str) -> None:
    """Nothing makes the page scroll sideways."""
    stage = open_page(width=width)
    stage.page.evaluate("d => { document.documentElement.dir = d }", direction)
    stage.open(running(), 5)
    Writer(stage, "a-long-name" * 5).send("word" * 500, "x " * 500)
    root = stage.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert root[0] <= root[1]


def test_text_is_never_markup(log: Writer) -> None:
    """The corpus as chunks and as values: the flag in the page is never set."""
    chunks: Sequence[Any] = [part for payload in PAYLOADS for part in (payload, {"v": payload})]
    log.send(*chunks)
    assert log.stage.page.locator("#output :is(script, img, svg, iframe, a)").count() == 0
    assert log.stage.page.evaluate("window.owned") is None
