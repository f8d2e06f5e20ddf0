"""What do the statements of a cell or a module define: which steps, which models, which names?

They are read in order, as Run All would run them, and nothing is run. What depends on a condition,
is computed, or comes from where nobody has read, is noted as such, so that nothing false is said.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from wf_notebook.cells.reading import python_of
from wf_notebook.linting.imports import Imports
from wf_notebook.linting.meanings import Function, Mark, Model, Other, Unread
from wf_notebook.linting.modules import Modules
from wf_notebook.linting.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wf_notebook.linting.meanings import Meaning, Scope
    from wf_notebook.linting.registry import Registry

__all__ = ["Statements", "modules_beside"]

_Defined = ast.FunctionDef | ast.AsyncFunctionDef
_CONDITION: Final = "it is defined under a condition"
# What may bind names, or make steps, that no reading finds.
_FREE_NAMES: Final = frozenset({"exec", "eval", "globals", "__import__"})
_FREE_MEMBERS: Final = frozenset({
    "import_module", "exec_module", "run_cell", "run_cell_magic", "run_code", "user_ns", "push",
    "safe_execfile",
})  # fmt: skip
# Line magics that define nothing; what `%time` is given is Python.
_QUIET_MAGICS: Final = frozenset({
    "aimport", "autoreload", "cd", "colors", "conda", "config", "dirs", "env", "history", "load_ext",
    "ls", "lsmagic", "magic", "mamba", "matplotlib", "mkdir", "pdoc", "pinfo", "pinfo2", "pip",
    "popd", "precision", "psource", "pushd", "pwd", "quickref", "reload_ext", "set_env", "sx",
    "system", "unload_ext", "uv", "wf", "who", "who_ls", "whos", "workflow",
    "workflow_draft", "workflow_prompt", "xmode",
})  # fmt: skip


def modules_beside(folder: str, registry: Registry) -> Modules:
    """Return the modules of a notebook's folder; what they register goes into the registry."""

    def read(tree: ast.Module, scope: Scope) -> None:
        Statements(scope, registry, modules).read(tree.body)

    modules = Modules(folder, registry, read)
    return modules


