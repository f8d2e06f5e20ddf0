from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from tests.conformance.random_logs import appends
from wf_notebook.testing.conformance.appends import created, event, hook, received, step, wait
from wf_notebook.world.events import TERMINAL, Event, NewEvent, recorded
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.state import RunState, fold

if TYPE_CHECKING:
    from wf_notebook.world.store import Append


def log(*events: NewEvent) -> list[Event]:
    return [recorded(e, run_id="r", seq=n) for n, e in enumerate(events, 1)]


def test_a_run_begins_moves_and_ends() -> None:
    """Pending, running, then one of three ends with its outcome and time."""
    state = fold(log(created(at=1)))
    assert (state.status, state.created_us, state.terminal) == ("pending", 1, False)
    assert state.created["name"] == "w"
    begun = log(created(at=1), event("run_started", at=2))
    assert (fold(begun).status, fold(begun).started_us) == ("running", 2)
    done = fold(log(created(), event("run_completed", at=1005, data={"result": [1]})))
    assert (done.status, done.result, done.ended_us, done.terminal) == (
        "completed", [1], 1005, True,
    )  # fmt: skip
    error = {"type": "E", "message": "m"}
    failed = fold(log(created(), event("run_failed", data={"error": error}, code="X", line=3)))
    assert (failed.status, failed.code, failed.line, failed.error) == ("failed", "X", 3, error)
    gone = fold(log(created(), event("run_cancelled", data={"reason": "why"})))
    assert (gone.status, gone.reason) == ("cancelled", "why")


def test_before_its_first_event_nothing_is_known_of_a_run() -> None:
    """It is pending, of no notebook, and has done nothing."""
    state = fold([])
    assert (state.status, state.notebook, state.attributes) == ("pending", "", {})
    assert (state.run_id, state.seq, state.derived, state.time_us) == ("", 0, 0, 0)
    assert (state.created, state.created_us, state.started_us, state.ended_us) == (
        {},
        0,
        None,
        None,
    )
    assert (state.steps, state.hooks, state.waits, state.closed_streams) == ({}, {}, {}, {})


def test_each_event_moves_the_run_on() -> None:
    """Its number and time are the last event's; what a replay decided is counted."""
    state = fold(log(created(at=1), event("run_started", at=2), step("s", at=7)))
    assert (state.run_id, state.seq, state.time_us) == ("r", 3, 7)
    assert state.derived == 2  # all but the creation
    assert (state.ended_us, state.terminal) == (None, False)


def test_labels_are_those_of_the_creation_until_they_are_set() -> None:
    """A run is found by them; a later event gives all of them anew."""
    begun = log(created(attributes={"customer": "A-17"}))
    assert fold(begun).attributes == {"customer": "A-17"}
    events = log(
        created(attributes={"customer": "A-17"}), event("attr_set", attributes={"tier": "1"})
    )
    assert fold(events).attributes == {"tier": "1"}


@pytest.mark.parametrize(
    ("origin", "notebook"),
    [({"notebook": "a.ipynb"}, "a.ipynb"), ("b.ipynb", "b.ipynb"), (None, "")],
)
def test_a_run_belongs_to_a_notebook(origin: object, notebook: str) -> None:
    """To the one that it was started in, until another one adopts it."""
    assert fold(log(created(origin=origin))).notebook == notebook
    taken = log(created(origin=origin), event("run_adopted", notebook="other.ipynb"))
    assert fold(taken).notebook == "other.ipynb"


def test_a_failure_without_data_is_a_failure() -> None:
    """What can't be an error, or a reason, is none."""
    bare = fold(log(created(), event("run_failed")))
    assert (bare.status, bare.code, bare.line, bare.error) == ("failed", None, None, None)
    assert fold(log(created(), event("run_failed", data={"error": "text"}))).error is None
    assert fold(log(created(), event("run_cancelled"))).reason is None
    assert fold(log(created(), event("run_cancelled", data={"reason": 1}))).reason is None
    assert fold(log(created(), event("run_completed"))).result is None


def test_a_closed_stream_is_known_with_its_time() -> None:
    """Its chunks are no events; that it takes no more is one."""
    state = fold(log(created(), event("stream_closed", at=1007, stream="tokens")))
    assert state.closed_streams == {"tokens": 1007}


