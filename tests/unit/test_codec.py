from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.errors import PayloadError
from wf_notebook.guest.measure import MAX_BYTES
from wf_notebook.world.codec import copied, pack, pack_plain, unpack, unpack_plain

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 53), 1 << 53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None))
)
trees = st.recursive(
    _scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=20,
)


@given(trees)
def test_every_tree_comes_back(tree: object) -> None:
    """Equal, of the same types, and with keys in the order they had."""
    back = unpack(pack(tree))  # type: ignore[arg-type]
    assert repr(back) == repr(tree)


def test_keys_are_not_sorted() -> None:
    """A replay must see the order that the live run saw."""
    assert pack({"b": 1, "a": 2}) == b'{"b":1,"a":2}'


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"args": {"x": [1, math.nan]}}, "data.args.x[1]"),
        ({"args": math.inf}, "data.args"),
        ({"args": {"x": b""}}, "data.args.x"),
        ([{1, 2}], "data[0]"),
    ],
)
def test_an_error_names_the_place(value: object, path: str) -> None:
    """Where inside the value the trouble is."""
    with pytest.raises(PayloadError) as caught:
        pack(value, "data")  # type: ignore[arg-type]
    assert caught.value.path == path
    assert path in caught.value.message


def test_a_cycle_is_refused() -> None:
    """It has no end to be written."""
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(PayloadError):
        pack(cycle, "data")  # type: ignore[arg-type]


def test_deep_nesting_is_refused() -> None:
    """A tree that cannot be walked cannot be recorded; it does not end the process."""
    tree: object = 1
    for _ in range(100_000):
        tree = [tree]
    with pytest.raises(PayloadError):
        pack(tree, "data")  # type: ignore[arg-type]


def test_a_value_may_be_just_as_long_as_the_limit() -> None:
    """64 MiB pass, one byte more does not, and the error says which part is the large one."""
    text = "x" * (MAX_BYTES - 2)
    assert len(pack(text)) == MAX_BYTES
    with pytest.raises(PayloadError, match="64") as caught:
        pack({"id": 1, "table": {"rows": [1, text]}}, "result")
    assert caught.value.path == "result.table.rows[1]"
    assert caught.value.hint


def test_an_evenly_spread_value_is_named_as_a_whole() -> None:
    """No part is most of it."""
    part = "x" * (MAX_BYTES // 3)
    with pytest.raises(PayloadError) as caught:
        pack([part] * 4, "result")
    assert caught.value.path == "result"


@pytest.mark.parametrize("junk", [b"", b"{", b"\xff\xfe", b"nul"])
def test_junk_is_a_value_error(junk: bytes) -> None:
    """Reading never guesses."""
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json or the decoder says
        unpack(junk)


def test_plain_text_is_utf_8() -> None:
    """A database can search it; half a character it could not."""
    assert unpack_plain(pack_plain({"token": "é\0"}, "hook")) == {"token": "é\0"}
    with pytest.raises(PayloadError, match="plain"):
        pack_plain({"token": "\ud800"}, "hook")
    with pytest.raises(ValueError, match="object"):
        unpack_plain("[]")


@pytest.mark.parametrize("value", [{"a": (1,)}, {"a": {1: 1}}])
def test_a_copy_is_only_made_of_trees(value: dict[str, object]) -> None:
    """What JSON would turn into something else is refused."""
    with pytest.raises(PayloadError, match="plain JSON"):
        copied(value, "data")  # type: ignore[arg-type]
