"""Attributes named by texts, and annotations: what a source can't write, it can't read either."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.guest_runs import Play, result_of


def raised(body: str) -> str:
    """The type of what ends a run of this body."""
    lines = "\n".join(f"    {line}" for line in body.strip("\n").splitlines())
    reply = Play(f"async def w():\n{lines}\n").reply
    assert reply.error is not None, reply
    return reply.error.type


@pytest.mark.parametrize(
    "expression",
    [
        "operator.attrgetter('real.__class__.__mro__')",
        "operator.attrgetter('real', '_private')",
        "operator.methodcaller('__reduce__')",
        "'{0.__dict__}'.format(1)",
        "'{0:{1._x}}'.format(1, 2)",
        "'{a.gi_frame}'.format_map({'a': 1})",
        "str.format('{0.__dict__}', 1)",
        "operator.methodcaller('format', 1)('{0.__dict__}')",
        "getattr('{0.__dict__}', 'format')(1)",
        "string.Formatter().format('{0.__dict__}', 1)",
        "functools.wraps(len, assigned=('__self__',))(Own)",
        "functools.update_wrapper(Own, len, (), ('__dict__', '_x'))",
    ],
)
def test_private_names_in_texts(expression: str) -> None:
    """A computed name reaches no further than one that is written out."""
    head = "import functools, operator, string\nclass Own: pass\n"
    assert raised(f"{head}{expression}") == "AttributeError"


def test_public_names_in_texts_work_as_in_python() -> None:
    """Getters, callers, formats and wrappers do what they always did."""
    body = """
    import functools, operator, string
    class Own:
        value = 3
        def format(self, x): return f"own {x}"
        def plus(self, n, *, k=0): return self.value + n + k
    @functools.wraps(Own.plus)
    def wrapper(): pass
    own = Own()
    return [
        operator.attrgetter("value")(own), operator.attrgetter("value", "value.real")(own),
        operator.methodcaller("plus", 1, k=2)(own), own.format(1), "{0.value:>{w}}".format(own, w=3),
        list(map("<{}>".format, "ab")), str.format("{x[a]}", x={"a": 1}), "{a}".format_map({"a": 2}),
        string.Formatter().format("{0.value} {1!r}", own, "x"), wrapper.__name__, getattr(own, "value"),
        getattr(own, "other", "default"), hasattr(own, "format"), "{0.__class__.__name__}".format(own),
        getattr("{}", "format")(4), getattr(own, "now", None),
    ]
    """
    result = result_of(body)
    assert result[1] == {"$t": "tuple", "v": [3, 3]}
    assert [*result[:1], *result[2:]] == [
        3, 6, "own 1", "  3", ["<a>", "<b>"], "1", "2", "3 'x'", "plus", 3, "default", True, "Own", "4", None,
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), [("{", "ValueError"), ("{0.x}", "AttributeError")])
def test_wrong_formats_fail_as_in_python(text: str, error: str) -> None:
    """The guard says nothing of what isn't private."""
    assert raised(f"'{text}.'.format(1)") == error


def test_no_way_to_the_machines_clock() -> None:
    """Values are of the real classes; whatever asks them for the present gets the run's."""
    body = """
    import operator, time
    moment = now()
    naive = moment.replace(tzinfo=None)
    kind = type(moment)
    return [
        kind.now() == naive, moment.now() == naive, kind.utcnow() == naive, moment.today() == naive,
        type(moment.date()).today() == moment.date(), moment.date().today() == moment.date(),
        getattr(kind, "now")() == naive, operator.methodcaller("now")(kind) == naive,
        operator.attrgetter("now")(moment)() == naive, kind.fromtimestamp(0).hour == 0,
        naive.timestamp() == moment.timestamp(), naive.astimezone() == moment,
        time.time() == moment.timestamp(), time.time_ns() == int(moment.timestamp() * 1e6) * 1000,
        time.monotonic() == time.perf_counter(), time.gmtime().tm_year == time.localtime().tm_year == 2025,
        time.strftime("%Y-%m-%d") == moment.strftime("%Y-%m-%d"), time.gmtime(0).tm_year == 1970,
    ]
    """
    assert set(result_of(body)) == {True}


def test_what_stands_behind_a_face_is_not_in_its_mro() -> None:
    """Otherwise `type(random.Random()).mro()[1]` would be seeded by the system."""
    body = """
    import datetime, random
    class Mine: pass
    class Day(datetime.date): pass
    return [[k.__name__ for k in kind.mro()]
            for kind in (type(random.Random()), Mine, Day, type(now()), set, asyncio.BoundedSemaphore)]
    """
    assert result_of(body) == [
        ["Random", "object"], ["Mine", "object"], ["Day", "date", "object"], ["datetime", "date", "object"],
        ["set", "object"], ["BoundedSemaphore", "Semaphore", "object"],
    ]  # fmt: skip


