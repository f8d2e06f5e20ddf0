"""What a list says of runs, which of very many a browser gets, and what stays in a notebook."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from tests.view_rosters import each_state, plain, roster, row, run_id
from tests.view_runs import SECOND, SECRET, T0, Log, completed, failed, running, suspended
from wf_notebook.views.listing import forgotten, listed
from wf_notebook.views.roster import ROWS
from wf_notebook.views.runs_card import runs_bundle, runs_card
from wf_notebook.views.why import read
from wf_notebook.views.words import visible

PAYLOADS = (Path(__file__).parents[1] / "corpus" / "xss.txt").read_text("utf-8").splitlines()
NOW = T0 + 20 * SECOND


@pytest.mark.parametrize(
    ("log", "blocked", "said"),
    [
        (Log().begin().hook("h1", "ask", 1), None, "hook ask (open for 19 s)"),
        (Log().begin().sleep("w1", 1, 37, line=4), None, "the sleep at line 5 that ends in 17 s"),
        (suspended(), "the key is missing", "the key is missing"),
        (Log().begin().step("s1", "a", 1).attempt("s1", 2), None, "runs a (for 18 s)"),
        (failed(), None, "KeyError at line 5"),
        (completed(), None, ""),
    ],
)
def test_a_row_says_what_its_run_waits_for(log: Log, blocked: str | None, said: str) -> None:
    """In the words of `why`, without those of the column's head and of the state."""
    assert read(listed(log.state, blocked).waits, NOW) == said


def test_a_row_is_the_same_whatever_the_time_is() -> None:
    """Times are in it as times; it says when the last event was, and holds nothing sealed."""
    told = row(1, suspended(), labels={"a": "b"}).to_json()
    assert told["waits"][1] == {"us": T0 + 5_300_000, "to_come": False}
    assert told["last_us"] == T0 + 5_300_000
    assert told["labels"] == "a=b"
    assert SECRET not in json.dumps(told)


def test_a_snapshot_has_what_may_move_and_the_newest_others() -> None:
    """A run that waits is in it, however old; the rest comes page by page, each once."""
    waits = [row(n, suspended()) for n in range(3)]
    found = roster([*(plain(n) for n in range(3, 2 * ROWS + 100)), *waits])
    snapshot = found.snapshot()
    ids = [told["run_id"] for told in snapshot["rows"]]
    assert ids[-3:] == [run_id(n) for n in (2, 1, 0)]
    assert ids[:2] == [run_id(2 * ROWS + 99), run_id(2 * ROWS + 98)]
    assert snapshot["total"] == 2 * ROWS + 100
    assert snapshot["counts"] == {"completed": 2 * ROWS + 97, "suspended": 3}
    first = found.older("", "", None)
    last = first["rows"][-1]
    second = found.older("", "", (last["created_us"], last["run_id"]))
    assert (len(first["rows"]), second["left"]) == (ROWS, 0)
    assert first["left"] == len(second["rows"])
    ids += [told["run_id"] for page in (first, second) for told in page["rows"]]
    assert len(set(ids)) == len(ids) == snapshot["total"]


def test_older_runs_are_found_by_state_and_text() -> None:
    """The kernel looks where the browser has nothing, in the words that the browser looks in."""
    odd = [plain(1, "failed"), plain(2, labels={"Customer": "A-17"}), plain(3, name="Odd")]
    found = roster([*odd, *(plain(n) for n in range(10, ROWS + 10))])
    assert [told["run_id"] for told in found.older("failed", "", None)["rows"]] == [run_id(1)]
    assert [told["run_id"] for told in found.older("", "customer=a", None)["rows"]] == [run_id(2)]
    assert [told["run_id"] for told in found.older("completed", "ODD", None)["rows"]] == [run_id(3)]


def test_only_labelled_runs_are_held() -> None:
    """One that loses its label goes, and that is told; one that was forgotten stays as a line."""
    mine = row(1, suspended(), labels={"a": "b"})
    found = roster([mine, row(2, suspended())], labels={"a": "b"})
    assert found.snapshot()["total"] == 1
    assert found.put(forgotten(mine, NOW))
    assert found.snapshot()["counts"] == {"forgotten": 1}
    assert found.put(mine)
    assert not found.put(mine)
    assert found.put(row(1, suspended()))
    assert found.snapshot()["counts"] == {}
    assert found.beyond([run_id(1)]) == {"rows": [], "gone": [run_id(1)]}


def test_what_changes_outside_a_snapshot_is_told_beside_it() -> None:
    """An old run that ends has no place among the newest; what is in the snapshot is said there."""
    found = roster([row(0, suspended()), *(plain(n) for n in range(1, ROWS + 1))])
    assert found.beyond([run_id(0), run_id(ROWS)])["rows"] == []
    found.put(row(0, completed()))
    assert [told["status"] for told in found.beyond([run_id(0)])["rows"]] == ["completed"]


def test_what_stays_in_a_notebook() -> None:
    """Text and a table with a state, names, times and what was waited for; of many all."""
    rows, total = roster(each_state()).chosen_rows()
    bundle = runs_bundle(rows, completed().view(60), total=total, now_us=NOW)
    assert set(bundle) == {"text/plain", "text/html"}
    text, html = bundle["text/plain"], bundle["text/html"]
    assert "◷ suspended  refund" in text
    assert "hook approve-A-17 (open for 14 s)" in html
    assert "8 runs, shown as of 2026-01-01 00:00:20 UTC" in html
    assert html.count("refund") == 2 + 1  # with the card of a run that was opened
    many, total = roster([plain(n) for n in range(ROWS + 50)], limit=30).chosen_rows()
    html = runs_card(many, total=total, now_us=NOW + 300 * SECOND)
    assert f"30 of {ROWS + 50} runs" in html
    assert "<summary>5 more</summary>" in html


def test_a_static_table_has_the_runs_that_were_asked_for() -> None:
    """Only those of the state; a live one is announced by its id."""
    rows, total = roster(each_state(), status="failed").chosen_rows()
    assert ([one.name for one in rows], total) == (["charge_back"], 1)
    bundle = runs_bundle(rows, total=total, now_us=NOW, model_id="m")
    mime = "application/vnd.jupyter.widget-view+json"
    assert bundle[mime] == {"version_major": 2, "version_minor": 0, "model_id": "m"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_name_is_markup_in_what_stays(payload: str) -> None:
    """Names, labels and tokens are text, whatever they are."""
    log = Log(payload).begin().hook("h1", payload, 1)
    one = row(1, log, labels={payload: payload})
    html = runs_card([one], total=1, now_us=NOW)
    plainly = runs_card([row(1, running())], total=1, now_us=NOW)
    allowed = {"div", "strong", "span", "table", "thead", "tbody", "tr", "th", "td", "code"}
    tags = {part.split(">")[0].split(" ")[0].strip("/") for part in html.split("<")[1:]}
    assert tags <= allowed
    assert "style=" in plainly
    assert visible(payload) in unescape(html)
