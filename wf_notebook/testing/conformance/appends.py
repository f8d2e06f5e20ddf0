"""The words in which the suite speaks to a store: events and appends in short."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wf_notebook.world.events import Event, EventType, NewEvent
from wf_notebook.world.store import Append, RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.world.store import EventStore

SECONDS: Final = 60  # after which a store that has not answered counts as one that never will

AnyError = TypeVar("AnyError", bound=BaseException)

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
    return store.commit(Append(run_id, events, **more)).result(SECONDS)


def refused(store: EventStore, run_id: str, *events: NewEvent, **more: Any) -> RejectedError:
    """Append events that must be refused; returns the refusal. Nothing of them is written."""
    before = log(store, run_id)
    error = failed(store.commit(Append(run_id, events, **more)), RejectedError)
    assert log(store, run_id) == before, "a refused append was written"
    return error


def failed(pending: Future[Any], kind: type[AnyError]) -> AnyError:
    """Return the error of a future that must fail with one of that kind."""
    error = pending.exception(SECONDS)
    assert isinstance(error, kind), f"{kind.__name__} was due, not {error!r}"
    return error


def log(store: EventStore, run_id: str, after: int = 0) -> Sequence[Event]:
    """Return a run's events."""
    return store.read(run_id, after).result(SECONDS)


def all_of(store: EventStore, run_id: str, stream: str) -> list[tuple[int | None, object]]:
    """Return index and content of a stream's chunks."""
    return [(c.index, c.data) for c in store.chunks(run_id, stream).result(SECONDS)]
