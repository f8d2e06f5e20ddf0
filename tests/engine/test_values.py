"""Which types go from one step through the source to another, and come out as they went in."""

from __future__ import annotations

import dataclasses
import math
from collections import OrderedDict, defaultdict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto
from fractions import Fraction
from ipaddress import IPv6Address
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import TypedDict

from tests.engine.flows import go
from wf_notebook.definition.steps import Step, step
from wf_notebook.errors import PayloadError, RunFailedError
from wf_notebook.guest import measure

if TYPE_CHECKING:
    from wf_notebook.api import World


class Colour(Enum):
    RED = "red"
    RGB = (255, 0, 0)


class Size(IntEnum):
    L = 3


class Word(StrEnum):
    YES = "yes"


class Right(Flag):
    READ = auto()
    WRITE = auto()


class Mode(IntFlag):
    A = 1
    B = 2


class Line(BaseModel):
    sku: str
    price: Decimal
    tags: frozenset[str] = frozenset()


class Order(BaseModel):
    id: str
    lines: list[Line] = []
    parent: Order | None = None
    due: date | None = None


class Aliased(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)
    order_id: int = Field(alias="orderId")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    a: tuple[int, str]


class Names(RootModel[list[str]]):
    pass


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: set[str] = set()


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    more: bool = False


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: float = 0.5


@dataclasses.dataclass
class Shape:
    points: list[Point] = dataclasses.field(default_factory=list)
    colour: Colour = Colour.RED
    when: datetime | None = None


class Pair(NamedTuple):
    a: int
    b: Point


class Options(TypedDict, total=False):
    depth: int
    at: Point


NOON = datetime(2026, 1, 2, 12, 0, 0, 5)  # noqa: DTZ001 - a naive one is meant
BERLIN = ZoneInfo("Europe/Berlin")

CASES: list[tuple[Any, Any]] = [
    (None, None),
    (True, bool),
    (2**200, int),
    (-0.0, float),
    (math.inf, float),
    ("é\0\n", str),
    ("\ud800", str),
    (b"\0\xff", bytes),
    (bytearray(b"\0\xff"), bytearray),
    (NOON, datetime),
    (NOON.replace(tzinfo=UTC), datetime),
    (NOON.replace(tzinfo=timezone(timedelta(hours=5, minutes=30))), datetime),
    (date(2026, 1, 2), date),
    (time(3, 4, 5, 6), time),
    (time(3, 4, tzinfo=UTC), time),
    (timedelta(days=-3, microseconds=1), timedelta),
    (Decimal("1.10"), Decimal),
    (Decimal("-1E+30"), Decimal),
    (Decimal("Infinity"), Annotated[Decimal, Field(allow_inf_nan=True)]),
    (UUID(int=3), UUID),
    (Path("a/b"), Path),
    (PurePosixPath("/a"), PurePosixPath),
    (IPv6Address("::1"), IPv6Address),
    (Colour.RED, Colour),
    (Colour.RGB, Colour),
    (Size.L, Size),
    (Word.YES, Word),
    (Right.READ | Right.WRITE, Right),
    (Mode.A | Mode.B, Mode),
    ("yes", Literal["yes", "no"]),
    ([1, [2, []]], list[Any]),
    ((1, "a", (2,)), tuple[int, str, tuple[int]]),
    ((), tuple[int, ...]),
    ({1, 2, 3}, set[int]),
    (frozenset({"a", "b"}), frozenset[str]),
    ({frozenset({1}), frozenset()}, set[frozenset[int]]),
    ({"$t": "date", "v": "2026-01-02"}, dict[str, str]),
    ({1: "a", 2: "b"}, dict[int, str]),
    ({(1, 2): "a"}, dict[tuple[int, int], str]),
    ({date(2026, 1, 2): [1]}, dict[date, list[int]]),
    ({Colour.RED: 1}, dict[Colour, int]),
    ({None: 1, True: 2}, dict[Any, Any]),
    (OrderedDict([("b", 1), ("a", 2)]), OrderedDict[str, int]),
    (defaultdict(list, {"a": [1]}), defaultdict[str, list[int]]),
    (Order(id="A", lines=[Line(sku="x", price=Decimal("1.10"), tags=frozenset("ab"))]), Order),
    (Order(id="B", parent=Order(id="A", due=date(2026, 1, 2))), Order),
    (Order(id="B"), Order | None),
    (Aliased(order_id=3), Aliased),
    (Frozen(a=(1, "x")), Frozen),
    (Names(["a", "b"]), Names),
    ([Dog(tricks={"sit"}), Cat(lives=7)], list[Pet]),
    (Cat(), Cat | Dog),
    (Page[Point](items=[Point(1)]), Page[Point]),
    (Point(1, 2.5), Point),
    (Shape([Point(1)], Colour.RGB, NOON), Shape),
    ({Point(1), Point(2)}, set[Point]),
    (Pair(1, Point(2)), Pair),
    (Options(depth=1, at=Point(1)), Options),
    (7, int | str),
    ("7", int | str),
    (1.0, int | float),
    ([None, 1], list[int | None]),
]


