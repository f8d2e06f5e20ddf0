"""What a decorated function is, and how its calls are bound."""

from __future__ import annotations

import asyncio
import functools
import inspect
import linecache
import threading
import typing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from wf_notebook.definition.steps import REGISTRY, Backoff, Step, StepOptions, StepRegistry, step
from wf_notebook.definition.values import to_tree
from wf_notebook.errors import PayloadError, RegistrationError
from wf_notebook.guest.values import Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Colour(Enum):
    RED = "red"


class Line(BaseModel):
    sku: str
    price: Decimal


class Order(BaseModel):
    id: str
    lines: list[Line] = []
    when: date | None = None


@dataclass
class Point:
    x: int
    y: int = 0


class Pair(NamedTuple):
    a: int
    b: str


class Options(TypedDict, total=False):
    depth: int


@step
def plain(a: int, b: str = "x", *, c: float | None = None) -> str:
    """Join them."""
    return f"{a}{b}{c}"


# ----------------------------------------------------------------------------------- decorating


def test_a_step_is_still_the_function() -> None:
    """Calling a step calls its function, so that it can be tested like any other."""
    assert plain(1, c=2.5) == "1x2.5"
    assert plain.__name__ == "plain"
    assert plain.__doc__ == "Join them."
    assert inspect.signature(plain) == inspect.signature(plain.function)


def test_an_async_step_is_still_async() -> None:
    """An async step is awaited in the same way."""

    @step
    async def double(n: int) -> int:
        return 2 * n

    assert double.is_async
    assert not plain.is_async
    assert asyncio.run(double(4)) == 8


def test_ids_and_names() -> None:
    """The id says module and qualified name; the name is the function's unless one is given."""
    assert plain.step_id == f"step//{__name__}//plain"
    assert plain.name == "plain"

    @step(name="other")
    def inner() -> None: ...

    assert inner.name == "other"
    assert inner.step_id == f"step//{__name__}//test_ids_and_names.<locals>.inner"


def test_options_have_defaults() -> None:
    """Three retries with growing waits, no timeout, no limit of its own."""
    assert plain.options == StepOptions()
    assert (plain.options.retries, plain.options.timeout) == (3, None)
    assert plain.options.backoff == Backoff(initial=1.0, factor=2.0, maximum=300.0)


@pytest.mark.parametrize("timeout", [90, 90.0, "90s", "1m 30s", timedelta(seconds=90)])
def test_timeouts_are_durations(timeout: Any) -> None:
    """A timeout is written as seconds, as words, or as a timedelta."""

    @step(timeout=timeout)
    def inner() -> None: ...

    assert inner.options.timeout == 90.0


@pytest.mark.parametrize(
    "options",
    [
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"retries": None},
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": "soon"},
        {"timeout": True},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"concurrency": 0},
        {"concurrency": "2"},
        {"backoff": 3},
        {"name": "_x"},
        {"name": "a-b"},
        {"name": ""},
    ],
    ids=str,
)
def test_bad_options(options: dict[str, Any]) -> None:
    """A wrong option is refused where it is written, with what to give instead."""
    with pytest.raises(RegistrationError) as caught:
        step(**options)
    assert caught.value.code == "WF159"
    assert next(iter(options)) in caught.value.message
    assert caught.value.hint.startswith("Give ")


@pytest.mark.parametrize(
    "numbers", [(-1, 2, 3), (1, 0.5, 3), (float("nan"), 2, 3), ("10ms", 2, 300)]
)
def test_bad_backoff(numbers: tuple[float, float, float]) -> None:
    """Waits can't be negative, shrink, or be no numbers."""
    with pytest.raises(RegistrationError) as caught:
        Backoff(*numbers)
    assert caught.value.code == "WF159"


class Account:
    def pay(self) -> None: ...

    @classmethod
    def open(cls) -> None: ...


def rows() -> Iterator[int]:
    yield 1


