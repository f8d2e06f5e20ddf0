"""Where things stand in a source, and what is wrong with them there."""

from __future__ import annotations

import bisect
import difflib
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from wf_notebook.guest.language import MAX_PROBLEMS

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

__all__ = ["TOO_MUCH", "Lines", "Place", "Problem", "Problems"]

Place: TypeAlias = tuple[int, int, int, int]
"""Line, column, end line and end column, from 1, in characters; the end column is exclusive."""

TOO_MUCH: Final = "Keep data out of the source: pass it as an argument, or read it in a step."


class Problem(NamedTuple):
    """One thing that is wrong with a source; lines and columns count from 1, in characters."""

    line: int
    column: int
    end_line: int
    end_column: int
    code: str
    message: str
    hint: str = ""


class Lines:
    """A text by lines, to say where things are: `ast` counts columns in bytes, people don't."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.split("\n")
        self._starts = [0, *itertools.accumulate(len(line) + 1 for line in self._lines)]
        self.ascii = text.isascii()
        self._encoded: dict[int, bytes] = {}

    def line(self, number: int) -> str:
        """The text of a line; empty beyond the end."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def column(self, line: int, offset: int) -> int:
        """The column, from 1, of a byte offset, from 0."""
        if self.ascii:
            return offset + 1
        return len(self._bytes(line)[:offset].decode(errors="ignore")) + 1

    def _bytes(self, line: int) -> bytes:
        if line not in self._encoded:
            self._encoded[line] = self.line(line).encode()
        return self._encoded[line]

    def span(self, node: ast.AST) -> Place:
        """Where a node begins and ends; (1, 1, 1, 1) if it stands nowhere."""
        line, offset = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        if line is None or offset is None:
            return (1, 1, 1, 1)
        end_line = getattr(node, "end_lineno", None) or line
        end_offset = getattr(node, "end_col_offset", None)
        end = offset if end_offset is None else end_offset
        return (line, self.column(line, offset), end_line, self.column(end_line, end))

    def head(self, node: ast.AST) -> Place:
        """Where a node begins, up to the end of that line: for statements with a body."""
        line, column, end_line, end = self.span(node)
        return (line, column, line, end if end_line == line else len(self.line(line)) + 1)

    def segment(self, node: ast.expr) -> str:
        """The text of an expression."""
        last = node.end_lineno or node.lineno
        lines = [self._bytes(number) for number in range(node.lineno, last + 1)]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode(errors="ignore")

    def word(self, node: ast.AST, word: str) -> Place:
        """Where a word first stands within a node; its first line if the word isn't there."""
        line, column, end_line, _ = self.span(node)
        for number in range(line, end_line + 1):
            start = _place(self.line(number), word, column - 1 if number == line else 0)
            if start >= 0:
                return (number, start + 1, number, start + 1 + len(word))
        return (line, column, line, len(self.line(line)) + 1)

    def tail(self, node: ast.AST, word: str) -> Place:
        """Where a word stands that ends a node: the `b` of `a.b`."""
        _, _, line, end = self.span(node)
        return (line, max(1, end - len(word)), line, end)

    def at(self, index: int) -> tuple[int, int]:
        """The line and column of a place in the text."""
        line = bisect.bisect_right(self._starts, index)
        return (line, index - self._starts[line - 1] + 1)


def _place(line: str, word: str, start: int) -> int:
    """Return where a whole word stands in a line, or -1; a pattern for each would cost more."""
    while (start := line.find(word, start)) >= 0:
        end = start + len(word)
        before, after = line[start - 1 : start], line[end : end + 1]
        if not (_in_word(before) or _in_word(after)):
            return start
        start = end
    return -1


def _in_word(char: str) -> bool:
    return char == "_" or char.isalnum()


_MAX_COMPARED: Final = 300  # names; comparing two takes about 10 µs
_MAX_SUGGESTED: Final = 30  # in one check


class Problems:
    """The problems of one source: of each section the first ones, in the order of the source.

    More than `MAX_PROBLEMS` are never told, so that no source can make a check long.

    Attributes:
        lines: the source.
        found: what was noted, by sections.
    """

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.found: list[Problem] = []
        self._room = 0
        self._suggestions = _MAX_SUGGESTED
        self.section()

    def section(self) -> None:
        """Begin another pass over the source."""
        self._room = MAX_PROBLEMS + 1

    @property
    def full(self) -> bool:
        """Whether this section has as many problems as can be told."""
        return self._room <= 0

    def at(self, place: Place, code: str, message: str, hint: str = "") -> None:
        """Note a problem at a place."""
        if not self.full:
            self._room -= 1
            self.found.append(Problem(*place, code, message, hint))

    def add(
        self,
        node: ast.AST,
        code: str,
        message: str,
        hint: str = "",
        *,
        word: str = "",
        tail: str = "",
    ) -> None:
        """Note a problem of a node: of all of it, of a word in it, or of the word it ends with."""
        if self.full:
            return
        if word:
            place = self.lines.word(node, word)
        else:
            place = self.lines.tail(node, tail) if tail else self.lines.span(node)
        self.at(place, code, message, hint)

    def suggest(self, word: str, names: Iterable[str]) -> str:
        """Return "Did you mean `x`?", or nothing.

        >>> Problems(Lines("")).suggest("fetch_ordr", ["fetch_order", "notify"])
        'Did you mean `fetch_order`?'
        """
        self._suggestions -= 1
        if self.full or self._suggestions < 0:
            return ""
        near = difflib.get_close_matches(word, sorted(names)[:_MAX_COMPARED], n=1, cutoff=0.7)
        return f"Did you mean `{near[0]}`?" if near else ""
