"""What of a run's streams is sent to a view: each piece once, and only the end of much."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tests.view_streams import PretendStreams
from wf_notebook.definition.values import from_tree, to_tree
from wf_notebook.errors import WorldClosedError
from wf_notebook.views import tails
from wf_notebook.views.tails import Tails, joined, shown

if TYPE_CHECKING:
    from collections.abc import Callable


class Screen:
    """What a page would show, made of what it is told."""

    def __init__(self, source: PretendStreams) -> None:
        self.told: list[dict[str, Any]] = []
        self.posted: list[Callable[[], None]] = []
        self.tails = Tails(source, tell=lambda told: self.told.append(dict(told)),
                           post=self.posted.append)  # fmt: skip

    def run(self) -> None:
        while self.posted:
            self.posted.pop(0)()

    def look(self) -> list[dict[str, Any]]:
        """Bring it up to date; return what was sent for that."""
        self.told.clear()
        self.tails.look()
        self.run()
        return list(self.told)

    def begin(self) -> list[dict[str, Any]]:
        self.tails.begin()
        self.run()
        return list(self.told)


def text(told: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(t["name"], t["from"], t["to"], t["text"]) for t in told]


def test_nothing_is_read_before_somebody_looks() -> None:
    """A view that no page shows costs no read."""
    source = PretendStreams()
    screen = Screen(source)
    source.write("log", "a")
    assert screen.look() == []
    assert source.reads == []
    assert text(screen.begin()) == [("log", None, 1, "a")]


def test_each_piece_is_sent_once() -> None:
    """Only what is new since the last look, of those streams that have news."""
    source = PretendStreams(old=["x\n"])
    screen = Screen(source)
    assert text(screen.begin()) == [("old", None, 1, "x\n")]
    source.write("log", "a", "b")
    assert text(screen.look()) == [("log", None, 2, "ab")]
    source.write("log", "c")
    source.reads.clear()
    assert text(screen.look()) == [("log", 2, 3, "c")]
    assert source.reads == [("log", 2)]
    assert screen.look() == []
    assert source.reads == [("log", 2)]


def test_a_page_that_comes_later_gets_all_that_is_shown() -> None:
    """The tail is kept in the kernel's memory, as text."""
    source = PretendStreams()
    screen = Screen(source)
    screen.begin()
    source.write("log", "a\n", {"n": 1})
    source.write("tokens", "t")
    screen.look()
    source.write("log", "b")
    screen.look()
    assert text(screen.tails.all()) == [
        ("log", None, 3, 'a\n{"n": 1}\nb'), ("tokens", None, 1, "t"),
    ]  # fmt: skip


def test_only_the_end_of_a_long_stream_is_read_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred lines; what stands before is said to be cut."""
    monkeypatch.setattr(tails, "CHUNKS", 50)
    monkeypatch.setattr(tails, "LINES", 10)
    source = PretendStreams(log=[f"{n}\n" for n in range(1000)])
    screen = Screen(source)
    (told,) = screen.begin()
    assert source.reads == [("log", -50)]
    assert told["text"] == "".join(f"{n}\n" for n in range(990, 1000))
    assert (told["from"], told["to"], told["cut"]) == (None, 1000, True)
    source.write("log", *[f"{n}\n" for n in range(1000, 1003)])
    assert text(screen.look()) == [("log", 1000, 1003, "1000\n1001\n1002\n")]
    (kept,) = screen.tails.all()
    assert kept["text"].splitlines() == [str(n) for n in range(993, 1003)]


def test_a_stream_quicker_than_the_view_is_shown_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What lies between is left out, and the page begins anew."""
    monkeypatch.setattr(tails, "CHUNKS", 50)
    source = PretendStreams(log=["0\n"])
    screen = Screen(source)
    screen.begin()
    source.write("log", *[f"{n}\n" for n in range(1, 500)])
    (told,) = screen.look()
    assert (told["from"], told["to"], told["cut"]) == (None, 500, True)
    assert told["text"].splitlines() == [str(n) for n in range(450, 500)]


def test_a_line_without_an_end_is_cut_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that never writes a newline fills no memory."""
    monkeypatch.setattr(tails, "CHARS", 100)
    source = PretendStreams()
    screen = Screen(source)
    screen.begin()
    for n in range(30):
        source.write("tokens", f"token{n:03} ")
        screen.look()
    (kept,) = screen.tails.all()
    assert len(kept["text"]) <= 100
    assert kept["text"].endswith("token029 ")
    assert kept["cut"] is True


def test_news_while_reading_are_read_afterwards() -> None:
    """One read of a stream at a time, and none forgotten."""
    source = PretendStreams()
    screen = Screen(source)
    screen.begin()
    source.held = []
    source.write("log", "a")
    assert screen.look() == []
    source.write("log", "b")
    assert screen.look() == []
    assert source.reads == [("log", -tails.CHUNKS)]
    source.release()
    screen.run()
    assert text(screen.told) == [("log", None, 1, "a"), ("log", 1, 2, "b")]


def test_a_closed_stream_is_said_to_be_closed() -> None:
    """With its last chunks, or later, once."""
    source = PretendStreams()
    screen = Screen(source)
    screen.begin()
    source.write("a", "last")
    source.ended.add("a")
    source.write("b", "x")
    assert [(t["name"], t["closed"]) for t in screen.look()] == [("a", True), ("b", False)]
    source.ended.add("b")
    (told,) = screen.look()
    assert (told["from"], told["to"], told["text"], told["closed"]) == (1, 1, "", True)
    assert screen.look() == []


def test_a_run_with_many_streams_says_how_many_are_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first few are shown, the others counted."""
    monkeypatch.setattr(tails, "STREAMS", 2)
    source = PretendStreams()
    screen = Screen(source)
    screen.begin()
    for name in "abcd":
        source.write(name, name)
    assert [(t["name"], t["more"]) for t in screen.look()] == [("a", 2), ("b", 2)]


def test_a_world_that_cannot_be_read_shows_nothing() -> None:
    """The view goes on without its streams."""
    source = PretendStreams(log=["a"])
    source.error = WorldClosedError("closed")
    screen = Screen(source)
    assert screen.begin() == []
    source.write("log", "b")
    assert screen.look() == []


class Point(BaseModel):
    x: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("\x1b[32mok\x1b[0m\r\n", "ok\n"),
        ("10%\r20%\r", "10%\n20%\n"),
        ("a\ud800\u202eb\x07", r"a\ud800\u202eb\x07"),
        ("👩‍💻 नमस्ते می‌خواهم", "👩‍💻 नमस्ते می‌خواهم"),
        (b"\x00" * 5_000, "4.9 KiB"),
        (None, "null"),
        ([1, (2, 3)], "[1, [2, 3]]"),
        (Point(x=1), '{"x": 1}'),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (datetime(2026, 1, 1, tzinfo=UTC), '"2026-01-01 00:00:00+00:00"'),
        (["y" * 5_000], '["' + "y" * 1_998 + "…"),
    ],
)
def test_a_chunk_is_shown_as_people_read_it(value: object, text: str) -> None:
    """Text without what a terminal would do; bytes as a size; values as compact JSON."""
    assert shown(from_tree(to_tree(value), Any)) == text


def test_what_is_no_text_has_lines_of_its_own() -> None:
    """Also when text before it has not ended its line."""
    assert joined(["a", 1, 2, "", "b"], fresh=True) == "a\n1\n2\nb"
    assert joined([1], fresh=False) == "\n1\n"
