"""Modules and builtins in a source: CPython's, but for what would differ at the next replay."""

from __future__ import annotations

import builtins
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.guest_runs import Play, result_of, run
from wf_notebook.guest.language import BUILTINS, MODULES, PREDEFINED
from wf_notebook.guest.modules import make_builtins, make_modules

ROOT = Path(__file__).parents[2]
# Where a version manager has put others beside this one.
OTHER_PYTHONS = sorted(Path(sys.base_prefix).parent.glob("3.1[1-9].*/bin/python"))


def test_every_offered_member_is_there() -> None:
    """The language's tables and the faces agree: nothing that is allowed is missing."""
    faces = make_modules({})
    assert set(faces) == set(MODULES)
    for name, members in MODULES.items():
        found = {m for m in vars(faces[name]) if not m.startswith("__")}
        inherited = {m.rpartition(".")[2] for m in MODULES if m.startswith(f"{name}.")}
        assert members <= found, name
        assert found <= members | inherited, name


def test_every_offered_builtin_is_there() -> None:
    """So are the builtins, and the predefined names of the surface."""
    machine = Play("async def w(): pass\n").machine
    found = vars(machine._module)["__builtins__"]
    constants = {"None", "True", "False", "__debug__"}  # the compiler's own
    assert (BUILTINS | PREDEFINED) - constants - {"__name__"} <= set(found)
    others = {name for name in found if name not in BUILTINS | PREDEFINED}
    assert {name for name in others if name.isidentifier()} == {"__import__", "hash"}
    assert not {"open", "exec", "eval", "compile", "input", "id", "globals"} & set(found)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_members_are_cpythons_own_unless_there_is_a_reason(name: str) -> None:
    """What is replaced is on a short list."""
    replaced = {
        "asyncio": "Barrier BoundedSemaphore Condition Event LifoQueue Lock PriorityQueue Queue"
        " Semaphore TaskGroup as_completed create_task iscoroutinefunction sleep wait wait_for",
        "collections": "abc",
        "dataclasses": "dataclass",
        "datetime": "date datetime",
        "functools": "singledispatch singledispatchmethod update_wrapper wraps",
        "operator": "and_ attrgetter iand ior isub ixor methodcaller or_ sub xor",
        "statistics": "NormalDist",
        "string": "Formatter",
        "time": "gmtime localtime monotonic monotonic_ns perf_counter perf_counter_ns strftime"
        " time time_ns",
        "urllib": "parse",
        "uuid": "uuid4",
    }
    play = Play("import collections.abc\nasync def w(): pass\n")
    importer = vars(play.machine._module)["__builtins__"]["__import__"]
    face, real = importer(name, fromlist=("x",)), importlib.import_module(name)
    others = {m for m in MODULES[name] if getattr(face, m) is not getattr(real, m)}
    if name != "random":  # all of it is the run's own
        assert others == set(replaced.get(name, "").split())


def test_imports_in_every_form() -> None:
    """`import a.b`, `as`, `from`; anything else is an ImportError that lists what there is."""
    body = """
    import collections.abc, json as j
    from collections import abc, deque as d
    found = [collections.abc is abc, j.loads("[1]"), list(d([2]))]
    try:
        import os
    except ImportError as error:
        found.append(str(error)[:60])
    try:
        from json import load
    except ImportError as error:
        found.append("load" in str(error))
    return found
    """
    said = "a workflow cannot import 'os'; there are: abc, asyncio, base"
    assert result_of(body) == [True, [1], [2], said, True]


def test_predefined_modules_are_what_import_gives() -> None:
    """`asyncio` and `random` need no import, and an import gives the same."""
    body = """
    mine, rnd = asyncio, random
    import asyncio as a, random as r
    from uuid import uuid4 as u
    return [mine is a, rnd is r, u == uuid4]
    """
    assert result_of(body) == [True, True, True]


# ------------------------------------------------------------------------------- the present


