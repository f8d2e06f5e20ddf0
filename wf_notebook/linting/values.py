"""What does an expression mean, without evaluating it?"""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING, Final

from wf_notebook.linting.meanings import (
    PLAIN,
    Function,
    Library,
    Mark,
    Model,
    Module,
    Other,
    Step,
    Unread,
)

if TYPE_CHECKING:
    from wf_notebook.linting.meanings import Meaning, Scope
    from wf_notebook.linting.modules import Modules
    from wf_notebook.linting.registry import Registry

__all__ = ["Values", "of_library"]

_MARKS: Final = frozenset({"wf_notebook.step", "wf_notebook.definition.steps.step"})
_BASES: Final = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel"})
_MODELS: Final = frozenset({"pydantic.RootModel", "pydantic.root_model.RootModel"})
# What an expression of these kinds gives is neither a step nor a model, whatever it holds.
_PLAIN: Final = (
    ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Lambda, ast.Compare,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


class Values:
    """Tells what expressions mean in a scope.

    Args:
        scope: whose names they use.
        registry: where steps land that an expression makes.
        modules: what was imported.
    """

    def __init__(self, scope: Scope, registry: Registry, modules: Modules) -> None:
        self._scope = scope
        self._registry = registry
        self._modules = modules
        # Nodes where `step` is used in a way that is understood.
        self.understood: set[ast.AST] = set()

    def of(self, node: ast.expr, *, surely: bool = True) -> Meaning:
        """Return what an expression means; a step that it makes is registered."""
        match node:
            case ast.Name(id=name):
                return self.named(name)
            case ast.Attribute(value=owner, attr=name):
                return self.member(self.of(owner, surely=surely), name)
            case ast.Call(func=function):
                return self._called(node, self.of(function, surely=surely), surely=surely)
            case ast.Subscript(value=owner):  # Base[int] is a model where Base is one
                found = self.of(owner, surely=surely)
                return Model() if isinstance(found, Model) else Unread("it is an item of something")
            case _:
                return Other() if isinstance(node, _PLAIN) else Unread("it is computed")

    def path(self, node: ast.expr) -> Meaning | None:
        """Return what a dotted name means, or None for any other expression."""
        if isinstance(node, ast.Attribute):
            owner = self.path(node.value)
            return None if owner is None else self.member(owner, node.attr)
        return self.named(node.id) if isinstance(node, ast.Name) else None

    def named(self, name: str) -> Meaning:
        """Return what a name means."""
        found = self._scope.find(name)
        if found is not None:
            return found
        return Other() if hasattr(builtins, name) else Unread(f"{name} is not defined above")

    def member(self, owner: Meaning, name: str) -> Meaning:
        """Return what an attribute means."""
        match owner:
            case Module(scope=scope):
                found = scope.find(name) or self._modules.inside(scope, name)
                return Other() if found is None else found
            case Library(path=path):
                return of_library(f"{path}.{name}")
            case Unread():
                return owner
            case _:
                return Unread("it is an attribute of something")

    def _called(self, call: ast.Call, function: Meaning, *, surely: bool) -> Meaning:
        if not isinstance(function, Mark):
            return Unread("it is what a call returns")
        self.understood.add(call.func)
        if not call.args:
            return _mark_of(call)
        made = self.marked(function, self.of(call.args[0], surely=surely), surely=surely)
        return made or Unread("it is what a call returns")

    def marked(self, mark: Mark, what: Meaning, *, surely: bool, why: str = "") -> Meaning | None:
        """Register what `step` is put on, and return what that makes of it; None for no function."""
        if not isinstance(what, Function):
            self._registry.hide("a step is made of something that is computed")
            return None
        if not mark.named:
            self._registry.hide("the name of a step is computed")
        step = Step(what.step_id)
        why = why or "a step is made under a condition"
        self._registry.register(mark.name or what.name, step, surely=surely, why=why)
        return step


def of_library(path: str) -> Meaning:
    """Return what something in a known library means, by its dotted path."""
    if path in _MARKS:
        return Mark()
    if path in _BASES or path in _MODELS:
        return Model(base=path in _BASES)
    top, _, rest = path.partition(".")
    return Library(path) if top in PLAIN else Unread(f"{rest} is of the library {top}")


def _mark_of(call: ast.Call) -> Mark:
    for keyword in call.keywords:
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
            return Mark(str(keyword.value.value or ""), called=True)
        if keyword.arg in ("name", None):
            return Mark(called=True, named=False)
    return Mark(called=True)