def through(value: object, annotation: Any) -> tuple[Step, Step, list[Any]]:
    """Steps that give a value and take one, both with the annotation, and what was taken."""
    taken: list[Any] = []

    def give():  # noqa: ANN202 - below
        return value

    def take(x) -> None:  # noqa: ANN001 - below
        taken.append(x)

    give.__annotations__ = {"return": annotation}
    take.__annotations__ = {"x": annotation}
    return step(retries=0)(give), step(retries=0)(take), taken


@pytest.mark.parametrize(("value", "annotation"), CASES)
def test_a_value_comes_through(world: World, value: object, annotation: Any) -> None:
    """What one step returns, another gets: equal and of the same type, by the annotation."""
    give, take, taken = through(value, annotation)
    run = go(world, "await steps.take(x=await steps.give())", give, take)
    run.result(timeout=10)
    assert taken == [value]
    assert sorted(repr(taken[0])) == sorted(repr(value))  # the order of a set is its own
    assert type(taken[0]) is type(value)
    assert give.schema()["return"] is not None
    assert take.schema()["parameters"]["properties"].keys() == {"x"}


def test_a_named_time_zone_becomes_its_offset(world: World) -> None:
    """The instant stays; a source knows no zones, so their names do not cross."""
    give, take, taken = through(NOON.replace(tzinfo=BERLIN), datetime)
    go(world, "await steps.take(await steps.give())", give, take).result(timeout=10)
    assert taken == [NOON.replace(tzinfo=BERLIN)]
    assert taken[0].tzinfo == timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("value", "annotation", "path"),
    [
        (1j, Any, "give.return"),
        ({"a": [Fraction(1, 3)]}, Any, "give.return.a[0]"),
        (Shape([object()]), Any, "give.return.points[0]"),  # type: ignore[list-item]
        ({"unit price": {3: object()}}, dict[str, Any], "give.return['unit price'][3]"),
        ({"a": "x"}, dict[str, int], "give.return.a"),
    ],
)
def test_what_a_step_cannot_return(world: World, value: Any, annotation: Any, path: str) -> None:
    """The step fails at once; the error names it and the place inside the value."""
    give, take, taken = through(value, annotation)
    with pytest.raises(RunFailedError, match="WF201") as caught:
        go(world, "await steps.take(await steps.give())", give, take).result(timeout=10)
    assert f"{path}: " in str(caught.value)
    assert not taken


# ------------------------------------------------------------------------------------ too long


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MAX_BYTES", 10_000)


LONG = {"items": [1, 2, 3, {"body": "x" * 20_000}]}


@step(retries=0)
def fetch(full: bool = False) -> dict[str, Any]:
    return LONG if full else {}


@step(retries=0)
def charge(order: Any, note: str = "") -> None:
    raise AssertionError(order, note)


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ("await steps.fetch(full=True)", "fetch.return.items[3].body", "USER_ERROR"),
        ("await steps.charge([{'big': 'x' * 20_000}])", "charge.order[0].big", "USER_ERROR"),
        ("return {'all': (1, ['x' * 20_000])}", "result.all[1][0]", "PAYLOAD_ERROR"),
        ("await steps.charge('x' * 6_000, note='y' * 6_000)", "charge.args", "PAYLOAD_ERROR"),
    ],
)
@pytest.mark.usefixtures("small_limit")
def test_a_value_over_the_limit(world: World, body: str, path: str, code: str) -> None:
    """The error names the step, the place inside the value, and what to do."""
    with pytest.raises(RunFailedError) as caught:
        go(world, body, fetch, charge).result(timeout=10)
    assert caught.value.code == code
    assert f"{path}: " in str(caught.value)
    assert "pass its name" in str(caught.value) or code == "PAYLOAD_ERROR"


@pytest.mark.usefixtures("small_limit")
def test_an_argument_over_the_limit(world: World) -> None:
    """The entry's arguments are refused by start(), before anything is written."""
    world.host.runner.steps.register(fetch)
    source = 'async def workflow(order):\n    "use workflow"\n    return await steps.fetch()\n'
    with pytest.raises(PayloadError, match="pass its name") as caught:
        world.start(source, (LONG,), steps=[fetch])
    assert caught.value.path == "args[0].items[3].body"
    assert world.runs() == []


@pytest.mark.usefixtures("small_limit")
def test_a_source_can_catch_it(world: World) -> None:
    """A step whose result is too long has failed: the run may go on."""
    body = """
try:
    await steps.fetch(full=True)
except StepError as e:
    return [e.type, await steps.fetch()]
"""
    run = go(world, body, fetch, charge)
    assert run.result(timeout=10) == ["PayloadError", {}]