def test_dates_are_those_of_the_last_event() -> None:
    """now, today, utcnow: the run's time, UTC; with a time zone, there."""
    body = """
    from datetime import date, datetime, timedelta, timezone, UTC
    tokyo = timezone(timedelta(hours=9))
    return [
        datetime.now() == now().replace(tzinfo=None), datetime.utcnow() == datetime.now(),
        datetime.now(UTC) == now(), datetime.now(tokyo).hour - now().hour, date.today(),
        datetime.today() == datetime.now(), datetime.fromtimestamp(0), date.fromtimestamp(86400),
        datetime.fromtimestamp(0, tokyo), datetime.utcfromtimestamp(1),
    ]
    """
    tagged = [v["v"] if isinstance(v, dict) else v for v in result_of(body)]
    assert tagged == [
        True, True, True, 9, "2025-10-09", True, "1970-01-01T00:00:00", "1970-01-02",
        "1970-01-01T09:00:00+09:00", "1970-01-01T00:00:01",
    ]  # fmt: skip


def test_dates_are_the_real_ones_to_isinstance_and_match() -> None:
    """A date from a step, from a constructor or from the present: all are of one kind."""
    body = """
    import datetime as dt
    from datetime import date, datetime
    given = await steps.a(1)
    class Day(date):
        def plus(self):
            return self.day + 1
    match given:
        case datetime(year=year):
            pass
    return [
        isinstance(given, datetime), isinstance(given, date), isinstance(date(2026, 1, 2), datetime),
        issubclass(datetime, date), type(given) == datetime, type(date.today()) == date,
        {datetime: "found"}[type(given)], year, isinstance(Day(2026, 1, 2), date),
        isinstance(date(2026, 1, 2), Day), Day.today().plus(), repr(datetime), repr(date(2026, 1, 2)),
        f"{date(2026, 1, 2):%d.%m.}", date(2026, 1, 2).strftime("%Y"),
        datetime.fromisoformat("2026-01-02").year, datetime.strptime("2026", "%Y").month,
        datetime.combine(date(2026, 1, 2), dt.time(3)).hour, datetime.min.year, issubclass(Day, date),
        issubclass(datetime, Day),
    ]
    """
    value = {"$t": "datetime", "v": "2026-05-06T07:08:09+00:00"}
    assert result_of(body, ("done", 1, value)) == [
        True, True, False, True, True, True, "found", 2026, True, False, 10,
        "<class 'datetime.datetime'>", "datetime.date(2026, 1, 2)", "02.01.", "2026", 2026, 1, 3, 1, True,
        False,
    ]  # fmt: skip


# ------------------------------------------------------------------------------------- chance


def test_generators_without_a_seed_take_the_runs() -> None:
    """random.Random(), random.seed(), NormalDist.samples, uuid4: the same at each replay."""
    source = """
import random as r, statistics, uuid
async def w():
    found = [r.Random().random(), r.Random(5).random(), str(uuid.uuid4())]
    found += statistics.NormalDist(0, 1).samples(2)
    found += statistics.NormalDist(0, 1).samples(1, seed=3)
    r.seed()
    found.append(r.random())
    r.seed(7)
    found.append(r.random())
    return found, isinstance(r.Random(), r.Random), repr(r.Random)
"""
    one, other = run(source).result["v"], run(source, seed="other").result["v"]
    changed = [a != b for a, b in zip(one[0], other[0], strict=True)]
    assert changed == [True, False, True, True, True, False, True, False]
    assert one[1:] == [True, "<class 'random.Random'>"]


# ----------------------------------------------------------------------------------- the rest


