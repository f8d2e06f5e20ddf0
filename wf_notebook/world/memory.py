"""The world in a dict: the reference that every other store is held against.

Whatever goes in passes the codec and comes back from it, so that nothing mutable is shared and
only JSON trees get in. Futures are resolved when they are returned.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from wf_notebook.errors import (
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    WorldClosedError,
)
from wf_notebook.ids import SystemIds
from wf_notebook.threads import Pending
from wf_notebook.world.codec import copied, pack_plain, unpack_plain
from wf_notebook.world.events import TERMINAL, NewEvent, recorded
from wf_notebook.world.heads import Heads
from wf_notebook.world.listing import run_row, status_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.events import Event
    from wf_notebook.world.heads import Advance
    from wf_notebook.world.store import Append, Chunk, Review, RunRow

T = TypeVar("T")
AnyEvent = TypeVar("AnyEvent", bound=NewEvent)


class MemoryStore:
    """An `EventStore` that is gone when it is closed.

    Args:
        world_id: a random one if not given.
    """

    def __init__(self, world_id: str | None = None) -> None:
        self.world_id = world_id or SystemIds().event_id()
        self.commits = 0
        self.sealed = False
        self._lock = threading.Lock()
        self._closed = False
        self._heads = Heads(lambda run_id: run_id in self._logs or run_id in self._forgotten)
        self._logs: dict[str, list[Event]] = {}
        self._definitions: dict[str, Mapping[str, Tree]] = {}
        self._chunks: dict[tuple[str, str], dict[int, Chunk]] = {}
        self._forgotten: dict[str, RunRow] = {}
        self._reviews: list[Review] = []
        self._key = SystemIds().seed()

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        """Write an append; see `EventStore.commit`."""
        return self._future(lambda: self._commit(append))

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        """The run's events; see `EventStore.read`."""
        return self._future(lambda: [_copied(event) for event in self._log(run_id)[after:until]])

    def outline(self, run_id: str) -> Future[Sequence[Event]]:
        """The run's events without their sealed part; see `EventStore.outline`."""
        return self._future(lambda: [_outlined(event) for event in self._log(run_id)])

    def short_logs(
        self, run_ids: Sequence[str], *, plain: bool = False
    ) -> Future[Mapping[str, Sequence[Event]]]:
        """The logs of some runs; see `EventStore.short_logs`."""
        take = _outlined if plain else _copied
        return self._future(
            lambda: {
                i: [take(event) for event in self._logs[i]] for i in run_ids if i in self._logs
            }
        )

    def definition(self, run_id: str) -> Future[Mapping[str, Tree]]:
        """The definition of a run; see `EventStore.definition`."""
        return self._future(lambda: self._definition(run_id))

    def definitions(self, run_ids: Sequence[str]) -> Future[Mapping[str, Mapping[str, Tree]]]:
        """The definitions of some runs; see `EventStore.definitions`."""
        return self._future(
            lambda: {r: self._definition(r) for r in run_ids if r in self._definitions}
        )

    def sign(self, run_id: str, text: str) -> Future[str]:
        """The signature of a text, under a key of this store's life; see `EventStore.sign`."""
        return self._future(lambda: self._sign(run_id, text))

    def _sign(self, run_id: str, text: str) -> str:
        if not self._log(run_id):
            raise RunNotFoundError(f"No run has the id {run_id}.")
        return hmac.digest(self._key, f"{run_id}\n{text}".encode(), "sha256").hex()

    def unfinished(self) -> Future[Sequence[RunRow]]:
        """Runs without a terminal event, oldest first."""
        return self._future(lambda: [row for row in self._rows()[::-1] if row.ended_us is None])

    def runs(
        self, *, status: str | None = None, workflow_id: str | None = None, limit: int | None = 50
    ) -> Future[Sequence[RunRow]]:
        """Runs, newest first."""
        return self._future(
            lambda: [
                row
                for row in self._rows()
                if status in (None, row.status) and workflow_id in (None, row.workflow_id)
            ][:limit]
        )

    def token_owner(self, token: str) -> Future[tuple[str, str] | None]:
        """`(run_id, correlation_id)` of the open hook with that token, or None."""
        return self._future(lambda: self._heads.tokens.get(token))

    def hook_history(self, token: str) -> Future[Sequence[Mapping[str, Any]]]:
        """Past and present hooks with that token, newest first."""
        return self._future(lambda: self._hook_history(token))

    def children(self, run_id: str) -> Future[Sequence[str]]:
        """Ids of the runs that steps of a run have started, oldest first."""
        return self._future(
            lambda: [
                row.run_id
                for row in self._rows()[::-1]
                if row.run_id in self._logs and _parent(self._logs[row.run_id][0]) == run_id
            ]
        )

    def chunks(
        self, run_id: str, stream: str, start: int = 0, *, limit: int | None = None
    ) -> Future[Sequence[Chunk]]:
        """The stream's chunks from index `start`, or the last `-start`; at most `limit`."""
        return self._future(lambda: self._some_chunks(run_id, stream, start)[:limit])

    def streams(self, run_id: str) -> Future[Mapping[str, int]]:
        """Name to next index of each stream of a run that has chunks."""
        return self._future(lambda: self._streams(self._known(run_id)))

    def forget(self, run_ids: Sequence[str], *, now_us: int) -> Future[None]:  # noqa: ARG002 - kept nowhere
        """Erase runs that have ended; see `EventStore.forget`."""
        return self._future(lambda: self._forget(run_ids))

    def keep(self, review: Review) -> Future[Review]:
        """Write a review; see `EventStore.keep`."""
        return self._future(lambda: self._keep(review))

    def reviews(
        self, *, kind: str | None = None, name: str | None = None, source_hash: str | None = None
    ) -> Future[Sequence[Review]]:
        """Reviews, newest first; see `EventStore.reviews`."""
        return self._future(
            lambda: [
                _copied_review(review)
                for review in self._newest_reviews()
                if kind in (None, review.kind)
                and name in (None, review.name)
                and source_hash in (None, review.source_hash)
            ]
        )

    def forget_reviews(self, name: str, *, now_us: int) -> Future[None]:  # noqa: ARG002 - kept nowhere
        """Erase the records of a name; see `EventStore.forget_reviews`."""
        return self._future(lambda: self._erase(name))

    def close(self) -> None:
        """Answer nothing more. Idempotent."""
        self._closed = True

    def _future(self, answer: Callable[[], T]) -> Future[T]:
        future: Future[T] = Pending()
        try:
            with self._lock:
                result = self._open(answer)
        except Exception as error:  # noqa: BLE001 - a future carries whatever went wrong
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    def _open(self, answer: Callable[[], T]) -> T:
        if self._closed:
            raise WorldClosedError("The world is closed.")
        return answer()

    def _commit(self, append: Append) -> tuple[Event, ...]:
        definition = append.definition and copied(append.definition, "definition")
        advance = self._heads.advance(
            replace(
                append,
                events=tuple(_copied(event) for event in append.events),
                chunks=tuple(_copied_chunk(chunk) for chunk in append.chunks),
            )
        )
        if definition is not None:
            self._definitions[append.run_id] = definition
        self._logs.setdefault(append.run_id, []).extend(advance.events)
        self._add_chunks(append, advance)
        if advance.ended:
            self._heads.forget(append.run_id)
        self.commits += bool(advance.events) or any(n is not None for n in advance.places)
        # The caller gets back what is its own; what is stored is nobody's but the store's.
        return tuple(
            recorded(new, run_id=append.run_id, seq=stored.seq)
            for new, stored in zip(append.events, advance.events, strict=True)
        )

    def _add_chunks(self, append: Append, advance: Advance) -> None:
        for chunk, index in zip(append.chunks, advance.places, strict=True):
            if index is not None:
                stored = replace(_copied_chunk(chunk), index=index)
                self._chunks.setdefault((append.run_id, chunk.stream), {})[index] = stored

    def _streams(self, run_id: str) -> dict[str, int]:
        chunks = sorted(self._chunks.items())
        return {stream: max(found) + 1 for (owner, stream), found in chunks if owner == run_id}

    def _some_chunks(self, run_id: str, stream: str, start: int) -> list[Chunk]:
        found = self._chunks.get((self._known(run_id), stream), {})
        first = start if start >= 0 else max(found, default=-1) + 1 + start
        return [_copied_chunk(chunk) for index, chunk in sorted(found.items()) if index >= first]

    def _definition(self, run_id: str) -> Mapping[str, Tree]:
        if self._known(run_id) not in self._definitions:
            raise RunNotFoundError(f"There is no definition of run {run_id}.")
        record: Mapping[str, Tree] = copied(self._definitions[run_id], "definition")
        return record

    def _log(self, run_id: str) -> Sequence[Event]:
        return self._logs.get(self._known(run_id), ())

    def _known(self, run_id: str) -> str:
        """Return the id of a run, unless it was forgotten."""
        if run_id in self._forgotten:
            raise RunForgottenError(run_id)
        return run_id

    def _forget(self, run_ids: Sequence[str]) -> None:
        chosen = [run_id for run_id in run_ids if run_id not in self._forgotten]
        for run_id in chosen:
            if run_id not in self._logs:
                raise RunNotFoundError(f"There is no run '{run_id}' in this world.")
            if self._logs[run_id][-1].type not in TERMINAL:
                raise RunUnfinishedError(
                    f"Run {run_id} has not ended.", run_id=run_id, hint="Cancel it first."
                )
        for run_id in dict.fromkeys(chosen):
            row = _row(self._logs.pop(run_id))
            self._forgotten[run_id] = replace(row, status="forgotten", origin="", attributes={})
            self._definitions.pop(run_id, None)
            for name in [name for name in self._chunks if name[0] == run_id]:
                del self._chunks[name]
        self.commits += bool(chosen)

    def _keep(self, review: Review) -> Review:
        like = [r for r in self._reviews if (r.kind, r.name) == (review.kind, review.name)]
        for r in like:
            if replace(review, number=r.number) == r:
                return replace(review, number=r.number)
        kept = _copied_review(replace(review, record=review.record or {}, number=len(like) + 1))
        self._reviews.append(kept)
        self.commits += 1
        return replace(review, number=kept.number)

    def _newest_reviews(self) -> list[Review]:
        kept = sorted(enumerate(self._reviews), key=lambda one: (one[1].time_us, one[0]))
        return [review for _, review in reversed(kept)]

    def _erase(self, name: str) -> None:
        self._reviews = [
            replace(r, record=None, lack="erased") if r.name == name else r for r in self._reviews
        ]

    def _rows(self) -> list[RunRow]:
        rows = [*map(_row, self._logs.values()), *self._forgotten.values()]
        return sorted(rows, key=lambda row: (row.created_us, row.run_id), reverse=True)

    def _hook_history(self, token: str) -> list[Mapping[str, Any]]:
        found = [
            event
            for log in self._logs.values()
            for event in log
            if event.type == "hook_created" and event.meta["token"] == token
        ]
        found.sort(key=lambda event: (event.time_us, event.run_id, event.seq), reverse=True)
        return [self._hook(event) for event in found]

    def _hook(self, created: Event) -> Mapping[str, Any]:
        log = self._logs[created.run_id]
        key = created.correlation_id
        disposed = any(e.type == "hook_disposed" and e.correlation_id == key for e in log)
        ended = "ended" if log[-1].type in TERMINAL else "open"
        return {
            "run_id": created.run_id,
            "correlation_id": key,
            "state": "disposed" if disposed else ended,
            "resumes": {
                e.meta["resume_id"]: e.seq
                for e in log
                if e.type == "hook_received" and e.correlation_id == key
            },
        }


