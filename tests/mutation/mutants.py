"""One small mistake at a time: what may be changed in a module so that some test must fail.

A mutant is a text: the module's own with one place rewritten, so that every other line keeps its
number. Left alone is what no test of behaviour can see: annotations, imports, `__all__`,
`__slots__`, docstrings, the options of `@dataclass`, what only type checkers read, and wording (a
text with a space in it, an f-string).
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Mutant:
    """A module with one mistake.

    Attributes:
        module: its path within the package, such as "guest/loop.py".
        line: where the mistake is.
        at: the text of that line.
        change: the mistake in words, such as "LtE -> Lt".
        text: the whole module, mistake included.
        lines: of the statement, the first and the last, if it stands in a function; else None: it
            is executed when the module is imported.
    """

    module: str
    line: int
    at: str
    change: str
    text: str
    lines: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.change}  in  {self.at}"


class Change(NamedTuple):
    """What is written in the place of a node, and what that is in words."""

    node: ast.expr | ast.stmt
    words: str
    text: str


def mutants_of(source: str, module: str) -> list[Mutant]:
    """Return every mutant of a module, in source order."""
    code = source.encode()
    lines = code.split(b"\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    found: list[Mutant] = []
    tree = ast.parse(source)
    statements = list(_statements(tree))
    for node, words, text in _changes(tree):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        blank = "\n" * code[begin:end].count(b"\n")  # the lines below keep their numbers
        new = f"({text}{blank})" if blank and isinstance(node, ast.expr) else text + blank
        at = lines[node.lineno - 1].decode().strip()
        mutated = code[:begin] + new.encode() + code[end:]
        around = _lines_around(node, statements)
        found.append(Mutant(module, node.lineno, at, words, mutated.decode(), around))
    return sorted(found, key=lambda mutant: mutant.line)


def _changes(tree: ast.Module) -> Iterator[Change]:
    for node in _seen(tree):
        for kinds, changes in _KINDS.items():
            if isinstance(node, kinds):
                yield from changes(node)


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _statements(node: ast.AST, *, inside: bool = False) -> Iterator[tuple[int, int, bool]]:
    """Yield the lines of each statement, of one with a body its head, and if it's in a function."""
    for child in ast.iter_child_nodes(node):
        within = inside or (isinstance(node, Function) and child in node.body)
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            body = getattr(child, "body", None)
            last = body[0].lineno - 1 if body else child.end_lineno or 0
            yield child.lineno, max(child.lineno, last), within
        yield from _statements(child, inside=within)


def _lines_around(node: ast.AST, statements: list[tuple[int, int, bool]]) -> tuple[int, int] | None:
    """Return the lines of the innermost statement around a node, if that is in a function."""
    around = [s for s in statements if s[0] <= node.lineno <= s[1]]
    first, last, inside = max(around, key=lambda s: (s[0], -s[1]))
    return (first, last) if inside else None


# -------------------------------------------------------------------------- what is left alone

_LISTS: Final = {"__all__", "__slots__"}
_TYPING: Final = {"Literal", "TypeVar", "NewType", "assert_never"}


