"""How does the failure of a source look: its frames, causes, parts, and the steps' own tracebacks?"""

from __future__ import annotations

from itertools import pairwise
from textwrap import indent
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.engine.failures import headline
from wf_notebook.views.pointing import place, pointed, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Failure = Mapping[str, Any]

_BECAUSE: Final = "… which was the cause of:\n"
_MARGIN: Final = "  │ "


def failed(error: Failure, *, source: str, origin: Mapping[str, Any]) -> list[str]:
    """Return blocks of text that show a failure, the innermost frame last.

    Args:
        error: `{type, message, frames, cause, parts}` as `RunFailedError.error` has it; of a failed
            step also `alias`, `line` and `traceback`.
        source: the text that ran.
        origin: where it came from: `label` and `line_offset`.
    """
    return _Shown(source.split("\n"), origin).failure(error)


class _Shown:
    """Shows the failures of one source."""

    def __init__(self, lines: Sequence[str], origin: Mapping[str, Any]) -> None:
        self._lines = lines
        self._origin = origin

    def failure(self, error: Failure) -> list[str]:
        """Causes first, each named; the failure itself is named by whoever shows it."""
        chain = [error]
        while chain[0].get("cause"):
            chain.insert(0, chain[0]["cause"])
        blocks: list[str] = []
        for cause, _ in pairwise(chain):
            blocks += [*self._one(cause), f"{named(cause)}\n", _BECAUSE]
        return [*blocks, *self._one(error)]

    def _one(self, error: Failure) -> list[str]:
        frames = [self._frame(frame) for frame in error.get("frames") or self._call(error)]
        parts = error.get("parts") or ()
        inside = [self._part(part, n, len(parts)) for n, part in enumerate(parts, start=1)]
        return [*frames, *_in_the_step(error), *inside]

    def _call(self, error: Failure) -> list[list[Any]]:
        """The call of a step whose failure went through no code of the source, as in a gather."""
        line = error.get("line")
        return [] if line is None else [[line, None, None, None, f"steps.{error['alias']}(…)"]]

    def _part(self, part: Failure, number: int, count: int) -> str:
        text = "".join(self.failure(part)) + named(part)
        return f"  part {number} of {count}\n{indent(text, _MARGIN)}\n"

    def _frame(self, frame: Sequence[Any]) -> str:
        line, column, end_line, end_column, function = frame
        end = end_column if end_line == line else None
        at = f"{place(line, self._origin)}, in {function}\n"
        return at + pointed(line, column, end, self._lines, self._origin)


def named(error: Failure) -> str:
    """Return a failure's type and message in one line."""
    return printable(headline(error).replace("\n", " "))


def _in_the_step(error: Failure) -> list[str]:
    """Where in the step it happened, if that was recorded."""
    text = str(error.get("traceback") or "").rstrip()
    if not text:
        return []
    lines = [printable(line) for line in text.splitlines()]
    return ["\n".join([f"In the step {error.get('alias')}", *lines]) + "\n"]
