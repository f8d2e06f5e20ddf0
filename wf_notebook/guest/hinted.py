"""What annotations mean to those who read them in a source: texts that are never evaluated.

`dataclass` must know `typing.ClassVar` and `dataclasses.InitVar`, and it knows modules by their
identity, which the faces of a run don't have. `singledispatch` would evaluate the annotation of
what is registered; here it is looked up, name by name.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
import sys
import typing
from types import FunctionType, ModuleType
from typing import Any, Final

__all__ = ["FACES"]

_MARKS: Final[dict[str, dict[str, object]]] = {
    "typing": {"ClassVar": typing.ClassVar},
    "dataclasses": {"InitVar": dataclasses.InitVar, "KW_ONLY": dataclasses.KW_ONLY},
}
_DOTTED: Final = re.compile(r"\s*(\w+)\s*\.\s*(\w+)")


def dataclass(cls: Any = None, /, **options: Any) -> Any:
    """Make a dataclass of a class, as Python's `dataclass` does."""

    def make(cls: Any) -> Any:
        hints: dict[str, Any] = cls.__annotations__
        told = dict(hints)
        hints.update(_marked(cls, told))
        try:
            return dataclasses.dataclass(cls, **options)
        finally:
            hints.update(told)

    return make if cls is None else make(cls)


def _marked(cls: type, hints: dict[str, Any]) -> dict[str, object]:
    """Return the annotations that are no fields, as what they stand for."""
    names = _globals_of(cls)
    found: dict[str, object] = {}
    for name, hint in hints.items():
        if isinstance(hint, str) and (match := _DOTTED.match(hint)):
            module = names.get(match[1])
            marks = _MARKS.get(module.__name__, {}) if isinstance(module, ModuleType) else {}
            if match[2] in marks:
                found[name] = marks[match[2]]
    return found


def _globals_of(cls: type) -> dict[str, object]:
    module = sys.modules.get(cls.__module__)
    return {} if module is None else vars(module)


# --------------------------------------------------------------------------------- dispatching


def singledispatch(func: Any) -> Any:
    """Make a function choose among others by the type of its first argument."""
    dispatching: Any = functools.singledispatch(func)
    register_plainly = dispatching.register

    def register(cls: Any, func: Any = None) -> Any:
        if func is None and isinstance(cls, FunctionType):
            return register_plainly(_annotated_type(cls), cls)
        return register_plainly(cls, func)

    dispatching.register = register
    return dispatching


class singledispatchmethod(functools.singledispatchmethod):  # type: ignore[type-arg] # noqa: N801 - its name
    """Makes a method choose among others by the type of its first argument."""

    def __init__(self, func: Any) -> None:
        """Begin with the method for every other type."""
        super().__init__(func)
        self.dispatcher = singledispatch(func)


def _annotated_type(func: FunctionType) -> Any:
    """Return the type that the first annotation of a function names.

    Raises:
        TypeError: there is none, or it is no plain name.
    """
    hint: object = next(iter(func.__annotations__.values()), None)
    try:
        found = _named(ast.parse(str(hint), mode="eval").body, func.__globals__)
    except (SyntaxError, LookupError, AttributeError, ValueError):
        found = None
    if hint is None or found is None:
        msg = f"register() needs the type: write @register(TYPE), or annotate {func.__name__}()"
        raise TypeError(msg)
    return found


def _named(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return names[name] if name in names else names["__builtins__"][name]
        case ast.Attribute(value=owner, attr=name) if not name.startswith("_"):
            return getattr(_named(owner, names), name)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _named(left, names) | _named(right, names)
        case ast.Constant(value=None):
            return type(None)
        case _:
            msg = "not a name"
            raise ValueError(msg)


for _face, _module in (
    (dataclass, dataclasses),
    (singledispatch, functools),
    (singledispatchmethod, functools),
):
    _face.__module__ = _module.__name__

FACES: Final[dict[str, dict[str, object]]] = {
    "dataclasses": {"dataclass": dataclass},
    "functools": {"singledispatch": singledispatch, "singledispatchmethod": singledispatchmethod},
}
"""Members of modules that read annotations."""