# ------------------------------------------------------------------------------- annotations


def test_dataclasses_know_the_marks_of_both_modules() -> None:
    """ClassVar, InitVar and KW_ONLY are no fields, whatever the modules are called."""
    body = """
    return [[f.name for f in d.fields(Item)], Item(1, k=2, seed=5).total, Item.__annotations__["shared"]]
    """
    source = f"""
import typing
import typing as t
import dataclasses as d
@d.dataclass
class Item:
    x: int
    shared: typing.ClassVar[int] = 0
    other: t.ClassVar = 1
    seed: d.InitVar[int] = 0
    _: d.KW_ONLY
    k: int = 0
    def __post_init__(self, seed):
        self.total = self.x + self.k + seed
async def w():{body}
"""
    assert Play(source).reply.result == [["x", "k"], 8, "typing.ClassVar[int]"]


def test_what_reads_annotations_is_called_as_in_python() -> None:
    """By its name and its module, which a source may print."""
    body = """
    faces = [dataclasses.dataclass, functools.singledispatch, functools.singledispatchmethod]
    return [f"{face.__module__}.{face.__qualname__}" for face in faces]
    """
    source = f"import dataclasses, functools\nasync def w():{body}\n"
    assert Play(source).reply.result == [
        "dataclasses.dataclass", "functools.singledispatch", "functools.singledispatchmethod",
    ]  # fmt: skip


def test_a_dispatching_function_evaluates_nothing() -> None:
    """Annotations of what is registered are looked up: names, dotted names, unions, None."""
    source = """
import functools
from collections import abc
class Own: pass
@functools.singledispatch
def kind(x): return "other"
@kind.register
def on_number(x: int | float): return "number"
@kind.register
def on_mapping(x: abc.Mapping): return "mapping"
@kind.register
def on_own(x: Own): return "own"
@kind.register
def on_none(x: None): return "none"
@kind.register(str)
def on_text(x): return "text"
kind.register(bytes, lambda x: "bytes")
class Service:
    @functools.singledispatchmethod
    def handle(self, x): return "other"
    @handle.register
    def on_int(self, x: int): return "int"
    @handle.register(str)
    def on_str(self, x): return "str"
async def w():
    service = Service()
    return [*map(kind, [1, 2.5, {}, Own(), None, "x", b"", []]), service.handle(1), service.handle("a"), service.handle([])]
"""
    assert Play(source).reply.result == [
        "number", "number", "mapping", "own", "none", "text", "bytes", "other", "int", "str", "other",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "hint", ["'print(1)'", "'[int][0]'", "'nothing'", "'Own.__class__'", "'('"]
)
def test_annotations_that_are_no_names_are_refused(hint: str) -> None:
    """A text in an annotation is never run as code."""
    play: Any = Play(f"""
import functools
class Own: pass
@functools.singledispatch
def kind(x): return "other"
async def w():
    def register(x: {hint}): pass
    kind.register(register)
""")
    assert (play.reply.error.type, play.printed) == ("TypeError", "")


@pytest.mark.parametrize(
    "text",
    ["{0._private}", "{0.a._b}", "{x[k]._y}", "{0:{1._private}}"],
)
def test_a_format_reads_no_private_name_however_deep(text: str) -> None:
    """In fields, behind brackets, and in the fields of a field's own format."""
    found = result_of(f"""
try:
    return {text!r}.format("a", "b", "c", x={{"k": 1}})
except AttributeError as error:
    return "refused: " + str(error)
""")
    assert found.startswith("refused: ")


def test_a_format_reads_what_is_public() -> None:
    """Dots in the text are no fields; names are read as Python reads them."""
    found = result_of("""
class Order:
    pass
order = Order()
order.id, order.lines = "A-17", [3, 4]
return ["{0.id}: {0.lines[1]:>{w}}. Done.".format(order, w=3), "a.b {}".format(1), "no. field"]
""")
    assert found == ["A-17:   4. Done.", "a.b 1", "no. field"]


def test_naive_moments_are_utc_whatever_the_machine_s_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`timestamp` and `astimezone` of a moment without a zone."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = result_of("""
import datetime as dt
moment = dt.datetime(2026, 1, 2)
return [moment.timestamp(), moment.astimezone(dt.timezone.utc).hour]
""")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found == [1_767_312_000.0, 0]