class Statements:
    """Reads statements into a scope.

    Args:
        scope: gets the names.
        registry: gets the steps.
        modules: finds what is imported.
    """

    def __init__(self, scope: Scope, registry: Registry, modules: Modules) -> None:
        self._scope = scope
        self._registry = registry
        self._values = Values(scope, registry, modules)
        self._imports = Imports(scope, modules)

    def read(self, body: Iterable[ast.stmt], *, surely: bool = True) -> None:
        """Read statements in order; `surely` says whether it is certain that they run."""
        for statement in body:
            self._one(statement, surely=surely)
            self._loose_ends(statement)

    def hide(self, why: str) -> None:
        """Note that from here on there may be names and steps that nobody has read."""
        self._scope.hide(why)
        self._registry.hide(why)

    def _one(self, statement: ast.stmt, *, surely: bool) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._bind(statement.name, self._function(statement, surely=surely), surely=surely)
            case ast.ClassDef():
                self._bind(statement.name, self._class(statement), surely=surely)
            case ast.Import() | ast.ImportFrom():
                for name, meaning in self._imports.of(statement):
                    self._bind(name, meaning, surely=surely)
            case ast.Assign() | ast.AnnAssign():
                self._assigned(statement, surely=surely)
            case ast.Expr(value=value):
                self._values.of(value, surely=surely)
                self._magic(value, surely=surely)
            case ast.With() | ast.AsyncWith():
                self._stored(statement.items)
                self.read(statement.body, surely=surely)
            case _:
                self._block(statement)

    def _bind(self, name: str, meaning: Meaning, *, surely: bool = True) -> None:
        self._scope.bind(name, meaning, surely=surely, why=_CONDITION)

    # --- functions and classes ---------------------------------------------------------------

    def _function(self, node: _Defined, *, surely: bool) -> Meaning:
        """Return what a definition's name means once its decorators are put on, the last one first."""
        found: Meaning = Function(f"step//{self._scope.module}//{node.name}", node.name)
        for decorator in reversed(node.decorator_list):
            mark = self._values.of(decorator)
            if not isinstance(mark, Mark):
                found = Unread("it is decorated")
                continue
            self._values.understood.add(decorator)
            if isinstance(found, Function):
                found = self._values.marked(mark, found, surely=surely) or found
            else:  # a step, if what the other decorator has made is a plain function
                self._perhaps(mark, node.name, "what it is made of is decorated")
        return found

    def _perhaps(self, mark: Mark, name: str, why: str) -> None:
        self._values.marked(mark, Function("", name), surely=False, why=why)

    def _class(self, node: ast.ClassDef) -> Meaning:
        if node.decorator_list or node.keywords:
            return Unread("its class is decorated, or made by a metaclass")
        bases = [self._values.of(base) for base in node.bases]
        if any(isinstance(base, Model) for base in bases):
            return Model()
        unread = next((base for base in bases if isinstance(base, Unread)), None)
        return Other() if unread is None else unread

    # --- assignments -------------------------------------------------------------------------

    def _assigned(self, node: ast.Assign | ast.AnnAssign, *, surely: bool) -> None:
        if node.value is None:
            return
        found = self._values.of(node.value, surely=surely)
        if isinstance(found, Mark):  # another name for `step`
            self._values.understood.add(node.value)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                self._bind(target.id, found, surely=surely)
            else:
                self._stored([target])

    def _stored(self, nodes: Iterable[ast.AST]) -> None:
        """What is unpacked, iterated over or caught may be anything."""
        for name in _names_stored(nodes):
            self._scope.bind(name, Unread("it is unpacked, or a loop's"))

    # --- what holds other statements ----------------------------------------------------------

    def _block(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Delete):
            for name in (target for target in statement.targets if isinstance(target, ast.Name)):
                self._scope.names.pop(name.id, None)
            return
        self._stored(
            node for node in ast.iter_child_nodes(statement) if not isinstance(node, _HOLDERS)
        )
        for body in _bodies(statement):
            self.read(body, surely=False)

    # --- what nobody can read -----------------------------------------------------------------

    def _magic(self, value: ast.expr, *, surely: bool) -> None:
        """A line magic, as IPython's transformers write it."""
        match value:
            case ast.Call(
                func=ast.Attribute(attr="run_line_magic"),
                args=[ast.Constant(value=str(name)), ast.Constant(value=str(line)), *_],
            ):
                tree = python_of(line) if name in ("time", "prun") else None
                if tree is not None:
                    self.read(tree.body, surely=surely)
                elif name.lstrip("%") not in _QUIET_MAGICS:
                    self.hide(f"%{name} may define anything")
            case _:
                pass

    def _loose_ends(self, statement: ast.stmt) -> None:
        """Note steps made inside functions, and what may bind names that no reading finds."""
        local = {*_names_stored([statement]), *_parameters(statement)}
        nodes = [node for part in _own_parts(statement) for node in ast.walk(part)]
        for node in nodes:
            if isinstance(node, _Defined) and node is not statement:
                self._inner(node)
            elif isinstance(node, ast.NamedExpr):
                self._scope.bind(node.target.id, Unread("it is bound in an expression"))
            elif isinstance(node, ast.Global):
                for name in node.names:
                    self._scope.bind(name, Unread("a function binds it"))
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                self._loose_name(node, local)

    def _inner(self, node: _Defined) -> None:
        """A step that is defined in a function is there once somebody has called that."""
        for decorator in node.decorator_list:
            mark = self._values.of(decorator)
            if isinstance(mark, Mark):
                self._values.understood.add(decorator)
                self._perhaps(mark, node.name, "it is defined in a function")

    def _loose_name(self, node: ast.Name | ast.Attribute, local: set[str]) -> None:
        """`step` that is handed on as a value makes steps that nobody can name."""
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in (_FREE_NAMES if isinstance(node, ast.Name) else _FREE_MEMBERS):
            self.hide(f"{name} may define anything")
        elif isinstance(node, ast.Name) and name in local:
            return
        elif node not in self._values.understood and isinstance(self._values.path(node), Mark):
            self._registry.hide("`step` is used as a value")


_BLOCKS: Final = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match, ast.With,
    ast.AsyncWith,
)  # fmt: skip
_CLAUSES: Final = (ast.excepthandler, ast.match_case)
_HOLDERS: Final = (ast.stmt, *_CLAUSES)


def _own_parts(statement: ast.stmt) -> list[ast.AST]:
    """What of a statement is not read as a statement of its own."""
    if not isinstance(statement, _BLOCKS):
        return [statement]
    return [node for node in ast.iter_child_nodes(statement) if not isinstance(node, _HOLDERS)]


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements that a statement holds."""
    inner = (node for node in ast.iter_child_nodes(statement) if isinstance(node, _CLAUSES))
    for holder in (statement, *inner):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(holder, name, None)
            if isinstance(body, list):
                yield body


def _names_stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id


def _parameters(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.arg):
            yield node.arg
