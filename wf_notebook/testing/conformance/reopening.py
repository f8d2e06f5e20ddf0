"""What a store that keeps its world knows when it is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.testing.conformance.appends import (
    SECONDS,
    add,
    all_of,
    created,
    event,
    hook,
    log,
    received,
    refused,
    step,
)
from wf_notebook.testing.conformance.suite import Suite
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    from wf_notebook.world.store import EventStore


class Reopening(Suite):
    """Everything that an append was judged by, and everything that was written."""

    def reopen(self) -> EventStore:
        """Return the world of the store that was closed last; to be written with `make`."""
        raise NotImplementedError

    def again(self) -> EventStore:
        """Close the store and open its world again."""
        self.store.close()
        self._store = self.reopen()
        return self._store

    def test_what_was_written_is_there(self) -> None:
        """Logs, definitions, chunks and the world's id are what they were; order is kept."""
        big = {"args": {"z": "x" * 100_000, "a": [1, "é\ud800"]}}
        made = event("step_created", "b", data=big, n=1, alias="a", step_id="i")
        add(self.store, "r", created(), made, definition={"source": "x"})
        add(self.store, "done", created(), event("run_completed"))
        add(self.store, "r", chunks=(Chunk("out", 0, "x"),))
        before, world_id = [*log(self.store, "r")], self.store.world_id
        store = self.again()
        assert store.world_id == world_id
        assert [*log(store, "r")] == before
        assert store.definition("r").result(SECONDS) == {"source": "x"}
        assert [row.run_id for row in store.unfinished().result(SECONDS)] == ["r"]
        assert store.commits == 0

    def test_runs_that_have_ended_stay_ended(self) -> None:
        """They are neither made again nor moved on."""
        add(self.store, "done", created(), event("run_completed"))
        store = self.again()
        assert refused(store, "done", created()).reason == "run_exists"
        assert refused(store, "done", step("s")).reason == "run_ended"

    def test_the_fence_stands_where_it_stood(self) -> None:
        """A replay of the old process writes nothing in the new one."""
        add(self.store, "r", created(), step("s"), step("t", 2))
        add(self.store, "r", event("step_started", "s", attempt=1))
        store = self.again()
        assert refused(store, "r", step("u", 3), fence=1).reason == "stale_fence"
        add(store, "r", step("u", 3), fence=2)

    def test_entities_tokens_and_resume_ids_are_known(self) -> None:
        """What was used is used, what was open is open, what was freed is free."""
        add(self.store, "r", created(), step("s"), hook("h", "t", 2), received("h", "i"))
        add(self.store, "r", hook("g", "freed", 3), event("hook_disposed", "g"))
        store = self.again()
        assert refused(store, "r", step("s")).reason == "entity_exists"
        assert refused(store, "r", step("g")).reason == "entity_exists"
        assert refused(store, "r", received("h", "i")).detail == {"seq": 4}
        assert store.token_owner("t").result(SECONDS) == ("r", "h")
        assert store.token_owner("freed").result(SECONDS) is None
        add(store, "r", event("step_completed", "s"), received("h", "j"))

    def test_streams_go_on(self) -> None:
        """At their next index; closed ones stay closed, and what was printed isn't stored again."""
        add(self.store, "r", created(), chunks=(Chunk("out", 0, "x"), Chunk("shut", 0, "y")))
        add(self.store, "r", event("stream_closed", stream="shut"))
        store = self.again()
        assert add(store, "r", chunks=(Chunk("out", 0, "x"),)) == ()
        add(store, "r", chunks=(Chunk("out", None, "z"),))
        assert all_of(store, "r", "out") == [(0, "x"), (1, "z")]
        assert refused(store, "r", chunks=(Chunk("shut", None, 0),)).reason == "stream_closed"

    def test_labels_are_those_set_last(self) -> None:
        """Also when the run ends only after that."""
        add(self.store, "r", created(), event("attr_set", attributes={"a": "1"}))
        store = self.again()
        add(store, "r", event("run_completed"))
        (row,) = store.runs(status="completed", limit=1).result(SECONDS)
        assert row.attributes == {"a": "1"}
