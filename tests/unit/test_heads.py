from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from tests.conformance.random_logs import appends
from wf_notebook.testing.conformance.appends import created, event, hook, step
from wf_notebook.world.heads import Heads
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, RejectedError

if TYPE_CHECKING:
    from wf_notebook.world.events import Event


def heads() -> Heads:
    return Heads(lambda _run_id: False)


@given(appends())
def test_checking_changes_nothing(made: list[Append]) -> None:
    """`check` answers as `advance` will, and leaves heads and tokens as they were."""
    found = heads()
    for append in made:
        before = deepcopy((found.runs, found.tokens))
        error = found.check(append)
        assert (found.runs, found.tokens) == before
        if error is None:
            found.advance(append)
        else:
            with pytest.raises(RejectedError) as caught:
                found.advance(append)
            assert (caught.value.reason, caught.value.detail) == (error.reason, error.detail)
            assert (found.runs, found.tokens) == before


@given(appends())
def test_a_whole_group_can_be_taken_back(made: list[Append]) -> None:
    """When a write fails, what was accepted for it is undone, last first."""
    found = heads()
    accepted = [found.advance(a) for a in made if found.check(a) is None]
    for advance in reversed(accepted):
        advance.undo()
    assert (found.runs, found.tokens) == ({}, {})


@given(appends())
@settings(max_examples=200)
def test_heads_agree_with_the_fold(made: list[Append]) -> None:
    """What heads take for open is what the state folded from the log takes for open (I3, I9)."""
    found = heads()
    logs: dict[str, list[Event]] = {}
    for append in made:
        if found.check(append) is None:
            logs.setdefault(append.run_id, []).extend(found.advance(append).events)
    tokens: dict[str, tuple[str, str]] = {}
    for run_id, log in logs.items():
        state, head = fold(log), found.runs[run_id]
        assert (head.seq, head.derived, head.time_us) == (state.seq, state.derived, state.time_us)
        assert head.live is not state.terminal
        assert head.ended_streams == set(state.closed_streams)
        if head.live:
            open_now = {s.id for s in state.open_steps} | {w.id for w in state.open_waits}
            open_now |= {h.id for h in state.hooks.values() if h.ended_us is None}
            assert set(head.opened) == open_now
        tokens |= {entity.token: (run_id, entity.id) for entity in state.open_hooks}
    assert found.tokens == tokens


def test_a_head_is_kept_until_its_end_is_durable() -> None:
    """A run that ended in a commit under way still answers for itself; then it is forgotten."""
    found = heads()
    end = found.advance(Append("r", (created(), event("run_completed"))))
    assert end.ended
    error = found.check(Append("r", (step("s"),)))
    assert error is not None
    assert error.reason == "run_ended"
    found.forget("r")
    error = found.check(Append("r", (step("s"),)))
    assert error is not None
    assert error.reason == "run_unknown"


def test_a_missing_field_leaves_nothing_behind() -> None:
    """Whatever goes wrong half-way, the heads are as before."""
    found = heads()
    found.advance(Append("r", (created(),)))
    before = deepcopy((found.runs, found.tokens))
    with pytest.raises(KeyError):
        found.advance(Append("r", (hook("h", "t"), event("hook_created", "g", n=2))))
    assert (found.runs, found.tokens) == before
