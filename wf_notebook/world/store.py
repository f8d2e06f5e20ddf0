"""What the engine asks of a world: append events under conditions, and read them back.

`EventStore` is implemented by `MemoryStore` (the oracle) and `DuckDBStore` (the product). Every
method returns a `concurrent.futures.Future`, because a store may have threads of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from wf_notebook.world.connection import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.events import Event, NewEvent
    from wf_notebook.world.tables import Table


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a stream.

    Attributes:
        stream: its stream's name, plain in the world.
        index: 0, 1, 2 …; None in an append for whatever comes next when it is written.
        data: its sealed content: a tree, or bytes as they are.
    """

    stream: str
    index: int | None
    data: Tree | bytes


@dataclass(frozen=True, slots=True)
class Append:
    """Events of one run that are written together or not at all.

    Attributes:
        run_id: the run.
        events: in order; a `run_created` event is the first of a new run.
        fence: for what a replay decided: how many derived events the guest had seen. None for
            outcomes and payloads, whose own conditions are checked instead (entity open, run live,
            resume id new, token free).
        definition: with `run_created` only: the definition's record, sealed and stored in the same
            commit (keys in `Definition.to_record`).
        chunks: stream chunks, in order; those whose index is already behind their stream's end are
            skipped. They are written as if before the events, so a stream may end with its last
            chunks.
    """

    run_id: str
    events: tuple[NewEvent, ...]
    fence: int | None = None
    definition: Mapping[str, Tree] | None = None
    chunks: tuple[Chunk, ...] = ()


RejectionReason = Literal[
    "run_exists", "run_unknown", "run_ended", "stale_fence",
    "entity_exists", "entity_closed", "token_taken", "resume_seen", "stream_closed",
]  # fmt: skip


class RejectedError(Exception):
    """A condition of an append did not hold; that append alone was not written.

    Attributes:
        reason: which condition.
        detail: for `token_taken`: `{"token": …, "owner": run_id, "entity": id of the hook}`; for
            `resume_seen`: `{"seq": n}`; for `stream_closed`: `{"stream": name}`; otherwise the
            correlation id under `"entity"`, or empty.
    """

    def __init__(self, reason: RejectionReason, **detail: Any) -> None:
        super().__init__(f"{reason} {detail}" if detail else reason)
        self.reason: RejectionReason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RunRow:
    """One line of a list of runs; all of it plain in the world.

    Attributes:
        run_id, workflow_id, name, source_hash: as at creation.
        status: "pending", "running", "completed", "failed", "cancelled" or "forgotten" (finer states
            are folded from the events).
        created_us, ended_us: microseconds UTC; `ended_us` is None while the run lives.
        origin: the notebook or script, or "".
        attributes: plain key to string.
    """

    run_id: str
    workflow_id: str
    name: str
    source_hash: str
    status: str
    created_us: int
    ended_us: int | None
    origin: str
    attributes: Mapping[str, str]


ReviewKind = Literal["proposal", "approval"]
Lack = Literal["", "locked", "erased", "damaged"]


@dataclass(frozen=True, slots=True)
class Review:
    """A source that was proposed, or approved, under a name: immutable once it is kept.

    Attributes:
        kind: "proposal" or "approval".
        name: the workflow's name.
        source_hash: sha256 over source and bindings, hex.
        time_us: when, microseconds UTC.
        record: definition, catalogue, who, note …; sealed in the world; None if it is lacking.
        number: 1, 2, 3 … of its kind and name, given by the store; an approval's is its revision.
        lack: why `record` is None: the world is locked, it was erased, or it does not open.
    """

    kind: ReviewKind
    name: str
    source_hash: str
    time_us: int
    record: Mapping[str, Tree] | None
    number: int = 0
    lack: Lack = ""


