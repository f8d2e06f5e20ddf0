"""What does IPython make of a cell: which magics, with which line and body, and which Python?"""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from dataclasses import dataclass, replace
from typing import Any, Final

from IPython.core.inputtransformer2 import TransformerManager

__all__ = ["MagicCell", "magic_call", "magic_cell", "python_of"]

TRANSPARENT: Final = frozenset({"time", "capture", "prun"})
"""Cell magics that run the rest of the cell as a cell of its own, in the notebook's namespace."""

# What its transformers and Python's own parser raise for what a text may contain.
UNREADABLE: Final = (
    SyntaxError,
    ValueError,
    RecursionError,
    MemoryError,
    RuntimeError,  # more pieces of special syntax than IPython transforms
    tokenize.TokenError,
)
_BREAK: Final = re.compile(r"\r\n|\r|\n")
# Longer ones are left alone: IPython reads the tokens of a cell anew for each piece of its syntax.
_MAX_PYTHON: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class MagicCell:
    """A cell that begins with a cell magic, as IPython calls it.

    Attributes:
        name: the magic's name: all that stands between `%%` and the first blank.
        line: the rest of that line.
        body: what follows: prompts and common indentation are taken off.
        row: in which line of the cell the magic stands, from 1.
        lines: the cell's lines, as they are written.
    """

    name: str
    line: str
    body: str
    row: int
    lines: tuple[str, ...]

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Return where in the cell a place of the body stands; both count from 1."""
        row = self.row + line
        body = _BREAK.split(self.body)
        if not (line <= len(body) and row <= len(self.lines)):
            return row, column
        written, read = self.lines[row - 1], body[line - 1]
        return row, column + (len(written) - len(read) if written.endswith(read) else 0)

    def head(self, words: str = "") -> tuple[int, int, int]:
        """Return row, column and end column of some words of the magic's line; else of all of it.

        Args:
            words: a part of `line`; the last place where it stands is meant.
        """
        written = self.lines[self.row - 1].rstrip()
        start = written.rfind(words) if words else written.find("%%")
        start = max(start, 0)
        return self.row, start + 1, (start + len(words) if words else len(written)) + 1


def magic_cell(text: str) -> MagicCell | None:
    r"""Return the magic that a cell begins with, or None; looks into `%%time` and its like.

    >>> found = magic_cell("\n  %%workflow refund -q\n  async def refund(): ...\n")
    >>> found.name, found.line, found.body, found.row, found.place(1, 11)
    ('workflow', 'refund -q', 'async def refund(): ...\n', 2, (3, 13))
    >>> magic_cell("%%time\n%%workflow refund\nasync def refund(): ...").row
    2
    """
    found = _outermost(text)
    while found is not None and found.name in TRANSPARENT:
        inner = _outermost(found.body)
        if inner is None:
            return found
        found = replace(inner, row=found.row + inner.row, lines=found.lines)
    return found


def _outermost(text: str) -> MagicCell | None:
    if "%%" not in text:
        return None
    manager: Any = TransformerManager()
    lines = _ended(text).splitlines(keepends=True)
    cleaned: list[str] = list(lines)
    for transform in manager.cleanup_transforms:
        cleaned = transform(cleaned)
    if not cleaned or not cleaned[0].startswith("%%"):
        return None
    try:
        call = magic_call(manager.transform_cell(text))
    except UNREADABLE:
        return None
    if call is None:  # `%%workflow?` asks for help
        return None
    before = "".join(lines[: len(lines) - len(cleaned)])
    return MagicCell(*call, len(_BREAK.findall(before)) + 1, tuple(_BREAK.split(text)))


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def magic_call(text: str) -> tuple[str, str, str] | None:
    """Return magic, line and body of a text that is exactly one call of a cell magic, or None.

    >>> magic_call("get_ipython().run_cell_magic('time', '', 'f()')")
    ('time', '', 'f()')
    """
    try:
        (statement,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    match statement:
        case ast.Expr(
            value=ast.Call(
                args=[
                    ast.Constant(value=str(magic)),
                    ast.Constant(value=str(line)),
                    ast.Constant(value=str(body)),
                ],
                keywords=[],
            )
        ):
            return magic, line, body
        case _:
            return None


def python_of(text: str) -> ast.Module | None:
    r"""Return the Python that a cell without a cell magic is for IPython, or None if it is none.

    >>> ast.unparse(python_of("%load_ext wf_notebook\nx = 1"))
    "get_ipython().run_line_magic('load_ext', 'wf_notebook')\nx = 1"
    >>> python_of("def f(") is None
    True
    """
    if len(text) > _MAX_PYTHON:
        return None
    try:
        with warnings.catch_warnings():  # of an odd escape in a text, say: not our business
            warnings.simplefilter("ignore")
            return _parsed(text)
    except UNREADABLE:
        return None


def _parsed(text: str) -> ast.Module:
    """Parse a cell; only one that isn't Python has to be transformed first."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.parse(TransformerManager().transform_cell(text))
