"""A small recursive-descent parser for the arithmetic in spreadsheets."""
import operator
import re
from dataclasses import dataclass
from typing import Iterator, Union

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Z]+\d+)|(.))")
OPS = {"+": (1, operator.add), "-": (1, operator.sub), "*": (2, operator.mul), "/": (2, operator.truediv), "^": (3, operator.pow)}


class FormulaError(ValueError):
    pass


@dataclass(frozen=True)
class Ref:
    cell: str


@dataclass(frozen=True)
class Node:
    op: str
    left: "Expr"
    right: "Expr"


Expr = Union[float, Ref, Node]


class Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [m.groups() for m in TOKEN.finditer(text.strip())]
        self._pos = 0

    def _peek(self):
        return self._tokens[self._pos] if self._pos < len(self._tokens) else (None, None, None)

    def _next(self):
        token = self._peek()
        self._pos += 1
        return token

    def atom(self) -> Expr:
        number, cell, sign = self._next()
        if number:
            return float(number)
        if cell:
            return Ref(cell)
        if sign == "-":
            return Node("-", 0.0, self.atom())
        if sign == "(":
            inner = self.expression()
            if self._next()[2] != ")":
                raise FormulaError("missing )")
            return inner
        raise FormulaError(f"unexpected {sign or 'end'}")

    def expression(self, level=1) -> Expr:
        left = self.atom()
        while (sign := self._peek()[2]) in OPS and OPS[sign][0] >= level:
            self._next()
            left = Node(sign, left, self.expression(OPS[sign][0] + (sign != "^")))
        return left


def refs(expr: Expr) -> Iterator[str]:
    match expr:
        case Ref(cell):
            yield cell
        case Node(_, left, right):
            yield from refs(left)
            yield from refs(right)


def value(expr, cells):
    if isinstance(expr, Node):
        return OPS[expr.op][1](value(expr.left, cells), value(expr.right, cells))
    return cells[expr.cell] if isinstance(expr, Ref) else expr


async def workflow(formulas):
    "use workflow"
    out = {}
    for name, text in formulas.items():
        try:
            expr = Parser(text).expression()
            cells = {c: await steps.cell(c) for c in dict.fromkeys(refs(expr))}
            out[name] = value(expr, cells)
        except (FormulaError, ZeroDivisionError) as exc:
            out[name] = f"#{type(exc).__name__}: {exc}"
    return out
