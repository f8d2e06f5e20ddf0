"""What time it is, and how to wait for a time: one door, so that tests can hold it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final, Protocol

SECOND_US: Final = 1_000_000
# A long timer is looked at again after this long: the wall clock may have been set meanwhile, and
# the machine may have slept (monotonic clocks stop then).
RECHECK_SECONDS: Final = 60.0


class Clock(Protocol):
    """The world's clock."""

    def now_us(self) -> int:
        """Microseconds since the epoch, UTC."""
        ...

    async def wait_until(self, time_us: int) -> None:
        """Return when the clock has reached that time, never before it."""
        ...

    async def tick(self) -> None:
        """Return when it is time to look at everything again: once in a while, or after a jump."""
        ...

    def idle(self) -> None:
        """Told by the engine that nothing can happen before the next wait ends.

        A virtual clock may jump now; a real one does nothing.
        """
        ...


class SystemClock:
    """The wall clock of this machine."""

    def now_us(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1000

    async def wait_until(self, time_us: int) -> None:
        """Return when the clock has reached that time, never before it."""
        while (left := time_us - self.now_us()) > 0:  # noqa: ASYNC110 - the wall clock has no event
            await asyncio.sleep(min(left / SECOND_US, RECHECK_SECONDS))

    async def tick(self) -> None:
        """Return after a minute of the machine's being awake: the wall clock may have jumped."""
        await asyncio.sleep(RECHECK_SECONDS)

    def idle(self) -> None:
        """Do nothing: real time passes by itself."""


def iso(time_us: int) -> str:
    """Write a time as ISO 8601, UTC.

    >>> iso(0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(time_us / SECOND_US, UTC).isoformat()
