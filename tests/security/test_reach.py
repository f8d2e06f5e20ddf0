"""Nothing that a source can name leads out of it: not a module, a frame, a file, a real clock."""

from __future__ import annotations

import asyncio
import builtins
import datetime
import importlib
import inspect
import io
import os
import random
import sys
import types
import typing
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.guest_runs import Play
from tests.security.zoo import ZOO
from wf_notebook.definition.validate import validate
from wf_notebook.guest.language import (
    BUILTINS,
    COMPUTED_ACCESS,
    HARMLESS_ATTRIBUTES,
    INSIDES,
    MODULES,
    PREDEFINED,
)
from wf_notebook.guest.named import READ

if TYPE_CHECKING:
    from collections.abc import Iterator

# What no source may hold in its hands, by what it is.
KINDS: Final = (types.FrameType, types.CodeType, types.TracebackType)
# By identity: real builtins, clocks and generators.
REAL: Final = {
    id(value): name
    for name, value in {
        **{name: getattr(builtins, name) for name in ("open", "eval", "exec", "compile", "input")},
        **{name: getattr(builtins, name) for name in ("globals", "locals", "vars", "dir", "id")},
        "__import__": builtins.__import__,
        "breakpoint": builtins.breakpoint,
        "Random": random.Random,
        "SystemRandom": random.SystemRandom,
        "io.open": io.open,
        "FileIO": io.FileIO,
        "stdout": sys.__stdout__,
        "modules": sys.modules,
        "get_type_hints": typing.get_type_hints,
        "currentframe": inspect.currentframe,
        "stack": inspect.stack,
        "getsource": inspect.getsource,
    }.items()
}  # fmt: skip
# Whose functions act on the process.
OUTSIDE: Final = (
    *(
        "os",
        "posix",
        "sys",
        "time",
        "_thread",
        "threading",
        "subprocess",
        "socket",
        "_socket",
        "gc",
    ),
    *("importlib", "_imp", "_io", "_winapi", "signal", "ctypes", "marshal", "pickle", "runpy"),
    *("faulthandler", "resource", "select", "asyncio.subprocess", "asyncio.unix_events"),
)
INNOCENT: Final = {
    *("time.strftime", "time.gmtime", "time.struct_time", "_io.StringIO", "_io.BytesIO"),
    *("_io._BytesIOBuffer", "_thread.RLock"),  # of BytesIO.getbuffer and of cached_property
}  # fmt: skip
# Not called: they end, block or empty what others look at.
UNCALLED: Final = frozenset({
    *("stop", "cancel", "close", "aclose", "clear", "run_until_quiet", "release", "dispose", "abort"),
    *("pop", "popitem", "popleft", "pop_all", "detach", "wait", "acquire", "join", "throw", "athrow"),
    *("get_nowait", "task_done", "entered", "set_result", "set_exception", "cache_clear", "reset"),
})  # fmt: skip
MAX_CALLS: Final = 2  # one after the other, from a name
MAX_MADE: Final = 100  # of one type
WHOLE: Final = (type, types.FunctionType, types.ModuleType, dict, list, tuple)
MAX_OBJECTS: Final = 60_000
BOUND: Final = (
    types.BuiltinMethodType, types.MethodType, types.MethodWrapperType, types.WrapperDescriptorType,
    types.MethodDescriptorType, types.ClassMethodDescriptorType, types.GetSetDescriptorType,
    types.MemberDescriptorType, int, float, str, bytes, bytearray, type(None),
)  # fmt: skip
# Read from instances they are methods, bound; their classes have been looked at.
DULL: Final = HARMLESS_ATTRIBUTES - {
    *("__wrapped__", "__cause__", "__context__", "__args__", "__origin__", "__notes__"),
    *("__members__", "__annotations__", "__name__", "__module__"),
}


