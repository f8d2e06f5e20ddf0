"""How far is a model with its answer? A line and its last lines under the cell, while it writes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

from wf_notebook.notebook.outputs import replace
from wf_notebook.views.words import readable

if TYPE_CHECKING:
    from wf_notebook.notebook.outputs import Outputs

_SECONDS: Final = 0.25  # between two updates
_LINES: Final = 8


class Progress:
    """A place under a cell that shows a growing answer; a context manager that leaves a line.

    Args:
        outputs: where it goes; None where outputs are never replaced, as in a terminal.
        display_id: of that place.
        model: who is asked.
    """

    def __init__(self, outputs: Outputs | None, display_id: str, model: str) -> None:
        self._outputs = outputs
        self._id = display_id
        self._model = readable(model)
        self._shown_at = float("-inf")
        self._length = 0
        self._answers = 1

    def __enter__(self) -> Self:
        self._publish(f"Asking {self._model} …", update=False)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        word = "answer" if self._answers == 1 else "answers"
        ended = "gave no draft" if kind is not None else f"gave {self._answers} {word}"
        self._publish(f"{self._model} {ended}.")

    def grow(self, text: str) -> None:
        """Show what there is of an answer; on the loop that waits for it."""
        anew = len(text) < self._length
        self._answers += anew
        self._length = len(text)
        now = asyncio.get_running_loop().time()
        if anew or now - self._shown_at >= _SECONDS:
            self._shown_at = now
            lines = readable(text).split("\n")
            head = f"{self._model}, answer {self._answers}: {len(lines)} lines …"
            self._publish("\n".join([head, *(f"  {line}" for line in lines[-_LINES:])]))

    def _publish(self, text: str, *, update: bool = True) -> None:
        if self._outputs is None:
            return
        data: dict[str, Any] = {"text/plain": text}
        if update:
            replace(self._outputs, self._id, data)
        else:
            self._outputs.publish(data, {}, transient={"display_id": self._id})
