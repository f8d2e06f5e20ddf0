"""A clock for tests: it moves when told to, or jumps when nothing else can happen."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import threading
from datetime import datetime
from typing import Final

from wf_notebook.clock import SECOND_US
from wf_notebook.guest.durations import parse_duration

__all__ = ["VirtualClock"]

_START: Final = "2026-01-01T00:00:00+00:00"


class VirtualClock:
    """A clock that moves only when told to, or when nothing else can happen.

    Args:
        start: ISO 8601 with an offset.
        autojump: jump to the next wait as soon as no step is running and no run has work to do:
            a sleep of 30 days takes no time.

    >>> clock = VirtualClock("2026-01-01T00:00:00+00:00")
    >>> clock.advance("1h")
    >>> clock.now_us() == 1767229200_000000
    True
    """

    def __init__(self, start: str = _START, *, autojump: bool = False) -> None:
        self._now = round(datetime.fromisoformat(start).timestamp() * SECOND_US)
        self._autojump = autojump
        self._lock = threading.Lock()
        self._count = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ticking: list[asyncio.Future[None]] = []

    def now_us(self) -> int:
        """Microseconds since the epoch, UTC."""
        return self._now

    async def wait_until(self, time_us: int) -> None:
        """Return when the clock has reached that time."""
        while time_us > self._now:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            with self._lock:
                self._count += 1
                heapq.heappush(self._waiting, (time_us, self._count, reached))
            if time_us <= self._now:  # moved between the look and the push
                return
            await reached

    async def tick(self) -> None:
        """Return when the clock has been moved."""
        moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._ticking.append(moved)
        await moved

    def idle(self) -> None:
        """Jump to the next wait, if the clock jumps by itself."""
        if not self._autojump:
            return
        with self._lock:
            while self._waiting and self._waiting[0][2].done():
                heapq.heappop(self._waiting)
            due = self._waiting[0][0] if self._waiting else None
        if due is not None:
            self.set(due)

    def advance(self, duration: str | float) -> None:
        """Move on by seconds, or by a duration such as "1h 30m"; negative seconds step back."""
        seconds = duration if isinstance(duration, int | float) else parse_duration(duration)
        self.set(self._now + round(seconds * SECOND_US))

    def set(self, time_us: int) -> None:
        """Set the time; what is due then goes on."""
        with self._lock:
            self._now = time_us
            due: list[asyncio.Future[None]] = []
            while self._waiting and self._waiting[0][0] <= time_us:
                due.append(heapq.heappop(self._waiting)[2])
            due += self._ticking
            self._ticking = []
        for reached in due:
            with contextlib.suppress(RuntimeError):  # its world was closed: nobody waits any more
                reached.get_loop().call_soon_threadsafe(_reach, reached)


def _reach(reached: asyncio.Future[None]) -> None:
    if not reached.done():
        reached.set_result(None)
