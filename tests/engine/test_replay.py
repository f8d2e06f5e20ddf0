"""How a log is read for replay, and how what a guest asks for is held against it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from wf_notebook.definition.model import Definition, Parameter, StepBinding
from wf_notebook.engine.replay import (
    Completed,
    Diverged,
    Failed,
    Suspended,
    in_words,
    is_command,
    judge,
    judge_end,
    plan,
    start_message,
)
from wf_notebook.isolation.protocol import parse_reply
from wf_notebook.testing.conformance.appends import created, event, hook, received, step, wait
from wf_notebook.world.events import Event, NewEvent, recorded
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from wf_notebook.engine.replay import Outcome
    from wf_notebook.isolation.protocol import Reply

ERROR = {"type": "ValueError", "message": "bad", "frames": [[7, 1, 7, 2, "w"]]}
FRAME = {"$t": "opaque", "v": {"sha256": "5eed"}, "arrow": "////"}
TOLD = {"$t": "opaque", "v": {"sha256": "5eed"}}


def log(*events: NewEvent) -> list[Event]:
    return [recorded(e, run_id="r", seq=n) for n, e in enumerate(events, 1)]


def reply(*commands: dict[str, Any], status: str = "suspended", **fields: Any) -> Reply:
    said = {"status": status, "after": 0, "commands": commands, **fields}
    return parse_reply(json.dumps(said).encode())


def command(op: str, n: int = 1, after: int = 0, **fields: Any) -> dict[str, Any]:
    return {"op": op, "n": n, "after": after, **fields}


STEP = command("step", alias="a", args={"x": 1}, line=4)


def judged(events: list[Event], *commands: dict[str, Any], **fields: Any) -> Outcome:
    return judge(reply(*commands, **fields), plan(events).recorded, log=events)


# ------------------------------------------------------------------------------- what is told


def test_a_guest_is_told_of_every_outcome() -> None:
    """Of each answer in the log's order, by the position of what it answers; of nothing else."""
    error = {"type": "E", "message": "m"}
    events = log(
        created(), event("run_started"),
        step("s", 1), event("step_started", "s", attempt=1),
        event("step_completed", "s", at=1001, data={"result": [1]}),
        step("f", 2), event("step_failed", "f", at=1002, data={"error": error}),
        wait("w", 3), event("wait_completed", "w", at=1003),
        wait("v", 4), event("wait_completed", "v", at=1004, woken=True),
        hook("h", "t", 5, at=1005), received("h", "a", at=1006),
        event("hook_conflict", "g", at=1007, n=6, token="t", owner="r0"),
        event("hook_disposed", "h", at=1008, by="body"),
    )  # fmt: skip
    assert plan(events).deliveries == [
        {"type": "step_completed", "n": 1, "time_us": 1001, "value": [1]},
        {"type": "step_failed", "n": 2, "time_us": 1002, "error": error},
        {"type": "wait_completed", "n": 3, "time_us": 1003, "woken": False},
        {"type": "wait_completed", "n": 4, "time_us": 1004, "woken": True},
        {"type": "hook_created", "n": 5, "time_us": 1005},
        {"type": "hook_received", "n": 5, "time_us": 1006, "value": True},
        {"type": "hook_conflict", "n": 6, "time_us": 1007, "owner": "r0"},
    ]


def test_an_outcome_without_data_is_told_as_none() -> None:
    """And one of a step that the log doesn't have, as of position 0: the guest refuses that."""
    events = log(created(), event("step_completed", "s"), event("step_failed", "s"))
    told = plan(events).deliveries
    assert [(m["n"], m.get("value"), m.get("error")) for m in told] == [(0, None, None)] * 2


def test_bytes_of_frames_stay_with_the_host() -> None:
    """A guest is told of a frame by its digest, in outcomes and in arguments."""
    done = event("step_completed", "s", data={"result": FRAME})
    assert plan(log(created(), step("s"), done)).deliveries[0]["value"] == TOLD
    kept = event("step_created", "s", data={"args": {"x": FRAME}}, n=1, alias="a", step_id="s")
    again = command("step", alias="a", args={"x": TOLD})
    assert judged(log(created(), kept), again) == Suspended([])