class EventStore(Protocol):
    """The world as the engine knows it. All futures fail with a `WorldError` or `RejectedError`."""

    @property
    def world_id(self) -> str:
        """A random id made when the world was created."""
        ...

    @property
    def commits(self) -> int:
        """How many commits were made since it was opened."""
        ...

    @property
    def sealed(self) -> bool:
        """Whether what is secret is encrypted where it lies, and the key is here."""
        ...

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        """Write an append; resolves once it is durable, with the events as recorded.

        If it fails, nothing of it is written and it may be handed in again; a store that cannot
        know takes nothing more until the world is opened again.
        """
        ...

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        """The run's events with `seq` above `after`, in order, opened; empty for an unknown run.

        With `until`, none with a `seq` above that.
        """
        ...

    def outline(self, run_id: str) -> Future[Sequence[Event]]:
        """The run's events without their sealed part: all of them, also where the key is missing."""
        ...

    def short_logs(
        self, run_ids: Sequence[str], *, plain: bool = False
    ) -> Future[Mapping[str, Sequence[Event]]]:
        """What `read` gives for these runs, in one go, for as many as are short and whole.

        If `plain`, what `outline` gives; then no key is needed.

        What is left out is to be read by itself, which says what is wrong with it, if anything is.
        """
        ...

    def definition(self, run_id: str) -> Future[Mapping[str, Tree]]:
        """The definition's record that was stored with the run."""
        ...

    def definitions(self, run_ids: Sequence[str]) -> Future[Mapping[str, Mapping[str, Tree]]]:
        """What `definition` gives for these runs, in one go, for as many as can be read so.

        Equal ones may be one object: nobody changes them.
        """
        ...

    def sign(self, run_id: str, text: str) -> Future[str]:
        """64 hex digits that only this world can make of a text, under a key of the run.

        Fails with `RunNotFoundError`, `RunForgottenError`, or a `WorldKeyError` where it is locked.
        """
        ...

    def unfinished(self) -> Future[Sequence[RunRow]]:
        """Runs without a terminal event, oldest first."""
        ...

    def runs(
        self, *, status: str | None = None, workflow_id: str | None = None, limit: int | None = 50
    ) -> Future[Sequence[RunRow]]:
        """Runs, newest first."""
        ...

    def token_owner(self, token: str) -> Future[tuple[str, str] | None]:
        """`(run_id, correlation_id)` of the open hook with that token, or None."""
        ...

    def hook_history(self, token: str) -> Future[Sequence[Mapping[str, Any]]]:
        """Past and present hooks with that token, newest first.

        Each is `{"run_id", "correlation_id", "state", "resumes": {resume id: seq}}`.
        """
        ...

    def children(self, run_id: str) -> Future[Sequence[str]]:
        """Ids of the runs that steps of a run have started, oldest first."""
        ...

    def chunks(
        self, run_id: str, stream: str, start: int = 0, *, limit: int | None = None
    ) -> Future[Sequence[Chunk]]:
        """The stream's chunks from index `start`, or the last `-start`; at most `limit`."""
        ...

    def streams(self, run_id: str) -> Future[Mapping[str, int]]:
        """Name to next index of each stream of a run that has chunks, by name."""
        ...

    def forget(self, run_ids: Sequence[str], *, now_us: int) -> Future[None]:
        """Erase runs that have ended, for good, but for a line in the list with their status.

        Of a forgotten run only its id, workflow id, name, hash and times are known; to read
        anything else of it fails with `RunForgottenError`, and its id is never free again.

        Fails with `RunNotFoundError` or `RunUnfinishedError`, and then none is forgotten; those
        that were forgotten before are no obstacle.
        """
        ...

    def keep(self, review: Review) -> Future[Review]:
        """Write a review; resolves once it is durable, with the number that it was given.

        One that is equal to one that is there, its time included, is the same, and written once.
        """
        ...

    def reviews(
        self, *, kind: str | None = None, name: str | None = None, source_hash: str | None = None
    ) -> Future[Sequence[Review]]:
        """Reviews, newest first, opened; what does not open says so and is no obstacle."""
        ...

    def forget_reviews(self, name: str, *, now_us: int) -> Future[None]:
        """Erase the records of all reviews of a name, for good, but for their lines."""
        ...

    def close(self) -> None:
        """Finish what was begun, then let go of the world. Idempotent."""
        ...


@runtime_checkable
class Queried(Protocol):
    """A store that answers queries over its views."""

    def sql(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        most: int = ROWS,
        name: str = "",
    ) -> Future[Table]:
        """Answer one SELECT or EXPLAIN.

        The future fails with `WorldQueryError`; or, if a payload that is asked for does not open,
        with what says why.

        Args:
            query: the text.
            parameters: the values of its `?`, in order, or of its `$name`s.
            most: how many rows it may give.
            name: by which it can be stopped.
        """
        ...

    def stop(self, name: str) -> None:
        """Stop the query of that name; repeated until it has ended."""
        ...