LANGUAGE = """
from __future__ import annotations
import dataclasses, enum, functools, operator, string, typing
from dataclasses import dataclass, field
T = typing.TypeVar("T")
class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"
class Flags(enum.Flag):
    A = enum.auto()
    B = enum.auto()
@dataclass(order=True, slots=True)
class Item:
    name: str
    count: int = 0
    tags: set[str] = field(default_factory=set)
    seen: typing.ClassVar[list] = []
class Pair(typing.NamedTuple):
    left: int
    right: int = 2
class Box(typing.Generic[T]):
    def __init__(self, value: T):
        self.value = value
    def __enter__(self):
        return self.value
    def __exit__(self, *error):
        return True
class Temperature:
    unit = "C"
    @property
    def kelvin(self):
        return self.degrees + 273
    @classmethod
    def of(cls, degrees):
        made = cls()
        made.degrees = degrees
        return made
class MyError(ValueError):
    pass
class Countdown:
    def __init__(self, n): self.n = n
    def __aiter__(self): return self
    async def __anext__(self):
        if self.n == 0: raise StopAsyncIteration
        self.n -= 1
        return self.n
def counter():
    received = 0
    while received is not None:
        received = yield received
@functools.lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
async def squares(n):
    for i in range(n):
        yield i * i
def kind(value):
    match value:
        case {"type": "x", **rest}: return f"x{len(rest)}"
        case [first, *_]: return f"list {first}"
        case Item(name=name): return name
        case Colour.RED: return "red"
        case str() | int(): return "plain"
    return None
async def w():
    gen = counter()
    next(gen)
    with Box(5) as five:
        raise MyError("suppressed")
    item = dataclasses.replace(Item("a"), count=3)
    total = 0
    def add(n):
        nonlocal total
        total += n
        return total
    return [
        Colour("b").name, (Flags.A | Flags.B).value, repr(item), item < Item("b"), Pair(1).right,
        five, Temperature.of(1).kelvin, gen.send(4), fib(30),
        [x async for x in squares(4)], [x async for x in Countdown(3)],
        [kind(v) for v in ({"type": "x", "y": 1}, [7], item, Colour.RED, 5, None)],
        f"{3.14159:.2f} {item.name!r:>5} {{}}", add(2) + add(3), [*map(operator.itemgetter(0), ["ab"])],
        (lambda *a, k=1, **kw: (a, k, kw))(1, k=2, z=3), sorted([3, 1], reverse=True),
        string.Template("$x").substitute(x=1), "%05d" % 42, (n := 10) + n,
        type("Made", (), {"x": 1}).x, [i for i, c in enumerate("abc") if c != "b"],
    ]
"""


def test_the_language_works_as_in_cpython() -> None:
    """Classes, dataclasses, enums, generics, match, generators, closures, f-strings."""
    reply = run(LANGUAGE)
    assert reply.status == "completed", reply.error
    found = reply.result
    assert found[:9] == [
        "BLUE", 3, "Item(name='a', count=3, tags=set())", True, 2, 5, 274, 4, 832040,
    ]  # fmt: skip
    assert found[9:13] == [
        [0, 1, 4, 9], [2, 1, 0], ["x1", "list 7", "a", "red", "plain", None], "3.14   'a' {}",
    ]  # fmt: skip
    assert found[13:15] == [7, ["a"]]
    assert found[16:] == [[3, 1], "1", "00042", 20, 1, [0, 2]]


def test_values_of_the_sources_own_classes_cross() -> None:
    """Dataclasses and named tuples as records, enum members as their values."""
    source = """
import collections, dataclasses, enum
@dataclasses.dataclass
class Item:
    name: str
Point = collections.namedtuple("Point", "x y")
class Colour(enum.Enum):
    RED = "r"
async def w():
    steps.a([Item("n"), Point(1, 2), Colour.RED, collections.Counter("aa")])
"""
    (command,) = Play(source).commands
    assert command["args"]["x"] == [
        {"$t": "record", "name": "Item", "v": {"name": "n"}},
        {"$t": "record", "name": "Point", "v": {"x": 1, "y": 2}},
        "r",
        {"a": 2},
    ]


def test_default_texts_have_no_addresses() -> None:
    """Futures, tasks, hooks and plain objects are the same text at each replay."""
    source = """
class Plain:
    pass
class Child(Plain):
    pass
async def w():
    f = steps.a(1)
    task = asyncio.create_task(steps.b(1))
    await f
    return repr([Plain(), Child(), f, task, create_hook("t"), steps, asyncio.Event, sleep(1),
                 asyncio.current_task(), set, frozenset, type(f)])
"""
    text = run(source, ("done", 1)).result
    assert not re.search("0x", text), text
    assert "<__workflow__.Plain object>, <__workflow__.Child object>, <steps.a done>" in text


