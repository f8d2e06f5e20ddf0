"""What a follower and the owner of a world say to each other, and the check of what they are told.

A follower says hello with the token, then asks; each question has a number, under which it is
answered or refused, long lists in parts. Unasked, the owner gives notice of every run that has
changed. Values cross as the trees that they are in a log.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from wf_notebook.config import IsolationMode
from wf_notebook.guest.values import encode
from wf_notebook.sharing.frames import BrokenFrameError
from wf_notebook.world.events import Event, EventType
from wf_notebook.world.store import Chunk, Lack, Review, ReviewKind, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERSION: Final = 2

Text = Annotated[str, Field(max_length=10_000)]
Count = Annotated[int, Field(ge=0, le=1 << 53)]
JsonTree: TypeAlias = Any


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Hello(_Message):
    """The first thing that a follower says."""

    version: int
    token: Text


# --- what may be asked ---------------------------------------------------------------------------


class Ping(_Message):
    """Is anybody there?"""

    op: Literal["ping"] = "ping"


class Read(_Message):
    """The events of a run after a seq."""

    op: Literal["read"] = "read"
    run: Text
    after: Count = 0
    until: Count | None = None


class Outline(_Message):
    """The events of a run without what is sealed."""

    op: Literal["outline"] = "outline"
    run: Text


class Forget(_Message):
    """Erase runs that have ended."""

    op: Literal["forget"] = "forget"
    runs: list[Text]


class ReadDefinition(_Message):
    """The record of a run's definition."""

    op: Literal["definition"] = "definition"
    run: Text


class Sign(_Message):
    """The signature of a text under the key of a run."""

    op: Literal["sign"] = "sign"
    run: Text
    text: Text


class Unfinished(_Message):
    """The rows of the runs that have not ended."""

    op: Literal["unfinished"] = "unfinished"


class Runs(_Message):
    """Rows of runs, newest first."""

    op: Literal["runs"] = "runs"
    status: Text | None = None
    workflow_id: Text | None = None
    limit: Count | None = None


class TokenOwner(_Message):
    """Whose open hook has that token."""

    op: Literal["token_owner"] = "token_owner"
    token: Text


class HookHistory(_Message):
    """All hooks that had that token."""

    op: Literal["hook_history"] = "hook_history"
    token: Text


class Children(_Message):
    """Ids of the runs that steps of a run have started."""

    op: Literal["children"] = "children"
    run: Text


class Chunks(_Message):
    """Chunks of a stream."""

    op: Literal["chunks"] = "chunks"
    run: Text
    stream: Text
    start: Annotated[int, Field(ge=-(1 << 53), le=1 << 53)] = 0
    limit: Count | None = None


class Streams(_Message):
    """Name to next index of a run's streams."""

    op: Literal["streams"] = "streams"
    run: Text


class Sql(_Message):
    """One query, with its parameters as a tree."""

    op: Literal["sql"] = "sql"
    query: Annotated[str, Field(max_length=1 << 20)]
    parameters: JsonTree = None
    most: Count
    name: Text


class StopSql(_Message):
    """Stop the query of that name."""

    op: Literal["stop_sql"] = "stop_sql"
    name: Text


class Status(_Message):
    """How a run stands: a `Notice`, or null if it has ended."""

    op: Literal["status"] = "status"
    run: Text


class Mode(_Message):
    """Where a run would be put."""

    op: Literal["mode"] = "mode"
    isolation: Text | None = None


class Create(_Message):
    """Create a run."""

    op: Literal["create"] = "create"
    run: Text
    definition: dict[str, JsonTree]
    meta: dict[str, JsonTree]
    data: dict[str, JsonTree]


class Resume(_Message):
    """A validated payload for a hook."""

    item: Literal["resume"] = "resume"
    hook: Text
    token: Text
    payload: JsonTree
    resume_id: Text


class Wake(_Message):
    """End a wait early."""

    item: Literal["wake"] = "wake"
    wait: Text


class Label(_Message):
    """Set attributes, or take them away."""

    item: Literal["label"] = "label"
    changes: dict[str, str | None]


