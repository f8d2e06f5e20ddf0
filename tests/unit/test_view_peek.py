"""What a row holds, opened: which parts it has, how they read, and how long they may get."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.view_runs import SECRET, Log, completed, failed, failure
from wf_notebook.definition.values import to_tree
from wf_notebook.views.details import CHARS, as_text, error_text, prose, tree_text
from wf_notebook.views.peek import PARTS, event_text, parts_of


def parts(log: Log, entity: str | None) -> dict[str, str]:
    return {part["title"]: part["text"] for part in parts_of(log.events, entity)}


def test_a_step_holds_its_arguments_and_its_result() -> None:
    """As indented JSON, in the order in which they came about."""
    found = parts(completed(), "s1")
    assert list(found) == ["Arguments", "Result"]
    assert json.loads(found["Arguments"]) == {"order": SECRET}
    assert json.loads(found["Result"]) == SECRET


def test_each_failed_attempt_is_told_with_its_moment() -> None:
    """Those that were tried again, and the last one."""
    found = parts(failed(), "s2")
    titles = list(found)
    assert titles[0] == "Arguments"
    assert titles[1].endswith("failed, 2026-01-01 00:00:02 UTC")
    assert found[titles[1]] == f"TimeoutError: {SECRET}"
    assert found[titles[2]] == f"CardExpired: {SECRET}"


def test_a_refused_call_is_not_called_an_attempt() -> None:
    """A step whose arguments were refused was never attempted."""
    log = Log().begin().step("s1", "charge", 1)
    log.add("step_failed", 1, "s1", meta={"attempt": 0}, data=failure("ValueError"))
    log.step("s2", "charge", 2)
    log.add("step_failed", 3, "s2", meta={"attempt": 2}, data=failure("ValueError"))
    assert next(reversed(parts(log, "s1"))).startswith("The call failed")
    assert next(reversed(parts(log, "s2"))).startswith("Attempt 2 failed")


def test_a_hook_holds_its_question_and_every_payload() -> None:
    """Title and metadata, then each payload with its moment and the id it came under."""
    log = Log().begin().hook("h1", "approve", 1, title="Approve it", metadata={"order": "A-17"})
    log.received("h1", 31).received("h1", 32)
    found = parts(log, "h1")
    assert found["Title"] == "Approve it"
    assert json.loads(found["Metadata"]) == {"order": "A-17"}
    assert list(found)[2:] == [
        "Payload, 2026-01-01 00:00:31 UTC, resume id r3",
        "Payload, 2026-01-01 00:00:32 UTC, resume id r4",
    ]
    assert json.loads(found[list(found)[2]]) == SECRET


def test_a_conflict_names_its_owner() -> None:
    """Which run has the token that this hook wanted."""
    log = Log().begin()
    log.add("hook_conflict", 1, "h1", meta={"n": 1, "token": "t", "owner": "wrun_9"})
    assert parts(log, "h1") == {"The token belongs to run": "wrun_9"}


def test_a_sleep_tells_its_moments() -> None:
    """When it ends, when it ended, and whether somebody woke it."""
    assert parts(completed(), "w1") == {
        "Ends": "2026-01-01 00:15:05 UTC",
        "Ended, woken early": "2026-01-01 00:00:33 UTC",
    }


@pytest.mark.parametrize(
    ("log", "last"),
    [
        (completed(), "Result"),
        (failed(), "Failed, 2026-01-01 00:00:04 UTC"),
        (Log().end("cancelled", 2), "Cancelled, 2026-01-01 00:00:02 UTC"),
    ],
)
def test_the_run_itself_holds_arguments_and_outcome(log: Log, last: str) -> None:
    """Never its seed."""
    found = parts(log, None)
    assert list(found) == ["Arguments", last]
    assert SECRET in found[last]


def test_of_very_many_payloads_the_newest_are_shown() -> None:
    """With a word for those that are left out."""
    log = Log().begin().hook("h1", "t", 1, title="T")
    for n in range(PARTS + 7):
        log.received("h1", n + 2)
    found = parts_of(log.events, "h1")
    assert len(found) == PARTS + 1
    assert found[0]["title"] == "Title"
    assert found[1]["title"] == "8 earlier ones are not shown"
    assert found[-1]["title"].startswith("Payload, 2026-01-01 00:00:58 UTC")


def test_an_event_is_opened_without_the_seed() -> None:
    """What the run draws from is nobody's business; the rest of the sealed part is told."""
    log = completed()
    assert json.loads(event_text(log.events[0])) == {"args": [SECRET]}
    assert event_text(log.events[1]) == ""
    (retrying,) = [event for event in failed().events if event.type == "step_retrying"]
    assert event_text(retrying) == f"TimeoutError: {SECRET}"


def test_long_values_are_cut_and_say_so() -> None:
    """So many characters, then how many more there are."""
    text = tree_text(to_tree(["x" * 100] * 1000))
    *shown, note = text.split("\n")
    whole = json.dumps(["x" * 100] * 1000, indent=2)
    assert "\n".join(shown) == whole[:CHARS]
    assert note == f"… {len(whole) - CHARS:,} more characters"
    assert prose("ab" * CHARS).endswith(f"… {CHARS:,} more characters")
    assert tree_text(to_tree("short")) == '"short"'


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\x00", {1: "a", (2, 3): "b"}, float("nan"), float("-inf"), {1, 2}, 1 << 200,
        {"deep": [{"a": None}]},
    ],
)  # fmt: skip
def test_whatever_crosses_can_be_read(value: Any) -> None:
    """Bytes, keys of any kind, numbers that JSON lacks: all have a text."""
    assert tree_text(to_tree(value))


def test_nothing_hides_in_a_text() -> None:
    """Control characters are written out, and a line of theirs doesn't begin a new one."""
    assert as_text("a\x1b[2J\u202eb\u2028c") == '"a\\u001b[2J\\u202eb\\u2028c"'
    assert prose("a\x1b[31mred\x07") == "ared\\x07"


def test_an_error_is_told_with_its_causes_and_where() -> None:
    """Type and message, what caused it, parts of a group, then the traceback."""
    cause = {"type": "OSError", "message": "disk", "cause": {"type": "KeyError", "message": "'a'"}}
    parts_in = [{"type": "KeyError", "message": "x"}]
    error = {
        "type": "ExceptionGroup", "message": "two", "cause": cause, "parts": parts_in,
        "traceback": '  File "a.py", line 3\n',
    }  # fmt: skip
    assert error_text(error).split("\n") == [
        "ExceptionGroup: two: KeyError: x",
        "caused by OSError: disk",
        "caused by KeyError: 'a'",
        "",
        '  File "a.py", line 3',
    ]
    assert error_text(None) == ""