async def pages() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda: 1, "a lambda"),
        (Account.pay, "a method"),
        (Account().pay, "a method"),
        (Account.open, "a method"),
        (staticmethod(len), "a method"),
        (Account, "a type"),
        (rows, "a generator"),
        (pages, "a generator"),
        (len, "not a plain function"),
        (functools.partial(plain, 1), "a partial"),
        (plain, "a Step"),
        ("plain", "a str"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_a_step(function: Any, what: str) -> None:
    """Only plain functions can: each refusal says what it is and what to write."""
    with pytest.raises(RegistrationError) as caught:
        step(function)
    assert caught.value.code == "WF158"
    assert what in caught.value.message
    assert caught.value.hint


# -------------------------------------------------------------------------------------- digests


def defined(text: str, name: str = "f") -> Step:
    """Define a step as a cell does: its text is known to linecache and nowhere else."""
    filename = f"<cell {abs(hash(text))}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names: dict[str, Any] = {"step": step, "__name__": "__main__"}
    exec(compile(text, filename, "exec"), names)
    found: Step = names[name]
    return found


def test_the_digest_is_that_of_the_text() -> None:
    """Another body is another digest; the same text elsewhere in a file is the same."""
    first = defined("@step\ndef f(a):\n    return a\n")
    second = defined("@step\ndef f(a):\n    return a + 1\n")
    moved = defined("x = 1\n\nif x:\n    @step\n    def f(a):\n        return a\n")
    assert first.digest != second.digest
    assert first.digest == moved.digest
    assert first.step_id == second.step_id == "step//__main__//f"


def test_the_digest_is_taken_when_it_is_defined() -> None:
    """A file that is edited later doesn't change what a defined step says of itself."""
    made = defined("@step\ndef f(a):\n    return a\n")
    before = made.digest
    linecache.cache.clear()
    assert made.digest == before


def without_text(body: str) -> Step:
    names: dict[str, Any] = {"step": step, "__name__": "__main__"}
    exec(compile(f"@step\ndef f(a):\n    {body}\n", "<nowhere>", "exec"), names)
    found: Step = names["f"]
    return found


def test_without_text_the_code_is_digested() -> None:
    """Where no text can be had, code and constants stand for it, without addresses."""
    one, same = without_text("return {a, 1, 2} | {3}"), without_text("return {a, 1, 2} | {3}")
    assert one.digest == same.digest
    others = ["return {a, 1, 2} | {4}", "return a.x", "return a.y", "return (lambda: a)()"]
    assert len({one.digest, *(without_text(body).digest for body in others)}) == 5
    assert (
        without_text("return a in {'x', 'y', 'z'}").digest
        == without_text("return a in {'z', 'y', 'x'}").digest
    )


# -------------------------------------------------------------------------------------- binding


def bound(function: Any, **args: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    made = function if isinstance(function, Step) else step(function)
    return made.bind({name: to_tree(value) for name, value in args.items()})


def test_arguments_are_validated_through_annotations() -> None:
    """What came over the boundary becomes what the function was promised."""

    def f(  # noqa: PLR0913, PLR0917 - one of each kind
        order: Order,
        point: Point,
        pair: Pair,
        colour: Colour,
        options: Options,
        amounts: tuple[Decimal, ...],
        when: datetime,
        key: UUID,
        raw: bytes,
        tags: frozenset[str],
    ) -> None: ...

    order = Order(id="A", lines=[Line(sku="x", price=Decimal("1.10"))], when=date(2026, 1, 2))
    values: dict[str, Any] = {
        "order": order,
        "point": Point(1, 2),
        "pair": Pair(1, "b"),
        "colour": Colour.RED,
        "options": Options(depth=3),
        "amounts": (Decimal("1.50"), Decimal(2)),
        "when": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        "key": UUID(int=7),
        "raw": b"\0\xff",
        "tags": frozenset({"a"}),
    }
    args, kwargs = bound(f, **values)
    assert (args, kwargs) == (tuple(values.values()), {})


def test_arguments_without_annotation_stay_records() -> None:
    """Without an annotation, or with Any, a model arrives as the record that the source saw."""

    def f(a, b: Any) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    args, _ = bound(f, a=Point(1), b=[Point(2)])
    assert args == (Record("Point", {"x": 1, "y": 0}), [Record("Point", {"x": 2, "y": 0})])


def test_what_is_missing_takes_its_default() -> None:
    """Only what the call gave is passed; the function's own defaults fill in the rest."""
    assert bound(plain, a=1) == ((1,), {})
    assert bound(plain, a=1, c=2.0) == ((1,), {"c": 2.0})


def test_every_kind_of_parameter() -> None:
    """Positional-only, variadic and keyword parameters come back where they belong."""

    def f(a: int, /, b: int, *rest: int, c: int = 0, **more: float) -> None: ...

    args, kwargs = bound(f, a=1, b=2, rest=(3, 4), c=5, more={"d": 6})
    assert (args, kwargs) == ((1, 2, 3, 4), {"c": 5, "d": 6.0})
    assert [p.kind for p in step(f).parameters] == [
        "POSITIONAL_ONLY",
        "POSITIONAL_OR_KEYWORD",
        "VAR_POSITIONAL",
        "KEYWORD_ONLY",
        "VAR_KEYWORD",
    ]
    assert [p.required for p in step(f).parameters] == [True, True, False, False, False]
    assert bound(f, a=1, b=2, rest=["3"]) == ((1, 2, 3), {})


def test_unpacked_keywords() -> None:
    """**kwargs: Unpack[Options] are validated as what they are."""

    def f(**options: typing.Unpack[Options]) -> None: ...

    assert bound(f, options={"depth": "3"}) == ((), {"depth": 3})
    with pytest.raises(PayloadError, match="depth"):
        bound(f, options={"depth": "deep"})


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"a": "one"}, "plain.a"),
        ({"a": 1, "c": [1]}, "plain.c"),
        ({"a": None}, "plain.a"),
        ({}, "plain.a"),
        ({"a": 1, "d": 2}, "plain.d"),
    ],
    ids=str,
)
def test_an_argument_that_does_not_fit(args: dict[str, Any], path: str) -> None:
    """The error names step and argument; what was passed is not repeated."""
    with pytest.raises(PayloadError) as caught:
        bound(plain, **args)
    assert caught.value.path == path
    assert "one" not in str(caught.value)
    assert caught.value.hint or caught.value.message


