"""How the host's values cross, and what they are on the other side."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, RootModel, SecretStr, TypeAdapter
from typing_extensions import TypedDict

from wf_notebook.definition.schemas import validate_payload
from wf_notebook.definition.values import from_tree, to_tree
from wf_notebook.errors import HookPayloadError, PayloadError
from wf_notebook.guest.values import MAX_DEPTH, Record, decode


class Colour(Enum):
    RED = "red"
    RGB = (255, 0, 0)


class Size(IntEnum):
    L = 3


class Word(StrEnum):
    YES = "yes"


class Line(BaseModel):
    sku: str
    price: Decimal
    tags: set[str] = set()


class Order(BaseModel):
    id: str
    lines: list[Line] = []
    parent: Order | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Names(RootModel[list[str]]):
    pass


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


@dataclass
class Shape:
    points: list[Point] = field(default_factory=list)
    colour: Colour = Colour.RED


class Pair(NamedTuple):
    a: int
    b: Point


class Options(TypedDict, total=False):
    depth: int
    at: Point


Old = namedtuple("Old", "a b")  # noqa: PYI024


def crossed(value: object, annotation: Any = Any) -> Any:
    """Send a value over the boundary as JSON and take it in again."""
    return from_tree(json.loads(json.dumps(to_tree(value), allow_nan=False)), annotation)


# ------------------------------------------------------------------------------------ both ways


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (Order(id="A", lines=[Line(sku="x", price=Decimal("1.10"), tags={"a"})]), Order),
        (Order(id="B", parent=Order(id="A")), Order),
        (Order(id="B"), Order | None),
        ([Order(id="B")], list[Order]),
        ({"a": Order(id="B")}, dict[str, Order]),
        (Open(a=1, b=[2]), Open),
        (Names(["a", "b"]), Names),
        (Point(1, 2), Point),
        (Shape([Point(1), Point(2)], Colour.RGB), Shape),
        (Pair(1, Point(2)), Pair),
        (Old(1, "b"), Old),
        (Options(depth=1, at=Point(1)), Options),
        ({Point(1), Point(2)}, set[Point]),
        (frozenset({Point(1)}), frozenset[Point]),
        ((Point(1), {"k": (Point(2),)}), tuple[Point, dict[str, tuple[Point]]]),
        (Colour.RED, Colour),
        (Size.L, Size),
        (Word.YES, Word),
        ([Word.YES, Size.L], list[Word | Size]),
        (Path("a/b"), Path),
        (PurePosixPath("/a"), PurePosixPath),
        (AnyUrl("https://example.org/a"), AnyUrl),
        (IPv4Address("127.0.0.1"), IPv4Address),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime),
        (date(2026, 1, 2), date),
        (time(3, 4), time),
        (timedelta(days=-1, microseconds=1), timedelta),
        (Decimal("1.10"), Decimal),
        (UUID(int=3), UUID),
        (b"\0\xff", bytes),
        ({1: "a", (2, 3): "b"}, dict[Any, str]),
        (2**80, int),
        ("yes", Literal["yes", "no"]),
        (None, None | int),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_crosses_comes_back(value: object, annotation: Any) -> None:
    """Through its annotation a value comes back equal and of the same type."""
    back = crossed(value, annotation)
    assert back == value
    assert type(back) is type(value)


def test_models_are_records_to_the_source() -> None:
    """Without an annotation a model is a record with the model's name and fields."""
    order = crossed(Order(id="A", lines=[Line(sku="x", price=Decimal(1))]))
    assert isinstance(order, Record)
    assert repr(order) == (
        "Order(id='A', lines=[Line(sku='x', price=Decimal('1'), tags=set())], parent=None)"
    )


def test_extra_fields_cross_too() -> None:
    """What a model took beyond its fields is not lost."""
    assert crossed(Open(a=1, b=2)) == Record("Open", {"a": 1, "b": 2})


def test_a_root_model_is_its_root() -> None:
    """A model that only wraps a list is that list."""
    assert crossed(Names(["a"])) == ["a"]


def test_records_inside_any_become_dicts_where_something_is_asked_for() -> None:
    """An annotation that asks for a container gets plain containers all the way down."""
    assert crossed([Point(1)], list[Any]) == [{"x": 1, "y": 0}]
    assert crossed(Point(1), dict[str, int]) == {"x": 1, "y": 0}
    assert crossed(Point(1)) == Record("Point", {"x": 1, "y": 0})


