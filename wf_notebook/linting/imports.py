"""Which names does an import statement bind, and to what?"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from wf_notebook.linting.meanings import PLAIN, Library, Mark, Model, Module, Unread
from wf_notebook.linting.values import of_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.linting.meanings import Meaning, Scope
    from wf_notebook.linting.modules import Modules

__all__ = ["Imports"]


class Imports:
    """Tells what the imports of a scope bind.

    Args:
        scope: of the notebook or module that imports.
        modules: what can be imported.
    """

    def __init__(self, scope: Scope, modules: Modules) -> None:
        self._scope = scope
        self._modules = modules

    def of(self, statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Meaning]]:
        """Yield the names that a statement binds, with their meanings."""
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                whole = self._modules.find(alias.name)
                top = alias.name.partition(".")[0]
                yield alias.asname or top, whole if alias.asname else self._modules.find(top)
            return
        path = self._absolute(statement)
        owner = self._modules.find(path) if path else Unread("it is imported from nowhere")
        for alias in statement.names:
            if alias.name == "*":
                yield from self._all_of(owner, path)
            else:
                yield alias.asname or alias.name, self._member(owner, path, alias.name)

    def _absolute(self, statement: ast.ImportFrom) -> str:
        """Return the dotted name of the module that is imported from; "" if there is none."""
        module = statement.module or ""
        if not statement.level:
            return module
        parts = self._scope.module.split(".")
        kept = len(parts) - statement.level + self._scope.package
        if kept < 1:
            return ""
        return ".".join([*parts[:kept], *([module] if module else [])])

    def _member(self, owner: Meaning, path: str, name: str) -> Meaning:
        match owner:
            case Module(scope=scope):
                found = scope.find(name)
                if found is None and self._modules.has(f"{path}.{name}"):
                    return self._modules.find(f"{path}.{name}")
                return Unread(f"{path} has no {name}") if found is None else found
            case Library():
                return of_library(f"{path}.{name}")
            case _:
                return owner

    def _all_of(self, owner: Meaning, path: str) -> Iterator[tuple[str, Meaning]]:
        match owner:
            case Module(scope=scope):
                yield from (i for i in list(scope.names.items()) if not i[0].startswith("_"))
                if scope.hidden:
                    self._scope.hide(scope.hidden)
            case Library():
                known: dict[str, Meaning] = {"wf_notebook": Mark(), "pydantic": Model(base=True)}
                if path in known:
                    yield ("step" if path == "wf_notebook" else "BaseModel"), known[path]
                elif path.partition(".")[0] not in PLAIN:
                    self._scope.hide(f"from {path} import * may define anything")
            case _:
                self._scope.hide(f"from {path} import * may define anything")