def test_the_place_inside_an_argument_is_named() -> None:
    """Not only which argument, but where inside it."""

    def ship(order: Order) -> None: ...

    order = {"id": "A", "lines": [{"sku": "x", "price": "1"}, {"sku": "y", "price": "much"}]}
    with pytest.raises(PayloadError) as caught:
        bound(ship, order=order)
    assert caught.value.path == "ship.order.lines[1].price"


def test_constraints_are_checked() -> None:
    """Annotated constraints hold at the boundary, for arguments and results."""

    @step
    def f(n: Annotated[int, Field(ge=0)]) -> Annotated[int, Field(le=10)]:
        return n

    assert bound(f, n=3) == ((3,), {})
    assert f.encode(10) == 10
    with pytest.raises(PayloadError, match=r"f\.n: "):
        bound(f, n=-1)
    with pytest.raises(PayloadError, match=r"f\.return: "):
        f.encode(11)


def test_models_with_aliases() -> None:
    """A model crosses by its field names; its aliases are for other people's JSON."""

    class Customer(BaseModel):
        model_config = ConfigDict(strict=True)
        first_name: str = Field(alias="firstName")
        since: date

    @step
    def f(customer: Customer) -> Customer:
        return customer

    f.function.__annotations__.update({"customer": Customer, "return": Customer})
    value = Customer(firstName="Ada", since=date(2026, 1, 2))
    assert bound(f, customer=value) == ((value,), {})
    assert f.encode(value) == to_tree(value)


# -------------------------------------------------------------------------------------- results


def test_results_pass_their_annotation() -> None:
    """A result is made what the annotation says before it is recorded."""

    @step
    def f() -> Order:
        return Order(id="A")

    assert f.encode({"id": "A"}) == f.encode(Order(id="A"))
    with pytest.raises(PayloadError) as caught:
        f.encode({"lines": []})
    assert caught.value.path == "f.return.id"


def test_results_without_annotation() -> None:
    """Without one, whatever can cross is recorded."""

    @step
    def f():  # type: ignore[no-untyped-def]  # noqa: ANN202
        return None

    assert f.encode((1, Decimal("2.5"))) == to_tree((1, Decimal("2.5")))
    with pytest.raises(PayloadError) as caught:
        f.encode([1, object()])
    assert caught.value.path == "f.return[1]"


def test_none_means_none() -> None:
    """A step that promises nothing may not return something."""

    @step
    def f() -> None: ...

    assert f.encode(None) is None
    with pytest.raises(PayloadError):
        f.encode(3)


def test_never_is_not_checked() -> None:
    """A step that always raises says so; that is no type of a value."""

    @step
    def f() -> NoReturn:
        raise ValueError

    assert f.encode(None) is None


# ---------------------------------------------------------------------------------- annotations


def test_an_annotation_may_be_defined_later() -> None:
    """It is resolved when the step is first used, against the function's own module."""
    names: dict[str, Any] = {"step": step, "__name__": "__main__"}
    exec("@step\ndef f(a: 'Later') -> 'Later': ...", names)
    made: Step = names["f"]
    with pytest.raises(RegistrationError):
        made.prepare()
    names["Later"] = int
    made.prepare()
    assert made.bind({"a": "3"}) == ((3,), {})


