"""How the messages of a live view are answered: each once, with what it asks for or with why not.

A message may arrive on any thread; it is answered from the engine's loop, like all that is sent, and
nothing there waits. Messages from the browser; `id` comes back in the answer, and is a resume's
idempotency key:
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

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from wf_notebook.errors import HookPayloadError
from wf_notebook.views.reading import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Future

    from wf_notebook.views.model import RunView
    from wf_notebook.views.reading import Reading

Told = dict[str, Any]


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
    """Takes messages and answers them.

    Args:
        actions: what buttons do.
        reading: what panels show.
        opens: shows other runs.
        post: calls on the engine's loop, from any thread; raises RuntimeError where it has ended.
        submit: runs a coroutine on it.
        greeting: what a view that has just been drawn has to be told.
        shown: the snapshot that is shown now.
        tell: sends a message.
    """

    def __init__(  # noqa: PLR0913 - what it speaks for, by name
        self,
        *,
        actions: Actions,
        reading: Reading,
        opens: Opens,
        post: Callable[[Callable[[], None]], object],
        submit: Callable[[Coroutine[Any, Any, Told]], Future[Told]],
        greeting: Callable[[], Told],
        shown: Callable[[], RunView],
        tell: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._actions = actions
        self._reading = reading
        self._opens = opens
        self._post = post
        self._submit = submit
        self._greeting = greeting
        self._shown = shown
        self._tell = tell

    def take(self, content: object) -> None:
        """Take a message, on whatever thread it arrives, and post it."""
        try:
            self._post(partial(self._handle, content))
        except RuntimeError:
            self._refuse(_id_of(content), "The world of this run was closed; open it again.")

    def _handle(self, content: object) -> None:
        """Do what a message asks, on the engine's loop."""
        key = _id_of(content)
        message = cast("Mapping[str, object]", content)
        try:
            if not (self._clicked(message, key) or self._looked(message, key)):
                self._refuse(key, "The view sent a message that this version does not know.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the user must see it
            self._refuse(key, said(error), error)

    def _clicked(self, content: Mapping[str, object], key: object) -> bool:
        """Do what a button asks; whether the message was one of those."""
        match content:
            case {"op": "resume", "token": str(token), "payload": payload, "id": str(resume_id)}:
                self._answer(self._actions.resume(token, payload, resume_id), key, "resumed")
            case {"op": "wake", "wait": str() | None as wait}:
                self._answer(self._actions.wake(wait), key, "woken")
            case {"op": "cancel"}:
                self._answer(self._actions.cancel(), key, "cancelled")
            case {"op": "rerun"}:
                self._ask(self._opens.rerun(), key, "opened")
            case {"op": "open", "run_id": str(run_id)}:
                self._ask(self._opens.open(run_id), key, "opened")
            case {"op": "shut", "run_id": str(run_id)}:
                self._ask(self._opens.shut(run_id), key, "shut")
            case _:
                return False
        return True

    def _looked(self, content: Mapping[str, object], key: object) -> bool:
        """Do what a panel asks; whether the message was one of those."""
        match content:
            case {"op": "hello"}:
                self._tell({"op": "hello", "id": key, **self._greeting()})
                self._submit(self._reading.greet())
            case {"op": "reveal"}:
                self._ask(self._reading.reveal(), key, "revealed")
            case {"op": "peek", "entity": str(entity)}:
                self._ask(self._reading.peek(entity), key, "peeked")
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
                self._ask(page, key, "events")
            case {"op": "event", "seq": int(seq)}:
                self._ask(self._reading.event(seq), key, "event")
            case {"op": "at", "seq": int(seq)}:
                self._ask(self._reading.at(seq), key, "at")
            case {"op": "rows", "group": str(group), "from": int(start), "to": int(end), **more}:
                then = more.get("seq")
                view = self._reading.then(then) if isinstance(then, int) else self._shown()
                found = rows_of(view.members, group, start, end)
                self._tell({"op": "rows", "id": key, **found})
            case _:
                return False
        return True

    def _ask(self, coroutine: Coroutine[Any, Any, Told], key: object, op: str) -> None:
        """Answer the browser with what a coroutine returns."""
        self._answer(self._submit(coroutine), key, op, told=True)

    def _answer(self, future: Future[Any], key: object, op: str, *, told: bool = False) -> None:
        """Answer the browser once the future is done; `told`: with its result as well."""

        def reply() -> None:
            error = error_of(future)
            if error is not None:
                self._refuse(key, said(error), error)
                return
            self._tell({"op": op, "id": key, **(future.result() if told else {})})

        future.add_done_callback(lambda _: self._soon(reply))

    def _soon(self, callback: Callable[[], None]) -> None:
        try:
            self._post(callback)
        except RuntimeError:
            return  # the world was closed, its views with it

    def _refuse(self, key: object, message: str, error: BaseException | None = None) -> None:
        errors = error.errors if isinstance(error, HookPayloadError) else []
        self._tell({"op": "refused", "id": key, "message": message, "errors": errors})


def _id_of(content: object) -> object:
    match content:
        case {"id": str() | int() as key}:
            return key
        case _:
            return None


def _names(types: object) -> set[str] | None:
    """The types that a filter lets through, or None for all."""
    if not isinstance(types, list):
        return None
    return {str(name) for name in cast("list[object]", types)}


def error_of(future: Future[Any]) -> BaseException | None:
    """Return what a future that is done failed with, or None."""
    if future.cancelled():
        return RuntimeError("The action was given up; try it again.")
    return future.exception()


def said(error: BaseException) -> str:
    """Return an error as the user reads it: a coded one as it stands, another with its type."""
    return str(error) if hasattr(error, "hint") else f"{type(error).__name__}: {error}"
