"""How a view's messages are answered: each once, with what it asks for or with why not.

A message may arrive on any thread; it is answered from the engine's loop, like all that is sent, and
nothing there waits. Its `id` comes back in the answer; what can't be done is answered
{"op": "refused", "id", "message", "errors": [{"path", "message"}]}.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from wf_notebook.errors import HookPayloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from concurrent.futures import Future

Told: TypeAlias = dict[str, Any]


class Answers:
    """The way back to the browser.

    Args:
        post: calls on the engine's loop, from any thread; raises RuntimeError where it has ended.
        submit: runs a coroutine on it.
        tell: sends a message.
        closed: what is said where the loop has ended.
    """

    def __init__(
        self,
        *,
        post: Callable[[Callable[[], None]], object],
        submit: Callable[[Coroutine[Any, Any, Told]], Future[Told]],
        tell: Callable[[Mapping[str, Any]], None],
        closed: str,
    ) -> None:
        self._post = post
        self._submit = submit
        self._closed = closed
        self.tell = tell

    def take(self, content: object, handle: Callable[[Mapping[str, object], object], bool]) -> None:
        """Take a message, on whatever thread it arrives; `handle` does what it asks, if it can."""
        try:
            self._post(partial(self._handle, content, handle))
        except RuntimeError:
            self._refuse(_id_of(content), self._closed)

    def _handle(
        self, content: object, handle: Callable[[Mapping[str, object], object], bool]
    ) -> None:
        key = _id_of(content)
        message = cast("Mapping[str, object]", content)
        try:
            if not handle(message, key):
                self._refuse(key, "The view sent a message that this version does not know.")
        except Exception as error:  # noqa: BLE001 - whatever it is, the user must see it
            self._refuse(key, said(error), error)

    def begin(self, coroutine: Coroutine[Any, Any, Told]) -> None:
        """Do something that nobody waits for."""
        self._submit(coroutine)

    def ask(self, coroutine: Coroutine[Any, Any, Told], key: object, op: str) -> None:
        """Answer the browser with what a coroutine returns."""
        self.once(self._submit(coroutine), key, op, told=True)

    def once(self, future: Future[Any], key: object, op: str, *, told: bool = False) -> None:
        """Answer the browser once the future is done; `told`: with its result as well."""

        def reply() -> None:
            error = error_of(future)
            if error is not None:
                self._refuse(key, said(error), error)
                return
            self.tell({"op": op, "id": key, **(future.result() if told else {})})

        future.add_done_callback(lambda _: self._soon(reply))

    def _soon(self, callback: Callable[[], None]) -> None:
        try:
            self._post(callback)
        except RuntimeError:
            return  # the world was closed, its views with it

    def _refuse(self, key: object, message: str, error: BaseException | None = None) -> None:
        errors = error.errors if isinstance(error, HookPayloadError) else []
        self.tell({"op": "refused", "id": key, "message": message, "errors": errors})


def _id_of(content: object) -> object:
    match content:
        case {"id": str() | int() as key}:
            return key
        case _:
            return None


def error_of(future: Future[Any]) -> BaseException | None:
    """Return what a future that is done failed with, or None."""
    if future.cancelled():
        return RuntimeError("The action was given up; try it again.")
    return future.exception()


def said(error: BaseException) -> str:
    """Return an error as the user reads it: a coded one as it stands, another with its type."""
    return str(error) if hasattr(error, "hint") else f"{type(error).__name__}: {error}"
