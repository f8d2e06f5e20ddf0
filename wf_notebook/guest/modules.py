"""What `import` and the builtins are in a source: faces that repeat at every replay.

`guest.language` says which names there are; this module says what they are bound to: CPython's own,
but for what depends on the time, on chance, on addresses or on hashes.
"""

from __future__ import annotations

import builtins
import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest import hinted, named
from wf_notebook.guest.language import BUILTINS, MODULES
from wf_notebook.guest.ordered import OPERATORS, OrderedFrozenSet, OrderedSet
from wf_notebook.guest.transform import HELPERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["make_builtins", "make_modules"]


def _members(name: str) -> dict[str, object]:
    real = importlib.import_module(name)
    return {member: getattr(real, member) for member in MODULES[name] if hasattr(real, member)}


# Python's own classes, of which some have faces.
_CLASSES: Final = [
    (name, member, found)
    for name in MODULES
    for member, found in _members(name).items()
    if isinstance(found, type)
]
# The same in every run.
_COMMON: Final = {name: _members(name) for name in sorted(MODULES)}
for _faces in (hinted.FACES, named.FACES, {"operator": OPERATORS}):
    for _name, _replaced in _faces.items():
        _COMMON[_name].update({n: m for n, m in _replaced.items() if n in MODULES[_name]})
# What their members import or look up when they are called: a confined guest can't open files.
_LATER: Final = (
    *("_strptime", "encodings.ascii", "encodings.cp1252", "encodings.idna", "encodings.latin_1"),
    *("encodings.punycode", "encodings.unicode_escape", "encodings.utf_16", "encodings.utf_16_le"),
    *("encodings.utf_32", "encodings.utf_8_sig", "locale", "stringprep"),
)
for _name in _LATER:
    importlib.import_module(_name)


def make_modules(own: Mapping[str, Mapping[str, object]]) -> dict[str, ModuleType]:
    """Return the modules that a run can import, by their full names.

    Args:
        own: members that belong to this run, by module; names that aren't offered are left out.
    """
    faces: dict[str, ModuleType] = {}
    for name, common in _COMMON.items():
        face = faces[name] = ModuleType(name)
        members = {n: m for n, m in own.get(name, {}).items() if n in MODULES[name]}
        vars(face).update(common | members)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(faces[parent], child, face)
    return faces


def _importer(modules: Mapping[str, ModuleType]) -> Callable[..., ModuleType]:
    def import_module(
        name: str,
        globals: object = None,  # noqa: A002, ARG001 - Python passes them
        locals: object = None,  # noqa: A002, ARG001
        fromlist: object = (),
        level: int = 0,
    ) -> ModuleType:
        # CPython's C code (strptime, strftime) imports by way of the caller's builtins, with a
        # list; import statements give None or a tuple.
        if type(fromlist) is list:
            return importlib.import_module(name)
        if level or name not in modules:
            offered = ", ".join(sorted(name for name in modules if "_" not in name))
            msg = f"a workflow cannot import {name!r}; there are: {offered}"
            raise ImportError(msg, name=name)
        return modules[name if fromlist else name.partition(".")[0]]

    return import_module


class _Plain:
    """The base of classes without one: their default text has no address in it."""

    __slots__ = ()

    def __repr__(self: Any) -> str:
        if not isinstance(self, _Plain):
            return repr(self)  # an enum takes it for the text of its values
        inherited = super().__repr__  # a mixin of an exception, an enum or a dict has theirs
        if inherited.__qualname__ != "object.__repr__":
            return str(inherited())
        return f"<{type(self).__module__}.{type(self).__qualname__} object>"


def _build_class(body: Any, name: str, /, *bases: Any, **options: Any) -> Any:
    return builtins.__build_class__(body, name, *(bases or (_Plain,)), **options)


def _reader(faces: Mapping[str, ModuleType]) -> named.Reader:
    """Return what reads attributes in a run that has these faces."""
    shown: dict[type, type] = {set: OrderedSet, frozenset: OrderedFrozenSet}
    for name, member, meant in _CLASSES:
        kind = vars(faces[name]).get(member)
        if kind is not meant and isinstance(kind, type):
            shown[meant] = kind
    behind = {kind for face in shown.values() for kind in face.__mro__[1:]}
    return named.Reader(faces=shown, hidden=behind - {object, *shown, *shown.values()} | {_Plain})


def make_builtins(
    modules: Mapping[str, ModuleType], predefined: Mapping[str, object]
) -> dict[str, object]:
    """Return what a source finds as `__builtins__`; `predefined` are the names of its surface."""
    reader = _reader(modules)
    for name, members in reader.faces().items():
        vars(modules[name]).update(members)
    found = {name: getattr(builtins, name) for name in BUILTINS if hasattr(builtins, name)}
    return {
        **found,
        **HELPERS,
        "@read": reader.read,
        "getattr": reader.getattr,
        "hash": hash,  # for methods `__hash__`; the check refuses it elsewhere
        "set": OrderedSet,
        "frozenset": OrderedFrozenSet,
        "__build_class__": _build_class,
        "__import__": _importer(modules),
        **predefined,
    }