class Walker:
    """Goes wherever attributes, items and calls without arguments lead."""

    def __init__(self, machine: Any) -> None:
        names = vars(machine._module)
        self._offered = names["__builtins__"]
        self._read = self._offered["getattr"]
        self._faces = {id(f) for f in vars_of_importer(self._offered["__import__"]).values()}
        self._seen: dict[int, object] = {}
        self._queue: deque[tuple[object, str, int]] = deque()
        self._made: Counter[type] = Counter()
        self.findings: list[str] = []
        for name in BUILTINS | PREDEFINED:
            if name in self._offered and name not in COMPUTED_ACCESS:
                self._add(self._offered[name], name, MAX_CALLS)
        for face in vars_of_importer(self._offered["__import__"]).values():
            self._add(face, face.__name__, MAX_CALLS)
        for name, value in names.items():
            if not name.startswith("__"):
                self._add(value, name, MAX_CALLS)

    def _add(self, value: object, path: str, calls: int) -> None:
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if trouble := self._judged(value):
            self.findings.append(f"{path}: {trouble}")
        elif self._is_news(value):
            self._queue.append((value, path, calls))

    def _is_news(self, value: object) -> bool:
        """Whether to look into it: some mappings make another one at every reading."""
        if isinstance(value, WHOLE):
            return True
        self._made[type(value)] += 1
        return self._made[type(value)] <= MAX_MADE

    def _judged(self, value: object) -> str | None:
        if isinstance(value, KINDS):
            return type(value).__name__
        if isinstance(value, types.ModuleType):
            return None if id(value) in self._faces else f"the real module {value.__name__}"
        if isinstance(value, io.IOBase) and not isinstance(value, (io.StringIO, io.BytesIO)):
            return "a file"
        if id(value) in REAL:
            return f"the real {REAL[id(value)]}"
        if isinstance(value, types.BuiltinMethodType) and is_clock(value):
            return "the machine's clock"
        return self._acts_outside(value)

    def _acts_outside(self, value: object) -> str | None:
        if not isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
            return None
        owner = getattr(value, "__module__", None)
        full = f"{owner}.{value.__name__}"
        if owner in OUTSIDE and full not in INNOCENT and not is_offered(value):
            return f"the function {full}"
        return None

    def walk(self) -> Walker:
        while self._queue:
            assert self.count < MAX_OBJECTS, f"no end to it: {self._queue[-1][1]}"
            value, path, calls = self._queue.popleft()
            for child, name in self._children(value):
                self._add(child, path + name, calls)
            if calls and is_called(value, path):
                self._call(value, path, calls - 1)
        return self

    def _children(self, value: object) -> Iterator[tuple[object, str]]:
        if isinstance(value, dict):
            yield from ((item, f"[{key!r:.20}]") for key, item in tuple(value.items()))
        elif isinstance(value, (list, tuple, set, frozenset, deque)):
            yield from ((item, "[…]") for item in tuple(value)[:200])
        if isinstance(value, BOUND):
            return  # made anew at each reading, with methods of their own: there is no end to it
        for name in readable(value):
            if name in DULL and not isinstance(value, type):
                continue
            try:
                yield self._read(value, name), f".{name}"
            except Exception:  # noqa: BLE001 - whatever its property does
                continue

    def _call(self, value: Any, path: str, calls: int) -> None:
        try:
            result = value()
        except BaseException:  # noqa: BLE001 - it needs arguments, or the loop
            return
        if asyncio.iscoroutine(result):
            result.close()
        self._add(result, f"{path}()", calls)

    @property
    def count(self) -> int:
        return len(self._seen)


def is_clock(value: Any) -> bool:
    real = (datetime.date, datetime.datetime)
    return value.__self__ in real and value.__name__ in ("now", "today", "utcnow")


def vars_of_importer(importer: Any) -> dict[str, types.ModuleType]:
    """The faces, which only the importer holds."""
    (cell,) = importer.__closure__
    return cell.cell_contents


def is_offered(value: Any) -> bool:
    name = getattr(value, "__name__", "")
    return any(
        getattr(sys.modules.get(module), name, None) is value
        for module, members in MODULES.items()
        if name in members
    )


def readable(value: object) -> list[str]:
    """The attributes that a source can read: those with one underscore, if it has one like it."""
    try:
        names = dir(value)
    except Exception:  # noqa: BLE001 - whatever its __dir__ does
        return []
    own = (n for n in names if not n.startswith("__") and n not in INSIDES)
    return [
        *own,
        *(n for n in names if n in HARMLESS_ATTRIBUTES),
        *sorted(READ & set(names)),
        "__class__",
    ]


def is_called(value: object, path: str) -> bool:
    """Whether it may be called without harm to the walk; classes are, once."""
    name = path.rpartition(".")[2]
    if name in UNCALLED or name.startswith("__") or (path.endswith(")") and "()" in path[:-2]):
        return False
    return callable(value) and "wf_notebook" not in str(getattr(value, "__module__", ""))


def walked(play: Play, **more: object) -> Walker:
    """Walk over what a run has; `more` are names that it should not have."""
    vars(play.machine._module).update(more)
    with play.machine._entered():
        return Walker(play.machine).walk()


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    play = Play(ZOO, entry="workflow")
    yield play
    play.machine.discard()


def test_the_zoo_is_an_accepted_source() -> None:
    """What it makes, any source can make."""
    assert validate(ZOO, aliases=("a",), cell=True).diagnostics == ()


def test_nothing_leads_out(play: Play) -> None:
    """From all names, through attributes, items and calls: no way to what acts on the process."""
    assert play.reply.status == "suspended", play.reply
    walker = walked(play)
    assert walker.findings == []
    assert walker.count > 20_000


def generating() -> Iterator[int]:
    yield 1


class Leaky:
    """Hides what it has behind attributes, items and calls."""

    def __init__(self, value: object) -> None:
        self._items = {"a": [value]}

    def give(self) -> object:
        return self._items


@pytest.mark.parametrize(
    "leak",
    [sys, typing, generating().gi_frame, generating.__code__, open, eval, sys.__stdout__, sys._getframe,
     datetime.datetime.now, random.Random, importlib.import_module, os.system, sys.modules],
)  # fmt: skip
def test_what_leads_out_is_found(leak: object) -> None:
    """The walk isn't blind: each of these is seen, wherever it hides."""
    play = Play("async def w():\n    await steps.a(1)\n")
    findings = walked(play, leak=Leaky(leak)).findings
    play.machine.discard()
    assert [finding for finding in findings if finding.startswith("leak")]


def test_no_object_of_asyncio_shows_its_address(play: Play) -> None:
    """A text that differs at each replay could reach a step's arguments."""
    kept = vars(play.machine._module)["kept"]
    texts = [repr(value) for value in kept if type(value).__module__.startswith("asyncio")]
    assert len(texts) > 8
    assert [text for text in texts if " at 0x" in text] == []