def test_a_step_goes_through_its_attempts() -> None:
    """Each attempt has its own times and error; a retry says when."""
    error = {"type": "E", "message": "m"}
    events = log(
        created(at=1),
        step("s", at=2),
        event("step_started", "s", at=3, attempt=1),
        event("step_retrying", "s", at=4, attempt=1, retry_at_us=9, data={"error": error}),
        event("step_started", "s", at=9, attempt=2),
        event("step_completed", "s", at=10, attempt=2, data={"result": 1}),
    )
    seen = [(s.status, s.retry_at_us) for n in range(2, 7) for s in fold(events[:n]).steps.values()]
    assert seen == [
        ("pending", None), ("running", None), ("retrying", 9), ("running", None),
        ("completed", None),
    ]  # fmt: skip
    done = fold(events).steps["s"]
    assert [(a.number, a.started_us, a.ended_us, a.error) for a in done.attempts] == [
        (1, 3, 4, error),
        (2, 9, 10, None),
    ]
    assert (done.ended_us, done.args, done.open) == (10, None, False)
    assert fold(events[:5]).steps["s"].args == {"x": 1}


def test_an_attempt_that_is_run_again_keeps_its_number() -> None:
    """The one whose process died has no end."""
    state = fold(log(
        created(), step("s"),
        event("step_started", "s", attempt=1),
        event("step_started", "s", attempt=1, rerun=True),
        event("step_failed", "s", at=2000, data={"error": {"type": "E"}}),
    ))  # fmt: skip
    attempts = state.steps["s"].attempts
    assert [(a.number, a.rerun, a.ended_us) for a in attempts] == [
        (1, False, None),
        (1, True, 2000),
    ]


def test_a_step_says_what_was_called() -> None:
    """Alias, step, arguments, place in the source and among the commands, from the first event."""
    called = event(
        "step_created",
        "s",
        at=2,
        data={"args": {"x": 1}},
        n=4,
        alias="a",
        step_id="s//m//a",
        line=7,
    )
    found = fold(log(created(), called)).steps["s"]
    assert (found.id, found.n, found.alias, found.step_id) == ("s", 4, "a", "s//m//a")
    assert (found.line, found.created_us, found.args) == (7, 2, {"x": 1})
    assert (found.attempts, found.ended_us, found.error, found.open) == ((), None, None, True)


def test_a_step_may_end_without_an_attempt() -> None:
    """Its arguments were refused, or nobody waited for it any more."""
    error = {"type": "E", "message": "m"}
    refused = log(created(), step("s"), event("step_failed", "s", at=5, data={"error": error}))
    found = fold(refused).steps["s"]
    assert (found.status, found.attempts, found.error, found.ended_us) == ("failed", (), error, 5)
    state = fold(log(created(), step("s"), event("step_cancelled", "s", at=5)))
    assert (state.steps["s"].status, state.steps["s"].attempts) == ("cancelled", ())
    assert state.open_steps == []


def test_an_attempt_ends_once() -> None:
    """A step that is cancelled while it waits for its next attempt leaves the last one as it was."""
    error = {"type": "E", "message": "m"}
    events = log(
        created(), step("s"), event("step_started", "s", at=3, attempt=1),
        event("step_retrying", "s", at=4, attempt=1, retry_at_us=9, data={"error": error}),
        event("step_cancelled", "s", at=6),
    )  # fmt: skip
    waiting = fold(events[:4])
    assert waiting.open_steps == [waiting.steps["s"]]
    assert waiting.steps["s"].error == error
    attempts = fold(events).steps["s"].attempts
    assert [(a.number, a.ended_us, a.error) for a in attempts] == [(1, 4, error)]


def test_a_hook_says_what_is_asked() -> None:
    """Token, schema, title and metadata, and where in the source it stands."""
    asked = event(
        "hook_created", "h", at=2, data={"title": "May I?", "metadata": {"sum": 3}},
        n=4, token="t", schema="Approval", line=7,
    )  # fmt: skip
    found = fold(log(created(), asked)).hooks["h"]
    assert (found.id, found.n, found.token, found.line) == ("h", 4, "t", 7)
    assert (found.schema, found.title, found.metadata) == ("Approval", "May I?", {"sum": 3})
    assert (found.status, found.created_us, found.received, found.owner) == ("open", 2, 0, None)
    bare = fold(log(created(), hook("h", "t"))).hooks["h"]
    assert (bare.title, bare.metadata, bare.schema, bare.resume_ids) == (None, None, None, ())


