"""The live view: one anywidget, one snapshot to the browser, custom messages back.

Each channel has one direction. The snapshot (`view`, with `now`, the moment it was taken) is written
on the engine's loop only, by the publisher; the browser never writes a trait, it sends messages. A
message may arrive on the main thread or on a subshell's: it is posted to the engine's loop, and
nothing there waits. Synced state is saved into notebooks, so opened text (source, titles of hooks,
messages of errors, streams) only ever travels in a message.

Messages from the browser; `id` comes back in the answer, and is a resume's idempotency key:
    {"op": "hello", "id"}  -> {"op": "hello", "id", "now_us", "titles", "details", "blocked", "streams"}
    {"op": "resume", "id", "token", "payload"} -> {"op": "resumed", "id"}
    {"op": "wake", "id", "wait": id or null}   -> {"op": "woken", "id"}
    {"op": "cancel", "id"}                     -> {"op": "cancelled", "id"}
    {"op": "reveal", "id"}                     -> {"op": "revealed", "id", "source"}
Any of them may be answered {"op": "refused", "id", "message", "errors": [{"path", "message"}]}.
Unasked, the kernel sends {"op": "private", "titles", "details", "blocked"} when these change, and
{"op": "stream", "name", "from", "to", "text", "closed", "more"} when there is more of a stream: the
text of the chunks `from` to `to`; `from` is None, and `cut` says whether something stands before it,
if it takes the place of what was shown. `more` streams are not shown. In `streams`, all that is shown.
"""

from __future__ import annotations

import re
import uuid
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import anywidget
import traitlets

from wf_notebook.errors import HookPayloadError
from wf_notebook.views.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from wf_notebook.clock import Clock
    from wf_notebook.views.model import RunView
    from wf_notebook.views.publisher import Loop
    from wf_notebook.views.tails import Source

_STATIC: Final = Path(__file__).with_name("static")
_MODULES: Final = ("times", "schema", "nodes", "fields", "forms", "streams", "run_view")
_STYLES: Final = ("fields", "run_view", "streams")
_IMPORT: Final = re.compile(r"^import \{[^}]*\} from \"\./\w+\.js\";\n", re.MULTILINE)
_NAMESPACE: Final = uuid.UUID("6f0ab8a5-6d0c-5b63-9d3f-2d9c3a1c7e11")


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

    def source(self) -> Future[str]:
        """The source that runs, opened."""
        ...


def browser_module() -> str:
    """Return the view's modules as the one that anywidget takes: joined, without their imports."""
    return "\n".join(_IMPORT.sub("", _read(f"{name}.js")) for name in _MODULES)


def browser_styles() -> str:
    """Return the view's style sheets as one."""
    return "\n".join(_read(f"{name}.css") for name in _STYLES)


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


class _Wire(Protocol):
    """The part of an ipywidgets widget that we talk through; the library ships no types."""

    def send(self, content: Mapping[str, Any], /) -> None:
        """Send a custom message to all views of this widget."""
        ...

    def on_msg(self, callback: Callable[[object, object, object], None], /) -> None:
        """Call back with widget, content and buffers of each custom message."""
        ...


def widget_id(run_id: str, display: str = "") -> str:
    """Return the model id of a run's view, the same after a restart of the kernel.

    >>> widget_id("wrun_1") == widget_id("wrun_1"), widget_id("wrun_1") == widget_id("wrun_1", "b")
    (True, False)
    """
    return uuid.uuid5(_NAMESPACE, f"{run_id}\0{display}").hex