def _copied(event: AnyEvent) -> AnyEvent:
    return replace(
        event,
        meta=unpack_plain(pack_plain(event.meta, event.type)),
        data=None if event.data is None else copied(event.data, event.subject),
    )


def _outlined(event: Event) -> Event:
    return replace(_copied(event), data=None)


def _copied_chunk(chunk: Chunk) -> Chunk:
    if isinstance(chunk.data, bytes):
        return chunk
    return replace(chunk, data=copied({"data": chunk.data}, "chunk")["data"])


def _copied_review(review: Review) -> Review:
    record = review.record
    return review if record is None else replace(review, record=copied(record, "record"))


def _parent(created: Event) -> str | None:
    found: Mapping[str, Any] = created.meta.get("parent") or {}
    return found.get("run_id")


def _row(log: Sequence[Event]) -> RunRow:
    first, last = log[0], log[-1]
    row = run_row(first.run_id, first.meta, first.time_us)
    labels = [event for event in log if event.type == "attr_set"]
    if labels:
        row = replace(row, attributes=labels[-1].meta["attributes"])
    if last.type in TERMINAL:
        return replace(row, status=status_after(last.type), ended_us=last.time_us)
    started = any(event.type == "run_started" for event in log)
    return replace(row, status="running" if started else "pending")
