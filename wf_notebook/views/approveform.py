"""A button that approves what is shown above it, with a note: plain ipywidgets controls."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import ipywidgets

from wf_notebook.views.answers import error_of, said
from wf_notebook.views.plainfields import button, close_all, marked, seen, text_line, widgets

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["ApproveForm"]


class ApproveForm(ipywidgets.VBox):  # type: ignore[misc]  # the library ships no types
    """Asks for a note and an approval; a click may arrive on any thread, and nothing waits here.

    Args:
        approve: approves with a note; returns a future of what was approved.
        done: called then, on a thread of its own, where it may wait; it closes the form.
    """

    def __init__(self, approve: Callable[[str], Future[Any]], done: Callable[[], object]) -> None:
        self._approve = approve
        self._done = done
        self._busy = False
        self._line = text_line("")
        self._note = widgets.Text(
            description="Note", placeholder="kept with the approval", continuous_update=False
        )
        press = button("Approve", self._click, self._say)
        press.button_style = "primary"
        cast("Any", super()).__init__([self._note, press, self._line])

    def close(self) -> None:
        """Close it with all that is in it. Idempotent."""
        if self.comm is None:
            return
        self._note.value = ""
        for child in cast("Any", self).children:
            close_all(child)
        cast("Any", self).layout.close()
        cast("Any", super()).close()

    def _click(self) -> None:
        if self._busy:
            return
        self._busy = True
        self._say("Approving…")
        try:
            asked = self._approve(self._note.value)
        except BaseException:
            self._busy = False
            raise
        asked.add_done_callback(lambda future: seen(lambda: self._learn(future), self._say))

    def _learn(self, asked: Future[Any]) -> None:
        self._busy = False
        error = error_of(asked)
        if error is not None:
            self._say(said(error))
            return
        Thread(target=lambda: seen(self._done, self._say), name="wf-approved", daemon=True).start()

    def _say(self, text: str) -> None:
        self._line.value = marked(text)
