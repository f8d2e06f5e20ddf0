"""How a source is compiled: as Python, with sets that have an order and attributes that the run reads.

Positions stay those of the source, so tracebacks point into it. The helpers get names that no
identifier can have and are found among the builtins.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, cast

from wf_notebook.guest.language import compile_source, parse_source
from wf_notebook.guest.named import READ, format_reader
from wf_notebook.guest.ordered import OPERATORS, OrderedSet

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["HELPERS", "compile_ordered"]

_SIGNS: Final[dict[type[ast.operator], str]] = {
    ast.BitOr: "or_",
    ast.BitAnd: "and_",
    ast.Sub: "sub",
    ast.BitXor: "xor",
}
_IN_PLACE: Final = {"or_": "ior", "and_": "iand", "sub": "isub", "xor": "ixor"}

HELPERS: Final[dict[str, object]] = {
    "@set": OrderedSet,
    "@slice": slice,
    "@read": format_reader,
    **{f"@{name}": operate for name, operate in OPERATORS.items()},
}
"""What the compiled code expects among its builtins."""


def compile_ordered(source: str, filename: str) -> CodeType:
    """Return the code of a source that has been checked.

    Raises:
        SyntaxError: it is not Python.
        ValueError, RecursionError, MemoryError: it is more than the compiler takes.
    """
    tree = _Ordering().visit(parse_source(source, filename))
    return compile_source(cast("ast.Module", ast.fix_missing_locations(tree)), filename)


def _call(name: str, arguments: list[ast.expr], place: ast.AST) -> ast.Call:
    function = ast.copy_location(ast.Name(f"@{name}", ast.Load()), place)
    return ast.copy_location(ast.Call(function, arguments, []), place)


class _Ordering(ast.NodeTransformer):
    """Write sets, and the signs that may make one, as calls."""

    def visit_Set(self, node: ast.Set) -> ast.AST:
        self.generic_visit(node)
        items = ast.copy_location(ast.List(node.elts, ast.Load()), node)
        return _call("set", [items], node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        self.generic_visit(node)
        items = ast.copy_location(ast.ListComp(node.elt, node.generators), node)
        return _call("set", [items], node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Let `text.format`, `moment.now` and the like be read by the run's reader."""
        self.generic_visit(node)
        if node.attr not in READ or not isinstance(node.ctx, ast.Load):
            return node
        name = ast.copy_location(ast.Constant(node.attr), node)
        return _call("read", [node.value, name], node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Leave `x in {1, 2}` as it is: nothing iterates there, and CPython folds it."""
        node.left = self.visit(node.left)
        pairs = zip(node.ops, node.comparators, strict=True)
        node.comparators = [self._comparator(sign, operand) for sign, operand in pairs]
        return node

    def _comparator(self, sign: ast.cmpop, operand: ast.expr) -> ast.expr:
        if isinstance(sign, (ast.In, ast.NotIn)) and isinstance(operand, ast.Set):
            return cast("ast.expr", self.generic_visit(operand))
        return cast("ast.expr", self.visit(operand))

    # Annotations are kept as text and never evaluated: the text is that of the source.
    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        node.target = self.visit(node.target)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        returns, node.returns = node.returns, None
        self.generic_visit(node)
        node.returns = returns
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        name = _SIGNS.get(type(node.op))
        # With a constant on one side it is arithmetic, or a TypeError.
        if name is None or isinstance(node.left, ast.Constant):
            return node
        if isinstance(node.right, ast.Constant):
            return node
        return _call(name, [node.left, node.right], node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        name = _SIGNS.get(type(node.op))
        if name is None or isinstance(node.value, ast.Constant):
            return node
        target, current = _once(node.target)
        value = _call(_IN_PLACE[name], [current, node.value], node)
        return ast.copy_location(ast.Assign([target], value), node)


def _once(target: ast.Name | ast.Attribute | ast.Subscript) -> tuple[ast.expr, ast.expr]:
    """Return a target and the expression of its present value; its parts are evaluated once."""
    if isinstance(target, ast.Name):
        return target, ast.copy_location(ast.Name(target.id, ast.Load()), target)
    owner, owner_again = _kept("@owner", target.value)
    if isinstance(target, ast.Attribute):
        current = ast.Attribute(owner, target.attr, ast.Load())
        again = ast.Attribute(owner_again, target.attr, ast.Store())
        return ast.copy_location(again, target), ast.copy_location(current, target)
    index, index_again = _kept("@index", _plain_index(target.slice))
    item = ast.Subscript(owner, index, ast.Load())
    again_item = ast.Subscript(owner_again, index_again, ast.Store())
    return ast.copy_location(again_item, target), ast.copy_location(item, target)


def _kept(name: str, value: ast.expr) -> tuple[ast.expr, ast.expr]:
    kept = ast.NamedExpr(ast.copy_location(ast.Name(name, ast.Store()), value), value)
    again = ast.copy_location(ast.Name(name, ast.Load()), value)
    return ast.copy_location(kept, value), again


def _plain_index(index: ast.expr) -> ast.expr:
    """Return an index as an expression: a slice is one only between brackets."""
    if isinstance(index, ast.Slice):
        parts = (index.lower, index.upper, index.step)
        bounds = [part or ast.copy_location(ast.Constant(None), index) for part in parts]
        return _call("slice", bounds, index)
    if isinstance(index, ast.Tuple):
        items = [_plain_index(item) for item in index.elts]
        return ast.copy_location(ast.Tuple(items, ast.Load()), index)
    return index
