"""What every `EventStore` must do. Subclass `StoreSuite`, give it a `store` fixture, and run it.

class TestMyStore(StoreSuite):
    @pytest.fixture
    def store(self):
        with closing(MyStore()) as store:
            yield store
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from wf_notebook.errors import PayloadError, RunNotFoundError, WorldClosedError
from wf_notebook.world.events import Event, EventType, NewEvent
from wf_notebook.world.state import fold
from wf_notebook.world.store import Append, Chunk, RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.world.store import EventStore, RejectionReason

_ids = count(1)


def event(
    kind: EventType,
    key: str | None = None,
    /,
    *,
    at: int = 1000,
    data: Mapping[str, Any] | None = None,
    **meta: Any,
) -> NewEvent:
    """Return an event with an id of its own."""
    return NewEvent(kind, f"e{next(_ids):08}", at, key, meta, data)


def created(at: int = 1000, **meta: Any) -> NewEvent:
    """Return a `run_created` event."""
    plain = {"workflow_id": "workflow//dynamic/0//w", "name": "w", "source_hash": "0", **meta}
    return event("run_created", at=at, data={"args": [1], "seed": "00"}, **plain)


def step(key: str, n: int = 1, at: int = 1000) -> NewEvent:
    """Return a `step_created` event."""
    return event(
        "step_created", key, at=at, data={"args": {"x": 1}}, n=n, alias="a", step_id="s//m//a"
    )


def hook(key: str, token: str, n: int = 1, at: int = 1000) -> NewEvent:
    """Return a `hook_created` event."""
    return event("hook_created", key, at=at, n=n, token=token)


def received(key: str, resume_id: str, at: int = 1000) -> NewEvent:
    """Return a `hook_received` event."""
    return event("hook_received", key, at=at, data={"payload": True}, resume_id=resume_id)


def wait(key: str, n: int = 1, at: int = 1000) -> NewEvent:
    """Return a `wait_created` event."""
    return event("wait_created", key, at=at, n=n, kind="sleep", due_us=at + 5)


def add(store: EventStore, run_id: str, *events: NewEvent, **more: Any) -> tuple[Event, ...]:
    """Append events to a run and wait for them."""
    return store.commit(Append(run_id, events, **more)).result(timeout=30)


def refused(store: EventStore, run_id: str, *events: NewEvent, **more: Any) -> RejectedError:
    """Append events that must be refused; returns the refusal."""
    before = log(store, run_id)
    with pytest.raises(RejectedError) as caught:
        add(store, run_id, *events, **more)
    assert log(store, run_id) == before
    return caught.value


def log(store: EventStore, run_id: str, after: int = 0) -> Sequence[Event]:
    """Return a run's events."""
    return store.read(run_id, after).result(timeout=30)


def all_of(store: EventStore, run_id: str, stream: str) -> list[tuple[int | None, object]]:
    """Return index and content of a stream's chunks."""
    return [(c.index, c.data) for c in store.chunks(run_id, stream).result(timeout=30)]


