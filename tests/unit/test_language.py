"""What the tables of the language promise."""

from __future__ import annotations

import ast
import builtins
import gc
import importlib
import importlib.util
import keyword
import re
import sys
import warnings
from pathlib import Path

import pytest

from wf_notebook.definition.validate import validate
from wf_notebook.guest import language, walk
from wf_notebook.guest.language import (
    BUILTINS,
    CLASS_DUNDERS,
    COMPUTED_ACCESS,
    FORBIDDEN,
    HARMLESS_ATTRIBUTES,
    INSIDES,
    MEMBER_HINTS,
    MODULE_HINTS,
    MODULES,
    NODES,
    NON_DURABLE_WAITS,
    PREDEFINED,
    PREDEFINED_MODULES,
    SURFACE,
    compile_source,
    parse_source,
)

# Deprecated spellings of ast, and what only `eval` and `single` parse to.
NOT_GRAMMAR = {
    *("AST", "Bytes", "Ellipsis", "ExtSlice", "Index", "NameConstant", "Num", "Str", "Suite"),
    *("AugLoad", "AugStore", "Param", "FunctionType", "TypeIgnore"),
    *("boolop", "cmpop", "excepthandler", "expr", "expr_context", "mod", "operator", "pattern"),
    *("slice", "stmt", "type_ignore", "type_param", "unaryop"),
}


NAMES = Path(__file__).parents[1] / "corpus" / "names.txt"
# What hints are about that isn't in the oldest Python: libraries, and members of later versions.
LIBRARIES = {
    *(
        "IPython",
        "aiohttp",
        "anthropic",
        "boto3",
        "duckdb",
        "httpx",
        "matplotlib",
        "numpy",
        "openai",
    ),
    *("pandas", "polars", "pyarrow", "pydantic", "requests", "scipy", "sklearn", "sqlalchemy"),
    *("tqdm", "urllib3", "vercel", "wf_notebook", "anyio", "trio", "gevent"),
}
LATER = {"copy.replace", "itertools.batched", "typing.override"}


def listed() -> dict[str, set[str]]:
    """Read the list of names: table or module, to what stands in it."""
    parts = NAMES.read_text("utf-8").split("\n=== ")[1:]
    return {name: set(rest.split()) for name, _, rest in (p.partition("\n") for p in parts)}


def test_names_stay_what_they_are() -> None:
    """A source that was accepted is accepted again: nothing that was offered is taken away."""
    tables = {name: set(getattr(language, name)) for name in listed() if name.isupper()}
    assert tables | {name: set(members) for name, members in MODULES.items()} == listed()
    assert len(tables) == 10


@pytest.mark.parametrize("module", sorted(MODULES))
def test_offered_members_exist(module: str) -> None:
    """Whatever is offered is there on the oldest Python that we support."""
    real = importlib.import_module(module)
    assert [name for name in sorted(MODULES[module]) if not hasattr(real, name)] == []


def test_the_closed_list_of_modules() -> None:
    """They are the specification's, what else repeats at each replay, and one harmless future."""
    named = """asyncio collections dataclasses datetime decimal enum fractions functools heapq
        itertools json math operator random re statistics string textwrap typing uuid"""
    widened = """abc base64 bisect calendar contextlib copy csv difflib graphlib hashlib hmac html
        inspect io numbers time types unicodedata urllib urllib.parse"""
    others = {"collections.abc", "__future__"}
    assert set(MODULES) == {*named.split(), *widened.split(), *others}


def test_nothing_private_is_offered() -> None:
    """No member begins with an underscore: the walk would refuse it."""
    assert not [name for members in MODULES.values() for name in members if name.startswith("_")]


def test_offered_and_refused_are_apart() -> None:
    """No name is both offered and refused, and each builtin of Python is one of them."""
    assert not BUILTINS & PREDEFINED
    assert not (BUILTINS | PREDEFINED) & set(FORBIDDEN)
    ours = BUILTINS | PREDEFINED | set(FORBIDDEN)
    later = {"PythonFinalizationError", "WindowsError", "aiter", "anext"}
    real = {name for name in dir(builtins) if not name.startswith("_")}
    assert real - ours - later == set()
    assert {name for name in BUILTINS if not hasattr(builtins, name)} <= {"__name__"}


def test_the_surface() -> None:
    """What a source asks the host for can't be rebound; its modules are offered as imports too."""
    assert SURFACE < PREDEFINED
    assert set(PREDEFINED_MODULES) < PREDEFINED
    assert set(PREDEFINED_MODULES.values()) <= set(MODULES)
    assert COMPUTED_ACCESS < BUILTINS


def test_every_hint_is_about_a_refusal() -> None:
    """Hints stand only beside what is refused, and are sentences."""
    assert not {name for name in MODULE_HINTS if name in MODULES}
    for member in MEMBER_HINTS:
        module, _, name = member.rpartition(".")
        assert name not in MODULES[module]
    for table in (FORBIDDEN, MODULE_HINTS, MEMBER_HINTS, NON_DURABLE_WAITS):
        assert [hint for hint in table.values() if not hint.endswith((".", "]", "…)."))] == []


