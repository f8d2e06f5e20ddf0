"""Which functions can be steps, and how one is told from another: its id and its digest."""

from __future__ import annotations

import hashlib
import inspect
import keyword
import textwrap
import tokenize
import types
from typing import TYPE_CHECKING, Final, TypeGuard, cast

from wf_notebook.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["checked_function", "implementation_digest", "is_alias", "step_id"]

_DEFINE: Final = "Define it with `def` or `async def`, at the top level of a cell or a module."
_WRAP: Final = "Write a function that calls it, and decorate that."


def checked_function(function: object) -> types.FunctionType:
    """Return a function that can be a step.

    Raises:
        RegistrationError: it can't; WF158 with what to write instead.
    """
    reason = _unsuitable(function)
    if reason is None and isinstance(function, types.FunctionType):
        return function
    what, hint = reason or ("no function", _DEFINE)
    name = getattr(function, "__qualname__", None) or type(function).__name__
    raise RegistrationError(f"`{name}` cannot be a step: it is {what}.", code="WF158", hint=hint)


def _unsuitable(function: object) -> tuple[str, str] | None:
    """Return what is wrong with a would-be step and what to do, or None."""
    if isinstance(function, types.MethodType | staticmethod | classmethod):
        return "a method", _WRAP
    if not isinstance(function, types.FunctionType):
        return f"a {type(function).__name__}, not a plain function", _WRAP
    if function.__name__ == "<lambda>":
        return "a lambda", _DEFINE
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "a generator", "Return a list, or write to step_context().stream as it goes."
    owner = function.__qualname__.rpartition(".")[0]
    if owner and not owner.endswith("<locals>"):
        return "a method", _DEFINE
    return None


def step_id(function: types.FunctionType) -> str:
    """Return `step//<module>//<qualname>`: what runs record."""
    return f"step//{function.__module__}//{function.__qualname__}"


def is_alias(name: object) -> TypeGuard[str]:
    """Whether a name can be an attribute of `steps`: ASCII, no leading underscore, no keyword.

    >>> is_alias("fetch_order"), is_alias("_x"), is_alias("class"), is_alias("größe")
    (True, False, False, False)
    """
    return (
        isinstance(name, str)
        and name.isascii()
        and name.isidentifier()
        and not name.startswith("_")
        and not keyword.iskeyword(name)
    )


def implementation_digest(function: types.FunctionType) -> str:
    """Return the sha256 of a function's source text, hex; of its code where there is no text."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, IndexError, SyntaxError, tokenize.TokenError):
        return hashlib.sha256("\n".join(_code_lines(function.__code__)).encode()).hexdigest()
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _code_lines(code: types.CodeType) -> Iterator[str]:
    """Yield what a code object does, without addresses, places and file names."""
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_flags))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_lines(constant)
        else:
            yield _constant(constant)


def _constant(value: object) -> str:
    """Write a constant; sets in an order that doesn't depend on hashes."""
    if isinstance(value, frozenset):
        members = cast("frozenset[object]", value)
        return f"frozenset({sorted(map(_constant, members))})"
    return repr(value)