def test_what_the_body_did_is_a_command() -> None:
    """A cancellation or disposal is one only if the body asked for it."""
    for kind in ("step_created", "hook_created", "hook_conflict", "wait_created", "wait_cancelled"):
        assert is_command(event(kind, "x"))
    for kind in ("step_cancelled", "hook_disposed"):
        assert is_command(event(kind, "x", by="body"))
        assert not is_command(event(kind, "x", by="run"))
        assert not is_command(event(kind, "x"))
    for kind in ("step_started", "step_completed", "wait_completed", "hook_received"):
        assert not is_command(event(kind, "x", by="body"))


def test_a_start_message_says_all_that_a_guest_needs() -> None:
    """The source, its entry, what it may call, with what, from which seed and when."""
    binding = StepBinding("a", "step//m//a", (Parameter("x", "KEYWORD_ONLY", True),), "0")
    schemas = {"B": {}, "A": {}}
    definition = Definition("source", name="N", entry="w", steps=(binding,), schemas=schemas)
    message = start_message(
        definition,
        args=[FRAME],
        kwargs={"x": FRAME},
        seed="5eed",
        now_us=7,
        commands=9,
    )
    assert message == {
        "op": "start", "source": "source", "entry": "w", "filename": "<workflow>",
        "steps": {"a": [["x", "KEYWORD_ONLY", True]]}, "schemas": ["A", "B"],
        "args": [TOLD], "kwargs": {"x": TOLD}, "seed": "5eed", "now_us": 7, "commands": 9,
    }  # fmt: skip


# ------------------------------------------------------------------------------- what is asked

RECORDED: dict[str, tuple[NewEvent, dict[str, Any]]] = {
    "step": (step("k"), STEP),
    "hook": (
        event("hook_created", "k", data={"title": "T", "metadata": {"a": 1}}, n=1, token="t", schema="S"),
        command("hook", token="t", schema="S", title="T", metadata={"a": 1}),
    ),
    "conflict": (
        event("hook_conflict", "k", n=1, token="t", owner="r0"),
        command("hook", token="t"),
    ),
    "wait": (wait("k"), command("wait", kind="sleep", due_us=1005)),
}  # fmt: skip


@pytest.mark.parametrize("kind", RECORDED)
def test_the_same_again_is_no_divergence(kind: str) -> None:
    """What the log has is not new; what comes after it is."""
    event_, asked = RECORDED[kind]
    events = log(created(), event_)
    assert judged(events, asked) == Suspended([])
    outcome = judged(events, asked, command("wait", 2, kind="sleep", due_us=9))
    assert isinstance(outcome, Suspended)
    assert [c.n for c in outcome.commands] == [2]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("step", {"n": 2}), ("step", {"alias": "b"}), ("step", {"args": {"x": 1.0}}),
        ("hook", {"n": 2}), ("hook", {"token": "u"}), ("hook", {"schema": None}),
        ("hook", {"title": "U"}), ("hook", {"metadata": {"a": 2}}), ("conflict", {"token": "u"}),
        ("wait", {"n": 2}), ("wait", {"kind": "timer"}), ("wait", {"due_us": 1004}),
    ],
)  # fmt: skip
def test_each_part_of_a_command_counts(kind: str, changes: dict[str, Any]) -> None:
    """Position, alias, arguments, token, schema, title, metadata, kind and time are compared."""
    event_, asked = RECORDED[kind]
    outcome = judged(log(created(), event_), asked | changes)
    assert isinstance(outcome, Diverged)


@pytest.mark.parametrize(
    ("ending", "asked"),
    [
        (event("step_cancelled", "k", by="body"), "step_cancel"),
        (event("hook_disposed", "k", by="body"), "hook_dispose"),
        (event("wait_cancelled", "k"), "wait_cancel"),
    ],
)
def test_withdrawing_is_a_command_too(ending: NewEvent, asked: str) -> None:
    """It is compared by kind and position, and named in words."""
    kind = asked.split("_", maxsplit=1)[0]
    began, command_ = RECORDED[kind]
    events = log(created(), began, ending)
    assert judged(events, command_, command(asked)) == Suspended([])
    outcome = judged(events, command_, command(asked, 2))
    assert isinstance(outcome, Diverged)
    words = asked.replace("_", " ")
    assert (outcome.recorded, outcome.asked) == (f"command 1: {words}", f"command 2: {words}")


