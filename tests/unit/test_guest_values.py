"""Tagged JSON: what crosses comes back equal, what cannot cross says where it is."""

from __future__ import annotations

import copy
import enum
import json
import math
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.guest.opaque import Opaque
from wf_notebook.guest.ordered import OrderedFrozenSet, OrderedSet
from wf_notebook.guest.values import (
    MAX_DEPTH,
    Record,
    Unencodable,
    canonical,
    decode,
    encode,
    record_fields,
    record_name,
)

Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped kind is what is tested


@dataclass
class Order:
    id: str
    items: list[Any]


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


hashables = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.dates(), st.uuids(),
    st.datetimes(timezones=st.none() | st.just(UTC)), st.times(), st.timedeltas(),
    st.decimals(allow_nan=False), st.floats(allow_nan=False),
)  # fmt: skip
values = st.recursive(
    hashables,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(), inner, max_size=4),
        st.dictionaries(hashables, inner, max_size=4),
        st.sets(hashables, max_size=4),
        st.frozensets(hashables, max_size=4),
        st.dictionaries(st.text(), inner, max_size=4).map(lambda fields: Record("R", fields)),
    ),
    max_leaves=12,
)


@given(values)
def test_what_crosses_comes_back_equal(value: Any) -> None:
    """A value survives encode, JSON text and decode, with its type."""
    text = canonical(encode(value))
    text.encode("ascii")
    back = decode(json.loads(text))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, {"a": [1, 2.5, None, True, "é"]}),
        (2**53, 2**53),
        (2**53 + 1, {"$t": "int", "v": "9007199254740993"}),
        (math.inf, {"$t": "float", "v": "inf"}),
        (-math.inf, {"$t": "float", "v": "-inf"}),
        ("\ud800x", {"$t": "str", "v": "d8000078"}),
        (b"\0\xff", {"$t": "bytes", "v": "AP8="}),
        ((1, (2,)), {"$t": "tuple", "v": [1, {"$t": "tuple", "v": [2]}]}),
        ({1: 2}, {"$t": "dict", "v": [[1, 2]]}),
        ({"$t": "int"}, {"$t": "dict", "v": [["$t", "int"]]}),
        (datetime(2026, 1, 2, tzinfo=UTC), {"$t": "datetime", "v": "2026-01-02T00:00:00+00:00"}),
        (datetime(2026, 1, 2, 3, fold=1), {"$t": "datetime", "v": "2026-01-02T03:00:00"}),  # noqa: DTZ001
        (date(2026, 1, 2), {"$t": "date", "v": "2026-01-02"}),
        (time(1, 2), {"$t": "time", "v": "01:02:00"}),
        (timedelta(days=-1, seconds=5), {"$t": "timedelta", "v": [-1, 5, 0]}),
        (Decimal("1.10"), {"$t": "decimal", "v": "1.10"}),
        (UUID(int=1), {"$t": "uuid", "v": "00000000-0000-0000-0000-000000000001"}),
        (Order("A", [1]), {"$t": "record", "name": "Order", "v": {"id": "A", "items": [1]}}),
        (Point(1, 2), {"$t": "record", "name": "Point", "v": {"x": 1, "y": 2}}),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, {"a": [1]}), {"a": [1]}),
        (Counter("aab"), {"a": 2, "b": 1}),
    ],
)
def test_the_trees_are_as_specified(value: object, tree: object) -> None:
    """Plain JSON stays plain; the rest has its tag."""
    assert encode(value) == tree


def test_not_a_number_comes_back() -> None:
    """NaN is tagged, as JSON has none."""
    tree = encode(math.nan)
    assert tree == {"$t": "float", "v": "nan"}
    back = decode(tree)
    assert isinstance(back, float)
    assert math.isnan(back)


def test_a_plain_set_has_one_tree_and_an_ordered_one_keeps_its_order() -> None:
    """A tree never depends on hashes."""
    assert encode({"b", "a", "c"}) == {"$t": "set", "v": ["a", "b", "c"]}
    assert encode(OrderedSet("bac")) == {"$t": "set", "v": ["b", "a", "c"]}
    assert encode(OrderedFrozenSet("ba")) == {"$t": "frozenset", "v": ["b", "a"]}
    made = decode({"$t": "set", "v": ["b", "a"]}, make_set=OrderedSet)
    assert list(made) == ["b", "a"]  # type: ignore[call-overload]


