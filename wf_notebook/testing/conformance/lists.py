"""How runs, hooks and children are found."""

from __future__ import annotations

from wf_notebook.testing.conformance.appends import (
    SECONDS,
    add,
    created,
    event,
    hook,
    log,
    received,
    step,
)
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.state import fold


class Lists(Suite):
    """What is read across runs."""

    def test_runs_are_listed_newest_first(self) -> None:
        """By time, then by id; status, workflow and limit choose among them."""
        add(self.store, "a", created(at=1000, workflow_id="w1", origin={"notebook": "n.ipynb"}))
        add(self.store, "b", created(at=3000, workflow_id="w2", attributes={"customer": "A"}))
        add(self.store, "c", created(at=3000, workflow_id="w1"), event("run_started", at=3000))
        add(self.store, "a", event("run_failed", at=4000, code="X"))
        rows = self.store.runs().result(SECONDS)
        assert [(r.run_id, r.status) for r in rows] == [
            ("c", "running"),
            ("b", "pending"),
            ("a", "failed"),
        ]
        assert (rows[2].origin, rows[2].created_us, rows[2].ended_us) == ("n.ipynb", 1000, 4000)
        assert (rows[1].attributes, rows[1].ended_us) == ({"customer": "A"}, None)
        chosen = self.store.runs(workflow_id="w1", limit=1).result(SECONDS)
        assert [r.run_id for r in chosen] == ["c"]
        assert [r.run_id for r in self.store.runs(status="failed").result(SECONDS)] == ["a"]
        assert len(self.store.runs(limit=None).result(SECONDS)) == 3

    def test_lists_show_the_attributes_of_now(self) -> None:
        """Of runs that live, of those that have ended, and of those that were never labelled anew."""
        add(self.store, "live", created(at=1000, attributes={"a": "1"}))
        add(self.store, "live", event("attr_set", attributes={"a": "2"}))
        add(self.store, "over", created(at=2000, attributes={"a": "1"}))
        add(self.store, "over", event("attr_set", at=2000, attributes={"b": "3"}))
        add(self.store, "over", event("attr_set", at=2000, attributes={}))
        add(self.store, "over", event("run_completed", at=2000))
        add(self.store, "same", created(at=3000, attributes={"a": "1"}))
        add(self.store, "same", event("run_completed", at=3000))
        rows = {r.run_id: r.attributes for r in self.store.runs().result(SECONDS)}
        assert rows == {"live": {"a": "2"}, "over": {}, "same": {"a": "1"}}

    def test_the_children_of_a_run(self) -> None:
        """Those that its steps have started, oldest first; not theirs."""
        add(self.store, "p", created(at=1000))
        for name, at, parent in (("c2", 3000, "p"), ("c1", 2000, "p"), ("g", 4000, "c1")):
            add(self.store, name, created(at=at, parent={"run_id": parent, "step_id": "s"}))
        add(self.store, "c1", event("run_completed", at=5000))
        assert self.store.children("p").result(SECONDS) == ["c1", "c2"]
        assert self.store.children("g").result(SECONDS) == []

    def test_a_status_is_found_however_far_back_it_is(self) -> None:
        """The only one that failed, or that has not started, before many that have not."""
        add(self.store, "failed", created(at=1), event("run_failed", at=9000, code="x", data={}))
        add(self.store, "pending", created(at=2))
        for n in range(10, 50):
            add(self.store, f"running{n}", created(at=n), event("run_started", at=n))
            add(self.store, f"done{n}", created(at=n), event("run_completed", at=n, data={}))
        for status in ("failed", "pending"):
            for limit in (1, 2, None):
                rows = self.store.runs(status=status, limit=limit).result(SECONDS)
                assert [row.run_id for row in rows] == [status]
        rows = self.store.runs(status="completed", limit=2).result(SECONDS)
        assert [row.run_id for row in rows] == ["done49", "done48"]

    def test_unfinished_runs_are_listed_oldest_first(self) -> None:
        """Those without a terminal event, and no others."""
        add(self.store, "b", created(at=1000))
        add(self.store, "a", created(at=2000), event("run_started", at=2000))
        add(self.store, "c", created(at=500), event("run_completed", at=600))
        rows = self.store.unfinished().result(SECONDS)
        assert [(r.run_id, r.status) for r in rows] == [("b", "pending"), ("a", "running")]

    def test_the_history_of_a_token_says_what_became_of_it(self) -> None:
        """Newest first: open, disposed, or ended with its run."""
        add(self.store, "r1", created(), hook("h1", "t", at=1000))
        add(self.store, "r1", event("hook_disposed", "h1", at=1500))
        add(self.store, "r2", created(at=2000), hook("h2", "t", at=2000))
        add(self.store, "r2", received("h2", "a", at=2100), received("h2", "b", at=2200))
        add(self.store, "r2", event("run_completed", at=2500))
        add(
            self.store,
            "r3",
            created(at=3000),
            hook("h3", "t", at=3000),
            hook("x", "other", at=3000),
        )
        found = self.store.hook_history("t").result(SECONDS)
        assert [(h["run_id"], h["correlation_id"], h["state"]) for h in found] == [
            ("r3", "h3", "open"),
            ("r2", "h2", "ended"),
            ("r1", "h1", "disposed"),
        ]
        assert [h["resumes"] for h in found] == [{}, {"a": 3, "b": 4}, {}]
        assert self.store.hook_history("unknown").result(SECONDS) == []

    def test_the_fold_of_what_is_read_is_the_fold_of_what_was_returned(self) -> None:
        """A cold reader and the writer agree on what a run is."""
        told = [
            *add(self.store, "r", created()),
            *add(self.store, "r", event("run_started"), step("s")),
        ]
        told += add(self.store, "r", event("step_started", "s", attempt=1), hook("h", "t", 2))
        told += add(self.store, "r", event("step_failed", "s", data={"error": {"type": "E"}}))
        assert fold(log(self.store, "r")) == fold(told)
