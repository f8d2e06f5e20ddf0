"""What a source may ask for, and under which conditions: its steps, sleeps and hooks as a tree.

Read from the text alone, by the names that a source cannot rebind; nothing is run. What a helper
function asks for stands where the function is called first.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from wf_notebook.guest.language import parse_source, quietly
from wf_notebook.guest.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wf_notebook.guest.values import Tree

__all__ = ["Node", "Outline", "outline_of"]

Kind = Literal["step", "sleep", "hook", "branch", "loop", "together", "call", "end"]

_LABEL: Final = 80
_MOST: Final = 400  # nodes; more than that is no outline
_TOGETHER: Final = frozenset({"gather", "wait", "as_completed", "TaskGroup"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in an outline.

    Attributes:
        kind: "step", "sleep", "hook"; "branch" (if, else, except, case), "loop", "together" (what
            runs side by side), "call" (of a helper); "end" (return, raise, break).
        label: a step's alias, a sleep's duration, a hook's title, a condition; else a word.
        line: of the source, from 1.
        inside: what is under that condition, in that loop or helper.
    """

    kind: Kind
    label: str
    line: int
    inside: tuple[Node, ...] = ()

    def to_record(self) -> Tree:
        """Return it as a JSON object."""
        return {
            "kind": self.kind,
            "label": self.label,
            "line": self.line,
            "inside": [node.to_record() for node in self.inside],
        }


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of a source.

    Attributes:
        entry: how it is called: name and parameters.
        nodes: in the order of the source.
    """

    entry: str
    nodes: tuple[Node, ...]

    def rows(self) -> Iterator[tuple[int, Node]]:
        """Yield depth and node, each node before what is inside it."""
        stack = [(0, node) for node in reversed(self.nodes)]
        while stack:
            depth, node = stack.pop()
            yield depth, node
            stack += [(depth + 1, child) for child in reversed(node.inside)]

    def to_record(self) -> Tree:
        """Return it as a JSON object."""
        return {"entry": self.entry, "nodes": [node.to_record() for node in self.nodes]}


def outline_of(source: str, entry: str | None = None) -> Outline | None:
    """Return the outline of a source, or None if it has none: it cannot be read, or has no entry.

    Args:
        source: any text.
        entry: the function that is called; None for "workflow" or the last `async def` there is.

    >>> found = outline_of('''
    ... async def refund(order_id):
    ...     order = await steps.fetch_order(order_id)
    ...     if order.paid:
    ...         await steps.pay_back(order)
    ... ''')
    >>> found.entry, [(depth, node.kind, node.label) for depth, node in found.rows()]
    ('refund(order_id)',
     [(0, 'step', 'fetch_order'), (0, 'branch', 'if order.paid'), (1, 'step', 'pay_back')])
    """
    if scan(source):  # more than the parser should be given
        return None
    try:
        with quietly():
            tree = parse_source(source)
        function = _entry(tree, entry)
        return None if function is None else _Outliner(tree).outline(function)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _entry(tree: ast.Module, name: str | None) -> ast.AsyncFunctionDef | None:
    functions = {n.name: n for n in tree.body if isinstance(n, ast.AsyncFunctionDef)}
    last = next(reversed(functions.values()), None)
    return functions.get(name or "workflow", last if name is None else None)


class _Outliner:
    """Walks a source in the order in which it is read."""

    def __init__(self, tree: ast.Module) -> None:
        self._functions = {n.name: n for n in ast.walk(tree) if isinstance(n, _FUNCTIONS)}
        self._shown: set[str] = set()
        self._room = _MOST

    def outline(self, entry: ast.AsyncFunctionDef) -> Outline:
        self._shown.add(entry.name)
        nodes = self._function(entry)
        return Outline(_line(f"{entry.name}({ast.unparse(entry.args)})"), tuple(nodes))

    def _function(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[Node]:
        """That it returns at its end goes without saying."""
        nodes = self._body(function.body)
        return nodes[:-1] if nodes and nodes[-1].label == "return" else nodes

    def _node(
        self, kind: Kind, label: str, at: ast.stmt | ast.expr, inside: Sequence[Node] = ()
    ) -> list[Node]:
        if self._room <= 0:
            return []
        self._room -= 1
        return [Node(kind, _line(label), at.lineno, tuple(inside))]

    def _with_inside(
        self, kind: Kind, label: str, at: ast.stmt | ast.expr, inside: list[Node]
    ) -> list[Node]:
        return self._node(kind, label, at, inside) if inside else []

    # -------------------------------------------------------------------------- statements

    def _body(self, body: Sequence[ast.stmt]) -> list[Node]:
        return [node for statement in body for node in self._statement(statement)]

    def _statement(self, statement: ast.stmt) -> list[Node]:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return []
            case ast.If():
                return self._if(statement, "if")
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(statement)
            case ast.Try() | ast.TryStar():
                return self._try(statement)
            case ast.With() | ast.AsyncWith():
                return self._with(statement)
            case ast.Match():
                return self._match(statement)
            case ast.Return() | ast.Raise() | ast.Break():
                return self._end(statement)
            case _:
                return self._inside(statement)

    def _if(self, statement: ast.If, word: str) -> list[Node]:
        test = self._expression(statement.test)
        label = f"{word} {ast.unparse(statement.test)}"
        nodes = self._with_inside("branch", label, statement, self._body(statement.body))
        match statement.orelse:
            case []:
                other: list[Node] = []
            case [ast.If() as again]:
                other = self._if(again, "elif")
            case orelse:
                inside = self._body(orelse)
                other = self._with_inside("branch", "else", orelse[0], inside)
        return [*test, *nodes, *other]

    def _loop(self, statement: ast.For | ast.AsyncFor | ast.While) -> list[Node]:
        if isinstance(statement, ast.While):
            before: list[Node] = []
            label = f"while {ast.unparse(statement.test)}"
            inside = self._expression(statement.test)
        else:
            before = self._expression(statement.iter)
            label = f"for {ast.unparse(statement.target)} in {ast.unparse(statement.iter)}"
            inside = []
        inside += self._body(statement.body)
        after = self._body(statement.orelse)
        return [*before, *self._with_inside("loop", label, statement, inside), *after]

    def _try(self, statement: ast.Try | ast.TryStar) -> list[Node]:
        nodes = self._body(statement.body)
        for handler in statement.handlers:
            caught = f" {ast.unparse(handler.type)}" if handler.type else ""
            inside = self._body(handler.body)
            at = handler.body[0]
            found = self._with_inside("branch", f"except{caught}", at, inside)
            nodes += found
        nodes += self._body(statement.orelse)
        if statement.finalbody:
            inside = self._body(statement.finalbody)
            nodes += self._with_inside("branch", "finally", statement.finalbody[0], inside)
        return nodes

    def _with(self, statement: ast.With | ast.AsyncWith) -> list[Node]:
        before = [n for item in statement.items for n in self._expression(item.context_expr)]
        inside = self._body(statement.body)
        called = {_called(item.context_expr) for item in statement.items}
        if called & _TOGETHER:
            return [*before, *self._with_inside("together", "together", statement, inside)]
        if called & {"timeout"}:
            label = f"within {ast.unparse(statement.items[0].context_expr)}"
            return [*before, *self._with_inside("branch", label, statement, inside)]
        return [*before, *inside]

    def _match(self, statement: ast.Match) -> list[Node]:
        nodes = self._expression(statement.subject)
        for case in statement.cases:
            label = f"case {ast.unparse(case.pattern)}"
            nodes += self._with_inside("branch", label, case.body[0], self._body(case.body))
        return nodes

    def _end(self, statement: ast.Return | ast.Raise | ast.Break) -> list[Node]:
        nodes = self._inside(statement)
        match statement:
            case ast.Return():
                label = "return"
            case ast.Raise(exc=ast.Call(func=raised)) | ast.Raise(exc=ast.expr() as raised):
                label = f"raise {ast.unparse(raised)}"
            case ast.Raise():
                label = "raise"
            case _:
                label = "break"
        return [*nodes, *self._node("end", label, statement)]

    # ------------------------------------------------------------------------- expressions

    def _inside(self, node: ast.AST) -> list[Node]:
        return [
            found
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr | ast.keyword)
            for found in self._expression(child)
        ]

    def _expression(self, node: ast.AST) -> list[Node]:
        match node:
            case ast.Call():
                return self._call(node)
            case ast.Attribute(value=ast.Name(id="steps"), attr=alias):
                return self._node("step", alias, node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                yes = self._with_inside(
                    "branch", f"if {ast.unparse(test)}", node, self._expression(body)
                )
                no = self._with_inside("branch", "else", orelse, self._expression(orelse))
                return [*self._expression(test), *yes, *no]
            case _:
                return self._inside(node)

    def _call(self, node: ast.Call) -> list[Node]:
        name = _called(node)
        match node.func:
            case ast.Name(id="sleep") | ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep"):
                return self._node("sleep", ast.unparse(node.args[0]) if node.args else "", node)
            case ast.Name(id="create_hook"):
                return self._node("hook", _hook(node), node)
            case ast.Name(id="getattr") if (alias := _step_named(node)) is not None:
                return self._node("step", alias, node)
            case _ if name in _TOGETHER:
                return self._with_inside("together", "together", node, self._inside(node))
            case ast.Name() if name in self._functions:
                return [*self._inside(node), *self._helper(name, node)]
            case ast.Attribute(value=ast.Name(id="steps")):
                arguments = [n for part in [*node.args, *node.keywords] for n in self._inside(part)]
                return [*arguments, *self._expression(node.func)]
            case _:
                return self._inside(node)

    def _helper(self, name: str, at: ast.Call) -> list[Node]:
        if name in self._shown:
            return self._node("call", f"{name}(…)", at)
        self._shown.add(name)
        inside = self._function(self._functions[name])
        if all(node.kind == "end" for node in inside):  # it only computes
            self._functions.pop(name)
            return []
        return self._node("call", f"{name}(…)", at, inside)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> list[Node]:
        first, *_ = node.generators
        before = self._expression(first.iter)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        tests = [test for generator in node.generators for test in generator.ifs]
        inside = [found for part in [*tests, *parts] for found in self._expression(part)]
        label = f"for {ast.unparse(first.target)} in {ast.unparse(first.iter)}"
        return [*before, *self._with_inside("loop", label, node, inside)]


def _called(node: ast.AST) -> str:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
        case _:
            return ""


def _step_named(node: ast.Call) -> str | None:
    match node.args:
        case [ast.Name(id="steps"), ast.Constant(value=str(alias)), *_]:
            return alias
        case _:
            return None


def _hook(node: ast.Call) -> str:
    """Return what a hook is called: its title, else its schema, else its token."""
    named = {word.arg: word.value for word in node.keywords}
    for name in ("title", "schema", "token"):
        if name in named:
            return _text(named[name])
    return _text(node.args[0]) if node.args else "any payload"


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return ast.unparse(node)[2:-1]
        case _:
            return ast.unparse(node)


def _line(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= _LABEL else f"{one[: _LABEL - 1]}…"