def test_a_record_of_another_model_fits_by_its_fields() -> None:
    """Names of types are for reading; fields decide."""

    class Other(BaseModel):
        x: int
        y: int

    assert crossed(Point(1, 2), TypeAdapter(Other)) == Other(x=1, y=2)


def test_the_tree_is_plain_json() -> None:
    """What is JSON already is not wrapped."""
    value = {"a": [1, 2.5, None, True, "ü"], "b": {}}
    assert to_tree(value) == value
    assert math.isnan(crossed(math.nan))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(JSON)
def test_any_nesting_comes_back(value: object) -> None:
    """Whatever is made of lists, dicts, tuples and scalars is the same after crossing."""
    assert crossed(value) == value


@given(st.builds(Order, id=st.text(), lines=st.lists(st.builds(Line, price=st.decimals(allow_nan=False, allow_infinity=False)))))  # fmt: skip
def test_any_model_comes_back(order: Order) -> None:
    """Whatever its fields hold."""
    assert crossed(order, Order) == order


# ------------------------------------------------------------------------------------- refusals


class Holder(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    things: list[Any]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "value"),
        ({"a": [1, object()]}, "value.a[1]"),
        (Holder(things=[1, {"b": object()}]), "value.things[1].b"),
        ([Holder(things=[Holder(things=[print])])], "value[0].things[0].things[0]"),
        (Shape([print]), "value.points[0]"),  # type: ignore[list-item]
        ({"secret": SecretStr("s3cret")}, "value.secret"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_cross_is_named_by_its_place(value: object, path: str) -> None:
    """The error says where inside the value the trouble is, and never what it holds."""
    with pytest.raises(PayloadError) as caught:
        to_tree(value)
    assert caught.value.path == path
    assert caught.value.message.startswith(path)
    assert "s3cret" not in str(caught.value)


def test_a_name_for_the_value() -> None:
    """The caller says what to call the value."""
    with pytest.raises(PayloadError) as caught:
        to_tree([print], "args[0]")
    assert caught.value.path == "args[0][0]"


def test_a_coroutine_is_to_be_awaited(recwarn: pytest.WarningsRecorder) -> None:
    """A forgotten await is recognised, and Python doesn't warn about it in addition."""

    async def answer() -> int:
        return 42

    with pytest.raises(PayloadError) as caught:
        to_tree({"a": answer()})
    assert caught.value.hint == "Await it first."
    assert not recwarn.list
    assert asyncio.run(answer()) == 42


@pytest.mark.parametrize(
    ("library", "make", "hint"),
    [
        ("numpy", "int64(3)", ".item()"),
        ("numpy", "float64(2.5)", ".item()"),
        ("numpy", "str_('x')", ".item()"),
        ("numpy", "array([object()])", ".tolist()"),
        ("numpy", "array([(1, 2.5)], dtype='i4,f8')", ".tolist()"),
        ("numpy", "longdouble([1])", ".tolist()"),
        ("numpy", "ma.array([1])", ".filled()"),
        ("numpy", "bool_(True)", ".item()"),
        ("numpy", "datetime64('2026-01-02')", ".item()"),
        ("pandas", "Timestamp('2026-01-02')", ".to_pydatetime()"),
        ("pandas", "NaT", ".item()"),
        ("pandas", "Timedelta('1s')", ".to_pytimedelta()"),
        ("pandas", "DataFrame({'a': [1, 'x']})", "to_dict('records')"),
        ("pandas", "Series([1, 'x'])", ".tolist()"),
        ("polars", "LazyFrame({'a': [1]})", ".collect()"),
        ("pyarrow", "scalar(1)", ".as_py()"),
    ],
)
def test_values_of_data_libraries(library: str, make: str, hint: str) -> None:
    """They look like numbers, dates and lists and are none: the error says how to make them so."""
    value = eval(f"module.{make}", {"module": importlib.import_module(library)})
    with pytest.raises(PayloadError) as caught:
        to_tree([value])
    assert hint in caught.value.hint


def test_numpy_scalars_fit_plain_annotations() -> None:
    """A step that promises an int may compute it with numpy."""
    import numpy as np

    from wf_notebook.definition.steps import step

    @step
    def f() -> dict[str, int | float]:
        return {}

    tree = f.encode({"a": np.int64(3), "b": np.float64(2.5)})
    assert tree == {"a": 3, "b": 2.5}


def nested(depth: int) -> Order:
    order = Order(id="0")
    for n in range(depth):
        order = Order.model_construct(id=str(n), lines=[], parent=order)
    return order


def test_depth_is_bounded() -> None:
    """What could not be read again is not written: models count like lists."""
    back = crossed(nested(20), Order)
    assert back.parent.parent == nested(18)
    for depth in (MAX_DEPTH // 2, MAX_DEPTH, 5 * MAX_DEPTH):
        with pytest.raises(PayloadError, match="nested"):
            to_tree(nested(depth))


@pytest.mark.parametrize("depth", range(30, 52))
def test_what_is_written_can_be_read(depth: int) -> None:
    """At the very bound, too: either it is refused or it comes back."""
    try:
        tree = to_tree(nested(depth))
    except PayloadError:
        return
    decode(tree)


def test_a_model_that_contains_itself() -> None:
    """It is refused; nothing overflows."""
    order = Order(id="A")
    order.parent = order
    with pytest.raises(PayloadError, match="contains itself"):
        to_tree(order)


@pytest.mark.parametrize(
    ("tree", "annotation", "path"),
    [
        ("x", int, "value"),
        ({"id": "A", "lines": [{"sku": "x"}]}, Order, "value.lines[0].price"),
        ({"$t": "date", "v": "2026-13-01"}, date, "value"),
        ({"$t": "nothing", "v": 1}, Any, "value"),
        ({"$t": "record"}, Any, "value"),
        ([1, "x"], list[int], "value[1]"),
        ("purple", Colour, "value"),
    ],
    ids=str,
)
def test_trees_that_do_not_fit(tree: Any, annotation: Any, path: str) -> None:
    """A tree that is none, or of another type, is refused with its place."""
    with pytest.raises(PayloadError) as caught:
        from_tree(tree, annotation)
    assert caught.value.path == path


# ------------------------------------------------------------------------------------- payloads


class Item(BaseModel):
    name: str
    due: date


class Approval(BaseModel):
    ok: bool
    amount: int = Field(default=5, ge=0)
    when: datetime | None = None
    items: list[Item] = []
    kind: Literal["full", "part"] = "full"
    key: UUID | None = None
    wait: timedelta | None = None
    scores: dict[str, float] = {}
    pair: tuple[int, date] | None = None
    tags: set[str] = set()
    colour: Colour = Colour.RED


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    when: date
    price: Decimal


FORM: dict[str, Any] = {
    "ok": True,
    "when": "2026-01-02T03:04:05Z",
    "items": [{"name": "a", "due": "2026-01-02"}],
    "key": "00000000-0000-0000-0000-000000000003",
    "wait": "PT90S",
    "scores": {"a": 1.5},
    "pair": [1, "2026-01-02"],
    "tags": ["a"],
}
SCHEMA = Approval.model_json_schema()


def test_a_form_becomes_a_record() -> None:
    """What a form sends as JSON reaches the source as the model's record, with real dates."""
    payload = decode(validate_payload(Approval, SCHEMA, FORM))
    assert isinstance(payload, Record)
    assert (payload.ok, payload.amount) == (True, 5)
    assert payload.when == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert payload.items[0].due == date(2026, 1, 2)  # type: ignore[index]
    assert payload.wait == timedelta(seconds=90)


def test_the_stored_schema_says_the_same_as_the_model() -> None:
    """A process without the model hands the source the same record."""
    assert validate_payload(None, SCHEMA, FORM) == validate_payload(Approval, SCHEMA, FORM)
    assert validate_payload(None, SCHEMA, {"ok": False}) == validate_payload(
        Approval, SCHEMA, {"ok": False}
    )


def test_values_of_the_host_are_taken_too() -> None:
    """A caller in Python may resume with an instance, or with real dates."""
    instance = Approval(ok=True, when=datetime(2026, 1, 2, tzinfo=UTC), pair=(1, date(2026, 1, 2)))
    expected = validate_payload(Approval, SCHEMA, instance)
    assert expected == to_tree(instance, "payload")
    given: dict[str, Any] = {
        "ok": True,
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "pair": (1, date(2026, 1, 2)),
    }
    assert validate_payload(Approval, SCHEMA, given) == expected
    assert validate_payload(None, SCHEMA, instance) == expected


def test_strict_models_take_forms() -> None:
    """A strict model reads JSON as JSON: the text of a date is a date."""
    form = {"when": "2026-01-02", "price": "1.50"}
    payload = decode(validate_payload(Strict, None, form))
    assert payload == Record("Strict", {"when": date(2026, 1, 2), "price": Decimal("1.50")})
    native = {"when": date(2026, 1, 2), "price": Decimal("1.50")}
    assert decode(validate_payload(Strict, None, native)) == payload


@pytest.mark.parametrize("model", [Approval, None], ids=["model", "stored schema"])
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"ok": None}, ["ok"]),
        ({"amount": -1}, ["amount"]),
        ({"amount": "s3cret"}, ["amount"]),
        ({"kind": "none"}, ["kind"]),
        ({"items": [{"name": "s3cret"}]}, ["items", 0, "due"]),
        ({"items": [{"name": "a", "due": "s3cret"}]}, ["items", 0, "due"]),
        ({"when": "s3cret"}, ["when"]),
    ],
    ids=str,
)
def test_a_payload_that_does_not_fit(model: Any, change: dict[str, Any], path: list[Any]) -> None:
    """Errors come field by field, with and without the model, and repeat no value."""
    with pytest.raises(HookPayloadError) as caught:
        validate_payload(model, SCHEMA, FORM | change)
    assert [error["path"] for error in caught.value.errors] == [path]
    assert "s3cret" not in str(caught.value)
    assert caught.value.code == "WF223"