def _seen(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, without what a test of behaviour can't see."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for child in _behaving(node, value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and not _invisible(child):
                yield from _seen(child)


def _behaving(node: ast.AST, values: list[object]) -> list[object]:
    match node:
        case ast.Call(func=ast.Name(id="cast")) if values is node.args:
            return values[1:]
        case ast.Call(func=ast.Name(id="isinstance")) if values is node.args:
            return values[:1]  # a union of types would only become a TypeError
        case _:
            return values


def _invisible(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Expr(value=ast.Constant()):
            return True
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.TypeIgnore():
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in _LISTS
        case ast.Call(func=ast.Name(id="dataclass")):
            return True
        case ast.Subscript(value=ast.Name(id=name)) | ast.Call(func=ast.Name(id=name)):
            return name in _TYPING
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case ast.Constant(value=str(text)):
            return " " in text.strip() or "\n" in text
        case _:
            return False


# --------------------------------------------------------------------------------- expressions


def _with(node: ast.AST, **changes: object) -> str:
    """Return the text of a node with some fields changed, in brackets."""
    other = copy.copy(node)
    for name, value in changes.items():
        setattr(other, name, value)
    return f"({ast.unparse(other)})"


_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


def _compare(node: ast.Compare) -> Iterator[Change]:
    for place, op in enumerate(node.ops):
        for other in _COMPARED[type(op)]:
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            words = f"{type(op).__name__} -> {other.__name__}"
            yield Change(node, words, _with(node, ops=ops))


def _boolean(node: ast.BoolOp) -> Iterator[Change]:
    op: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    words = f"{type(node.op).__name__} -> {type(op).__name__}"
    yield Change(node, words, _with(node, op=op))


_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitXor: ast.BitOr,
}


def _arithmetic(node: ast.BinOp) -> Iterator[Change]:
    other = _ARITHMETIC[type(node.op)]
    words = f"{type(node.op).__name__} -> {other.__name__}"
    yield Change(node, words, _with(node, op=other()))


def _unary(node: ast.UnaryOp) -> Iterator[Change]:
    yield Change(node, f"drop {type(node.op).__name__}", f"({ast.unparse(node.operand)})")


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield Change(node, f"{value} -> {not value}", repr(not value))
    elif isinstance(value, int | float):
        yield Change(node, f"{value!r} -> {value + 1!r}", repr(value + 1))
    elif isinstance(value, str):
        yield Change(node, f"{value!r} -> {'XX' + value!r}", repr("XX" + value))
    elif isinstance(value, bytes):
        yield Change(node, f"{value!r} -> {b'XX' + value!r}", repr(b"XX" + value))


def _call(node: ast.Call) -> Iterator[Change]:
    """Drop a word of a table that is written as one text."""
    match node:
        case ast.Call(func=ast.Name(id="_names"), args=[ast.Constant(value=str(text)) as table]):
            pass
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)) as table), args=[]):
            pass
        case _:
            return
    words = text.split()
    for word in dict.fromkeys([words[0], words[len(words) // 2], words[-1]]):
        rest = " ".join(other for other in words if other != word)
        yield Change(table, f"drop the word {word}", repr(rest))


def _filters(node: ast.comprehension) -> Iterator[Change]:
    for condition in node.ifs:
        yield Change(condition, "drop the filter", "True")


def _negated(test: ast.expr) -> Iterator[Change]:
    """Turn a condition round; a comparison and a `not` are turned by what they are."""
    if not isinstance(test, ast.Compare | ast.UnaryOp):
        words = "negate the condition"
        yield Change(test, words, _with(ast.UnaryOp(ast.Not(), test)))


# ---------------------------------------------------------------------------------- statements


def _case(node: ast.match_case) -> Iterator[Change]:
    if node.guard is not None:
        yield from _negated(node.guard)


def _loop(node: ast.For | ast.AsyncFor) -> Iterator[Change]:
    yield Change(node.iter, "go round no element", "()")


def _handler(node: ast.ExceptHandler) -> Iterator[Change]:
    if node.type is not None:
        yield Change(node.type, "catch nothing", "()")


def _return(node: ast.Return) -> Iterator[Change]:
    nothing = isinstance(node.value, ast.Constant) and node.value.value is None
    if node.value is not None and not nothing:
        yield Change(node, "return None", "return None")


def _jump(node: ast.Break | ast.Continue) -> Iterator[Change]:
    other = "continue" if isinstance(node, ast.Break) else "break"
    yield Change(node, f"{type(node).__name__.lower()} -> {other}", other)


def _effect(node: ast.stmt) -> Iterator[Change]:
    """Drop a statement that is there for what it does, not for a name that it binds."""
    binds = isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets)
    if not binds and not (isinstance(node, ast.Expr) and _invisible(node.value)):
        yield Change(node, "drop the statement", "pass")


# Each is asked about the nodes of its kinds only.
_KINDS: Final[dict[type[ast.AST] | tuple[type[ast.AST], ...], Callable[..., Iterator[Change]]]] = {
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.BinOp: _arithmetic,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Call: _call,
    ast.comprehension: _filters,
    (ast.If, ast.While, ast.IfExp): lambda node: _negated(node.test),
    ast.match_case: _case,
    (ast.For, ast.AsyncFor): _loop,
    ast.ExceptHandler: _handler,
    ast.Return: _return,
    (ast.Break, ast.Continue): _jump,
    (ast.Expr, ast.Assign, ast.AugAssign, ast.Raise, ast.Delete): _effect,
}
