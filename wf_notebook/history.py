"""A run as one JSON document: its definition and its log, to be saved and read back elsewhere.

This module alone knows the document's shape. Its values are plain text, whereas a world seals them;
or they are left out, and it says so: such a document tells what happened, and cannot be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, Strict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from wf_notebook.definition.model import Definition
from wf_notebook.engine.replay import plan
from wf_notebook.errors import (
    HistoryError,
    HistoryVersionError,
    PayloadError,
    PayloadsMissingError,
)
from wf_notebook.world.codec import copied
from wf_notebook.world.events import TERMINAL, Event
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.state import RunState

__all__ = ["FORMAT", "VERSION", "History", "read", "says_it_is_one", "write"]

FORMAT: Final = "wf_notebook history"
VERSION: Final = 1

_Text = Annotated[str, Field(min_length=1)]
_Position = Annotated[int, Field(ge=1)]
_Time = Annotated[int, Field(ge=0, lt=1 << 62)]
_Kind = Literal[
    "POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD"
]
_ABSENT: Any = None  # as a default it is not validated: null itself is refused


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Meta(_Shape):
    """What a replay reads of an event's plain part; there is more, as the type has it."""

    model_config = ConfigDict(extra="allow", strict=True)

    n: _Position = _ABSENT
    line: _Position = _ABSENT
    alias: _Text = _ABSENT
    token: _Text = _ABSENT
    kind: Literal["sleep", "timer"] = _ABSENT
    due_us: _Time = _ABSENT


class _Binding(_Shape):
    alias: _Text
    step_id: _Text
    digest: _Text
    parameters: list[Annotated[tuple[_Text, _Kind, bool], Strict(strict=False)]]  # JSON has lists


class _Definition(_Shape):
    """The record of a definition."""

    source: str
    name: _Text
    entry: _Text
    language: _Position
    schemas: dict[str, dict[str, Any]]
    steps: list[_Binding]
    source_hash: _Text
    workflow_id: _Text


class _Event(_Shape):
    """The fields of `Event`, but for the run's id, which is said once."""

    seq: _Position
    type: _Text
    event_id: _Text
    time_us: _Time
    correlation_id: str | None
    meta: _Meta
    data: dict[str, Any] | None


class _Document(_Shape):
    format: Literal["wf_notebook history"]
    version: int
    run_id: _Text
    payloads: Literal[False] = _ABSENT
    definition: _Definition
    events: Annotated[list[_Event], Field(min_length=1)]


class _Created(TypedDict):
    """What a replay reads of the first event's sealed part."""

    args: list[Any]
    kwargs: dict[str, Any]
    seed: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


_CREATED: Final = TypeAdapter(_Created)


@dataclass(frozen=True, slots=True)
class History:
    """A run, read back from its document.

    Attributes:
        definition: what it executes.
        events: its log, from `run_created` on; opened, if there are payloads.
        state: what the log comes to.
        payloads: whether values are in it: without them it cannot be replayed.
    """

    run_id: str
    definition: Definition
    events: Sequence[Event]
    state: RunState
    payloads: bool = True

    def need_payloads(self) -> History:
        """Return it, if it can be replayed.

        Raises:
            PayloadsMissingError: values were left out.
        """
        if self.payloads:
            return self
        msg = f"The values of run {self.run_id} were left out here, so it cannot be replayed."
        raise PayloadsMissingError(msg)


def write(
    run_id: str, definition: Definition, events: Sequence[Event], *, payloads: bool = True
) -> dict[str, Any]:
    """Return the document of a run: a JSON object whose values are plain text.

    `{"format", "version", "run_id", "definition", "events"}`. The definition is its record, with
    hash and id; the seed and the arguments are in the first event's data. Tracebacks of steps are
    left out: no replay reads them.

    Args:
        run_id, definition, events: the run.
        payloads: whether the data of events are in it, all that a world seals of them. If not, the
            document says so: `"payloads": false`.
    """
    return {
        "format": FORMAT,
        "version": VERSION,
        "run_id": run_id,
        **({} if payloads else {"payloads": False}),
        "definition": definition.to_record(),
        "events": [_record(event, payloads=payloads) for event in events],
    }