def _deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def _cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {"order": {"items": [1]}}
    value["order"]["items"].append(value["order"])
    return value


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ({"order": {"items": [1, 2, 3, object()]}}, "args.order.items[3]", "an object"),
        ({"a b": {4: object()}}, "args['a b'][4]", "object"),
        ((1, {2: (object(),)}), "args[1][2][0]", "object"),
        (Record("R", {"f": [object()]}), "args.f[0]", "object"),
        (_deep(MAX_DEPTH + 2), "args", "deeper than 100"),
        (_cyclic(), "args.order", "contains itself"),
        pytest.param(10**5000, "args", "too long", id="long-int"),
        (print, "args", "builtin_function"),
        (1j, "args", "a complex"),
        (Order, "args", "a type"),
    ],
)
def test_what_cannot_cross_says_where_it_is(value: object, path: str, says: str) -> None:
    """The error names the place inside the value and what stands there."""
    with pytest.raises(Unencodable) as caught:
        encode(value, path="args")
    assert caught.value.path == path
    assert says in str(caught.value)
    assert isinstance(caught.value, TypeError)


def test_nesting_up_to_the_limit_crosses() -> None:
    """A hundred levels are fine; readers of JSON take them, tags included."""
    assert decode(encode(_deep(MAX_DEPTH))) == _deep(MAX_DEPTH)


def test_a_caller_may_know_more_types() -> None:
    """`default` is asked about what has no tag of its own, and may decline or refuse."""

    def default(value: object) -> Any:
        if isinstance(value, complex):
            return [value.real, value.imag]
        if isinstance(value, enum.Enum):
            raise Unencodable("no enums here", ".name")
        return NotImplemented

    assert encode({"z": 1 + 2j, "p": Point(1, 2)}, default=default) == {
        "z": [1.0, 2.0],
        "p": {"$t": "record", "name": "Point", "v": {"x": 1, "y": 2}},
    }
    with pytest.raises(Unencodable) as caught:
        encode([Colour.RED], default=default)
    assert caught.value.path == "value[0].name"


@pytest.mark.parametrize(
    "tree",
    [
        {"$t": "pickle", "v": "x"},
        {"$t": "int"},
        {"$t": "int", "v": "x"},
        {"$t": "decimal", "v": "x"},
        {"$t": "dict", "v": [[1]]},
        {"$t": "dict", "v": [[[], 1]]},
        {"$t": "set", "v": [[]]},
        {"$t": ["set"], "v": []},
        {"$t": "datetime", "v": 3},
        {"$t": "record", "v": {}},
        {"$t": "record", "name": "R", "v": []},
        {"$t": "float", "v": "1"},
        {"$t": "bytes", "v": "~"},
        {"$t": "uuid", "v": False},
        _deep(MAX_DEPTH + 2),
    ],
)
def test_a_tree_that_is_none_is_refused(tree: Any) -> None:
    """Decoding raises ValueError and nothing else, whatever it is given."""
    with pytest.raises(ValueError, match=r"tag|deeper"):
        decode(tree)


def test_records_read_like_objects_and_like_dicts() -> None:
    """Fields by attribute and by item; the mapping's methods give way to fields."""
    order = Record("Order", {"id": "A", "items": [1], "get": 5})
    assert (order.id, order["id"], order.items, order.get) == ("A", "A", [1], 5)
    assert ("id" in order, list(order), len(order)) == (True, ["id", "items", "get"], 3)
    assert {**order, "id": "B"} == {"id": "B", "items": [1], "get": 5}
    assert dict(order) == record_fields(order)
    assert record_name(order) == "Order"
    assert repr(Record("Order", {"id": "A"})) == "Order(id='A')"
    plain = Record("R", {"a": 1})
    assert (plain.get("b", 2), list(plain.items()), list(plain.keys())) == (2, [("a", 1)], ["a"])
    match plain:
        case {"a": found}:
            assert found == 1
        case _:
            pytest.fail("a record matches as a mapping")


def test_records_are_read_only_and_compare_by_value() -> None:
    """Setting is refused with a way out; equal records hash alike when their values do."""
    one, same = Record("R", {"a": (1,)}), Record("R", {"a": (1,)})
    assert one == same
    assert hash(one) == hash(same)
    assert one != Record("Other", {"a": (1,)})
    assert one != {"a": (1,)}
    assert copy.deepcopy(one) == one
    with pytest.raises(AttributeError, match="read-only"):
        one.a = 2
    with pytest.raises(AttributeError, match="read-only"):
        del one.a
    with pytest.raises(AttributeError, match="its fields are: a"):
        _ = one.b
    with pytest.raises(TypeError, match="unhashable"):
        hash(Record("R", {"a": []}))


def test_time_zones_cross_as_offsets() -> None:
    """A zone becomes its offset at that moment."""
    moment = datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2)))
    assert decode(encode(moment)) == moment


# ------------------------------------------------------------------------------ references