def test_rebinding_predefined_names_harms_only_oneself() -> None:
    """The runtime's own bindings are elsewhere."""
    source = """
set = list
print = random = None
async def w():
    global asyncio
    asyncio = now = steps_ = 5
    await steps.a({2, 1})
    return [type({1}) is not list, asyncio]
"""
    play = Play(source)
    assert play.commands[0]["args"]["x"] == {"$t": "set", "v": [2, 1]}
    play.done(1)
    assert play.reply.result == [True, 5]


def test_the_hosts_builtins_are_untouched() -> None:
    """What a source's builtins are made of is a dict of its own."""
    before = dict(vars(builtins))
    made = make_builtins(make_modules({}), {"steps": 1})
    made["len"] = None
    assert vars(builtins) == before


# -------------------------------------------------------------------- everywhere the same

SAME = """
async def one(i):
    async with asyncio.timeout(60):
        return await steps.a({"k" + str(i), i, (i, "t")})
async def w():
    class Thing: pass
    things = {Thing() for _ in range(20)}
    names = {t: i for i, t in enumerate(things)}
    order = [names[t] for t in things]
    tasks = {asyncio.create_task(one(i)) for i in range(6)}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    gathered = await asyncio.gather(*tasks, return_exceptions=True)
    keys = {"b": 1, "a": 2}.keys() | {"z": 1}.keys()
    async for f in asyncio.as_completed({one(i) for i in range(5)}):
        break
    try:
        async with asyncio.TaskGroup() as group:
            for i in range(9):
                group.create_task(one(i))
            raise ValueError("stop")
    except* ValueError as error:
        print(error.exceptions, repr(group))
    return [order, [type(g).__name__ for g in gathered], sorted(keys), list(keys), uuid4(),
            random.sample(range(100), 5), list(set("hello world")), str(things)]
"""
SCRIPT = """
import hashlib, json, sys, types
package = types.ModuleType("wf_notebook")
package.__path__ = [sys.argv[1] + "/wf_notebook"]
sys.modules["wf_notebook"] = package
from wf_notebook.guest.talk import Conversation
message, conversation = json.loads(sys.stdin.read()), Conversation()
junk = [object() for _ in range(len(sys.argv[2]) * 1000)]
out = conversation.answer(json.dumps(message).encode())
sys.stdout.write(out.decode())
"""


def same_message() -> dict[str, Any]:
    play = Play(SAME)
    first = next(c for c in play.commands if c["op"] == "step" and c["args"]["x"]["v"][1] == 3)
    play.done(first["n"], "three")
    last = next(c for c in reversed(play.commands) if c["op"] == "step")
    play.done(last["n"], "last")
    assert play.reply.status == "completed", play.reply
    return play.message | {"events": play.events}


def test_a_run_is_the_same_under_every_hash_seed_and_python() -> None:
    """Commands, prints and result don't depend on hashes, addresses or the version of CPython."""
    message = json.dumps(same_message())
    pythons = [Path(sys.executable), *OTHER_PYTHONS]
    answers = {
        subprocess.run(
            [python, "-S", "-c", SCRIPT, ROOT, seed],
            input=message, capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": os.defpath},
        ).stdout
        for python in pythons
        for seed in ("0", "1", "12345")
    }  # fmt: skip
    assert len(answers) == 1
    assert json.loads(answers.pop())["status"] == "completed"


def test_a_class_of_the_sources_own_may_be_a_datetime() -> None:
    """It is made like one, and is one."""
    found = result_of("""
import datetime as dt
class Moment(dt.datetime):
    def label(self):
        return f"{self:%d.%m.}"
class Day(dt.date):
    pass
moment = Moment(2026, 1, 2, 3)
return [moment.label(), type(moment) is Moment, isinstance(moment, dt.datetime),
        moment == dt.datetime(2026, 1, 2, 3), Day(2026, 1, 2).isoformat()]
""")
    assert found == ["02.01.", True, True, True, "2026-01-02"]
