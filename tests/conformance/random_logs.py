"""Random appends, most of them possible: what stores and folds are compared over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from wf_notebook.testing.conformance.appends import event, received, wait
from wf_notebook.world.store import Append, Chunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.world.events import EventType, NewEvent

RUNS = ("r1", "r2")
KEYS = ("k1", "k2", "k3")
TOKENS = ("t1", "t2")

_MOVES: tuple[tuple[EventType, dict[str, Any]], ...] = (
    ("step_started", {"attempt": 1}),
    ("step_started", {"attempt": 2, "rerun": True}),
    ("step_retrying", {"attempt": 1, "retry_at_us": 9_000_000}),
    ("step_completed", {"attempt": 1}),
    ("step_failed", {"attempt": 1}),
    ("step_cancelled", {}),
    ("step_cancelled", {"by": "body"}),
    ("hook_disposed", {"by": "body"}),
    ("hook_disposed", {}),
    ("wait_completed", {"woken": True}),
    ("wait_completed", {}),
    ("wait_cancelled", {}),
)
_ENDS: tuple[tuple[EventType, dict[str, Any]], ...] = (
    ("run_completed", {}),
    ("run_failed", {"code": "USER_ERROR", "line": 3}),
    ("run_cancelled", {}),
)


def _made(key: str, n: int, token: str) -> tuple[Callable[[int], NewEvent], ...]:
    return (
        lambda at: event(
            "step_created", key, at=at, data={"args": {"n": n}},
            n=n, alias="a", step_id="step//m//a", line=n,
        ),
        lambda at: event("hook_created", key, at=at, data={"title": "T"}, n=n, token=token,
                         schema="S"),
        lambda at: event("hook_conflict", key, at=at, n=n, token=token, owner="r0"),
        lambda at: wait(key, n, at),
    )  # fmt: skip


def _started(at: int) -> NewEvent:
    return event("run_started", at=at)


def _closed(at: int) -> NewEvent:
    return event("stream_closed", at=at, stream="out")


@st.composite
def events(draw: st.DrawFn, at: int) -> NewEvent:
    """One event of any kind, about one of a few entities."""
    key = draw(st.sampled_from(KEYS))
    match draw(st.integers(0, 9)):
        case 0 | 1 | 2:
            made = _made(key, draw(st.integers(1, 9)), draw(st.sampled_from(TOKENS)))
            return draw(st.sampled_from(made))(at)
        case 3:
            return received(key, draw(st.sampled_from(["i1", "i2"])), at)
        case 4:
            label = draw(st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")))

            def labelled(at: int) -> NewEvent:
                return event("attr_set", at=at, attributes=label)

            return draw(st.sampled_from([_started, _closed, labelled]))(at)
        case 5 if draw(st.integers(0, 4)) == 0:
            kind, meta = draw(st.sampled_from(_ENDS))
            return event(kind, at=at, data={"error": {"type": "E"}, "result": 1}, **meta)
        case _:
            kind, meta = draw(st.sampled_from(_MOVES))
            return event(kind, key, at=at, data={"error": {"type": "E"}}, **meta)


@st.composite
def appends(draw: st.DrawFn) -> list[Append]:
    """Some appends to a few runs; time goes on by a second with each."""
    found: list[Append] = []
    made: set[str] = set()
    for at in range(1_000_000, draw(st.integers(2, 25)) * 1_000_000, 1_000_000):
        run_id = draw(st.sampled_from(RUNS))
        new = draw(st.lists(events(at), min_size=1, max_size=3))
        if run_id not in made or draw(st.integers(0, 20)) == 0:
            made.add(run_id)
            new.insert(0, event("run_created", at=at, workflow_id="w", name="n", source_hash="h"))
        indices = draw(st.lists(st.none() | st.integers(0, 3), max_size=2))
        chunks = tuple(Chunk("out", i, i) for i in indices)
        fence = draw(st.sampled_from([None, None, None, 0, 1, 2]))
        found.append(Append(run_id, tuple(new), fence=fence, chunks=chunks))
    return found