def test_a_command_may_come_no_later_than_it_was_recorded() -> None:
    """Earlier in the log's order is fine: an outcome that came in between changed nothing."""
    events = log(created(), step("s"), event("step_completed", "s"), step("t", 2))
    first, second = STEP, STEP | {"n": 2}
    assert judged(events, first, second | {"after": 1}) == Suspended([])
    assert judged(events, first, second) == Suspended([])
    outcome = judged(events, first, second | {"after": 2})
    assert isinstance(outcome, Diverged)
    assert outcome.asked == "command 2: step a with its arguments (later than recorded)"
    assert outcome.recorded == "command 2: step a with its arguments"


# ------------------------------------------------------------------------------- how it ended


def test_an_ended_entry_is_completed_or_failed() -> None:
    """With its result, or with its code, its error and the line where it was raised."""
    assert judged([], STEP, status="completed", result=7).commands  # type: ignore[union-attr]
    assert judged([], status="completed", result=7) == Completed([], 7)
    failed = judged([], status="failed", error=ERROR)
    assert isinstance(failed, Failed)
    assert (failed.code, failed.line, failed.error["type"]) == ("USER_ERROR", 7, "ValueError")
    assert failed.error["frames"] == [[7, 1, 7, 2, "w"]]
    stopped = judged([], status="failed", code="BUDGET_EXCEEDED")
    assert stopped == Failed([], "BUDGET_EXCEEDED", {}, None)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, "nothing: it waits"),
        ({"status": "completed"}, "nothing: it returned"),
        ({"status": "failed"}, "nothing: it raised"),
        ({"status": "failed", "error": ERROR}, "nothing: it raised ValueError"),
        ({"status": "failed", "code": "DIVERGENCE", "error": ERROR}, "nothing: it waits"),
    ],
)
def test_a_missing_command_is_told_with_what_came_instead(
    fields: dict[str, Any], asked: str
) -> None:
    """And with the line at which it was asked for when it was recorded."""
    there = event("step_created", "s", data={"args": {}}, n=1, alias="a", step_id="s", line=3)
    outcome = judged(log(created(), there), **fields)
    assert isinstance(outcome, Diverged)
    assert (outcome.line, outcome.asked) == (3, asked)
    assert outcome.recorded == "command 1: step a with its arguments"


def test_an_outcome_that_was_never_asked_for_is_a_divergence() -> None:
    """The guest says so, and where the body waits."""
    events = log(created(), event("step_completed", "s"))
    said = judged(events, status="failed", code="DIVERGENCE", error=ERROR)
    assert isinstance(said, Diverged)
    assert (said.line, said.recorded, said.asked) == (7, "an outcome", "bad")
    assert [line.split()[1] for line in said.last_events] == ["run_created", "step_completed"]
    mute = judged(events, status="failed", code="DIVERGENCE")
    assert isinstance(mute, Diverged)
    assert (mute.line, mute.asked) == (None, "an event for a command it has not issued")


def test_a_report_shows_the_five_events_before() -> None:
    """By number, type, entity and time, oldest first; the diverging one is not among them."""
    events = log(created(), *(step(f"s{n}", n, at=0) for n in range(1, 8)))
    asked = [STEP | {"n": n} for n in range(1, 7)]
    outcome = judged(events, *asked, command("wait", 7, kind="sleep", due_us=0, line=9))
    assert isinstance(outcome, Diverged)
    assert list(outcome.last_events) == [
        f"{n} step_created s{n - 1} 1970-01-01T00:00:00+00:00" for n in range(3, 8)
    ]
    assert outcome.report() == {
        "line": 9,
        "recorded": "command 7: step a with its arguments",
        "asked": "command 7: sleep until 1970-01-01T00:00:00+00:00",
        "last_events": list(outcome.last_events),
    }
    assert " at line 9: the log has command 7: step a" in outcome.message
    assert outcome.message.endswith("asked for command 7: sleep until 1970-01-01T00:00:00+00:00.")
    assert Diverged(None, "x", "y").message.startswith("Replay diverged: the log has x")
    first = judged(log(step("s", at=0)))
    assert isinstance(first, Diverged)
    assert list(first.last_events) == []


