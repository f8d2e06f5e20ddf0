"""Durations: what people write, in seconds."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.guest.durations import parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1h 30m", 5400),
        ("90s", 90),
        ("2d", 172_800),
        ("250ms", 0.25),
        ("1w", 604_800),
        ("1.5 hours", 5400),
        ("1 day, 2 hours", 93_600),
        (" .5s ", 0.5),
        (3, 3),
        (2.5, 2.5),
        (-1, -1),
        (timedelta(minutes=1, microseconds=1), 60.000001),
    ],
)
def test_a_duration_is_read(value: Any, seconds: float) -> None:
    """Units, words, numbers and timedeltas."""
    assert parse_duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "90", "h", "1h-3m", "5 x", "1M", "1e3s", "-1s", "1h;", "١s"])
def test_a_text_that_cannot_be_read_is_refused_with_examples(text: str) -> None:
    """The error shows how to write it."""
    with pytest.raises(ValueError, match="1h 30m"):
        parse_duration(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, "9" * 400 + "s"])
def test_numbers_are_finite(number: Any) -> None:
    """A sleep ends."""
    with pytest.raises(ValueError, match="finite"):
        parse_duration(number)


@pytest.mark.parametrize("value", [None, True, [1], b"1s"])
def test_other_things_are_no_durations(value: Any) -> None:
    """The error names the type that came."""
    with pytest.raises(TypeError, match=type(value).__name__):
        parse_duration(value)


@given(st.text(alphabet="0123456789. hmsdw,", max_size=30))
def test_any_text_gives_a_number_or_a_value_error(text: str) -> None:
    """Nothing else comes out, whatever goes in."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0