def test_hints_are_about_what_there_is() -> None:
    """Each stands beside a module, a member or an attribute that somebody could have written."""
    known = LIBRARIES | set(sys.stdlib_module_names)
    assert [name for name in MODULE_HINTS if name not in known] == []
    for name in {*MEMBER_HINTS, *NON_DURABLE_WAITS} - LATER:
        module, _, member = name.rpartition(".")
        if module not in LIBRARIES:
            there = hasattr(importlib.import_module(module), member)
            assert there or importlib.util.find_spec(name), name
    assert [name for name in walk._ATTRIBUTE_HINTS if not hasattr(type, name)] == [
        "__traceback__",
        "__import__",
    ]


def test_hints_name_only_what_is_offered() -> None:
    """A way out leads somewhere: the calls that hints suggest are calls that are offered."""
    texts = [*FORBIDDEN.values(), *MEMBER_HINTS.values(), *MODULE_HINTS.values()]
    for module, name in re.findall(r"\b([a-z]+)\.([a-z_]+)\(", " ".join(texts)):
        if module in MODULES:
            assert name in MODULES[module] or name == "Random"
    assert not INSIDES & (CLASS_DUNDERS | HARMLESS_ATTRIBUTES)


def test_the_grammar_is_known() -> None:
    """Every node that this Python's parser makes has been thought about."""
    today = {name for name, kind in vars(ast).items() if isinstance(kind, type)}
    today = {name for name in today if issubclass(getattr(ast, name), ast.AST)}
    assert today - NODES - NOT_GRAMMAR == set()


def test_dunders_are_dunders() -> None:
    """What may begin with an underscore also ends with one, but for named tuples' own."""
    own = {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}
    odd = {name for name in HARMLESS_ATTRIBUTES if not re.fullmatch(r"_+[a-z_]+_+", name)}
    assert odd == own
    assert "__class__" not in CLASS_DUNDERS | HARMLESS_ATTRIBUTES


def test_annotations_are_not_evaluated() -> None:
    """A hint may name what exists only in the host."""
    code = compile_source("def f(x: Nothing) -> Nowhere: ...\ny: Never.Defined = 3\n", "<source>")
    names: dict[str, object] = {}
    exec(code, names)
    assert names["y"] == 3


def test_compiling_warns_nobody() -> None:
    """What a source's author should know is no warning of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compile_source(r"x = '\d' is 3", "<source>")


def test_compiling_inherits_nothing() -> None:
    """This module's own future imports don't reach a source: division is division."""
    names: dict[str, object] = {}
    exec(compile_source("x = 1 / 2", "<source>"), names)
    assert names["x"] == 0.5


@pytest.mark.parametrize("name", sorted(PREDEFINED | BUILTINS - {"True", "False", "None"}))
def test_every_offered_name_is_accepted(name: str) -> None:
    """The check takes what the tables offer."""
    if name in COMPUTED_ACCESS or name == "__build_class__" or keyword.iskeyword(name):
        return
    found = validate(f"async def workflow():\n    return {name}\n", aliases=(), cell=True)
    assert found.diagnostics == ()


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_every_refused_name_says_what_to_do(name: str) -> None:
    """The check refuses what the tables refuse, with their hint."""
    source = f"async def workflow():\n    return {name}\n"
    (problem,) = validate(source, aliases=(), cell=True).diagnostics
    assert (problem.code, problem.hint) == ("WF131", FORBIDDEN[name])


@pytest.mark.parametrize("name", sorted(MODULE_HINTS))
def test_every_refused_module_says_what_to_do(name: str) -> None:
    """An import that isn't offered names the way out, and what is offered."""
    source = f"import {name}\nasync def workflow(): ...\n"
    (problem,) = validate(source, aliases=(), cell=True).diagnostics
    assert problem.code == "WF120"
    assert problem.hint.startswith(MODULE_HINTS[name])
    assert "asyncio" in problem.hint


def test_the_version_is_one() -> None:
    """It is stored with runs: changing it is a decision."""
    assert language.LANGUAGE_VERSION == 1


class _Parses:
    """Garbage in a cycle whose finalizer parses, as formatting a traceback does."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        ast.parse("a = [1, (2, {3: 4})]")


def test_a_finalizer_that_parses_refuses_no_source() -> None:
    """The collector may run in the middle of the parser: a good source stays one."""
    source = "async def w():\n" + "".join(f"    x{n} = [{n}, ({n},)]\n" for n in range(300))
    before = gc.get_threshold()
    try:
        for _ in range(20):
            gc.collect()
            garbage = [_Parses() for _ in range(3)]
            gc.set_threshold(40, 1, 1)
            del garbage
            assert isinstance(parse_source(source), ast.Module)
            gc.set_threshold(*before)
    finally:
        gc.set_threshold(*before)
