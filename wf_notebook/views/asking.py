"""What the messages of a run's live view ask for; `views.answers` takes and answers them.

Messages from the browser; `id` comes back in the answer, and is a resume's idempotency key:
    {"op": "hello", "id"} -> {"op": "hello", "id", "now_us", "titles", "details", "blocked",
        "commands", "streams"}
    {"op": "resume", "id", "token", "payload"} -> {"op": "resumed", "id"}
    {"op": "wake", "id", "wait": id or null}   -> {"op": "woken", "id"}
    {"op": "cancel", "id"}                     -> {"op": "cancelled", "id"}
    {"op": "rerun", "id"}                      -> {"op": "opened", "id", "run_id", "model_id"}
    {"op": "open", "id", "run_id"}             -> the same: a view of that run, to be shown inside
    {"op": "shut", "id", "run_id"}             -> {"op": "shut", "id"}: that view is no longer shown
    {"op": "reveal", "id"} -> {"op": "revealed", "id", "source", "hash", "reached": [line],
        "waiting": [line], "compared": whether its cell was submitted in this session, "changed":
        a unified diff to the cell as it was submitted last, or null if that is the same}
    {"op": "peek", "id", "entity"} -> {"op": "peeked", "id", "entity", "parts": [{"title", "text"}]};
        the entity is a row's id, or the run's for what the run itself holds
    {"op": "events", "id", "after", "limit", "types": [type] or null, "entity": id or null}
        -> {"op": "events", "id", "events": [{"seq", "type", "entity", "time_us", "meta", "inert"}],
        "more", "total", "types": {type: how many the run has}}; `after` so many of such events
    {"op": "event", "id", "seq"} -> {"op": "event", "id", "seq", "text"}
    {"op": "at", "id", "seq"} -> {"op": "at", "id", "seq", "total", "now_us", "event", "view",
        "waiting", "reached"}: the run as it stood after that event
    {"op": "rows", "id", "group", "from", "to", "seq": n or null}
        -> {"op": "rows", "id", "group", "rows", "total"}; with `seq`, as of the last "at"
    {"op": "leave"} -> nothing: the log is no longer looked at
Any of them may be answered {"op": "refused", "id", "message", "errors": [{"path", "message"}]}.
Pages have at most `views.past.PAGE` entries, texts at most `views.details.CHARS` characters and a
note of how much more there is. Lines are those of the cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from wf_notebook.views.reading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from wf_notebook.views.answers import Answers, Told
    from wf_notebook.views.model import RunView
    from wf_notebook.views.reading import Reading


class Actions(Protocol):
    """What a click asks of a run. Called on the engine's loop; nothing here may wait."""

    def resume(self, token: str, payload: object, resume_id: str, /) -> Future[Any]:
        """Resume the hook; fails with `HookPayloadError` for a payload that doesn't fit."""
        ...

    def wake(self, wait_id: str | None, /) -> Future[Any]:
        """End one sleep early, or all."""
        ...

    def cancel(self) -> Future[Any]:
        """Cancel the run."""
        ...


class Opens(Protocol):
    """Shows other runs inside a view. Coroutines of the engine's loop."""

    async def rerun(self) -> Told:
        """Start the run anew and show it; returns `run_id` and `model_id`."""
        ...

    async def open(self, run_id: str, /) -> Told:
        """Show a run; returns `run_id` and `model_id`."""
        ...

    async def shut(self, run_id: str, /) -> Told:
        """Show it no longer; returns nothing."""
        ...


class Asking:
    """Does what messages ask for.

    Args:
        actions: what buttons do.
        reading: what panels show.
        opens: shows other runs.
        greeting: what a view that has just been drawn has to be told.
        shown: the snapshot that is shown now.
        answers: the way back to the browser.
    """

    def __init__(
        self,
        *,
        actions: Actions,
        reading: Reading,
        opens: Opens,
        greeting: Callable[[], Told],
        shown: Callable[[], RunView],
        answers: Answers,
    ) -> None:
        self._actions = actions
        self._reading = reading
        self._opens = opens
        self._greeting = greeting
        self._shown = shown
        self._answers = answers

    def take(self, content: object) -> None:
        """Take a message, on whatever thread it arrives."""
        self._answers.take(content, self._handle)

    def _handle(self, content: Mapping[str, object], key: object) -> bool:
        """Do what a message asks, on the engine's loop; whether it is one that is known."""
        return self._clicked(content, key) or self._looked(content, key)

    def _clicked(self, content: Mapping[str, object], key: object) -> bool:
        """Do what a button asks; whether the message was one of those."""
        match content:
            case {"op": "resume", "token": str(token), "payload": payload, "id": str(resume_id)}:
                self._answers.once(self._actions.resume(token, payload, resume_id), key, "resumed")
            case {"op": "wake", "wait": str() | None as wait}:
                self._answers.once(self._actions.wake(wait), key, "woken")
            case {"op": "cancel"}:
                self._answers.once(self._actions.cancel(), key, "cancelled")
            case {"op": "rerun"}:
                self._answers.ask(self._opens.rerun(), key, "opened")
            case {"op": "open", "run_id": str(run_id)}:
                self._answers.ask(self._opens.open(run_id), key, "opened")
            case {"op": "shut", "run_id": str(run_id)}:
                self._answers.ask(self._opens.shut(run_id), key, "shut")
            case _:
                return False
        return True

    def _looked(self, content: Mapping[str, object], key: object) -> bool:
        """Do what a panel asks; whether the message was one of those."""
        match content:
            case {"op": "hello"}:
                self._answers.tell({"op": "hello", "id": key, **self._greeting()})
                self._answers.begin(self._reading.greet())
            case {"op": "reveal"}:
                self._answers.ask(self._reading.reveal(), key, "revealed")
            case {"op": "peek", "entity": str(entity)}:
                self._answers.ask(self._reading.peek(entity), key, "peeked")
            case {"op": "leave"}:
                self._reading.leave()
            case _:
                return self._paged(content, key)
        return True

    def _paged(self, content: Mapping[str, object], key: object) -> bool:
        match content:
            case {
                "op": "events", "after": int(after), "limit": int(limit),
                "types": types, "entity": str() | None as entity,
            }:  # fmt: skip
                chosen = _names(types)
                page = self._reading.page(after, limit, types=chosen, entity=entity)
                self._answers.ask(page, key, "events")
            case {"op": "event", "seq": int(seq)}:
                self._answers.ask(self._reading.event(seq), key, "event")
            case {"op": "at", "seq": int(seq)}:
                self._answers.ask(self._reading.at(seq), key, "at")
            case {"op": "rows", "group": str(group), "from": int(start), "to": int(end), **more}:
                then = more.get("seq")
                view = self._reading.then(then) if isinstance(then, int) else self._shown()
                found = rows_of(view.members, group, start, end)
                self._answers.tell({"op": "rows", "id": key, **found})
            case _:
                return False
        return True


def _names(types: object) -> set[str] | None:
    """The types that a filter lets through, or None for all."""
    if not isinstance(types, list):
        return None
    return {str(name) for name in cast("list[object]", types)}
