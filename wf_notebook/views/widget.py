"""The live view: one anywidget, one snapshot to the browser, custom messages back.

Each channel has one direction. The snapshot (`view`, with `now`, the moment it was taken) is written
on the engine's loop only, by the publisher; the browser never writes a trait, it sends messages,
which `views.asking` lists. Synced state is saved into notebooks, so opened text (source, titles of
hooks, messages of errors, streams) only ever travels in a message, and paths of this machine too.

Unasked, the kernel sends {"op": "private", "titles", "details", "blocked", "commands"} when these
change, and {"op": "stream", "name", "from", "to", "text", "closed", "more"} when there is more of a
stream: the text of the chunks `from` to `to`; `from` is None, and `cut` says whether something stands
before it, if it takes the place of what was shown. `more` streams are not shown. In `streams` of the
answer to "hello", all that is shown. `commands` are a shell's lines that answer open hooks, by hook.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import anywidget
import traitlets

from wf_notebook.views.answers import Answers
from wf_notebook.views.asking import Asking
from wf_notebook.views.tails import Tails

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.clock import Clock
    from wf_notebook.views.asking import Actions, Opens
    from wf_notebook.views.model import RunView
    from wf_notebook.views.pace import Loop
    from wf_notebook.views.reading import Reading
    from wf_notebook.views.tails import Source

_STATIC: Final = Path(__file__).with_name("static")
_MODULES: Final = (
    "times", "schema", "nodes", "questions", "copy", "panel", "fields", "forms", "streams", "outline", "peek",
    "timeline", "code", "events", "replay", "header", "embed", "run_view",
)  # fmt: skip
_STYLES: Final = ("fields", "run_view", "timeline", "streams", "panels")
_IMPORT: Final = re.compile(r"^import \{[^}]*\} from \"\./\w+\.js\";\n", re.MULTILINE)
_NAMESPACE: Final = uuid.UUID("6f0ab8a5-6d0c-5b63-9d3f-2d9c3a1c7e11")


def browser_module(names: Sequence[str] = _MODULES) -> str:
    """Return a view's modules as the one that anywidget takes: joined, without their imports."""
    return "\n".join(_IMPORT.sub("", _read(f"{name}.js")) for name in names)


def browser_styles(names: Sequence[str] = _STYLES) -> str:
    """Return a view's style sheets as one."""
    return "\n".join(_read(f"{name}.css") for name in names)


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


class Host(Protocol):
    """Where a view is answered; `engine.host.Host` is one."""

    @property
    def loop(self) -> Loop:
        """The engine's loop."""
        ...

    @property
    def clock(self) -> Clock:
        """The world's clock."""
        ...

    def submit(self, coroutine: Coroutine[Any, Any, dict[str, Any]], /) -> Future[dict[str, Any]]:
        """Run a coroutine on the loop."""
        ...


class Wire(Protocol):
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
        reading: what its panels show.
        opens: shows other runs inside it.
        streams: what its steps write.
        host: where it is answered: the engine's loop, and the world's clock.
        model_id: a fixed id (`widget_id`), so that a saved output can be revived.
    """

    _esm = browser_module()
    _css = browser_styles()
    view: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    now: traitlets.Int[int, int] = traitlets.Int().tag(sync=True)

    def __init__(  # noqa: PLR0913 - what it speaks for, by name
        self,
        view: RunView,
        *,
        actions: Actions,
        reading: Reading,
        opens: Opens,
        streams: Source,
        host: Host,
        model_id: str | None = None,
    ) -> None:
        self._host = host
        self._shown = view
        self._reading = reading
        self._tails = Tails(streams, tell=self._tell_stream, post=self._post)
        self._private = _private(view, "")
        asking = Asking(
            actions=actions,
            reading=reading,
            opens=opens,
            greeting=self._greeting,
            shown=lambda: self._shown,
            answers=Answers(
                post=host.loop.call_soon_threadsafe,
                submit=host.submit,
                tell=self._tell,
                closed="The world of this run was closed; open it again.",
            ),
        )
        named = {} if model_id is None else {"model_id": model_id}
        super().__init__(view=view.to_json(), now=view.now_us, **named)
        self._wire.on_msg(lambda _widget, content, _buffers: asking.take(content))

    @property
    def _wire(self) -> Wire:
        return cast("Wire", self)

    def publish(self, view: RunView, *, blocked: str = "") -> None:
        """Show a snapshot; on the engine's loop. An equal one is not sent again.

        Args:
            view: the snapshot.
            blocked: the engine's message about a blocked run; sent, but not kept in synced state.
        """
        if self.comm is None:
            return  # closed
        self._shown = view
        snapshot, private = view.to_json(), _private(view, blocked)
        if private != self._private:
            self._private = private
            self._tell({"op": "private", **private})
        if snapshot != self.view:
            with self.hold_sync():
                self.now = view.now_us
                self.view = snapshot
        self._tails.look()

    def close(self) -> None:
        """Let go of it: what is shown of it goes, and what was kept for it."""
        self._reading.leave()
        cast("Any", self).layout.close()  # made with it, and the library leaves it behind
        super().close()

    def _greeting(self) -> dict[str, Any]:
        """What a view that has just been drawn has to be told; from then on it hears of streams."""
        told = {"now_us": self._host.clock.now_us(), "streams": self._tails.all(), **self._private}
        self._post(self._tails.begin)
        return told

    def _post(self, callback: Callable[[], None]) -> None:
        try:
            self._host.loop.call_soon_threadsafe(callback)
        except RuntimeError:
            return  # the world was closed, its views with it

    def _tell_stream(self, told: Mapping[str, Any]) -> None:
        self._tell({"op": "stream", **told})

    def _tell(self, content: Mapping[str, Any]) -> None:
        if self.comm is not None:
            self._wire.send(content)


def _private(view: RunView, blocked: str) -> dict[str, Any]:
    return {
        "titles": view.titles,
        "details": view.details,
        "blocked": blocked,
        "commands": view.commands,
    }