@pytest.mark.parametrize("model", [Approval, None], ids=["model", "stored schema"])
def test_all_fields_are_told_at_once(model: Any) -> None:
    """Somebody who fills in a form sees everything that is wrong with it."""
    with pytest.raises(HookPayloadError) as caught:
        validate_payload(model, SCHEMA, {"amount": -1, "items": 3})
    assert sorted(error["path"] for error in caught.value.errors) == [["amount"], ["items"], ["ok"]]


@pytest.mark.parametrize("payload", [None, 3, "text", [], [FORM]], ids=repr)
@pytest.mark.parametrize("model", [Approval, None], ids=["model", "stored schema"])
def test_a_payload_of_another_shape(model: Any, payload: Any) -> None:
    """What is no object at all is refused as a whole."""
    with pytest.raises(HookPayloadError) as caught:
        validate_payload(model, SCHEMA, payload)
    assert caught.value.errors[0]["path"] == []


def test_unknown_fields() -> None:
    """They are refused where the model says so, and dropped where it doesn't."""
    extra = {"when": "2026-01-02", "price": "1.50", "more": 1}
    for model in (Strict, None):
        with pytest.raises(HookPayloadError):
            validate_payload(model, Strict.model_json_schema(), extra)
        assert "more" not in str(
            validate_payload(Approval if model else None, SCHEMA, FORM | {"more": 1})
        )


