"""What must host and guest both know? It stands here so that the host needn't load the guest."""

from __future__ import annotations

from typing import Final

__all__ = [
    "EXIT_BROKEN",
    "EXIT_MEMORY",
    "EXIT_UNCONFINED",
    "MAX_TIME_US",
    "PRINTED_CHARS",
    "PRINT_ROOM",
    "due_in",
]

EXIT_BROKEN: Final = 70
EXIT_MEMORY: Final = 71
EXIT_UNCONFINED: Final = 72
"""How a guest's process ends that cannot answer: it is broken, has no memory left, or could not be
confined as it had to be."""

PRINT_ROOM: Final = 1 << 20
PRINTED_CHARS: Final = PRINT_ROOM + 100
"""How many characters one event may print, what is said of those that were cut included."""

MAX_TIME_US: Final = 253_402_300_799_000_000  # the end of the year 9999, the last one with a name
_MICROSECONDS: Final = 1_000_000


def due_in(seconds: float, now_us: int) -> int:
    """Return the time, in microseconds, that many seconds from now; never early by rounding.

    >>> due_in(1.5, 10), due_in(-1, 10), due_in(float("inf"), 10) == MAX_TIME_US
    (1500010, 10, True)
    """
    if seconds <= 0:
        return now_us
    if seconds * _MICROSECONDS >= MAX_TIME_US - now_us:
        return MAX_TIME_US
    return now_us - int(-round(seconds * _MICROSECONDS, 1) // 1)