class StoreSuite:
    """The suite; `store` is a fresh, empty store, which the fixture closes."""

    # --- what is appended ------------------------------------------------------------------

    def test_events_come_back_as_they_were_recorded(self, store: EventStore) -> None:
        """A run's log is dense, in order, and equal to what the commits returned."""
        first = add(store, "r", created(), definition={"source": "x"})
        second = add(store, "r", event("run_started"), step("s1"), fence=0)
        assert [e.seq for e in (*first, *second)] == [1, 2, 3]
        assert list(log(store, "r")) == [*first, *second]
        assert all(e.run_id == "r" for e in second)

    def test_reading_after_a_seq_gives_only_the_rest(self, store: EventStore) -> None:
        """`after` is the last seq that the reader has seen."""
        add(store, "r", created(), step("s1"), step("s2", 2))
        assert [e.seq for e in log(store, "r", after=1)] == [2, 3]
        assert log(store, "r", after=3) == []

    def test_reading_until_a_seq_leaves_out_the_rest(self, store: EventStore) -> None:
        """One event, or some, of a long log without the others."""
        add(store, "r", created(), step("s1"), step("s2", 2))
        found = [store.read("r", after, until).result(timeout=30) for after, until in
                 [(0, 2), (1, 2), (2, 9), (2, 2), (2, 1)]]  # fmt: skip
        assert [[e.seq for e in page] for page in found] == [[1, 2], [2], [3], [], []]

    def test_an_unknown_run_has_no_events(self, store: EventStore) -> None:
        """Reading what isn't there is not an error."""
        assert list(log(store, "nobody")) == []

    def test_values_keep_their_order_and_their_types(self, store: EventStore) -> None:
        """What a body iterates over comes back in the order it had: replay depends on it."""
        data = {"z": [1, 2.5, None, True, "é\ud800\0"], "a": {"y": 1, "b": {"$t": "x", "v": []}}}
        add(store, "r", created())
        (recorded,) = add(store, "r", event("step_created", "s", data=data, n=1, alias="a",
                                            step_id="i"))  # fmt: skip
        (_, back) = log(store, "r")
        assert back == recorded
        assert back.data is not None
        assert list(back.data) == ["z", "a"]
        assert list(back.data["a"]) == ["y", "b"]  # type: ignore[arg-type]

    def test_nothing_mutable_is_shared(self, store: EventStore) -> None:
        """Changing a value after the append, or one that was read, changes no log."""
        args = [1, 2]
        pending = store.commit(Append("r", (event("run_created", data={"args": args}),)))
        args.append(3)
        pending.result(timeout=30)
        log(store, "r")[0].data["args"].append(4)  # type: ignore[index, union-attr]
        assert log(store, "r")[0].data == {"args": [1, 2]}

    def test_large_values_come_back(self, store: EventStore) -> None:
        """A value that is stored aside is read like any other, and may occur twice."""
        big = "x" * 300_000
        add(store, "r", created())
        for key in ("a", "b"):
            add(store, "r", event("step_created", key, data={"args": big}, n=1, alias="a",
                                  step_id="i"))  # fmt: skip
        assert [e.data for e in log(store, "r")[1:]] == [{"args": big}] * 2

    def test_a_value_over_the_limit_is_refused_by_name(self, store: EventStore) -> None:
        """More than 64 MiB is a PayloadError that says what is so large; nothing is written."""
        add(store, "r", created())
        big = {"args": {"small": 1, "rows": "x" * (65 << 20)}}
        pending = store.commit(Append("r", (event("step_created", "s", data=big, n=1),)))
        with pytest.raises(PayloadError, match="64") as caught:
            pending.result(timeout=60)
        assert caught.value.path == "step_created.args.rows"
        assert len(log(store, "r")) == 1
        add(store, "r", step("s"))

    def test_what_is_not_json_is_refused(self, store: EventStore) -> None:
        """An untagged NaN or an object is a PayloadError, and leaves the run as it was."""
        add(store, "r", created())
        for bad in (float("nan"), object(), b"bytes"):
            pending = store.commit(Append("r", (event("step_created", "s", data={"v": [bad]}),)))
            with pytest.raises(PayloadError) as caught:
                pending.result(timeout=30)
            assert caught.value.path == "step_created.v[0]"
        assert len(log(store, "r")) == 1

    def test_plain_text_must_be_searchable(self, store: EventStore) -> None:
        """Half a character in a token would break every query over it."""
        add(store, "r", created())
        with pytest.raises(PayloadError):
            add(store, "r", hook("h", "a\ud800"))
        add(store, "r", hook("h", "a\0é"))
        assert store.token_owner("a\0é").result(timeout=30) == ("r", "h")

    def test_the_definition_is_stored_with_the_run(self, store: EventStore) -> None:
        """It comes back as it was, also after the run has ended."""
        record = {"source": "async def w(): ...\n", "steps": [{"alias": "a"}], "a": None}
        add(store, "r", created(), definition=record)
        add(store, "r", event("run_completed", data={"result": 1}))
        assert store.definition("r").result(timeout=30) == record

    def test_an_unknown_run_has_no_definition(self, store: EventStore) -> None:
        """It is an error to ask for it."""
        with pytest.raises(RunNotFoundError):
            store.definition("nobody").result(timeout=30)

    def test_each_commit_is_counted(self, store: EventStore) -> None:
        """Commits that were awaited one after the other are that many; a refused one is none."""
        before = store.commits
        add(store, "r", created())
        add(store, "r", event("run_started"), step("s"))
        refused(store, "r", step("s"))
        assert store.commits - before == 2

    # --- conditions ------------------------------------------------------------------------

    def test_a_run_is_created_once(self, store: EventStore) -> None:
        """A second run_created is refused, also after the run has ended."""
        add(store, "r", created())
        assert refused(store, "r", created()).reason == "run_exists"
        add(store, "r", event("run_completed"))
        assert refused(store, "r", created()).reason == "run_exists"

    def test_creation_and_end_may_be_one_append(self, store: EventStore) -> None:
        """And what follows is refused as for any run that has ended."""
        add(store, "r", created(), event("run_failed", code="X"))
        assert refused(store, "r", step("s")).reason == "run_ended"
        assert refused(store, "r", created()).reason == "run_exists"

    def test_an_unknown_run_takes_no_events(self, store: EventStore) -> None:
        """Its reason differs from that of a run that has ended."""
        assert refused(store, "r", step("s")).reason == "run_unknown"

    @pytest.mark.parametrize("end", ["run_completed", "run_failed", "run_cancelled"])
    def test_nothing_follows_a_terminal_event(self, store: EventStore, end: EventType) -> None:
        """Neither in the same append nor in a later one."""
        add(store, "r", created(), step("s"))
        assert refused(store, "r", event(end), event("step_started", "s")).reason == "run_ended"
        add(store, "r", event(end))
        assert refused(store, "r", event("step_started", "s", attempt=1)).reason == "run_ended"
        assert refused(store, "r", chunks=(Chunk("out", 0, "x"),)).reason == "run_ended"

    def test_the_fence_is_the_number_of_derived_events(self, store: EventStore) -> None:
        """A replay that has not seen all of them writes nothing."""
        add(store, "r", created())
        add(store, "r", event("run_started"), step("s"), fence=0)
        add(store, "r", event("step_started", "s", attempt=1))
        assert refused(store, "r", step("t", 2), fence=1).reason == "stale_fence"
        add(store, "r", step("t", 2), fence=2)
        add(store, "r", event("step_cancelled", "t", by="body"), fence=3)
        add(store, "r", event("step_cancelled", "s"))
        assert refused(store, "r", step("u", 3), fence=5).reason == "stale_fence"
        add(store, "r", step("u", 3), fence=4)

    @pytest.mark.parametrize("make", [step, wait, lambda key: hook(key, "t")])
    def test_an_entity_is_created_once(self, store: EventStore, make: Any) -> None:
        """A correlation id is used once, whatever for."""
        add(store, "r", created(), step("x"))
        found = refused(store, "r", make("x"))
        assert (found.reason, found.detail) == ("entity_exists", {"entity": "x"})
        add(store, "r", event("step_completed", "x"))
        assert refused(store, "r", make("x")).reason == "entity_exists"

    @pytest.mark.parametrize(
        "kind",
        ["step_started", "step_retrying", "step_completed", "step_failed", "step_cancelled"],
    )
    def test_a_step_must_be_open(self, store: EventStore, kind: EventType) -> None:
        """Nothing happens to a step that has ended, or that never was."""
        add(store, "r", created(), step("s"), event("step_completed", "s"), wait("w", 2))
        for key in ("s", "never", "w"):
            found = refused(store, "r", event(kind, key, attempt=1, retry_at_us=1))
            assert (found.reason, found.detail) == ("entity_closed", {"entity": key})

    @pytest.mark.parametrize("kind", ["wait_completed", "wait_cancelled"])
    def test_a_wait_must_be_pending(self, store: EventStore, kind: EventType) -> None:
        """A sleep ends once."""
        add(store, "r", created(), wait("w"), event("wait_completed", "w"))
        assert refused(store, "r", event(kind, "w")).reason == "entity_closed"

    def test_a_payload_is_recorded_once_per_resume_id(self, store: EventStore) -> None:
        """The refusal says where the earlier one is, also when the hook was disposed since."""
        add(store, "r", created(), hook("h", "t"))
        (first,) = add(store, "r", received("h", "id-1"))
        found = refused(store, "r", received("h", "id-1"))
        assert (found.reason, found.detail) == ("resume_seen", {"seq": first.seq})
        add(store, "r", received("h", "id-2"), event("hook_disposed", "h"))
        assert refused(store, "r", received("h", "id-2")).detail == {"seq": 4}
        assert refused(store, "r", received("h", "id-3")).reason == "entity_closed"

    def test_an_open_token_belongs_to_one_run(self, store: EventStore) -> None:
        """The refusal names the owner; the token is free when the hook is disposed."""
        add(store, "r1", created(), hook("h1", "t"))
        add(store, "r2", created())
        found = refused(store, "r2", hook("h2", "t"))
        assert found.reason == "token_taken"
        assert found.detail == {"token": "t", "owner": "r1", "entity": "h2"}
        assert store.token_owner("t").result(timeout=30) == ("r1", "h1")
        add(store, "r1", event("hook_disposed", "h1"))
        assert store.token_owner("t").result(timeout=30) is None
        add(store, "r2", hook("h2", "t"))
        assert store.token_owner("t").result(timeout=30) == ("r2", "h2")

    def test_a_token_is_freed_by_the_commit_that_ends_its_run(self, store: EventStore) -> None:
        """No hook needs to be disposed for that."""
        add(store, "r1", created(), hook("h1", "t"))
        add(store, "r1", event("run_cancelled"))
        assert store.token_owner("t").result(timeout=30) is None
        add(store, "r2", created(), hook("h2", "t"))

    def test_a_conflict_owns_nothing(self, store: EventStore) -> None:
        """It takes no token and no payload; the body may dispose of it, once, and frees nothing."""
        add(store, "r0", created(), hook("g", "t"))
        add(store, "r", created())
        add(store, "r", event("hook_conflict", "h", n=1, token="t", owner="r0"))
        assert refused(store, "r", received("h", "i")).reason == "entity_closed"
        assert refused(store, "r", hook("h", "u")).reason == "entity_exists"
        add(store, "r", event("hook_disposed", "h", by="body"))
        assert refused(store, "r", event("hook_disposed", "h")).reason == "entity_closed"
        assert refused(store, "r", hook("h", "u")).reason == "entity_exists"
        assert store.token_owner("t").result(timeout=30) == ("r0", "g")

    def test_earlier_events_of_an_append_count_for_later_ones(self, store: EventStore) -> None:
        """A step may begin, and a token change hands, within one append."""
        add(store, "r", created(), step("s"), event("step_started", "s", attempt=1), hook("h", "t"))
        add(store, "r", event("hook_disposed", "h", by="body"), hook("g", "t", 3))
        assert store.token_owner("t").result(timeout=30) == ("r", "g")
        assert refused(store, "r", hook("i", "u", 4), hook("j", "u", 5)).detail == {
            "token": "u",
            "owner": "r",
            "entity": "j",
        }

    def test_a_refused_append_leaves_nothing_behind(self, store: EventStore) -> None:
        """All of its events are taken back: ids, tokens, fence, definition and chunks."""
        add(store, "r", created())
        refused(
            store, "r", step("s"), hook("h", "t", 2), wait("w", 3), event("step_completed", "x"),
            chunks=(Chunk("out", 0, "x"),),
        )  # fmt: skip
        add(store, "r", step("s"), hook("h", "t", 2), wait("w", 3), fence=0)
        assert store.chunks("r", "out").result(timeout=30) == []

    def test_time_never_goes_back_within_a_run(self, store: EventStore) -> None:
        """Whoever appends must see to it: that is a mistake in the program, not a refusal."""
        add(store, "r", created(at=2000))
        with pytest.raises(ValueError, match="earlier"):
            add(store, "r", step("s", at=1999))
        add(store, "r", step("s", at=2000))

    def test_mistakes_of_the_program_are_value_errors(self, store: EventStore) -> None:
        """An empty append, no correlation id, a definition without its run."""
        add(store, "r", created())
        for append in (
            Append("r", ()),
            Append("r", (event("step_started", attempt=1),)),
            Append("r", (step("s"),), definition={"source": ""}),
        ):
            with pytest.raises(ValueError, match=r"run r|correlation"):
                store.commit(append).result(timeout=30)
        assert len(log(store, "r")) == 1

    def test_many_appends_at_once_are_each_judged_in_order(self, store: EventStore) -> None:
        """Of fifty that want one token, the first gets it and the others hear who has it."""
        for i in range(50):
            add(store, f"r{i}", created())
        pending = [store.commit(Append(f"r{i}", (hook("h", "t"),))) for i in range(50)]
        assert pending[0].result(timeout=30)[0].seq == 2
        for late in pending[1:]:
            error = late.exception(timeout=30)
            assert isinstance(error, RejectedError)
            assert error.detail["owner"] == "r0"

    def test_dependent_appends_need_not_be_awaited(self, store: EventStore) -> None:
        """A run may be created, moved and ended by appends that were handed in together."""
        pending = [
            store.commit(Append("r", (created(), step("s")), definition={"source": ""})),
            store.commit(Append("r", (event("step_completed", "s"),))),
            store.commit(Append("r", (event("run_completed"),))),
            store.commit(Append("r", (step("t", 2),))),
            store.commit(Append("r", (created(),))),
        ]
        assert [p.result(timeout=30)[-1].seq for p in pending[:3]] == [2, 3, 4]
        reasons: list[RejectionReason] = []
        for late in pending[3:]:
            error = late.exception(timeout=30)
            assert isinstance(error, RejectedError)
            reasons.append(error.reason)
        assert reasons == ["run_ended", "run_exists"]

    def test_a_future_cannot_be_cancelled(self, store: EventStore) -> None:
        """An append that was handed in is written: nobody may believe that it was not."""
        pending = store.commit(Append("r", (created(),)))
        assert not pending.cancel()
        assert pending.result(timeout=30)

    # --- streams ---------------------------------------------------------------------------

    def test_chunks_come_back_in_order(self, store: EventStore) -> None:
        """Each stream of a run is read from an index on."""
        add(store, "r", created())
        add(store, "r", chunks=(Chunk("a", 0, {"x": 0}), Chunk("b", 0, "b"), Chunk("a", 1, "a1")))
        assert store.chunks("r", "a").result(timeout=30) == [
            Chunk("a", 0, {"x": 0}),
            Chunk("a", 1, "a1"),
        ]
        assert store.chunks("r", "a", 1).result(timeout=30) == [Chunk("a", 1, "a1")]
        assert store.chunks("r", "c").result(timeout=30) == []

    def test_a_chunk_without_an_index_gets_the_next_one(self, store: EventStore) -> None:
        """Each stream counts for itself, over appends; given indices and drawn ones go together."""
        add(store, "r", created(), chunks=(Chunk("a", None, "0"), Chunk("b", None, "0")))
        add(store, "r", chunks=(Chunk("a", None, "1"), Chunk("a", 2, "2"), Chunk("a", None, "3")))
        assert all_of(store, "r", "a") == [(0, "0"), (1, "1"), (2, "2"), (3, "3")]
        assert all_of(store, "r", "b") == [(0, "0")]
        assert store.streams("r").result(timeout=30) == {"a": 4, "b": 1}
        assert store.streams("nobody").result(timeout=30) == {}

    def test_an_index_may_be_left_out(self, store: EventStore) -> None:
        """What a run prints beyond its limit has an index and no chunk."""
        add(store, "r", created(), chunks=(Chunk("out", 3, "x"), Chunk("out", 1, "late")))
        add(store, "r", chunks=(Chunk("out", None, "y"),))
        assert all_of(store, "r", "out") == [(3, "x"), (4, "y")]
        assert store.streams("r").result(timeout=30) == {"out": 5}

    @pytest.mark.parametrize(
        ("start", "limit", "found"),
        [(0, 2, [0, 1]), (3, None, [3, 4]), (-2, None, [3, 4]), (-2, 1, [3]), (-9, 1, [0]), (9, 5, [])],
    )  # fmt: skip
    def test_a_part_of_a_stream_is_read(
        self, store: EventStore, start: int, limit: int | None, found: list[int]
    ) -> None:
        """From an index on, or the last few, and no more than asked for."""
        add(store, "r", created(), chunks=tuple(Chunk("a", None, n) for n in range(5)))
        part = store.chunks("r", "a", start, limit=limit).result(timeout=30)
        assert [chunk.index for chunk in part] == found
        assert store.chunks("r", "none", start, limit=limit).result(timeout=30) == []

    def test_a_closed_stream_takes_no_more(self, store: EventStore) -> None:
        """It closes with its last chunks, once; the run's other streams go on."""
        add(store, "r", created())
        add(store, "r", event("stream_closed", stream="a"), chunks=(Chunk("a", None, 0),))
        found = refused(store, "r", chunks=(Chunk("b", None, 0), Chunk("a", None, 1)))
        assert (found.reason, found.detail) == ("stream_closed", {"stream": "a"})
        assert refused(store, "r", event("stream_closed", stream="a")).detail == {"stream": "a"}
        assert store.streams("r").result(timeout=30) == {"a": 1}
        assert add(store, "r", chunks=(Chunk("a", 0, "again"),)) == ()
        add(store, "r", event("run_completed"), chunks=(Chunk("b", None, 1),))
        assert all_of(store, "r", "b") == [(0, 1)]

    def test_a_chunk_is_stored_once(self, store: EventStore) -> None:
        """A replay prints again; an append of nothing new is no commit."""
        add(store, "r", created(), chunks=(Chunk("out", 0, "x"), Chunk("out", 0, "y")))
        before = store.commits
        assert add(store, "r", chunks=(Chunk("out", 0, "z"),)) == ()
        assert store.commits == before
        add(store, "r", step("s"), chunks=(Chunk("out", 0, "z"), Chunk("out", 1, "w")))
        assert [c.data for c in store.chunks("r", "out").result(timeout=30)] == ["x", "w"]

    # --- lists -----------------------------------------------------------------------------

    def test_runs_are_listed_newest_first(self, store: EventStore) -> None:
        """By time, then by id; status, workflow and limit choose among them."""
        add(store, "a", created(at=1000, workflow_id="w1", origin={"notebook": "n.ipynb"}))
        add(store, "b", created(at=3000, workflow_id="w2", attributes={"customer": "A"}))
        add(store, "c", created(at=3000, workflow_id="w1"), event("run_started", at=3000))
        add(store, "a", event("run_failed", at=4000, code="X"))
        rows = store.runs().result(timeout=30)
        assert [(r.run_id, r.status) for r in rows] == [
            ("c", "running"),
            ("b", "pending"),
            ("a", "failed"),
        ]
        assert (rows[2].origin, rows[2].created_us, rows[2].ended_us) == ("n.ipynb", 1000, 4000)
        assert (rows[1].attributes, rows[1].ended_us) == ({"customer": "A"}, None)
        chosen = store.runs(workflow_id="w1", limit=1).result(timeout=30)
        assert [r.run_id for r in chosen] == ["c"]
        assert [r.run_id for r in store.runs(status="failed").result(timeout=30)] == ["a"]
        assert len(store.runs(limit=None).result(timeout=30)) == 3

    def test_lists_show_the_attributes_of_now(self, store: EventStore) -> None:
        """Of runs that live, of those that have ended, and of those that were never labelled anew."""
        add(store, "live", created(at=1000, attributes={"a": "1"}))
        add(store, "live", event("attr_set", attributes={"a": "2"}))
        add(store, "over", created(at=2000, attributes={"a": "1"}))
        add(store, "over", event("attr_set", at=2000, attributes={"b": "3"}))
        add(store, "over", event("attr_set", at=2000, attributes={}))
        add(store, "over", event("run_completed", at=2000))
        add(store, "same", created(at=3000, attributes={"a": "1"}))
        add(store, "same", event("run_completed", at=3000))
        rows = {r.run_id: r.attributes for r in store.runs().result(timeout=30)}
        assert rows == {"live": {"a": "2"}, "over": {}, "same": {"a": "1"}}

    def test_the_children_of_a_run(self, store: EventStore) -> None:
        """Those that its steps have started, oldest first; not theirs."""
        add(store, "p", created(at=1000))
        for name, at, parent in (("c2", 3000, "p"), ("c1", 2000, "p"), ("g", 4000, "c1")):
            add(store, name, created(at=at, parent={"run_id": parent, "step_id": "s"}))
        add(store, "c1", event("run_completed", at=5000))
        assert store.children("p").result(timeout=30) == ["c1", "c2"]
        assert store.children("g").result(timeout=30) == []

    def test_unfinished_runs_are_listed_oldest_first(self, store: EventStore) -> None:
        """Those without a terminal event, and no others."""
        add(store, "b", created(at=1000))
        add(store, "a", created(at=2000), event("run_started", at=2000))
        add(store, "c", created(at=500), event("run_completed", at=600))
        rows = store.unfinished().result(timeout=30)
        assert [(r.run_id, r.status) for r in rows] == [("b", "pending"), ("a", "running")]

    def test_the_history_of_a_token_says_what_became_of_it(self, store: EventStore) -> None:
        """Newest first: open, disposed, or ended with its run."""
        add(store, "r1", created(), hook("h1", "t", at=1000))
        add(store, "r1", event("hook_disposed", "h1", at=1500))
        add(store, "r2", created(at=2000), hook("h2", "t", at=2000))
        add(store, "r2", received("h2", "a", at=2100), received("h2", "b", at=2200))
        add(store, "r2", event("run_completed", at=2500))
        add(store, "r3", created(at=3000), hook("h3", "t", at=3000), hook("x", "other", at=3000))
        found = store.hook_history("t").result(timeout=30)
        assert [(h["run_id"], h["correlation_id"], h["state"]) for h in found] == [
            ("r3", "h3", "open"),
            ("r2", "h2", "ended"),
            ("r1", "h1", "disposed"),
        ]
        assert [h["resumes"] for h in found] == [{}, {"a": 3, "b": 4}, {}]
        assert store.hook_history("unknown").result(timeout=30) == []

    def test_the_fold_of_what_is_read_is_the_fold_of_what_was_returned(
        self, store: EventStore
    ) -> None:
        """A cold reader and the writer agree on what a run is."""
        told = [*add(store, "r", created()), *add(store, "r", event("run_started"), step("s"))]
        told += add(store, "r", event("step_started", "s", attempt=1), hook("h", "t", 2))
        told += add(store, "r", event("step_failed", "s", data={"error": {"type": "E"}}))
        assert fold(log(store, "r")) == fold(told)

    # --- the end ---------------------------------------------------------------------------

    def test_a_world_has_an_id(self, store: EventStore) -> None:
        """Ids of keyed runs are derived from it."""
        assert len(store.world_id) >= 16

    def test_a_closed_store_answers_nothing(self, store: EventStore) -> None:
        """Closing is idempotent; every call after it fails as a future."""
        add(store, "r", created())
        store.close()
        store.close()
        for pending in (
            store.commit(Append("r", (step("s"),))),
            store.read("r"),
            store.definition("r"),
            store.unfinished(),
            store.runs(),
            store.token_owner("t"),
            store.hook_history("t"),
            store.chunks("r", "out"),
            store.children("r"),
            store.streams("r"),
        ):
            assert isinstance(pending.exception(timeout=30), WorldClosedError)

    def test_closing_finishes_what_was_handed_in(self, store: EventStore) -> None:
        """No future is left hanging."""
        pending = [store.commit(Append(f"r{i}", (created(),))) for i in range(20)]
        store.close()
        assert all(p.result(timeout=30) for p in pending)