FRAME = {
    "kind": "pandas.DataFrame",
    "shape": [3, 2],
    "columns": ["id", "sum"],
    "dtype": None,
    "sha256": "5eed",
}
ARRAY = {"kind": "numpy.ndarray", "shape": [4], "columns": None, "dtype": "int64", "sha256": "a"}


def test_a_reference_says_what_it_stands_for() -> None:
    """Kind, shape, columns and type of the elements, and nothing of the data."""
    frame, array, scalar = Opaque(FRAME), Opaque(ARRAY), Opaque(ARRAY | {"shape": []})
    assert (frame.kind, frame.shape, frame.columns, frame.dtype) == (
        "pandas.DataFrame", (3, 2), ("id", "sum"), None,
    )  # fmt: skip
    assert (array.columns, array.dtype) == (None, "int64")
    assert [repr(frame), repr(array), repr(scalar)] == [
        "<pandas.DataFrame 3×2>", "<numpy.ndarray 4 int64>", "<numpy.ndarray scalar int64>",
    ]  # fmt: skip
    assert sorted(dir(frame)) == ["columns", "dtype", "kind", "shape"]


def test_references_are_equal_by_kind_and_content() -> None:
    """Also to a copy; to anything else they are not, and they have no hash."""
    frame = Opaque(FRAME)
    assert frame == Opaque(FRAME | {"shape": [1]})
    assert frame != Opaque(FRAME | {"sha256": "b"})
    assert frame != Opaque(FRAME | {"kind": "polars.DataFrame"})
    assert frame != "5eed"
    for other in (copy.copy(frame), copy.deepcopy([frame])[0], decode(encode(frame))):
        assert other == frame
        assert other.columns == frame.columns
    with pytest.raises(TypeError, match="unhashable"):
        hash(frame)


def test_a_reference_is_read_only() -> None:
    """An attribute that it doesn't have is one of the data: for a step."""
    frame: Any = Opaque(FRAME)
    with pytest.raises(AttributeError, match="for 'head', pass it to a step") as caught:
        frame.head()
    assert (caught.value.name, caught.value.obj) == ("head", frame)
    for change in (lambda: setattr(frame, "kind", "x"), lambda: delattr(frame, "kind")):
        with pytest.raises(
            AttributeError, match="is read-only; to change it, pass it to a step"
        ) as caught:
            change()
        assert caught.value.name == "kind"
    assert frame.kind == "pandas.DataFrame"


IN_PLACE = "add sub mul matmul truediv floordiv mod pow and or xor lshift rshift"
NUMBERS = "int float complex index round trunc floor ceil"
BINARY = (
    "add sub mul matmul truediv floordiv mod divmod pow and or xor lshift rshift radd rsub "
    "rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rand ror rxor rlshift rrshift"
)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (bool, "tested for truth"), (len, "counted"), (iter, "iterated over"), (reversed, "iterated over"),
        (lambda x: x[0], "looked into"), (lambda x: 1 in x, "looked into"),
        (lambda x: x.__setitem__(0, 1), "changed"), (lambda x: x.__delitem__(0), "changed"),
        *((lambda x, name=name: getattr(x, f"__i{name}__")(1), "changed") for name in
          IN_PLACE.split()),
        (lambda x: x < 1, "compared"), (lambda x: x <= 1, "compared"),
        (lambda x: x > 1, "compared"), (lambda x: x >= 1, "compared"), (lambda x: x(), "called"),
        *((lambda x, name=name: getattr(x, f"__{name}__")(), "made a number") for name in
          NUMBERS.split()),
        *((lambda x, name=name: getattr(x, f"__{name}__")(1), "computed with") for name in
          BINARY.split()),
        (lambda x: -x, "computed with"), (lambda x: +x, "computed with"), (abs, "computed with"),
        (lambda x: ~x, "computed with"),
    ],
)  # fmt: skip
def test_a_reference_does_nothing(use: Any, words: str) -> None:
    """What is done with data, a step does: the error says what was tried."""
    with pytest.raises(TypeError, match="only a reference here and cannot be " + words):
        use(Opaque(FRAME))


def test_keys_that_cannot_cross_say_where_they_are() -> None:
    """A dict with other keys than texts is a list of pairs; both sides may be wrong."""
    with pytest.raises(Unencodable, match=r"value\[1\]: an object cannot be recorded"):
        encode({1: object()})
    with pytest.raises(Unencodable, match="an object cannot be recorded"):
        encode({object(): 1})
    loop: dict[Any, Any] = {}
    loop[1] = loop
    with pytest.raises(Unencodable, match=r"value\[2\]\[0\]: it contains itself"):
        encode({2: [loop]})
