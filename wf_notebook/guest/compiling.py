"""Whether Python itself takes a source: the parser's and the compiler's complaints as problems."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from wf_notebook.guest.language import MAX_NODES, compile_source, parse_source, quietly
from wf_notebook.guest.places import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wf_notebook.guest.places import Lines

__all__ = ["compile_problem", "parse"]

_TOO_COMPLEX: Final = (RecursionError, MemoryError)
_REFUSED: Final = (ValueError, OverflowError, SystemError)
_SPLIT: Final = "Split it into smaller statements and functions."


def parse(lines: Lines) -> ast.Module | Problem:
    """Return the tree of a source, or why there is none."""
    try:
        with quietly():
            return parse_source(lines.text)
    except SyntaxError as error:
        return _syntax_problem(error, lines, (error.offset or 1) - 1, error.end_offset)
    except _TOO_COMPLEX:
        return Problem(1, 1, 1, 1, "WF104", "The source is nested too deeply to be parsed.", _SPLIT)
    except _REFUSED as error:
        return Problem(1, 1, 1, 1, "WF101", f"Python cannot read the source: {error}.")


def compile_problem(tree: ast.Module, lines: Lines) -> Problem | None:
    """Return what the compiler says about a tree that was parsed, or None.

    A `return` at the top, `nonlocal` of nothing, a name that is two parameters, …
    """
    if "finally" in lines.text and _unfolded(tree)[0] > 2 * MAX_NODES:
        message = "The compiler would copy the `finally` blocks too often."
        hint = "Put what they do into a function, and leave the `try` in fewer places."
        return Problem(1, 1, 1, 1, "WF105", message, hint)
    try:
        compile_source(tree, "<source>")
    except SyntaxError as error:
        column = lines.column(error.lineno or 1, (error.offset or 1) - 1)
        return _syntax_problem(error, lines, column - 1, None)
    except _TOO_COMPLEX:
        return Problem(1, 1, 1, 1, "WF104", "The source is nested too deeply to run.", _SPLIT)
    except _REFUSED as error:
        return Problem(1, 1, 1, 1, "WF101", f"Python cannot compile the source: {error}.")
    return None


def _syntax_problem(error: SyntaxError, lines: Lines, start: int, end: int | None) -> Problem:
    """Turn a SyntaxError into a problem within the text; its positions may be missing or odd."""
    last = lines.text.count("\n") + 1
    line = min(max(error.lineno or 1, 1), last)
    column = min(max(start, 0), len(lines.line(line))) + 1
    end_line, end_column = line, column + 1
    if end is not None and end > 0 and line <= (error.end_lineno or 0) <= last:
        end_line, end_column = error.end_lineno or line, end
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    code, message, hint = _said(error, lines.line(line))
    return Problem(line, column, end_line, end_column, code, message, hint)


def _said(error: SyntaxError, line: str) -> tuple[str, str, str]:
    said = error.msg
    if "integer string conversion" in said:
        return ("WF107", "This integer is too long.", "Compute it, or keep it as a text.")
    if said.startswith("too many"):
        return ("WF104", f"{said[0].upper()}{said[1:]}.", _SPLIT)
    message = f"This is not Python: {said}."
    if line.lstrip().startswith(("%", "!")):
        return ("WF101", message, "Magics and shell commands stay outside; call them in a step.")
    return ("WF101", message, "Mend the syntax; the rest is checked then.")


def _unfolded(node: ast.AST) -> tuple[int, int]:
    """Return how many nodes are compiled for a node, and how many ways lead out of it.

    A `finally` block is compiled once for each way out of its `try`: falling off the end, an
    exception, and every return, break and continue inside. Nested, that is exponential.
    """
    if isinstance(node, ast.Try | ast.TryStar) and node.finalbody:
        size, ways = _sum([*node.body, *node.handlers, *node.orelse])
        final_size, final_ways = _sum(node.finalbody)
        return size + final_size * (ways + 2), ways + final_ways * (ways + 2)
    size, ways = _sum(ast.iter_child_nodes(node))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        ways = 0
    return size + 1, ways + isinstance(node, ast.Return | ast.Break | ast.Continue)


def _sum(nodes: Iterable[ast.AST]) -> tuple[int, int]:
    size = ways = 0
    for node in nodes:
        inner_size, inner_ways = _unfolded(node)
        size, ways = size + inner_size, ways + inner_ways
    return size, ways
