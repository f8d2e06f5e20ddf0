"""Which scope of a source a name belongs to: Python's own rules, in one pass.

Names are collected while the source is walked and looked up afterwards, because a function may use
what is defined below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ast

__all__ = ["Kind", "Scope"]

Kind = Literal["module", "class", "function", "comprehension", "annotation"]


class Scope:
    """One scope: what it binds, and where to look further.

    Attributes:
        kind: what opened it; an "annotation" scope binds nothing and is never evaluated.
        parent: the scope around it, or None for the module.
        node: the function that opened it, or the nearest one around it; None outside of any.
        is_async: whether that function is async.
        evaluated: whether code here runs at all: annotations don't.
        in_function: whether it runs when something is called, not when the source is loaded.
        modules: names bound by an import, to the module they stand for.
        names: every name that is bound here.
        globals, nonlocals: names that it declares to be bound further out.
    """

    __slots__ = (
        *("evaluated", "globals", "in_function", "is_async", "kind"),
        *("modules", "names", "node", "nonlocals", "parent"),
    )

    def __init__(
        self,
        kind: Kind,
        parent: Scope | None = None,
        *,
        node: ast.AST | None = None,
        is_async: bool = False,
    ) -> None:
        self.kind: Kind = kind
        self.parent = parent
        self.node = node
        self.is_async = is_async
        self.evaluated: bool = kind != "annotation" and (parent is None or parent.evaluated)
        self.in_function: bool = kind == "function" or (parent is not None and parent.in_function)
        self.modules: dict[str, str] = {}
        self.names: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    @property
    def makes_hash(self) -> bool:
        """Whether this is a method `__hash__`: what it returns, only dicts and sets ever see."""
        return getattr(self.node, "name", None) == "__hash__"

    def inner(self, kind: Kind) -> Scope:
        """Open a scope that is not a function's: it runs in the same function, if in any.

        A class body runs at once, but can't await or yield for the function around it.
        """
        if kind == "class":
            return Scope(kind, self)
        return Scope(kind, self, node=self.node, is_async=self.is_async)

    def declare_global(self, names: list[str]) -> None:
        """Take note of `global a, b`."""
        self.globals.update(names)
        self.root().names.update(names)

    def declare_nonlocal(self, names: list[str]) -> None:
        """Take note of `nonlocal a, b`: they are bound further out."""
        self.nonlocals.update(names)

    def bind(self, name: str, *, module: str | None = None) -> None:
        """Bind a name here; `module` says which module an import bound it to."""
        if name in self.nonlocals:
            return
        scope = self.root() if name in self.globals else self
        if module is not None and name not in scope.names:
            scope.modules[name] = module
        elif scope.modules.get(name) != module:
            scope.modules.pop(name, None)
        scope.names.add(name)

    def bind_walrus(self, name: str) -> None:
        """Bind the target of `:=`: a comprehension passes it on to the scope around it."""
        scope = self
        while scope.kind in ("comprehension", "annotation") and scope.parent is not None:
            scope = scope.parent
        scope.bind(name)

    def find(self, name: str) -> Scope | None:
        """Return the scope that binds a name as seen from here; None: it isn't the source's.

        A class body is seen only from itself.
        """
        if name in self.names:
            return self
        scope = self.parent
        while scope is not None:
            if scope.kind != "class" and name in scope.names:
                return scope
            scope = scope.parent
        return None

    def visible(self) -> set[str]:
        """Every name that code here can see."""
        found = set(self.names)
        scope = self.parent
        while scope is not None:
            if scope.kind != "class":
                found |= scope.names
            scope = scope.parent
        return found

    def root(self) -> Scope:
        """Return the module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope
