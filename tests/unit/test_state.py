from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from tests.conformance.random_logs import appends
from tests.conformance.store_suite import created, event, hook, received, step, wait
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
