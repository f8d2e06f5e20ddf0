"""What goes into a store comes out of it, until it is closed."""

from __future__ import annotations

from typing import Any

from wf_notebook.errors import PayloadError, RunNotFoundError, WorldClosedError
from wf_notebook.testing.conformance.appends import (
    SECONDS,
    add,
    created,
    event,
    failed,
    hook,
    log,
    refused,
    step,
)
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.store import Append


class Recording(Suite):
    """Events, values and definitions."""

    def test_events_come_back_as_they_were_recorded(self) -> None:
        """A run's log is dense, in order, and equal to what the commits returned."""
        first = add(self.store, "r", created(), definition={"source": "x"})
        second = add(self.store, "r", event("run_started"), step("s1"), fence=0)
        assert [e.seq for e in (*first, *second)] == [1, 2, 3]
        assert list(log(self.store, "r")) == [*first, *second]
        assert all(e.run_id == "r" for e in second)

    def test_reading_after_a_seq_gives_only_the_rest(self) -> None:
        """`after` is the last seq that the reader has seen."""
        add(self.store, "r", created(), step("s1"), step("s2", 2))
        assert [e.seq for e in log(self.store, "r", after=1)] == [2, 3]
        assert log(self.store, "r", after=3) == []

    def test_reading_until_a_seq_leaves_out_the_rest(self) -> None:
        """One event, or some, of a long log without the others."""
        add(self.store, "r", created(), step("s1"), step("s2", 2))
        pages = [(0, 2), (1, 2), (2, 9), (2, 2), (2, 1)]
        found = [self.store.read("r", after, until).result(SECONDS) for after, until in pages]
        assert [[e.seq for e in page] for page in found] == [[1, 2], [2], [3], [], []]

    def test_logs_that_are_read_together_are_as_each_is_by_itself(self) -> None:
        """Whatever is left out: a run that isn't there is no error, and nobody else's concern."""
        for run_id in ("a", "b"):
            add(self.store, run_id, created(), step("s1"))
        found = self.store.short_logs(["a", "b", "nobody"]).result(SECONDS)
        assert {run_id: list(log(self.store, run_id)) for run_id in found} == found
        assert set(found) <= {"a", "b"}
        outlines = self.store.short_logs(["a", "b", "nobody"], plain=True).result(SECONDS)
        for run_id, events in outlines.items():
            assert list(events) == list(self.store.outline(run_id).result(SECONDS))

    def test_definitions_that_are_read_together_are_as_each_is_by_itself(self) -> None:
        """The same as for logs."""
        for run_id, source in (("a", "x"), ("b", "x"), ("c", "y")):
            add(self.store, run_id, created(), definition={"source": source})
        found = self.store.definitions(["a", "b", "c", "nobody"]).result(SECONDS)
        assert {r: self.store.definition(r).result(SECONDS) for r in found} == found
        assert set(found) <= {"a", "b", "c"}

    def test_an_unknown_run_has_no_events(self) -> None:
        """Reading what isn't there is not an error."""
        assert list(log(self.store, "nobody")) == []

    def test_values_keep_their_order_and_their_types(self) -> None:
        """What a body iterates over comes back in the order it had: replay depends on it."""
        data: dict[str, Any] = {
            "z": [1, 2.5, None, True, "é\ud800\0"],
            "a": {"y": 1, "b": {"$t": "x", "v": []}},
        }
        add(self.store, "r", created())
        (recorded,) = add(self.store, "r", event("step_created", "s", data=data, n=1, alias="a",
                                            step_id="i"))  # fmt: skip
        (_, back) = log(self.store, "r")
        assert back == recorded
        assert back.data is not None
        assert list(back.data) == ["z", "a"]
        assert list(back.data["a"]) == ["y", "b"]  # type: ignore[arg-type]

    def test_nothing_mutable_is_shared(self) -> None:
        """Changing a value after the append, or one that was read, changes no log."""
        args = [1, 2]
        pending = self.store.commit(Append("r", (event("run_created", data={"args": args}),)))
        args.append(3)
        pending.result(SECONDS)
        log(self.store, "r")[0].data["args"].append(4)  # type: ignore[index, union-attr]
        assert log(self.store, "r")[0].data == {"args": [1, 2]}

    def test_large_values_come_back(self) -> None:
        """A value that is stored aside is read like any other, and may occur twice."""
        big = "x" * 300_000
        add(self.store, "r", created())
        for key in ("a", "b"):
            add(self.store, "r", event("step_created", key, data={"args": big}, n=1, alias="a",
                                  step_id="i"))  # fmt: skip
        assert [e.data for e in log(self.store, "r")[1:]] == [{"args": big}] * 2

    def test_a_value_over_the_limit_is_refused_by_name(self) -> None:
        """More than 64 MiB is a PayloadError that says what is so large; nothing is written."""
        add(self.store, "r", created())
        big = {"args": {"small": 1, "rows": "x" * (65 << 20)}}
        pending = self.store.commit(Append("r", (event("step_created", "s", data=big, n=1),)))
        error = failed(pending, PayloadError)
        assert "64" in str(error)
        assert error.path == "step_created.args.rows"
        assert len(log(self.store, "r")) == 1
        add(self.store, "r", step("s"))

    def test_what_is_not_json_is_refused(self) -> None:
        """An untagged NaN or an object is a PayloadError, and leaves the run as it was."""
        add(self.store, "r", created())
        for bad in (float("nan"), object(), b"bytes"):
            pending = self.store.commit(
                Append("r", (event("step_created", "s", data={"v": [bad]}),))
            )
            assert failed(pending, PayloadError).path == "step_created.v[0]"
        assert len(log(self.store, "r")) == 1

    def test_plain_text_must_be_searchable(self) -> None:
        """Half a character in a token would break every query over it."""
        add(self.store, "r", created())
        failed(self.store.commit(Append("r", (hook("h", "a\ud800"),))), PayloadError)
        add(self.store, "r", hook("h", "a\0é"))
        assert self.store.token_owner("a\0é").result(SECONDS) == ("r", "h")

    def test_the_definition_is_stored_with_the_run(self) -> None:
        """It comes back as it was, also after the run has ended."""
        record = {"source": "async def w(): ...\n", "steps": [{"alias": "a"}], "a": None}
        add(self.store, "r", created(), definition=record)
        add(self.store, "r", event("run_completed", data={"result": 1}))
        assert self.store.definition("r").result(SECONDS) == record

    def test_an_unknown_run_has_no_definition(self) -> None:
        """It is an error to ask for it."""
        failed(self.store.definition("nobody"), RunNotFoundError)

    def test_each_commit_is_counted(self) -> None:
        """Commits that were awaited one after the other are that many; a refused one is none."""
        before = self.store.commits
        add(self.store, "r", created())
        add(self.store, "r", event("run_started"), step("s"))
        refused(self.store, "r", step("s"))
        assert self.store.commits - before == 2

    def test_a_world_has_an_id(self) -> None:
        """Ids of keyed runs are derived from it."""
        assert len(self.store.world_id) >= 16

    def test_a_closed_store_answers_nothing(self) -> None:
        """Closing is idempotent; every call after it fails as a future."""
        add(self.store, "r", created())
        self.store.close()
        self.store.close()
        for pending in (
            self.store.commit(Append("r", (step("s"),))),
            self.store.read("r"),
            self.store.definition("r"),
            self.store.unfinished(),
            self.store.runs(),
            self.store.token_owner("t"),
            self.store.hook_history("t"),
            self.store.chunks("r", "out"),
            self.store.children("r"),
            self.store.streams("r"),
        ):
            failed(pending, WorldClosedError)

    def test_closing_finishes_what_was_handed_in(self) -> None:
        """No future is left hanging."""
        pending = [self.store.commit(Append(f"r{i}", (created(),))) for i in range(20)]
        self.store.close()
        assert all(p.result(SECONDS) for p in pending)
