"""Which attributes a text may name while a source runs: those that the source could write itself.

The check sees names that are written out. `operator.attrgetter(text)`, the fields of a format
string and `functools.wraps(assigned=...)` name attributes by texts that may be computed: their
faces here refuse what `guest.walk` would refuse.
"""

from __future__ import annotations

import builtins
import functools
import operator
import string
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest.language import HARMLESS_ATTRIBUTES, INSIDES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["FACES", "checked_getattr", "formatting"]

_FORMATS: Final = frozenset({"format", "format_map"})
_READABLE: Final = HARMLESS_ATTRIBUTES | {"__class__", "__annotations__", "_"}


def _check(name: object) -> None:
    """Refuse what a source could not write.

    Raises:
        AttributeError: it is private, or of Python's own workings.
    """
    if not isinstance(name, str) or (name in _READABLE and name not in INSIDES):
        return
    if name in INSIDES or name.startswith("_"):
        msg = f"a workflow cannot read the attribute {name!r} by its name in a text"
        raise AttributeError(msg, name=name)


# Calls of `getattr` have their names written out; this one also hands out guarded methods.
def checked_getattr(value: object, name: str, /, *default: Any) -> Any:
    """Return an attribute, as `getattr` does."""
    if name in _FORMATS and not default:
        return formatting(value, name)
    return getattr(value, name, *default)


def attrgetter(attribute: str, /, *more: str) -> Callable[[Any], Any]:
    """Return a function that reads attributes; dots lead further."""
    for path in (attribute, *more):
        for name in str(path).split("."):
            _check(name)
    return operator.attrgetter(attribute, *more)


def methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """Return a function that calls a method."""
    _check(name)
    if name in _FORMATS:
        return lambda value: formatting(value, name)(*args, **kwargs)
    return operator.methodcaller(name, *args, **kwargs)


# --------------------------------------------------------------------------------------- texts


def formatting(owner: Any, name: str) -> Any:
    """Return `owner.format` or `owner.format_map`; of a text, one that reads no private names."""
    method = getattr(owner, name)
    if isinstance(owner, str):
        return functools.partial(_format, method, owner)
    if isinstance(owner, type) and issubclass(owner, str):
        return functools.partial(_format_of, name)
    return method


def _format_of(name: str, text: str, /, *args: Any, **kwargs: Any) -> Any:
    return formatting(text, name)(*args, **kwargs)


def _format(method: Callable[..., str], text: str, /, *args: Any, **kwargs: Any) -> str:
    _check_fields(text, depth=2)
    return method(*args, **kwargs)


def _check_fields(text: str, *, depth: int) -> None:
    if "." not in text or not depth:
        return
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return  # the formatting itself will say so
    for _, field, spec, _ in parts:
        for name in (field or "").replace("[", ".").split(".")[1:]:
            _check(name)
        _check_fields(spec or "", depth=depth - 1)


class Formatter(string.Formatter):
    """A formatter whose fields read no private names."""

    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """Return what a field names."""
        _check_fields(f"{{{field_name}}}", depth=1)
        found: tuple[Any, Any] = super().get_field(field_name, args, kwargs)
        return found


Formatter.__module__ = "string"


# ----------------------------------------------------------------------------------- functions


def update_wrapper(
    wrapper: Any,
    wrapped: Any,
    assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
    updated: Iterable[str] = functools.WRAPPER_UPDATES,
) -> Any:
    """Make a wrapper look like what it wraps."""
    names, dicts = tuple(assigned), tuple(updated)
    for name in {*names, *dicts}.difference(
        functools.WRAPPER_ASSIGNMENTS, functools.WRAPPER_UPDATES
    ):
        _check(name)
    return functools.update_wrapper(wrapper, wrapped, names, dicts)


def wraps(
    wrapped: Any,
    assigned: Iterable[str] = functools.WRAPPER_ASSIGNMENTS,
    updated: Iterable[str] = functools.WRAPPER_UPDATES,
) -> Callable[[Any], Any]:
    """Return a decorator that makes a wrapper look like `wrapped`."""
    return functools.partial(
        update_wrapper, wrapped=wrapped, assigned=tuple(assigned), updated=tuple(updated)
    )


for _face in (attrgetter, methodcaller):
    _face.__module__ = "operator"
for _face in (update_wrapper, wraps):
    _face.__module__ = "functools"
checked_getattr.__module__ = builtins.__name__
checked_getattr.__name__ = checked_getattr.__qualname__ = "getattr"

FACES: Final[dict[str, dict[str, object]]] = {
    "functools": {"update_wrapper": update_wrapper, "wraps": wraps},
    "operator": {"attrgetter": attrgetter, "methodcaller": methodcaller},
    "string": {"Formatter": Formatter},
}
"""Members of modules that read attributes by the text of their names."""