def test_the_line_of_a_divergence_is_that_of_the_source_as_it_runs() -> None:
    """Where the command says none, the recorded one's."""
    there = event("step_created", "s", data={"args": {}}, n=1, alias="b", step_id="s", line=3)
    events = log(created(), there)
    assert judged(events, STEP).line == 4  # type: ignore[union-attr]
    assert judged(events, STEP | {"line": None}).line == 3  # type: ignore[union-attr]


def test_commands_in_words_hold_no_values() -> None:
    """Kind, position and name; a hook's token is plain anyway."""
    asked = [
        STEP,
        command("hook", 2, token="t", title="T"),
        command("wait", 3, kind="timer", due_us=0),
    ]
    words = [in_words(one) for one in reply(*asked, command("hook_dispose", 2)).commands]
    assert words == [
        "command 1: step a with its arguments",
        "command 2: hook t",
        "command 3: timer until 1970-01-01T00:00:00+00:00",
        "command 2: hook dispose",
    ]


# -------------------------------------------------------------------- against the end of its run

BEGUN = (created(), event("run_started"))
RETURNED = log(*BEGUN, event("run_completed", data={"result": FRAME}))
RAISED = log(*BEGUN, event("run_failed", data={"error": ERROR}, code="USER_ERROR"))
STOPPED = log(created(), event("run_failed", data={"error": ERROR}, code="BUDGET_EXCEEDED"))
CANCELLED = log(created(), event("run_cancelled"))
WAITS = log(created())


def ended(outcome: Outcome, events: list[Event]) -> Outcome:
    return judge_end(outcome, fold(events), log=events)


def failed(**changes: Any) -> Failed:
    return Failed([], "USER_ERROR", ERROR | changes, 7)


@pytest.mark.parametrize(
    ("outcome", "events"),
    [
        (Completed([], TOLD), RETURNED),
        (failed(frames=[]), RAISED),
        *((outcome, STOPPED) for outcome in (Suspended([]), Completed([], 1), failed())),
        *((outcome, CANCELLED) for outcome in (Suspended([]), Completed([], 1), failed())),
        *((outcome, WAITS) for outcome in (Suspended([]), Completed([], 1), failed())),
        (Diverged(1, "x", "y"), RETURNED),
    ],
)
def test_an_end_that_its_run_had_too(outcome: Outcome, events: list[Event]) -> None:
    """It stands; only the source's own ends are compared."""
    assert ended(outcome, events) is outcome


@pytest.mark.parametrize(
    ("outcome", "events", "line", "asked"),
    [
        (Suspended([]), RETURNED, None, "nothing: it waits"),
        (Completed([], 1), RETURNED, None, "nothing: it returned something else"),
        (failed(), RETURNED, 7, "nothing: it raised ValueError"),
        (Suspended([]), RAISED, None, "nothing: it waits"),
        (Completed([], TOLD), RAISED, None, "nothing: it returned something else"),
        (failed(message="worse"), RAISED, 7, "nothing: it raised ValueError"),
        (failed(type="KeyError"), RAISED, 7, "nothing: it raised KeyError"),
    ],
)
def test_another_end_is_a_divergence(
    outcome: Outcome, events: list[Event], line: int | None, asked: str
) -> None:
    """It says what the run came to and what the source does now."""
    found = ended(outcome, events)
    assert isinstance(found, Diverged)
    recorded_ = "the run's result" if events is RETURNED else "the run's failure, ValueError"
    assert (found.line, found.recorded, found.asked) == (line, recorded_, asked)
    assert [words.split()[1] for words in found.last_events] == ["run_created", "run_started"]


def test_more_commands_than_its_run_gave_are_a_divergence() -> None:
    """Also where result or failure are the same."""
    more = reply(STEP).commands
    for outcome, events in (
        (Completed(more, TOLD), RETURNED),
        (Failed(more, "USER_ERROR", ERROR, 7), RAISED),
    ):
        found = ended(outcome, events)
        assert isinstance(found, Diverged)
        assert (found.line, found.asked) == (4, "command 1: step a with its arguments")
