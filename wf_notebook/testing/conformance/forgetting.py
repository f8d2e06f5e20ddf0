"""How runs are forgotten, and read without their key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wf_notebook.errors import (
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    WorldClosedError,
)
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
)
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, Chunk, RejectedError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from wf_notebook.world.store import EventStore


def ended(store: EventStore, run_id: str, at: int = 1000) -> None:
    """Add a run with something of everything, which has ended."""
    add(
        store, run_id,
        created(at, origin={"notebook": "a.ipynb"}, attributes={"customer": "A-17"}, parent=None),
        step("s", at=at), hook("h", f"token of {run_id}", 2, at=at), received("h", "i", at=at),
        definition={"source": "x"}, chunks=(Chunk("out", 0, "text"),),
    )  # fmt: skip
    add(store, run_id, event("run_completed", at=at + 5, data={"result": 1}))


def forget(store: EventStore, *run_ids: str) -> None:
    """Forget runs, and wait for it."""
    store.forget(run_ids, now_us=5000).result(SECONDS)


class Forgetting(Suite):
    """What is left of a run that was forgotten, and what is read without a key."""

    def test_of_a_forgotten_run_a_line_is_left(self) -> None:
        """Id, workflow, name, hash and times; no notebook, no labels, and a status of its own."""
        ended(self.store, "r")
        (before,) = self.store.runs().result(SECONDS)
        forget(self.store, "r")
        (line,) = self.store.runs().result(SECONDS)
        assert line == replace(before, status="forgotten", origin="", attributes={})
        assert self.store.runs(status="forgotten").result(SECONDS) == [line]
        assert self.store.runs(status="completed").result(SECONDS) == []
        assert self.store.unfinished().result(SECONDS) == []

    def test_whoever_reads_a_forgotten_run_is_told(self) -> None:
        """Not that there was none: that it was forgotten."""
        ended(self.store, "r")
        forget(self.store, "r")
        for pending in (
            self.store.read("r"),
            self.store.read("r", 1),
            self.store.outline("r"),
            self.store.definition("r"),
            self.store.chunks("r", "out"),
            self.store.chunks("r", "out", -1),
            self.store.streams("r"),
        ):
            failed(pending, RunForgottenError)
        assert self.store.hook_history("token of r").result(SECONDS) == []

    def test_a_signature_is_made_anew_the_same(self) -> None:
        """For one run and one text; other runs, texts and worlds have others, a forgotten run none."""
        ended(self.store, "r")
        ended(self.store, "other")
        first = self.store.sign("r", "text").result(SECONDS)
        assert len(bytes.fromhex(first)) == 32
        assert self.store.sign("r", "text").result(SECONDS) == first
        assert self.store.sign("r", "another").result(SECONDS) != first
        assert self.store.sign("other", "text").result(SECONDS) != first
        failed(self.store.sign("nobody", "text"), RunNotFoundError)
        forget(self.store, "r")
        failed(self.store.sign("r", "text"), RunForgottenError)

    def test_other_runs_are_untouched(self) -> None:
        """Ended ones, live ones, and what is handed in while it goes on."""
        for name in ("a", "b", "c"):
            ended(self.store, name)
        add(self.store, "live", created(), hook("h", "t"))
        before = {name: list(log(self.store, name)) for name in ("b", "live")}
        pending: list[Future[Any]] = [
            self.store.forget(["a", "c"], now_us=5000),
            self.store.commit(Append("live", (step("s"),))),
        ]
        for future in pending:
            future.result(SECONDS)
        assert list(log(self.store, "b")) == before["b"]
        assert list(log(self.store, "live"))[:2] == before["live"]
        assert len(log(self.store, "live")) == 3
        assert self.store.token_owner("t").result(SECONDS) == ("live", "h")
        assert self.store.definition("b").result(SECONDS) == {"source": "x"}
        assert refused(self.store, "live", step("s")).reason == "entity_exists"

    def test_a_run_that_lives_is_not_forgotten(self) -> None:
        """Nor is any other that was named with it."""
        ended(self.store, "r")
        add(self.store, "live", created())
        for names, error in ((("r", "live"), RunUnfinishedError), (("r", "x"), RunNotFoundError)):
            failed(self.store.forget(names, now_us=5000), error)
        assert len(log(self.store, "r")) == 5
        assert len(log(self.store, "live")) == 1

    def test_the_id_of_a_forgotten_run_is_never_free(self) -> None:
        """What was done under it once is not done again."""
        ended(self.store, "r")
        forget(self.store, "r", "r")
        forget(self.store, "r")
        for append in (Append("r", (created(),)), Append("r", (step("s"),))):
            refusal = failed(self.store.commit(append), RejectedError)
            assert refusal.reason in ("run_exists", "run_ended")

    def test_children_are_kept_without_their_parent(self) -> None:
        """A child knows its parent's id; a parent no longer lists a forgotten child."""
        ended(self.store, "parent")
        link = {"run_id": "parent", "step_id": "s"}
        for name in ("one", "two"):
            add(self.store, name, created(parent=link))
            add(self.store, name, event("run_completed"))
        forget(self.store, "one")
        assert self.store.children("parent").result(SECONDS) == ["two"]
        forget(self.store, "parent")
        assert log(self.store, "two")[0].meta["parent"] == link

    def test_an_outline_is_the_log_without_what_is_sealed(self) -> None:
        """It folds to the same states, names and times."""
        ended(self.store, "r")
        outline = self.store.outline("r").result(SECONDS)
        assert outline == [replace(event, data=None) for event in log(self.store, "r")]
        whole, plain = fold(log(self.store, "r")), fold(outline)
        assert [s.status for s in plain.steps.values()] == [s.status for s in whole.steps.values()]
        assert (plain.status, plain.ended_us) == (whole.status, whole.ended_us)
        assert self.store.outline("nobody").result(SECONDS) == []

    def test_a_closed_store_forgets_nothing(self) -> None:
        """Every call after its end fails as a future."""
        ended(self.store, "r")
        self.store.close()
        for pending in (self.store.forget(["r"], now_us=0), self.store.outline("r")):
            failed(pending, WorldClosedError)