class Adopt(_Message):
    """Take a run over into a notebook."""

    item: Literal["adopt"] = "adopt"
    notebook: Text


class Cancel(_Message):
    """Cancel a run."""

    item: Literal["cancel"] = "cancel"
    reason: str | None = None


class Look(_Message):
    """Look again at what blocks a run."""

    item: Literal["look"] = "look"


Item: TypeAlias = Resume | Wake | Label | Adopt | Cancel | Look


class Post(_Message):
    """Tell a run what has happened; answered with the seq of the event, or 0."""

    op: Literal["post"] = "post"
    run: Text
    item: Annotated[Item, Field(discriminator="item")]


class ReviewRow(_Message):
    """A source that was proposed or approved."""

    kind: ReviewKind
    name: Text
    source_hash: Text
    time_us: int
    record: dict[str, JsonTree] | None
    number: Count
    lack: Lack


class Keep(_Message):
    """Write a review."""

    op: Literal["keep"] = "keep"
    review: ReviewRow


class Reviews(_Message):
    """Sources that were proposed or approved, newest first."""

    op: Literal["reviews"] = "reviews"
    kind: Text | None = None
    name: Text | None = None
    source_hash: Text | None = None


class ForgetReviews(_Message):
    """Erase the records of a name."""

    op: Literal["forget_reviews"] = "forget_reviews"
    name: Text


Ask: TypeAlias = (
    Ping
    | Read
    | Outline
    | ReadDefinition
    | Sign
    | Unfinished
    | Runs
    | TokenOwner
    | HookHistory
    | Children
    | Chunks
    | Streams
    | Sql
    | StopSql
    | Status
    | Mode
    | Create
    | Post
    | Forget
    | Keep
    | Reviews
    | ForgetReviews
)


class Asked(_Message):
    """A question and its number."""

    id: Count
    ask: Annotated[Ask, Field(discriminator="op")]


# --- what is answered ----------------------------------------------------------------------------


class Welcome(_Message):
    """The owner's first word: which world it is."""

    kind: Literal["welcome"]
    version: int
    world_id: Text
    sealed: bool


class Answer(_Message):
    """The answer to a question; the items of a list have come before, in parts."""

    kind: Literal["answer"]
    id: Count
    value: JsonTree = None


class Part(_Message):
    """Items of a list; there are more, or the answer follows."""

    kind: Literal["part"]
    id: Count
    items: list[JsonTree]


class Refusal(_Message):
    """The error that a question has come to."""

    kind: Literal["refusal"]
    id: Count
    error: dict[str, JsonTree]


class BlockedFact(_Message):
    """Why a run cannot go on."""

    reason: Literal[
        "step", "origin", "version", "divergence", "isolation", "world", "key", "internal"
    ]
    message: str
    hint: str
    report: dict[str, JsonTree]
    passing: bool


class Notice(_Message):
    """How an unfinished run stands, or one that has just ended.

    Attributes:
        seq: of its last event.
        busy: whether something is about to happen by itself.
        resting: whether no turn may be taken after a failure.
        written: how often each stream was written, since the owner took the run up.
        changed: aliases of steps whose code has changed.
    """

    kind: Literal["notice"] = "notice"
    run: Text
    seq: Count
    blocked: BlockedFact | None
    replayed: Annotated[tuple[int, int], Field(strict=False)] | None
    busy: bool
    resting: bool
    written: dict[str, int]
    changed: list[str]


Said: TypeAlias = Annotated[Answer | Part | Refusal | Notice, Field(discriminator="kind")]


class EventRow(_Message):
    """An event as it stands in a log."""

    type: EventType
    event_id: str
    time_us: int
    correlation_id: str | None
    meta: dict[str, JsonTree]
    data: dict[str, JsonTree] | None
    run_id: str
    seq: int


class Row(_Message):
    """A line of a list of runs."""

    run_id: str
    workflow_id: str
    name: str
    source_hash: str
    status: str
    created_us: int
    ended_us: int | None
    origin: str
    attributes: dict[str, str]


