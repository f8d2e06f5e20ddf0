"""Whether the names of a source mean something: the rules that need the whole source walked.

A name is judged by Python's own scopes: an `id` of the source's is its own affair, the builtin `id`
is not offered.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from wf_notebook.guest.durations import parse_duration
from wf_notebook.guest.imports import check_member
from wf_notebook.guest.language import (
    BUILTINS,
    COMPUTED_ACCESS,
    FORBIDDEN,
    MODULE_HINTS,
    MODULES,
    NON_DURABLE_WAITS,
    PREDEFINED,
    PREDEFINED_MODULES,
    SURFACE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wf_notebook.guest.names import Scope
    from wf_notebook.guest.places import Problems
    from wf_notebook.guest.walk import Walk

__all__ = ["Rules"]

_MAX_LISTED: Final = 20


class Rules:
    """The rules, applied to what a walk has noted.

    Attributes:
        steps: aliases that the source names.
        schemas: schema names that it names literally.
    """

    def __init__(
        self, walk: Walk, problems: Problems, aliases: frozenset[str], schemas: frozenset[str]
    ) -> None:
        self._walk = walk
        self._problems = problems
        self.steps: set[str] = set()
        self.schemas: set[str] = set()
        self._aliases = aliases
        self._offered_schemas = schemas
        self._judged: set[ast.AST] = set()

    def run(self) -> Rules:
        """Judge calls first: what they are told about isn't told again for their parts."""
        for judge in (self._calls, self._items, self._attributes, self._uses):
            self._problems.section()
            judge()
        return self

    def _calls(self) -> None:
        for call, scope in self._walk.calls:
            if scope.evaluated:
                self._call(call, scope)

    def _items(self) -> None:
        for item, scope in self._walk.items:
            self._item(item, scope)

    def _attributes(self) -> None:
        for attribute, scope in self._walk.attributes:
            if attribute not in self._judged and scope.evaluated:
                self._attribute(attribute, scope)

    def _uses(self) -> None:
        for name, scope in self._walk.uses:
            if self._problems.full:
                return
            if name not in self._judged and scope.find(name.id) is None:
                self._free_name(name, scope)

    # -------------------------------------------------------------------------------- names

    def _free_name(self, node: ast.Name, scope: Scope) -> None:
        """Judge a name that the source doesn't bind."""
        name = node.id
        if name in COMPUTED_ACCESS:
            message = f"`{name}` can only be called, with the attribute's name written out."
            self._problems.add(node, "WF134", message, "Write a small function: lambda x: x.name")
        elif name in FORBIDDEN and not self._is_allowed(name, scope):
            self._problems.add(
                node, "WF131", f"`{name}` is not available in a source.", FORBIDDEN[name]
            )
        elif self._is_unknown(name) and scope.evaluated:
            message = f"`{name}` is not defined in this source."
            self._problems.add(node, "WF130", message, self._meant(name, scope))

    def _is_allowed(self, name: str, scope: Scope) -> bool:
        return not scope.evaluated or (name == "hash" and scope.makes_hash)

    def _is_unknown(self, name: str) -> bool:
        told = name.startswith("__") and name.strip("_")  # of its underscores
        if self._walk.star or told:
            return False
        return name not in PREDEFINED and name not in BUILTINS and name not in FORBIDDEN

    def _meant(self, name: str, scope: Scope) -> str:
        """Say what somebody who wrote an unknown name may have meant."""
        if name in self._aliases:
            return f"Steps are called as steps.{name}(...)."
        if name in self._offered_schemas:
            return f'Name the schema as text: schema="{name}". Values arrive as records.'
        if name in MODULES:
            return f"Write `import {name}` first."
        if name in MODULE_HINTS:
            return MODULE_HINTS[name]
        near = self._problems.suggest(name, scope.visible() | PREDEFINED | BUILTINS)
        own = (
            "A source sees only its own names: pass the value as an argument, or get it in a step."
        )
        return near or own

    # --------------------------------------------------------------------------- attributes

    def _attribute(self, node: ast.Attribute, scope: Scope) -> None:
        name = _root(node)
        if name.id == "steps" and scope.find("steps") is None:
            self._step_attribute(node)
            return
        module = self._module(name, scope)
        if module is not None and module in MODULES and not node.attr.startswith("_"):
            check_member(module, node.attr, node, self._problems, tail=node.attr)

    def _step_attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            message = "`steps` is frozen: it holds what the run was given."
            self._problems.add(
                node, "WF144", message, "Keep your own functions under names of their own."
            )
        elif not node.attr.startswith("_"):
            self._step_named(node.attr, node, tail=node.attr)

    def _step_named(self, alias: str, node: ast.AST, *, tail: str = "") -> None:
        self.steps.add(alias)
        if alias in self._aliases:
            return
        near = self._problems.suggest(alias, self._aliases)
        hint = f"{near} Offered are: {_listed(self._aliases)}.".strip()
        message = f"No step `{alias}` was given to this source."
        self._problems.add(node, "WF140", message, hint, tail=tail)

    def _item(self, node: ast.Subscript, scope: Scope) -> None:
        """`steps["x"]`: steps are attributes."""
        if scope.find("steps") is not None or not scope.evaluated:
            return
        match node.slice:
            case ast.Constant(value=str(alias)) if alias.isidentifier():
                hint = f"Write steps.{alias}."
            case _:
                hint = "To choose one, write a dict: {'a': steps.a, 'b': steps.b}[name]."
        self._problems.add(node, "WF144", "Steps are attributes of `steps`, not items.", hint)

    def _module(self, name: ast.Name, scope: Scope) -> str | None:
        """Return the module that a name stands for, or None."""
        owner = scope.find(name.id)
        if owner is None:
            return PREDEFINED_MODULES.get(name.id)
        return owner.modules.get(name.id)

    # -------------------------------------------------------------------------------- calls

    def _call(self, node: ast.Call, scope: Scope) -> None:
        if isinstance(node.func, ast.Attribute):
            self._method_call(node, node.func, scope)
        elif isinstance(node.func, ast.Name) and scope.find(node.func.id) is None:
            self._function_call(node, node.func.id, scope)

    def _method_call(self, node: ast.Call, func: ast.Attribute, scope: Scope) -> None:
        name = _root(func)
        owner = scope.find(name.id)
        if name.id == "steps" and owner is None:
            self._needs_function(node, f"steps.{func.attr}", scope)
            return
        module = name.id if owner is None else owner.modules.get(name.id)
        hint = NON_DURABLE_WAITS.get(f"{module}.{func.attr}")
        if hint is not None:
            message = f"`{module}.{func.attr}` waits outside the run: it isn't durable."
            self._problems.add(func, "WF136", message, hint)
            self._judged |= {func, name}

    def _function_call(self, node: ast.Call, name: str, scope: Scope) -> None:
        """Judge a call of something that is predefined or built in."""
        if name in SURFACE:
            self._needs_function(node, name, scope)
        if name in COMPUTED_ACCESS:
            self._judged.add(node.func)
            self._access(node, name, scope)
        elif name == "sleep":
            self._duration(_argument(node, 0, ""))
        elif name == "create_hook":
            self._schema(_argument(node, 1, "schema"))
            self._duration(_argument(node, 2, "timeout"))
        elif name == "print":
            self._file(_argument(node, None, "file"))

    def _file(self, node: ast.expr | None) -> None:
        match node:
            case ast.Attribute(value=ast.Name() as module, attr="stderr" | "stdout"):
                self._judged |= {node, module}
                message = "There is no other output: what is printed is kept with the run."
                self._problems.add(node, "WF143", message, "Drop `file=`.")
            case _:
                pass

    def _needs_function(self, node: ast.Call, name: str, scope: Scope) -> None:
        if not scope.in_function:
            message = f"`{name}` is called while the source is loaded, before the run begins."
            self._problems.add(node, "WF117", message, "Call it in the entry, or in a function.")

    def _access(self, node: ast.Call, name: str, scope: Scope) -> None:
        match node.args:
            case [_, ast.Constant(value=str(attribute)), *_]:
                self._access_named(node, attribute, scope)
            case _:
                message = f"`{name}` needs the attribute's name written out."
                hint = "Write x.name. To choose, use a dict; for a record, record[name]."
                self._problems.add(node, "WF134", message, hint)

    def _access_named(self, node: ast.Call, attribute: str, scope: Scope) -> None:
        first, second = node.args[:2]
        private = attribute.startswith("_")  # the walk has judged it
        if (
            not private
            and isinstance(first, ast.Name)
            and first.id == "steps"
            and scope.find("steps") is None
        ):
            self._step_named(attribute, second)

    def _duration(self, node: ast.expr | None) -> None:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return
        try:
            parse_duration(node.value)
        except ValueError as error:
            message = f"This is not a duration: {str(error).partition(';')[0]}."
            self._problems.add(
                node, "WF142", message, 'Write for example "30s", "15m" or "1h 30m".'
            )

    def _schema(self, node: ast.expr | None) -> None:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return
        self.schemas.add(node.value)
        if node.value in self._offered_schemas:
            return
        near = self._problems.suggest(node.value, self._offered_schemas)
        hint = f"{near} Offered are: {_listed(self._offered_schemas)}.".strip()
        message = f"No schema `{node.value}` was given to this source."
        self._problems.add(node, "WF141", message, hint)


def _root(node: ast.Attribute) -> ast.Name:
    """Return the name whose attribute it is; the walk notes no others."""
    if not isinstance(node.value, ast.Name):
        msg = "the walk notes only attributes of names"
        raise TypeError(msg)
    return node.value


def _argument(node: ast.Call, index: int | None, name: str) -> ast.expr | None:
    """Return an argument of a call, given by position or by name, or None."""
    for keyword in node.keywords:
        if keyword.arg == name:
            return keyword.value
    if index is None or len(node.args) <= index:
        return None
    return None if any(isinstance(arg, ast.Starred) for arg in node.args) else node.args[index]


def _listed(names: Iterable[str]) -> str:
    """List names for a hint, not too many of them."""
    known = sorted(names)
    more = f" and {len(known) - _MAX_LISTED} more" if len(known) > _MAX_LISTED else ""
    return (", ".join(known[:_MAX_LISTED]) or "none") + more
