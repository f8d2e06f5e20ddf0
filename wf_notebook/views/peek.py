"""What a row of the timeline holds, opened: arguments, outcomes, payloads, what was raised.

All of it is sealed in the world. It is read when somebody asks for one row, and kept nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.views.details import error_text, prose, tree_text
from wf_notebook.views.words import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.events import Event

PARTS: Final = 50  # of one row; of very many payloads or attempts the newest are shown
Part = tuple[str, str]


def parts_of(events: Iterable[Event], entity: str | None) -> list[dict[str, str]]:
    """Return what a row holds, as titles and texts in the order of the log.

    Args:
        events: of the run's log, at least those of the row.
        entity: the row's correlation id, or None for what the run itself holds.
    """
    found = [event for event in events if event.correlation_id == entity]
    parts = [part for event in found for part in _parts(event)]
    dropped = len(parts) - PARTS
    if dropped > 0:
        parts = [parts[0], (f"{dropped} earlier ones are not shown", ""), *parts[1 + dropped :]]
    return [{"title": title, "text": text} for title, text in parts]


def event_text(event: Event) -> str:
    """Return all that an event holds sealed, as text; "" if that is nothing."""
    data = {name: value for name, value in (event.data or {}).items() if name != "seed"}
    error = data.pop("error", None)
    said = [] if error is None else [error_text(cast("dict[str, Tree]", error))]
    return "\n".join([*said, *([tree_text(data)] if data else [])])


def _parts(event: Event) -> Iterator[Part]:
    """What one event adds; who reads it knows the row, so its name stays out."""
    data: dict[str, Any] = dict(event.data or {})
    match event.type:
        case "step_created":
            yield "Arguments", tree_text(data.get("args"))
        case "step_completed" | "run_completed":
            yield "Result", tree_text(data.get("result"))
        case "step_retrying" | "step_failed":
            yield (
                f"{_attempt(event)} failed, {moment(event.time_us)}",
                error_text(data.get("error")),
            )
        case "run_created":
            yield "Arguments", tree_text(_arguments(data))
        case "run_failed":
            yield f"Failed, {moment(event.time_us)}", error_text(data.get("error"))
        case "run_cancelled":
            yield f"Cancelled, {moment(event.time_us)}", prose(str(data.get("reason") or ""))
        case _:
            yield from _waited(event, data)


def _waited(event: Event, data: dict[str, Any]) -> Iterator[Part]:
    match event.type:
        case "hook_created" | "hook_conflict":
            if data.get("title"):
                yield "Title", prose(str(data["title"]))
            if data.get("metadata") is not None:
                yield "Metadata", tree_text(data["metadata"])
            if "owner" in event.meta:
                yield "The token belongs to run", prose(str(event.meta["owner"]))
        case "hook_received":
            by = f"resume id {event.meta.get('resume_id', '')}"
            yield prose(f"Payload, {moment(event.time_us)}, {by}"), tree_text(data.get("payload"))
        case "wait_created":
            yield "Ends", moment(event.meta["due_us"])
        case "wait_completed":
            early = ", woken early" if event.meta.get("woken") else ""
            yield f"Ended{early}", moment(event.time_us)
        case _:
            return


def _attempt(event: Event) -> str:
    number = event.meta.get("attempt")
    return f"Attempt {number}" if number else "The call"


def _arguments(data: dict[str, Any]) -> Tree:
    args: Tree = data.get("args")
    kwargs: Tree = data.get("kwargs")
    return {"args": args, "kwargs": kwargs} if kwargs else args