def test_without_a_schema_anything_that_crosses_is_taken() -> None:
    """A hook that names no schema takes what a caller gives, and nothing else."""
    assert validate_payload(None, None, {"a": (1,)}) == to_tree({"a": (1,)})
    with pytest.raises(PayloadError) as caught:
        validate_payload(None, None, {"a": print})
    assert caught.value.path == "payload.a"


def test_what_is_no_json_needs_the_model() -> None:
    """Without the model, a payload that JSON can't say is an error, not a guess."""
    with pytest.raises(PayloadError):
        validate_payload(None, SCHEMA, {"ok": print})


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800"], ids=repr)
def test_what_json_cannot_say(value: Any) -> None:
    """NaN, infinity and half characters are taken by a model that takes them."""
    tree = validate_payload(TypeAdapter(dict[str, Any]), None, {"a": value})
    assert repr(decode(tree)) == repr({"a": value})


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("model", [Any, None])
def test_payloads_nested_too_deeply(model: Any) -> None:
    """They are refused, with or without a model; nothing overflows."""
    for levels in (MAX_DEPTH + 2, 50 * MAX_DEPTH):
        with pytest.raises((PayloadError, HookPayloadError)):
            validate_payload(model, {"title": "Anything"} if model is None else None, deep(levels))


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    born: date


class Owner(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")
    others: list[Cat | Dog] = []
    extra: dict[str, Dog] = {}


def test_alternatives_are_told_apart() -> None:
    """Of a union, the stored schema takes the alternative that fits, as the model does."""
    payload = {
        "pet": {"kind": "dog", "born": "2020-01-02"},
        "others": [{"kind": "cat"}],
        "extra": {"x": {"kind": "dog", "born": "2021-01-02"}},
    }
    schema = Owner.model_json_schema()
    assert validate_payload(None, schema, payload) == validate_payload(Owner, schema, payload)


def test_nothing_is_fetched() -> None:
    """A schema that refers to somewhere else is refused; no connection is made."""
    with pytest.raises(Exception, match=r"example\.invalid"):
        validate_payload(None, {"$ref": "https://example.invalid/schema.json"}, 1)
