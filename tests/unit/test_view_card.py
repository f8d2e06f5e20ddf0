"""The card that stays in a saved notebook: nothing sealed, and no markup but its own."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.view_runs import (
    SECRET,
    Log,
    cancelled,
    completed,
    failed,
    many,
    running,
    suspended,
)
from wf_notebook.views.card import card, element, mimebundle
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from wf_notebook.views.model import RunView

CORPUS = Path(__file__).parents[1] / "corpus" / "xss.txt"
PAYLOADS = CORPUS.read_text(encoding="utf-8").splitlines()
ELEMENTS = {
    "div", "span", "strong", "code", "table", "thead", "tbody", "tr", "th", "td",
    "details", "summary",
}  # fmt: skip
PROPERTIES = {
    "border", "border-radius", "border-bottom", "border-left", "border-collapse", "padding",
    "margin-top", "margin-bottom", "margin-left", "max-width", "width", "height", "font-size",
    "font-family", "font-weight", "line-height", "background-color", "color", "opacity",
    "text-align", "vertical-align", "white-space", "table-layout",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a browser would be given."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.properties: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.open.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            self.properties |= {rule.split(":")[0].strip() for rule in (value or "").split(";")}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def poisoned(payload: str) -> RunView:
    """A run with a payload in every place that a card shows."""
    log = Log(payload, origin={"label": payload, "line_offset": 0}).begin()
    log.step("s1", payload, 0.1).attempt("s1", 0.2).fail("s1", 0.3, error=payload)
    log.hook("h1", payload[:200] or "t", 0.4, schema=payload, title=payload)
    view = log.view(1, isolation=payload, blocked=payload)
    return replace(view, run_id=payload, error=payload)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_becomes_markup(payload: str) -> None:
    """Whatever a name, token, type or id holds, only our own elements and styles come out."""
    reader = read(card(poisoned(payload)))
    assert reader.elements <= ELEMENTS
    assert reader.attributes <= {"style"}
    assert reader.properties <= PROPERTIES
    assert visible(payload) in reader.text


def test_the_corpus_is_worth_its_name() -> None:
    """At least sixty different payloads."""
    assert len(set(PAYLOADS)) >= 60


@pytest.mark.parametrize("log", [running(), suspended(), failed(), completed(), cancelled()])
def test_a_card_holds_nothing_sealed(log: Log) -> None:
    """No argument, result, payload, title, reason or message of an error is saved."""
    html = card(log.view(60))
    assert SECRET not in html
    assert SECRET not in unescape(html)


def test_a_card_tells_the_story_without_styles() -> None:
    """GitHub drops every style: the text alone says name, state, rows and times."""
    text = read(card(completed().view(60))).text
    for word in ("refund", "✓ completed", "after 35 s", "charge_back", "line 10", "1.5 s"):
        assert word in text


def test_a_live_card_says_of_when_it_is_and_what_to_do() -> None:
    """A saved card of an unfinished run cannot go on, so it names its moment and the way on."""
    text = read(card(suspended().view(10))).text
    assert "shown as of 2026-01-01 00:00:10 UTC" in text
    assert "%wf answer approve-A-17" in text


def test_a_failed_card_names_type_and_line() -> None:
    """Type and line of the error, not its message."""
    assert "KeyError at line 5" in read(card(failed().view(9))).text


def test_replay_is_counted() -> None:
    """A replayed run says how far."""
    assert "3 of 7 events replayed" in read(card(running().view(4, replayed=(3, 7)))).text


def test_many_rows_are_folded_away() -> None:
    """A long timeline opens on request."""
    html = card(many(60, done=60).view(9))
    assert "details" in read(html).elements
    assert "Timeline, 60 rows" in html


def test_many_open_hooks_are_counted() -> None:
    """A card stays short whatever the number of open hooks."""
    log = Log().begin()
    for i in range(9):
        log.hook(f"h{i}", f"t{i}", 1)
    assert "4 more hooks are open." in card(log.view(2))


def test_an_empty_run_has_a_card() -> None:
    """Before anything has happened there is a card too, without a timeline."""
    reader = read(card(Log().view(1)))
    assert "table" not in reader.elements
    assert "pending" in reader.text


def test_text_is_escaped_and_markup_is_not() -> None:
    """Only what `element` made counts as markup; a string is text."""
    assert element("span", "<b>", style='a"b') == '<span style="a&quot;b">&lt;b&gt;</span>'


def test_bars_stay_inside_their_track() -> None:
    """Margin and width of a bar never add up to more than the track."""
    for part in card(completed().view(60)).split("margin-left: ")[1:]:
        left, rest = part.split("%; width: ", 1)
        assert 0 <= float(left) <= float(left) + float(rest.split("%")[0]) <= 100


def test_a_bundle_serves_every_front_end() -> None:
    """Text, card, and the live view where there is a widget."""
    view = suspended().view(10)
    assert set(mimebundle(view)) == {"text/plain", "text/html"}
    bundle = mimebundle(view, model_id="abc")
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == "abc"
    assert SECRET not in str(bundle)
