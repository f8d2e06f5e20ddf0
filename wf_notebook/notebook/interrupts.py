"""How does an interrupt reach a cell that awaits?

ipykernel's handler of SIGINT schedules the cell's cancellation in a way that doesn't wake a loop
that sleeps (ipykernel issue 881): the cell then goes on until something else happens. A loop that
has any signal handler of its own is woken by every signal, so the kernel's gets one, for a signal
that otherwise means nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wake_on_signals() -> Callable[[], None] | None:
    """Let signals wake the running loop; return how to take that back, or None if it can't be done.

    It can't where no loop runs (yet), off the main thread, and on Windows, where loops poll.
    """
    quiet = getattr(signal, "SIGURG", None)
    try:
        loop = asyncio.get_running_loop()
        if quiet is None:
            return None
        loop.add_signal_handler(quiet, _nothing)
    except (RuntimeError, ValueError, NotImplementedError):
        return None

    def undo() -> None:
        with contextlib.suppress(RuntimeError, ValueError):
            loop.remove_signal_handler(quiet)

    return undo


def _nothing() -> None:
    """Do nothing: that the signal arrived is enough."""