class ChunkRow(_Message):
    """A piece of a stream."""

    stream: str
    index: int | None
    data: JsonTree


_SAID: Final[TypeAdapter[Said]] = TypeAdapter(Said)
_EVENTS: Final = TypeAdapter(list[EventRow])
_ROWS: Final = TypeAdapter(list[Row])
_CHUNKS: Final = TypeAdapter(list[ChunkRow])
_REVIEWS: Final = TypeAdapter(list[ReviewRow])
_MODE: Final[TypeAdapter[IsolationMode]] = TypeAdapter(IsolationMode)

T = TypeVar("T")


def _checked(read: Callable[[Any], T], found: Any) -> T:
    try:
        return read(found)
    except (ValidationError, RecursionError) as error:
        raise BrokenFrameError(f"no message of ours: {error}") from None


def hello(found: Any) -> Hello:
    """Check the first thing that somebody says.

    Raises:
        BrokenFrameError: it is something else; so below.
    """
    return _checked(Hello.model_validate, found)


def asked(found: Any) -> Asked:
    """Check a question."""
    return _checked(Asked.model_validate, found)


def welcome(found: Any) -> Welcome:
    """Check the owner's first word."""
    return _checked(Welcome.model_validate, found)


def said(found: Any) -> Said:
    """Check what the owner says."""
    return _checked(_SAID.validate_python, found)


def notice(found: Any) -> Notice | None:
    """Check the answer to `Status`."""
    return None if found is None else _checked(Notice.model_validate, found)


def mode(found: Any) -> IsolationMode:
    """Check the answer to `Mode`."""
    return _checked(_MODE.validate_python, found)


def event_row(event: Event) -> dict[str, Any]:
    """Return an event as it crosses."""
    return {
        "type": event.type,
        "event_id": event.event_id,
        "time_us": event.time_us,
        "correlation_id": event.correlation_id,
        "meta": event.meta,
        "data": event.data,
        "run_id": event.run_id,
        "seq": event.seq,
    }


def events(found: Sequence[Any]) -> list[Event]:
    """Return events as they stand in the log."""
    rows = _checked(_EVENTS.validate_python, found)
    return [Event(**dict(row)) for row in rows]


def run_row(row: RunRow) -> dict[str, Any]:
    """Return a line of a list of runs as it crosses."""
    return {**_fields(row), "attributes": dict(row.attributes)}


def run_rows(found: Sequence[Any]) -> list[RunRow]:
    """Return lines of a list of runs."""
    return [RunRow(**dict(row)) for row in _checked(_ROWS.validate_python, found)]


def chunk_row(chunk: Chunk) -> dict[str, Any]:
    """Return a chunk as it crosses: bytes as a tree, like all others."""
    data = encode(chunk.data) if isinstance(chunk.data, bytes) else chunk.data
    return {**_fields(chunk), "data": data}


def chunks(found: Sequence[Any]) -> list[Chunk]:
    """Return pieces of a stream."""
    return [Chunk(**dict(row)) for row in _checked(_CHUNKS.validate_python, found)]


def review_row(review: Review) -> dict[str, Any]:
    """Return a review as it crosses."""
    return _fields(review)


def reviews(found: Sequence[Any]) -> list[Review]:
    """Return sources that were proposed or approved."""
    return [review_of(row) for row in _checked(_REVIEWS.validate_python, found)]


def review_of(row: ReviewRow) -> Review:
    """Return a review as the world knows it."""
    return Review(**dict(row))


class TableHead(_Message):
    """What a table is like; its rows come in parts."""

    columns: list[str]
    types: list[str]


def table_head(found: Any) -> TableHead:
    """Check the answer to `Sql`."""
    return _checked(TableHead.model_validate, found)


def keep(review: Review) -> Keep:
    """Return what asks the owner to write a review."""
    return Keep(review=ReviewRow(**_fields(review)))


def _fields(found: RunRow | Chunk | Review) -> dict[str, Any]:
    return {one.name: getattr(found, one.name) for one in fields(found)}
