"""What does a module beside the notebook define? Its file is read, and never imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, TypeAlias

from wf_notebook.cells.reading import python_of
from wf_notebook.linting.meanings import STEPLESS, Library, Module, Scope, Unread

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from wf_notebook.linting.meanings import Meaning
    from wf_notebook.linting.registry import Registry

    Read: TypeAlias = "Callable[[ast.Module, Scope], None]"

__all__ = ["Modules"]

_MOST: Final = 200
"""So many modules are read for one notebook; those beyond are as if they weren't there."""


class Modules:
    """The modules that a notebook and its modules import, each read once.

    Args:
        folder: the notebook's.
        registry: told when a module that can't be read may register steps.
        read: reads what a module holds into a scope.
    """

    def __init__(self, folder: str, registry: Registry, read: Read) -> None:
        self._folder = folder
        self._registry = registry
        self._read = read
        self._known: dict[str, Meaning] = {}

    def find(self, name: str) -> Meaning:
        """Return what a dotted name of a module means; its parents are imported as well."""
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            dotted = ".".join(parts[:count])
            if dotted not in self._known:
                self._load(dotted)
        return self._known[name]

    def inside(self, scope: Scope, name: str) -> Meaning | None:
        """Return the module of that name in a package, if it was imported, or None."""
        return self._known.get(f"{scope.module}.{name}")

    def has(self, name: str) -> bool:
        """Whether there is a module of that dotted name beside the notebook."""
        return self._path(name) is not None

    def _load(self, name: str) -> None:
        top = name.partition(".")[0]
        beside = self._file(top) is not None
        if top in STEPLESS and not beside:
            self._known[name] = Library(name)
            return
        path = None if top in sys.stdlib_module_names else self._path(name)
        tree = None if path is None or len(self._known) >= _MOST else _tree_of(path)
        if path is None or tree is None:
            why = f"the module {name} is not beside the notebook, or cannot be read"
            self._registry.hide(why)
            self._known[name] = Unread(why)
            return
        scope = Scope(name, package=path.endswith("__init__.py") or os.path.isdir(path))
        if os.path.isdir(path):  # a package of that name elsewhere would be preferred to it
            scope.hide(f"{name} is a folder without __init__.py")
            self._registry.hide(scope.hidden)
        self._known[name] = Module(scope)  # before it is read: modules may import each other
        self._read(tree, scope)

    def _path(self, name: str) -> str | None:
        stem = self._stem(name)
        return self._file(name) or (stem if os.path.isdir(stem) else None)

    def _file(self, name: str) -> str | None:
        stem = self._stem(name)
        return next(filter(os.path.isfile, (os.path.join(stem, "__init__.py"), f"{stem}.py")), None)

    def _stem(self, name: str) -> str:
        return os.path.join(self._folder, *name.split("."))


def _tree_of(path: str) -> ast.Module | None:
    if os.path.isdir(path):  # a package without a file of its own
        return python_of("")
    try:
        with open(path, encoding="utf-8-sig") as file:
            return python_of(file.read())
    except (OSError, ValueError):
        return None