@pytest.mark.parametrize("use", ["prepare", "bind", "encode", "schema"])
def test_an_annotation_without_a_meaning(use: str) -> None:
    """It is never taken for Any: the error names the parameter and what stands there."""

    @step
    def f(fine: int, order: "Nowhere | None" = None) -> int:  # type: ignore[name-defined]  # noqa: F821, UP037
        return 1

    calls: dict[str, Any] = {
        "prepare": f.prepare,
        "bind": lambda: f.bind({"fine": 1}),
        "encode": lambda: f.encode(1),
        "schema": f.schema,
    }
    with pytest.raises(RegistrationError) as caught:
        calls[use]()
    assert caught.value.code == "WF150"
    assert "`order`" in caught.value.message
    assert "Nowhere | None" in caught.value.message


def test_classes_that_pydantic_does_not_know() -> None:
    """They can be annotations; what crosses is checked by isinstance, and so doesn't cross."""

    class Frame:
        pass

    @step
    def f(frame, frames) -> Frame:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return Frame()

    f.function.__annotations__.update({"frame": Frame, "frames": list[Frame], "return": Frame})
    with pytest.raises(PayloadError, match=r"f\.frame: .*instance of"):
        bound(f, frame=1, frames=[])
    with pytest.raises(PayloadError, match="cannot be recorded"):
        f.encode(Frame())
    assert f.schema()["return"] != {}


def test_types_of_an_enclosing_function() -> None:
    """A step defined in a function may use types of that function that it also mentions."""

    class Local(BaseModel):
        n: int

    @step
    def f(value: Local) -> int:
        return value.n if isinstance(value, Local) else 0

    assert bound(f, value={"n": 3}) == ((Local(n=3),), {})


# ------------------------------------------------------------------------------------ catalogue


def test_the_catalogue_entry() -> None:
    """A step shows its signature, its documentation and the schemas of what goes in and out."""
    entry = plain.schema()
    assert entry["name"] == "plain"
    assert entry["doc"] == "Join them."
    assert entry["signature"].startswith("plain(a: ")
    assert entry["async"] is False
    assert entry["parameters"]["required"] == ["a"]
    assert entry["parameters"]["properties"]["a"] == {"type": "integer"}
    assert entry["return"] == {"type": "string"}


def test_the_binding() -> None:
    """What a definition records: the alias, the id, the parameters and the digest."""
    binding = plain.binding("p")
    assert (binding.alias, binding.step_id, binding.digest) == ("p", plain.step_id, plain.digest)
    assert binding.parameters == plain.parameters


# ------------------------------------------------------------------------------------- registry


def test_decorating_registers() -> None:
    """A decorated step is known to this process by its id and by its name."""
    assert REGISTRY.get(plain.step_id) is plain
    assert REGISTRY.by_name("plain") is plain
    assert "plain" in REGISTRY.names()


def test_defining_again_replaces() -> None:
    """Re-running the cell replaces the step: runs that wait for it take the new one."""
    registry = StepRegistry()
    first, second = defined("@step\ndef f(a): ...\n"), defined("@step\ndef f(a, b=1): ...\n")
    registry.register(first)
    registry.register(second)
    assert registry.get("step//__main__//f") is second
    assert registry.names() == ["f"]


def test_the_latest_of_a_name() -> None:
    """Of two steps with one name, the one defined last is found by it."""
    registry = StepRegistry()
    other = defined("@step(name='plain')\ndef f(a): ...\n")
    registry.register(plain)
    registry.register(other)
    assert registry.by_name("plain") is other
    registry.register(plain)
    assert registry.by_name("plain") is plain
    assert registry.by_name("nothing") is None
    assert registry.get("nothing") is None


def test_changes_are_announced() -> None:
    """Whoever waits for a step hears of each registration until it unsubscribes, once."""
    registry, heard = StepRegistry(), list[str]()
    end = registry.on_change(lambda: heard.append(registry.names()[-1]))
    registry.register(plain)
    end()
    end()
    registry.register(defined("@step\ndef f(a): ...\n"))
    assert heard == ["plain"]


def test_the_registry_is_safe_to_use_from_threads() -> None:
    """Registrations from many threads are all there."""
    registry = StepRegistry()
    made = [defined(f"@step\ndef f{n}(a): ...\n", f"f{n}") for n in range(40)]
    threads = [threading.Thread(target=registry.register, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.names()) == 40
