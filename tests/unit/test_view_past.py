"""The log as a view looks at it: pages, what is inert, and how a run stood after each event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_runs import SECRET, T0, Log, cancelled, completed, failed, running, suspended
from wf_notebook.views.lines import reached, waiting
from wf_notebook.views.past import CHECKPOINTS, PAGE, Past
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Callable

LOGS = {
    "running": running, "suspended": suspended, "failed": failed, "completed": completed,
    "cancelled": cancelled,
}  # fmt: skip
EVENTS = 25_000  # as many as a run may have


def past_of(log: Log) -> Past:
    past = Past()
    past.extend(log.events)
    return past


def everything(past: Past, **filters: Any) -> list[dict[str, Any]]:
    """All pages, one after the other."""
    found: list[dict[str, Any]] = []
    while True:
        after = len(found)
        page = past.page(after, 3, types=filters.get("types"), entity=filters.get("entity"))
        found += page["events"]
        if not page["more"]:
            assert page["total"] == len(found)
            return found


@pytest.mark.parametrize("make", LOGS.values(), ids=LOGS)
def test_the_run_as_it_stood_is_the_fold_of_the_first_events(make: Callable[[], Log]) -> None:
    """For each event, asked for in any order: state, rows, waiting and reached lines."""
    log = make()
    past, count = past_of(log), len(log.events)
    for seq in [*range(count, 0, -1), *range(1, count + 1, 2)]:
        told, view = past.at(seq, log.facts())
        before = Log()
        before.events = log.events[:seq]
        seconds = (before.state.time_us - T0) / 1e6
        assert told["view"] == before.view(seconds).to_json()
        assert view.why == before.view(seconds).why
        assert (told["waiting"], told["reached"]) == (waiting(before.state), reached(before.state))
        assert (told["seq"], told["total"], told["event"]["seq"]) == (seq, count, seq)
        assert told["now_us"] == before.state.time_us


@pytest.mark.parametrize(("asked", "given"), [(-5, 1), (0, 1), (10**9, 3)])
def test_there_is_no_event_before_the_first_or_after_the_last(asked: int, given: int) -> None:
    """A slider that is dragged too far stands at its end."""
    log = Log().begin().step("s1", "charge", 1)
    assert past_of(log).at(asked, log.facts())[0]["seq"] == given


def long_log(count: int) -> Log:
    log, n = Log("long").begin(), 0
    while len(log.events) < count:
        log.done(f"s{n}", f"alias{n % 7}", n, n + 0.5, line=n % 50)
        n += 1
    del log.events[count:]
    return log


def test_a_long_run_is_gone_through_without_folding_it_anew() -> None:
    """25,000 events: the states that are kept are few, and a step from one to the next is short."""
    log = long_log(EVENTS)
    past = past_of(log)
    assert past.kept <= CHECKPOINTS
    longest = 0
    for seq in (EVENTS, 1, EVENTS // 2, *range(EVENTS // 2 + 1, EVENTS // 2 + 20)):
        before = past.folded
        told, _ = past.at(seq, log.facts())
        assert told["seq"] == seq
        longest = max(longest, past.folded - before)
    assert longest <= 2 * EVENTS // CHECKPOINTS
    assert past.at(EVENTS, log.facts())[0]["view"] == log.view(0).to_json()


def test_what_comes_later_is_taken_in() -> None:
    """A run that goes on is read from where the log was read before."""
    log = suspended()
    past = past_of(log)
    read = len(past)
    log.received("h1", 12)
    past.extend(log.events[read:])
    assert past.at(10**9, log.facts())[0]["view"] == log.view(12).to_json()


@pytest.mark.parametrize("make", LOGS.values(), ids=LOGS)
def test_of_what_is_sealed_nothing_is_kept(make: Callable[[], Log]) -> None:
    """Pages and former states hold no argument, result, payload, title or text of an error."""
    log = make()
    past = past_of(log)
    told, view = past.at(10**9, log.facts())
    assert SECRET not in json.dumps([everything(past), told])
    assert SECRET not in repr([vars(past), view])


def test_pages_go_on_where_the_last_one_ended() -> None:
    """All events once, in order, however the pages are cut; a page is bounded."""
    log = completed()
    assert [event["seq"] for event in everything(past_of(log))] == [e.seq for e in log.events]
    page = past_of(long_log(1000)).page(0, 10**9, types=None, entity=None)
    assert (len(page["events"]), page["more"]) == (PAGE, True)
    assert len(past_of(log).page(0, -3, types=None, entity=None)["events"]) == 1


def test_pages_are_filtered_by_type_and_entity() -> None:
    """Only such events, and how many of them there are."""
    past = past_of(completed())
    assert [e["type"] for e in everything(past, entity="h1")] == ["hook_created", "hook_received"]
    found = everything(past, types={"step_started", "step_retrying"}, entity="s2")
    assert [e["type"] for e in found] == ["step_started", "step_retrying", "step_started"]
    assert everything(past, types=set()) == []
    assert past.page(1, 1, types=None, entity="h1")["events"][0]["type"] == "hook_received"
    assert past.page(99, 1, types=None, entity="h1")["events"] == []


def test_a_page_says_which_types_the_run_has() -> None:
    """How many of each, whatever is chosen: what a filter can offer."""
    types = past_of(suspended()).page(0, 9, types={"run_started"}, entity=None)["types"]
    assert types == {
        "hook_created": 1, "run_created": 1, "run_started": 1, "step_completed": 2,
        "step_created": 2, "step_retrying": 1, "step_started": 3, "wait_created": 2,
    }  # fmt: skip


def test_where_a_row_stands_in_the_log() -> None:
    """First and last event of a step, of the run itself, and of what isn't there."""
    past, log = past_of(completed()), completed()
    assert past.span("h1") == (13, 15)
    assert past.span(None) == (1, len(log.events))
    assert past.span("nobody") is None