def _record(event: Event, *, payloads: bool) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "type": event.type,
        "event_id": event.event_id,
        "time_us": event.time_us,
        "correlation_id": event.correlation_id,
        "meta": event.meta,
        "data": _portable(event.data) if payloads else None,
    }


def _portable(data: Mapping[str, Tree] | None) -> Mapping[str, Tree] | None:
    """Return data without the traceback of a step: it names this machine's files, for people."""
    error = None if data is None else data.get("error")
    if data is None or not isinstance(error, dict):
        return data
    return {**data, "error": {key: error[key] for key in error if key != "traceback"}}


def read(document: object) -> History:
    """Read a document back. Runs nothing, and takes nothing for granted.

    Raises:
        HistoryError: it is not a history, its hash or id, recomputed, is not the one it was saved
            under, or its log is not that of one run.
        HistoryVersionError: another version wrote it.
    """
    whole = _checked(document)
    definition = _definition(whole["definition"])
    payloads = "payloads" not in whole
    try:
        events = [_event(record, whole["run_id"]) for record in whole["events"]]
        _check_data(events, payloads=payloads)
        plan(events)
        state = fold(events)
    except (PayloadError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged("The log", error) from None
    _check_order(events)
    created = state.created
    if (created.get("source_hash"), created.get("workflow_id")) != (
        definition.source_hash,
        definition.workflow_id,
    ):
        raise HistoryError("The log of this history belongs to another definition.")
    return History(whole["run_id"], definition, events, state, payloads)


def says_it_is_one(document: object) -> bool:
    """Whether a document says that it is a history, be it as it was written or not.

    >>> says_it_is_one({"format": "wf_notebook history"}), says_it_is_one([])
    (True, False)
    """
    whole = cast("Mapping[str, Any]", document if isinstance(document, dict) else {})
    return whole.get("format") == FORMAT


def _checked(document: object) -> Mapping[str, Any]:
    """Return a document whose shape is right."""
    whole = cast("Mapping[str, Any]", document if isinstance(document, dict) else {})
    if whole.get("format") != FORMAT:
        raise HistoryError("This is not the history of a run.")
    version = whole.get("version")
    if version != VERSION:
        msg = f"This history has version {version!r:.20}; this version of wf_notebook reads {VERSION}."
        raise HistoryVersionError(msg)
    try:
        _Document.model_validate(whole)
    except ValidationError as error:
        raise _damaged("The document", error) from None
    return whole


def _definition(record: Mapping[str, Any]) -> Definition:
    try:
        return Definition.from_record(copied(record, "definition"))
    except ValueError:
        msg = "The source or the steps of this history are not those it was saved with."
        raise HistoryError(msg) from None
    except (PayloadError, RecursionError) as error:
        raise _damaged("The definition", error) from None


def _event(record: Mapping[str, Any], run_id: str) -> Event:
    what = f"event {record['seq']}"
    data = record["data"]
    return Event(
        type=record["type"],
        event_id=record["event_id"],
        time_us=record["time_us"],
        correlation_id=record["correlation_id"],
        meta=copied(record["meta"], what),
        data=None if data is None else copied(data, what),
        run_id=run_id,
        seq=record["seq"],
    )


def _check_data(events: Sequence[Event], *, payloads: bool) -> None:
    if payloads:
        _CREATED.validate_python(events[0].data, strict=True)
    elif any(event.data is not None for event in events):
        raise HistoryError("This history says that values were left out, and has some.")


def _check_order(events: Sequence[Event]) -> None:
    times = [event.time_us for event in events]
    begins = [event.seq for event in events if event.type == "run_created"]
    ends = [event.seq for event in events if event.type in TERMINAL]
    if begins != [1] or ends not in ([], [len(events)]) or times != sorted(times):
        raise HistoryError("The log of this history is not that of one run, in order.")


def _damaged(part: str, error: Exception) -> HistoryError:
    """Return what to say of a part that cannot be read, without repeating its values."""
    said = type(error).__name__
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        said = f"{'.'.join(str(at) for at in first['loc'])}: {first['msg']}"
    elif isinstance(error, KeyError):
        said = f"{error} is missing"
    elif isinstance(error, PayloadError):
        said = error.message.rstrip(".")
    return HistoryError(f"{part} of this history is damaged ({said}).")
