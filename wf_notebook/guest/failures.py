"""What an exception is to the other side: its type's name, its message and its lines, as data."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.guest.problems import StepError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from wf_notebook.guest.values import Tree

__all__ = ["describe", "message_of", "printable"]

_MAX_FRAMES: Final = 50  # the innermost ones: a recursion has a thousand
_MAX_CAUSES: Final = 8
_MAX_PARTS: Final = 20
_MAX_MESSAGE: Final = 16_000
_MAX_NAME: Final = 200
_MAX_POSITION: Final = 10_000_000  # as the host takes it


def printable(text: str) -> str:
    r"""Return a text that every reader of JSON takes: lone surrogates are written out.

    >>> printable("a\ud800")
    'a\\ud800'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def message_of(error: BaseException) -> str:
    """Return an exception's text, whatever its `__str__` does."""
    try:
        text = str(error)
    except Exception as trouble:  # noqa: BLE001 - written in the source: anything can happen
        text = f"<{type(trouble).__name__} in its __str__>"
    return printable(text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…")


def describe(error: BaseException, *, filename: str, lines: Sequence[str]) -> dict[str, Any]:
    """Return an exception as the host's `GuestFailure`.

    Args:
        error: what was raised.
        filename: what the source was compiled as; frames of other files are left out.
        lines: the source's lines, for columns in characters.

    Returns:
        `{type, message, frames, cause, parts}`, of a failed step also `step`, its position; a frame
        is `[line, column, end_line, end_column, function]`, innermost last; lines and columns count
        from 1, the end column is exclusive.
    """
    return _Describer(filename, lines).failure(error, _MAX_CAUSES)


def _parts_of(error: Any) -> tuple[BaseException, ...]:
    parts: tuple[BaseException, ...] = ()
    if isinstance(error, BaseExceptionGroup):
        parts = cast("BaseExceptionGroup[BaseException]", error).exceptions
    return parts


def _step(error: BaseException) -> dict[str, int]:
    """Return which step failed; a source may have written anything there."""
    position: Any = error.position if isinstance(error, StepError) else 0
    return {"step": position} if type(position) is int and 0 < position <= _MAX_POSITION else {}


class _Describer:
    def __init__(self, filename: str, lines: Sequence[str]):
        self._filename = filename
        self._lines = lines
        self._seen: set[int] = set()

    def failure(self, error: BaseException, depth: int) -> dict[str, Any]:
        self._seen.add(id(error))
        shown = islice(_parts_of(error), _MAX_PARTS) if depth else ()
        return {
            "type": printable(type(error).__name__)[:_MAX_NAME],
            "message": message_of(error),
            "frames": self._frames(error.__traceback__),
            "cause": self._cause(error, depth),
            "parts": [self.failure(part, depth - 1) for part in shown],
            **_step(error),
        }

    def _cause(self, error: BaseException, depth: int) -> dict[str, Any] | None:
        cause = error.__cause__
        if cause is None and not error.__suppress_context__:
            cause = error.__context__
        if cause is None or id(cause) in self._seen or depth == 0:
            return None
        return self.failure(cause, depth - 1)

    def _frames(self, traceback: TracebackType | None) -> list[list[Tree]]:
        frames: list[list[Tree]] = []
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == self._filename:
                frames.append(self._frame(traceback))
            traceback = traceback.tb_next
        return frames[-_MAX_FRAMES:]

    def _frame(self, traceback: TracebackType) -> list[Tree]:
        code = traceback.tb_frame.f_code
        # One entry for each instruction, two bytes apart.
        place = next(islice(code.co_positions(), traceback.tb_lasti // 2, None), None)
        line, end_line, start, end = place or (None, None, None, None)
        column, end_column = self._column(line, start), self._column(end_line, end)
        name = code.co_qualname[-_MAX_NAME:]
        return [line or traceback.tb_lineno, column, end_line, end_column, name]

    def _column(self, line: int | None, offset: int | None) -> int | None:
        """Return a column in characters from one in bytes of UTF-8."""
        if line is None or offset is None or not 0 < line <= len(self._lines):
            return None
        return len(self._lines[line - 1].encode()[:offset].decode("utf-8", "ignore")) + 1