def inert_in(log: Log) -> list[str]:
    return [event["type"] for event in everything(past_of(log)) if event["inert"]]


@pytest.mark.parametrize("make", LOGS.values(), ids=LOGS)
def test_what_happens_in_its_place_is_not_inert(make: Callable[[], Log]) -> None:
    """Each event of an ordinary run changes something."""
    assert inert_in(make()) == []


def test_duplicates_and_what_comes_too_late_are_inert() -> None:
    """An outcome of what has its outcome, a payload that was sent twice, labels that were set."""
    log = suspended().begin(6)
    log.complete("s1", 7).add("wait_cancelled", 7, "w2").add("wait_completed", 8, "w2")
    again = {"resume_id": "click-1"}
    log.add("hook_received", 9, "h1", meta=again).add("hook_received", 9, "h1", meta=again)
    log.add("hook_disposed", 10, "h1").add("hook_disposed", 10, "h1").received("h1", 11)
    for _ in range(2):
        log.add("attr_set", 12, meta={"attributes": {"a": "b"}})
        log.add("run_adopted", 12, meta={"notebook": "b.ipynb"})
        log.add("stream_closed", 12, meta={"stream": "log"})
    log.end("completed", 13).end("cancelled", 14)
    assert inert_in(log) == [
        "run_started", "step_completed", "wait_completed", "hook_received", "hook_disposed",
        "hook_received", "attr_set", "run_adopted", "stream_closed", "run_cancelled",
    ]  # fmt: skip


def test_lines_are_those_of_the_cell() -> None:
    """What waits, and what was reached; of a run that has ended nothing waits."""
    state = suspended().state
    assert (waiting(state), reached(state)) == ([6, 7, 8], [4, 5, 6, 7, 8])
    state = failed().state
    assert (waiting(state), reached(state)) == ([], [4, 5])
    assert fold(failed().events[:4]).line is None