def test_a_wait_says_when_it_is_due() -> None:
    """And what kind it is, and where in the source it stands; then when it ended."""
    asked = event("wait_created", "w", at=2, n=4, kind="timer", due_us=9, line=7)
    found = fold(log(created(), asked)).waits["w"]
    assert (found.id, found.n, found.kind, found.line) == ("w", 4, "timer", 7)
    assert (found.created_us, found.due_us, found.ended_us, found.open) == (2, 9, None, True)
    for kind in ("wait_completed", "wait_cancelled"):
        ended = fold(log(created(), asked, event(kind, "w", at=9))).waits["w"]
        assert (ended.ended_us, ended.open) == (9, False)


def test_a_hook_collects_payloads_until_it_is_disposed() -> None:
    """Resume ids in order; a conflict was never open and names the owner."""
    events = log(
        created(), hook("h", "t"), received("h", "a", 2000), received("h", "b", 3000),
        event("hook_conflict", "g", at=3000, n=2, token="t", owner="r0"),
        event("hook_disposed", "h", at=4000),
    )  # fmt: skip
    open_hook = fold(events[:4]).open_hooks[0]
    assert (open_hook.received, open_hook.resume_ids) == (2, ("a", "b"))
    assert open_hook.last_received_us == 3000
    state = fold(events)
    assert state.open_hooks == []
    assert (state.hooks["h"].status, state.hooks["h"].ended_us) == ("disposed", 4000)
    assert (state.hooks["g"].status, state.hooks["g"].owner) == ("conflict", "r0")
    left = fold([*events, *log(*events, event("hook_disposed", "g", at=5000))[-1:]]).hooks["g"]
    assert (left.status, left.ended_us, left.open) == ("conflict", 5000, False)


def test_a_wait_is_completed_woken_or_cancelled() -> None:
    """And says which."""
    state = fold(log(
        created(), wait("a", 1), wait("b", 2), wait("c", 3), wait("d", 4),
        event("wait_completed", "a"), event("wait_completed", "b", woken=True),
        event("wait_cancelled", "c"),
    ))  # fmt: skip
    assert [(w.status, w.woken) for w in state.waits.values()] == [
        ("completed", False), ("completed", True), ("cancelled", False), ("pending", False),
    ]  # fmt: skip
    assert [w.id for w in state.open_waits] == ["d"]


def test_nothing_is_open_once_the_run_has_ended() -> None:
    """Hooks and waits of an ended run can be neither resumed nor woken."""
    state = fold(log(created(), hook("h", "t"), wait("w", 2), event("run_cancelled")))
    assert (state.open_hooks, state.open_waits) == ([], [])


def test_a_gap_is_a_mistake() -> None:
    """States are folded from every event, in order."""
    events = log(created(), step("s"))
    with pytest.raises(ValueError, match="does not follow"):
        fold(events[1:])
    with pytest.raises(ValueError, match="does not follow"):
        fold([*events, events[1]])


@given(appends())
def test_logs_keep_the_invariants(made: list[Append]) -> None:
    """I1, I2, I3: dense, in time, one creation, one end and that last; and folds are incremental."""
    store = MemoryStore()
    for append in made:
        store.commit(append)
    for row in store.runs(limit=None).result():
        found = store.read(row.run_id).result()
        assert [e.seq for e in found] == list(range(1, len(found) + 1))
        assert [e.time_us for e in found] == sorted(e.time_us for e in found)
        assert [e.type for e in found].count("run_created") == 1
        assert all(e.type not in TERMINAL for e in found[:-1])
        made_keys = [e.correlation_id for e in found if e.type.endswith(("_created", "_conflict"))]
        assert len(made_keys) == len(set(made_keys))
        state = RunState()
        for n, item in enumerate(found, 1):
            state.apply(item)
            assert state == fold(found[:n])
        assert state.derived == sum(e.derived for e in found)
        assert (row.status, row.ended_us) == (state.status, state.ended_us)
