"""What every `EventStore` must do when runs are forgotten, or read without their key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.conformance.store_suite import add, created, event, hook, log, received, refused, step
from wf_notebook.errors import (
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    WorldClosedError,
)
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, Chunk

if TYPE_CHECKING:
    from wf_notebook.world.store import EventStore


def ended(store: EventStore, run_id: str, at: int = 1000) -> None:
    """A run with something of everything, which has ended."""
    add(
        store, run_id,
        created(at, origin={"notebook": "a.ipynb"}, attributes={"customer": "A-17"}, parent=None),
        step("s", at=at), hook("h", f"token of {run_id}", 2, at=at), received("h", "i", at=at),
        definition={"source": "x"}, chunks=(Chunk("out", 0, "text"),),
    )  # fmt: skip
    add(store, run_id, event("run_completed", at=at + 5, data={"result": 1}))


def forget(store: EventStore, *run_ids: str) -> None:
    store.forget(run_ids, now_us=5000).result(timeout=30)


class ForgettingSuite:
    """The suite; `store` is a fresh, empty store, which the fixture closes."""

    def test_of_a_forgotten_run_a_line_is_left(self, store: EventStore) -> None:
        """Id, workflow, name, hash and times; no notebook, no labels, and a status of its own."""
        ended(store, "r")
        (before,) = store.runs().result(timeout=30)
        forget(store, "r")
        (line,) = store.runs().result(timeout=30)
        assert line == replace(before, status="forgotten", origin="", attributes={})
        assert store.runs(status="forgotten").result(timeout=30) == [line]
        assert store.runs(status="completed").result(timeout=30) == []
        assert store.unfinished().result(timeout=30) == []

    def test_whoever_reads_a_forgotten_run_is_told(self, store: EventStore) -> None:
        """Not that there was none: that it was forgotten."""
        ended(store, "r")
        forget(store, "r")
        for pending in (
            store.read("r"),
            store.read("r", 1),
            store.outline("r"),
            store.definition("r"),
            store.chunks("r", "out"),
            store.chunks("r", "out", -1),
            store.streams("r"),
        ):
            assert isinstance(pending.exception(timeout=30), RunForgottenError)
        assert store.hook_history("token of r").result(timeout=30) == []

    def test_other_runs_are_untouched(self, store: EventStore) -> None:
        """Ended ones, live ones, and what is handed in while it goes on."""
        for name in ("a", "b", "c"):
            ended(store, name)
        add(store, "live", created(), hook("h", "t"))
        before = {name: list(log(store, name)) for name in ("b", "live")}
        pending = [
            store.forget(["a", "c"], now_us=5000),
            store.commit(Append("live", (step("s"),))),
        ]
        for future in pending:
            future.result(timeout=30)
        assert list(log(store, "b")) == before["b"]
        assert list(log(store, "live"))[:2] == before["live"]
        assert len(log(store, "live")) == 3
        assert store.token_owner("t").result(timeout=30) == ("live", "h")
        assert store.definition("b").result(timeout=30) == {"source": "x"}
        assert refused(store, "live", step("s")).reason == "entity_exists"

    def test_a_run_that_lives_is_not_forgotten(self, store: EventStore) -> None:
        """Nor is any other that was named with it."""
        ended(store, "r")
        add(store, "live", created())
        for names, error in ((("r", "live"), RunUnfinishedError), (("r", "x"), RunNotFoundError)):
            found = store.forget(names, now_us=5000).exception(timeout=30)
            assert type(found) is error
        assert len(log(store, "r")) == 5
        assert len(log(store, "live")) == 1

    def test_the_id_of_a_forgotten_run_is_never_free(self, store: EventStore) -> None:
        """What was done under it once is not done again."""
        ended(store, "r")
        forget(store, "r", "r")
        forget(store, "r")
        for append in (Append("r", (created(),)), Append("r", (step("s"),))):
            refusal = store.commit(append).exception(timeout=30)
            assert getattr(refusal, "reason", None) in ("run_exists", "run_ended")

    def test_children_are_kept_without_their_parent(self, store: EventStore) -> None:
        """A child knows its parent's id; a parent no longer lists a forgotten child."""
        ended(store, "parent")
        link = {"run_id": "parent", "step_id": "s"}
        for name in ("one", "two"):
            add(store, name, created(parent=link))
            add(store, name, event("run_completed"))
        forget(store, "one")
        assert store.children("parent").result(timeout=30) == ["two"]
        forget(store, "parent")
        assert log(store, "two")[0].meta["parent"] == link

    def test_an_outline_is_the_log_without_what_is_sealed(self, store: EventStore) -> None:
        """It folds to the same states, names and times."""
        ended(store, "r")
        outline = store.outline("r").result(timeout=30)
        assert outline == [replace(event, data=None) for event in log(store, "r")]
        whole, plain = fold(log(store, "r")), fold(outline)
        assert [s.status for s in plain.steps.values()] == [s.status for s in whole.steps.values()]
        assert (plain.status, plain.ended_us) == (whole.status, whole.ended_us)
        assert store.outline("nobody").result(timeout=30) == []

    def test_a_closed_store_forgets_nothing(self, store: EventStore) -> None:
        """Every call after its end fails as a future."""
        ended(store, "r")
        store.close()
        for pending in (store.forget(["r"], now_us=0), store.outline("r")):
            with pytest.raises(WorldClosedError):
                pending.result(timeout=30)
