"""How long "1h 30m" is, in seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any, Final

__all__ = ["parse_duration"]

_SECONDS: Final[dict[str, float]] = {
    unit: seconds
    for names, seconds in (
        ("ms millisecond milliseconds", 0.001),
        ("s sec secs second seconds", 1.0),
        ("m min mins minute minutes", 60.0),
        ("h hr hrs hour hours", 3600.0),
        ("d day days", 86_400.0),
        ("w week weeks", 604_800.0),
    )
    for unit in names.split()
}
_PART: Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]+)\s*,?", re.ASCII)
_EXAMPLES: Final = 'write it like "1h 30m", "90s", "2d", "250ms" or "1w"'


def parse_duration(value: Any) -> float:
    """Return a duration in seconds.

    Args:
        value: a text of numbers with units (ms, s, m, h, d, w or their English words), a number
            of seconds, or a timedelta. Numbers and timedeltas may be negative; the caller says
            what that means.

    Raises:
        ValueError: the text cannot be read, or the number is not finite.
        TypeError: it is something else.

    >>> parse_duration("1h 30m"), parse_duration("250ms"), parse_duration(90)
    (5400.0, 0.25, 90.0)
    """
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        return _parse(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = (
            f"a duration is a text, a number of seconds or a timedelta, not {type(value).__name__}"
        )
        raise TypeError(msg)
    return _finite(value)


def _finite(value: float) -> float:
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        msg = "a duration is a finite number of seconds"
        raise ValueError(msg)
    return seconds


def _parse(text: str) -> float:
    seconds, place = 0.0, 0
    while match := _PART.match(text, place):
        number, unit = match.groups()
        if unit not in _SECONDS:  # not in capitals: "1M" would be a month to some
            msg = f"unknown unit {unit!r} in the duration {text!r}; {_EXAMPLES}"
            raise ValueError(msg)
        seconds += float(number) * _SECONDS[unit]
        place = match.end()
    if place == 0 or text[place:].strip():
        msg = f"cannot read {text[place:].strip() or text!r} as a duration; {_EXAMPLES}"
        raise ValueError(msg)
    return _finite(seconds)
