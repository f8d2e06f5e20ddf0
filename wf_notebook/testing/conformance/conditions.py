"""Which appends a store takes, and what a refused one leaves behind: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.testing.conformance.appends import (
    SECONDS,
    add,
    created,
    event,
    failed,
    hook,
    log,
    received,
    refused,
    step,
    wait,
)
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.store import Append, Chunk, RejectedError

if TYPE_CHECKING:
    from wf_notebook.world.events import EventType

ENDS: Final[tuple[EventType, ...]] = ("run_completed", "run_failed", "run_cancelled")
MOVES: Final[tuple[EventType, ...]] = (
    "step_started",
    "step_retrying",
    "step_completed",
    "step_failed",
    "step_cancelled",
)
WAIT_ENDS: Final[tuple[EventType, ...]] = ("wait_completed", "wait_cancelled")


class Conditions(Suite):
    """Runs, entities, tokens, resume ids, fences and times."""

    def test_a_run_is_created_once(self) -> None:
        """A second run_created is refused, also after the run has ended."""
        add(self.store, "r", created())
        assert refused(self.store, "r", created()).reason == "run_exists"
        add(self.store, "r", event("run_completed"))
        assert refused(self.store, "r", created()).reason == "run_exists"

    def test_creation_and_end_may_be_one_append(self) -> None:
        """And what follows is refused as for any run that has ended."""
        add(self.store, "r", created(), event("run_failed", code="X"))
        assert refused(self.store, "r", step("s")).reason == "run_ended"
        assert refused(self.store, "r", created()).reason == "run_exists"

    def test_an_unknown_run_takes_no_events(self) -> None:
        """Its reason differs from that of a run that has ended."""
        assert refused(self.store, "r", step("s")).reason == "run_unknown"

    def test_nothing_follows_a_terminal_event(self) -> None:
        """Neither in the same append nor in a later one."""
        for end in ENDS:
            add(self.store, end, created(), step("s"))
            late = event("step_started", "s", attempt=1)
            assert refused(self.store, end, event(end), late).reason == "run_ended"
            add(self.store, end, event(end))
            assert refused(self.store, end, late).reason == "run_ended"
            assert refused(self.store, end, chunks=(Chunk("out", 0, "x"),)).reason == "run_ended"

    def test_the_fence_is_the_number_of_derived_events(self) -> None:
        """A replay that has not seen all of them writes nothing."""
        add(self.store, "r", created())
        add(self.store, "r", event("run_started"), step("s"), fence=0)
        add(self.store, "r", event("step_started", "s", attempt=1))
        assert refused(self.store, "r", step("t", 2), fence=1).reason == "stale_fence"
        add(self.store, "r", step("t", 2), fence=2)
        add(self.store, "r", event("step_cancelled", "t", by="body"), fence=3)
        add(self.store, "r", event("step_cancelled", "s"))
        assert refused(self.store, "r", step("u", 3), fence=5).reason == "stale_fence"
        add(self.store, "r", step("u", 3), fence=4)

    def test_an_entity_is_created_once(self) -> None:
        """A correlation id is used once, whatever for."""
        add(self.store, "r", created(), step("x"))
        again = (step("x"), wait("x"), hook("x", "t"))
        for made in again:
            found = refused(self.store, "r", made)
            assert (found.reason, found.detail) == ("entity_exists", {"entity": "x"})
        add(self.store, "r", event("step_completed", "x"))
        for made in again:
            assert refused(self.store, "r", made).reason == "entity_exists"

    def test_a_step_must_be_open(self) -> None:
        """Nothing happens to a step that has ended, or that never was."""
        add(self.store, "r", created(), step("s"), event("step_completed", "s"), wait("w", 2))
        for kind in MOVES:
            for key in ("s", "never", "w"):
                found = refused(self.store, "r", event(kind, key, attempt=1, retry_at_us=1))
                assert (found.reason, found.detail) == ("entity_closed", {"entity": key})

    def test_a_wait_must_be_pending(self) -> None:
        """A sleep ends once."""
        add(self.store, "r", created(), wait("w"), event("wait_completed", "w"))
        for kind in WAIT_ENDS:
            assert refused(self.store, "r", event(kind, "w")).reason == "entity_closed"

    def test_a_payload_is_recorded_once_per_resume_id(self) -> None:
        """The refusal says where the earlier one is, also when the hook was disposed since."""
        add(self.store, "r", created(), hook("h", "t"))
        (first,) = add(self.store, "r", received("h", "id-1"))
        found = refused(self.store, "r", received("h", "id-1"))
        assert (found.reason, found.detail) == ("resume_seen", {"seq": first.seq})
        add(self.store, "r", received("h", "id-2"), event("hook_disposed", "h"))
        assert refused(self.store, "r", received("h", "id-2")).detail == {"seq": 4}
        assert refused(self.store, "r", received("h", "id-3")).reason == "entity_closed"

    def test_an_open_token_belongs_to_one_run(self) -> None:
        """The refusal names the owner; the token is free when the hook is disposed."""
        add(self.store, "r1", created(), hook("h1", "t"))
        add(self.store, "r2", created())
        found = refused(self.store, "r2", hook("h2", "t"))
        assert found.reason == "token_taken"
        assert found.detail == {"token": "t", "owner": "r1", "entity": "h2"}
        assert self.store.token_owner("t").result(SECONDS) == ("r1", "h1")
        add(self.store, "r1", event("hook_disposed", "h1"))
        assert self.store.token_owner("t").result(SECONDS) is None
        add(self.store, "r2", hook("h2", "t"))
        assert self.store.token_owner("t").result(SECONDS) == ("r2", "h2")

    def test_a_token_is_freed_by_the_commit_that_ends_its_run(self) -> None:
        """No hook needs to be disposed for that."""
        add(self.store, "r1", created(), hook("h1", "t"))
        add(self.store, "r1", event("run_cancelled"))
        assert self.store.token_owner("t").result(SECONDS) is None
        add(self.store, "r2", created(), hook("h2", "t"))

    def test_a_conflict_owns_nothing(self) -> None:
        """It takes no token and no payload; the body may dispose of it, once, and frees nothing."""
        add(self.store, "r0", created(), hook("g", "t"))
        add(self.store, "r", created())
        add(self.store, "r", event("hook_conflict", "h", n=1, token="t", owner="r0"))
        assert refused(self.store, "r", received("h", "i")).reason == "entity_closed"
        assert refused(self.store, "r", hook("h", "u")).reason == "entity_exists"
        add(self.store, "r", event("hook_disposed", "h", by="body"))
        assert refused(self.store, "r", event("hook_disposed", "h")).reason == "entity_closed"
        assert refused(self.store, "r", hook("h", "u")).reason == "entity_exists"
        assert self.store.token_owner("t").result(SECONDS) == ("r0", "g")

    def test_earlier_events_of_an_append_count_for_later_ones(self) -> None:
        """A step may begin, and a token change hands, within one append."""
        add(
            self.store,
            "r",
            created(),
            step("s"),
            event("step_started", "s", attempt=1),
            hook("h", "t"),
        )
        add(self.store, "r", event("hook_disposed", "h", by="body"), hook("g", "t", 3))
        assert self.store.token_owner("t").result(SECONDS) == ("r", "g")
        assert refused(self.store, "r", hook("i", "u", 4), hook("j", "u", 5)).detail == {
            "token": "u",
            "owner": "r",
            "entity": "j",
        }

    def test_a_refused_append_leaves_nothing_behind(self) -> None:
        """All of its events are taken back: ids, tokens, fence, definition and chunks."""
        add(self.store, "r", created())
        refused(
            self.store, "r", step("s"), hook("h", "t", 2), wait("w", 3), event("step_completed", "x"),
            chunks=(Chunk("out", 0, "x"),),
        )  # fmt: skip
        add(self.store, "r", step("s"), hook("h", "t", 2), wait("w", 3), fence=0)
        assert self.store.chunks("r", "out").result(SECONDS) == []

    def test_time_never_goes_back_within_a_run(self) -> None:
        """Whoever appends must see to it: that is a mistake in the program, not a refusal."""
        add(self.store, "r", created(at=2000))
        late = failed(self.store.commit(Append("r", (step("s", at=1999),))), ValueError)
        assert "earlier" in str(late)
        add(self.store, "r", step("s", at=2000))

    def test_mistakes_of_the_program_are_value_errors(self) -> None:
        """An empty append, no correlation id, a definition without its run."""
        add(self.store, "r", created())
        for append in (
            Append("r", ()),
            Append("r", (event("step_started", attempt=1),)),
            Append("r", (step("s"),), definition={"source": ""}),
        ):
            said = str(failed(self.store.commit(append), ValueError))
            assert "run r" in said or "correlation" in said
        assert len(log(self.store, "r")) == 1

    def test_many_appends_at_once_are_each_judged_in_order(self) -> None:
        """Of fifty that want one token, the first gets it and the others hear who has it."""
        for i in range(50):
            add(self.store, f"r{i}", created())
        pending = [self.store.commit(Append(f"r{i}", (hook("h", "t"),))) for i in range(50)]
        assert pending[0].result(SECONDS)[0].seq == 2
        for late in pending[1:]:
            assert failed(late, RejectedError).detail["owner"] == "r0"

    def test_dependent_appends_need_not_be_awaited(self) -> None:
        """A run may be created, moved and ended by appends that were handed in together."""
        pending = [
            self.store.commit(Append("r", (created(), step("s")), definition={"source": ""})),
            self.store.commit(Append("r", (event("step_completed", "s"),))),
            self.store.commit(Append("r", (event("run_completed"),))),
            self.store.commit(Append("r", (step("t", 2),))),
            self.store.commit(Append("r", (created(),))),
        ]
        assert [p.result(SECONDS)[-1].seq for p in pending[:3]] == [2, 3, 4]
        late = [failed(p, RejectedError).reason for p in pending[3:]]
        assert late == ["run_ended", "run_exists"]

    def test_a_future_cannot_be_cancelled(self) -> None:
        """An append that was handed in is written: nobody may believe that it was not."""
        pending = self.store.commit(Append("r", (created(),)))
        assert not pending.cancel()
        assert pending.result(SECONDS)