class RunWidget(anywidget.AnyWidget):
    """The live view of one run in one display.

    Args:
        view: the first snapshot.
        actions: what its buttons do.
        streams: what its steps write.
        loop: the engine's loop.
        clock: the world's clock.
        model_id: a fixed id (`widget_id`), so that a saved output can be revived.
    """

    _esm = browser_module()
    _css = browser_styles()
    view: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    now: traitlets.Int[int, int] = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        view: RunView,
        *,
        actions: Actions,
        streams: Source,
        loop: Loop,
        clock: Clock,
        model_id: str | None = None,
    ) -> None:
        self._actions = actions
        self._loop = loop
        self._clock = clock
        self._tails = Tails(streams, tell=self._tell_stream, post=self._post)
        self._private = _private(view, "")
        named = {} if model_id is None else {"model_id": model_id}
        super().__init__(view=view.to_json(), now=view.now_us, **named)
        self._wire.on_msg(self._on_message)

    @property
    def _wire(self) -> _Wire:
        return cast("_Wire", self)

    def publish(self, view: RunView, *, blocked: str = "") -> None:
        """Show a snapshot; on the engine's loop. An equal one is not sent again.

        Args:
            view: the snapshot.
            blocked: the engine's message about a blocked run; sent, but not kept in synced state.
        """
        if self.comm is None:
            return  # closed
        snapshot, private = view.to_json(), _private(view, blocked)
        if private != self._private:
            self._private = private
            self._tell({"op": "private", **private})
        if snapshot != self.view:
            with self.hold_sync():
                self.now = view.now_us
                self.view = snapshot
        self._tails.look()

    def _on_message(self, _widget: object, content: object, _buffers: object) -> None:
        """Take a message, on whatever thread it arrives, and post it."""
        try:
            self._loop.call_soon_threadsafe(partial(self._handle, content))
        except RuntimeError:
            self._refuse(_id_of(content), "The world of this run was closed; open it again.")

    def _handle(self, content: object) -> None:
        """Do what a message asks, on the engine's loop."""
        key = _id_of(content)
        try:
            self._do(content, key)
        except Exception as error:  # noqa: BLE001 - whatever it is, the user must see it
            self._refuse(key, _said(error), error)

    def _do(self, content: object, key: object) -> None:
        match cast("Mapping[str, object]", content):
            case {"op": "hello"}:
                now_us, streams = self._clock.now_us(), self._tails.all()
                answer = {"op": "hello", "id": key, "now_us": now_us, "streams": streams}
                self._tell({**answer, **self._private})
                self._tails.begin()
            case {"op": "resume", "token": str(token), "payload": payload, "id": str(resume_id)}:
                self._answer(self._actions.resume(token, payload, resume_id), key, "resumed")
            case {"op": "wake", "wait": str() | None as wait}:
                self._answer(self._actions.wake(wait), key, "woken")
            case {"op": "cancel"}:
                self._answer(self._actions.cancel(), key, "cancelled")
            case {"op": "reveal"}:
                self._answer(self._actions.source(), key, "revealed", result_as="source")
            case _:
                self._refuse(key, "The view sent a message that this version does not know.")

    def _answer(
        self, future: Future[Any], key: object, op: str, *, result_as: str | None = None
    ) -> None:
        """Answer the browser once the future is done; from the engine's loop, like all we send."""

        def reply() -> None:
            error = _error_of(future)
            if error is not None:
                self._refuse(key, _said(error), error)
                return
            extra = {} if result_as is None else {result_as: future.result()}
            self._tell({"op": op, "id": key, **extra})

        future.add_done_callback(lambda _: self._post(reply))

    def _post(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return  # the world was closed, its views with it

    def _tell_stream(self, told: Mapping[str, Any]) -> None:
        self._tell({"op": "stream", **told})

    def _refuse(self, key: object, message: str, error: BaseException | None = None) -> None:
        errors = error.errors if isinstance(error, HookPayloadError) else []
        self._tell({"op": "refused", "id": key, "message": message, "errors": errors})

    def _tell(self, content: Mapping[str, Any]) -> None:
        if self.comm is not None:
            self._wire.send(content)


def _private(view: RunView, blocked: str) -> dict[str, Any]:
    return {"titles": view.titles, "details": view.details, "blocked": blocked}


def _id_of(content: object) -> object:
    match content:
        case {"id": str() | int() as key}:
            return key
        case _:
            return None


def _error_of(future: Future[Any]) -> BaseException | None:
    if future.cancelled():
        return RuntimeError("The action was given up; try it again.")
    return future.exception()


def _said(error: BaseException) -> str:
    """Return an error as the user reads it: a coded one as it stands, another with its type."""
    return str(error) if hasattr(error, "hint") else f"{type(error).__name__}: {error}"
