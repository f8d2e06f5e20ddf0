"""How much of a suite is run: a little per change, much by night (`pytest --nightly`)."""

from __future__ import annotations

_switch = {"nightly": False}


def by_night(on: bool | None = None) -> bool:
    """Whether the long suites are run, too; `tests/conftest.py` turns it on."""
    if on is not None:
        _switch["nightly"] = on
    return _switch["nightly"]


def sized(per_change: int, nightly: int) -> int:
    """Return how many examples, rounds or processes a suite takes this time.

    The table in the README, "How it is tested", gives both.
    """
    return nightly if by_night() else per_change
