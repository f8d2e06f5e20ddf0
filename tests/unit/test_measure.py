"""Which part of a value is named when it is too long."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from wf_notebook.guest import measure
from wf_notebook.guest.measure import TooLong, check_length
from wf_notebook.guest.values import Record, encode

BIG = "x" * 2_000


class Pair(NamedTuple):
    a: Any
    b: Any


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MAX_BYTES", 2_500)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (BIG, "v"),
        ({"a": [1, {"b": BIG}]}, "v.a[1].b"),
        ({"unit price": BIG}, "v['unit price']"),
        (Record("Order", {"lines": [Record("Line", {"note": BIG})]}), "v.lines[0].note"),
        (Pair(1, BIG), "v.b"),
        ((1, BIG), "v[1]"),
        ({"a": {BIG}}, "v.a[0]"),
        ({"a": frozenset([BIG])}, "v.a[0]"),
        ({3: BIG}, "v[3]"),
        ({(1, 2): BIG}, "v[…]"),
        ([b"x" * 2_000], "v[0]"),
        (["x" * 700, "y" * 700, "z" * 700], "v"),
        ({"n": ["x" * 700, "y" * 700, "z" * 700]}, "v.n"),
        ("é" * 1_000, "v"),
        (list(range(2_000)), "v"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_place_is_the_authors(value: object, path: str) -> None:
    """As one would write it in Python; the tags of the tree don't show."""
    with pytest.raises(TooLong) as caught:
        check_length(encode(value), "v")
    assert caught.value.path == path
    assert "pass its name" in str(caught.value)


@pytest.mark.parametrize("value", [None, 1, "x" * 1_400, ["x" * 700, "y" * 700], {"a": {}}])
def test_what_fits(value: object) -> None:
    """Up to the limit, less what the event says besides."""
    check_length(encode(value), "v")


@pytest.mark.parametrize("value", [{"a": 1, "b": [1, 2]}, [[], {}], {"é": "\u2028"}])
def test_the_length_is_that_of_the_shortest_json(
    monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    """Without spaces, in UTF-8: one byte less than that, and it is too long."""
    tree = encode(value)
    length = len(json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode())
    monkeypatch.setattr(measure, "_ROOM", 0)
    monkeypatch.setattr(measure, "MAX_BYTES", length)
    check_length(tree, "v")
    monkeypatch.setattr(measure, "MAX_BYTES", length - 1)
    with pytest.raises(TooLong):
        check_length(tree, "v")
