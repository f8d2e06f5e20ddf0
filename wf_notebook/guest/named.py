"""How a source reads an attribute whose name says little: by way of what the run offers instead.

The check sees names that are written out. `operator.attrgetter(text)`, the fields of a format
string and `functools.wraps(assigned=...)` name attributes by texts that may be computed: their
faces here refuse what `guest.walk` would refuse. And some names mean something else than CPython's:
`type(now()).now` must not be the clock of the machine.
"""

from __future__ import annotations

import datetime
import functools
import string
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest.language import HARMLESS_ATTRIBUTES, INSIDES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

__all__ = ["FACES", "READ", "Reader", "format_reader"]

_FORMATS: Final = frozenset({"format", "format_map"})
_PRESENT: Final = frozenset({"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp"})
_LOCAL: Final = frozenset({"astimezone", "timestamp"})
_READABLE: Final = HARMLESS_ATTRIBUTES | {"__class__", "_"}

READ: Final = _FORMATS | _PRESENT | _LOCAL | {"mro"}
"""Names of attributes that the compiled code reads with a `Reader`."""


def _check(name: object) -> None:
    """Refuse what a source could not write.

    Raises:
        AttributeError: it is private, or of Python's own workings.
    """
    if isinstance(name, str) and name not in _READABLE and name.startswith("_"):
        msg = f"a workflow cannot read the private attribute {name!r} by a text"
        raise AttributeError(msg, name=name)
    if name in INSIDES:
        msg = f"a workflow cannot read {name!r}: frames and code differ at each replay"
        raise AttributeError(msg, name=str(name))


class Reader:
    """Reads attributes for one run, and says what `getattr` and its relatives are there."""

    def __init__(self, *, faces: Mapping[type, type], hidden: Collection[type]) -> None:
        """Begin a run.

        Args:
            faces: real classes, each with what stands for it in this run.
            hidden: other classes behind faces, which `mro` leaves out.
        """
        self._faces = faces
        self._hidden = frozenset(hidden)

    def read(self, owner: Any, name: str) -> Any:
        """Return an attribute; only those named in `READ` are others than CPython's."""
        if name in _FORMATS:
            return _formatting(owner, name)
        if name in _PRESENT:
            face = self._faces.get(owner if isinstance(owner, type) else type(owner))
            return getattr(owner if face is None else face, name)
        if name in _LOCAL and isinstance(owner, datetime.datetime) and owner.tzinfo is None:
            return getattr(owner.replace(tzinfo=datetime.UTC), name)
        if name == "mro" and isinstance(owner, type):
            return functools.partial(self._mro, owner)
        return getattr(owner, name)

    def _mro(self, owner: type) -> list[type]:
        shown = (self._faces.get(kind, kind) for kind in type.mro(owner))
        return [kind for kind in dict.fromkeys(shown) if kind not in self._hidden]

    def getattr(self, owner: Any, name: str, /, *default: Any) -> Any:
        """Return an attribute, as `getattr` does; the check has seen its name."""
        try:
            return self.read(owner, name) if name in READ else getattr(owner, name)
        except AttributeError:
            if default:
                return default[0]
            raise

    def attrgetter(self, attribute: str, /, *more: str) -> Callable[[Any], Any]:
        """Return a function that reads attributes; dots lead further."""
        paths = [path.split(".") for path in (attribute, *more)]
        for path in paths:
            for name in path:
                _check(name)

        def get(value: Any) -> Any:
            found = tuple(functools.reduce(self.read, path, value) for path in paths)
            return found if more else found[0]

        return get

    def methodcaller(self, name: str, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return a function that calls a method."""
        _check(name)
        return lambda value: self.read(value, name)(*args, **kwargs)

    def faces(self) -> dict[str, dict[str, object]]:
        """Return the members of modules that read attributes by name."""
        return {"operator": {"attrgetter": self.attrgetter, "methodcaller": self.methodcaller}}


# --------------------------------------------------------------------------------------- texts


def format_reader(owner: Any, name: str) -> Any:
    """Return an attribute as a `Reader` of no run does."""
    return _formatting(owner, name) if name in _FORMATS else getattr(owner, name)


def _formatting(owner: Any, name: str) -> Any:
    """Return `owner.format` or `owner.format_map`; of a text, one that reads no private names."""
    method = getattr(owner, name)
    if isinstance(owner, str):
        return functools.partial(_format, method, owner)
    if isinstance(owner, type) and issubclass(owner, str):
        return functools.partial(_format_of, name)
    return method


def _format_of(name: str, text: str, /, *args: Any, **kwargs: Any) -> Any:
    return _formatting(text, name)(*args, **kwargs)


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
    usual = {*functools.WRAPPER_ASSIGNMENTS, *functools.WRAPPER_UPDATES}
    for name in (*names, *dicts):
        if name not in usual:
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


for _face in (update_wrapper, wraps):
    _face.__module__ = "functools"

FACES: Final[dict[str, dict[str, object]]] = {
    "functools": {"update_wrapper": update_wrapper, "wraps": wraps},
    "string": {"Formatter": Formatter},
}
"""Members of modules that name attributes by texts, the same in every run."""
