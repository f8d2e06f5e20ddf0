"""A KeyboardInterrupt at a chosen place: where Python looks for signals, and nowhere between."""

from __future__ import annotations

import concurrent.futures
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

import wf_notebook

if TYPE_CHECKING:
    from types import FrameType

OURS = os.path.dirname(wf_notebook.__file__)
FILES = (OURS, concurrent.futures._base.__file__, threading.__file__)

STARTING = ("Thread.start", "Thread.__init__")


class Interrupt:
    """Raises KeyboardInterrupt on this thread at the n-th place where a signal can.

    Python looks for signals as a function begins and as a call returns, and nowhere between: a
    lock that `with` holds is let go. Of Python's own functions those of futures and of threads are
    gone through as well, but not the start of a thread: its locks don't bear it, and nobody who
    uses them can mend that.

    Args:
        at: the number of the place; None to count them.

    Attributes:
        places: how many there were.
    """

    def __init__(self, at: int | None) -> None:
        self.places = 0
        self._at = at

    def __enter__(self) -> Self:
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _look(self, frame: FrameType, event: str, _arg: Any) -> None:
        if event in ("call", "c_return") and _counts(frame):
            self.places += 1
            if self.places == self._at:
                sys.setprofile(None)
                raise KeyboardInterrupt


def _counts(frame: FrameType | None) -> bool:
    if frame is None or not frame.f_code.co_filename.startswith(FILES):
        return False
    while frame is not None and frame.f_code.co_filename == threading.__file__:
        if frame.f_code.co_qualname in STARTING:
            return False
        frame = frame.f_back
    return True
