"""How does an interrupt reach a cell that awaits?

In a kernel: ipykernel's handler of SIGINT schedules the cell's cancellation in a way that doesn't wake a loop
that sleeps (ipykernel issue 881): the cell then goes on until something else happens. A loop that
has any signal handler of its own is woken by every signal, so the kernel's gets one, for a signal
that otherwise means nothing.

In a terminal Ctrl-C breaks off the loop and leaves the cell in it, to go on beside the next one that
awaits. There the cell is cancelled instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


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


@contextlib.contextmanager
def cancelled_by_interrupt() -> Generator[None, None, None]:
    """Let Ctrl-C cancel the task that waits here; on the main thread, and not on Windows."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, task.cancel if task is not None else _nothing)
    except (RuntimeError, ValueError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


def _nothing() -> None:
    """Do nothing: that the signal arrived is enough."""
