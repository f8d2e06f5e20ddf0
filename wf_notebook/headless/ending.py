"""What may end an execution before its last cell: time, or a signal?"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Generator

# How long the kernel may take to stop a cell and to say how the runs stand: once time is up; and
# once somebody wants us gone, who may not wait long. The world bears it if the kernel is killed.
GRACE_SECONDS: Final = 30.0
HURRY_SECONDS: Final = 5.0
_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Ending:
    """Watches the clock and the signals of one execution; on its loop.

    Args:
        seconds: how long all of it may take; None for no limit.

    Attributes:
        timed_out: whether time was up first.
        signal: which signal came; None if none did.
    """

    def __init__(self, seconds: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = None if seconds is None else self._loop.time() + seconds
        self._told = asyncio.Event()
        self.timed_out = False
        self.signal: int | None = None

    @property
    def has_come(self) -> bool:
        """Whether no further cell is to run."""
        return self.timed_out or self.signal is not None

    @property
    def grace(self) -> float:
        """Seconds that the kernel may take from then on for one thing."""
        return GRACE_SECONDS if self.signal is None else HURRY_SECONDS

    @contextlib.contextmanager
    def heard(self) -> Generator[None]:
        """Hear signals, instead of ending by them, until the block is left."""
        self.listen()
        try:
            yield
        finally:
            for number in _SIGNALS:
                with contextlib.suppress(RuntimeError, NotImplementedError, ValueError):
                    self._loop.remove_signal_handler(number)

    def listen(self) -> None:
        """Hear signals; again, after somebody else has taken them."""
        for number in _SIGNALS:
            # not on Windows, and not beside the main thread
            with contextlib.suppress(RuntimeError, NotImplementedError, ValueError):
                self._loop.add_signal_handler(number, self._hear, number)

    def _hear(self, number: int) -> None:
        self.signal = self.signal or number
        self._told.set()

    async def wait_for(self, task: asyncio.Future[Any]) -> bool:
        """Wait until a task is done, or the end has come; returns whether the task is done."""
        told = asyncio.ensure_future(self._told.wait())
        left = None if self._deadline is None else max(self._deadline - self._loop.time(), 0)
        try:
            await asyncio.wait({task, told}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
        if not task.done() and self.signal is None:
            self.timed_out = True
        return task.done()
