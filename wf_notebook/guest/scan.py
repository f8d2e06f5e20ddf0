"""What can be said about a source before it is parsed: its size, its nesting, its odd characters.

The parser is never given a text that could cost it its stack or more than a moment: bounds are
checked here first, by one pass of a regular expression.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wf_notebook.guest.language import (
    MAX_BRACKETS,
    MAX_CHAIN,
    MAX_SOURCE_BYTES,
    MAX_WORDS,
)
from wf_notebook.guest.places import TOO_MUCH, Lines, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.guest.places import Place

__all__ = ["odd_words", "scan"]


_TOKEN: Final = re.compile(
    r"""
      (?P<skip> [ \t\f]+ | \\\n | \#[^\n]* )
    | (?P<text> (?P<prefix>[A-Za-z]{0,3})
        (?: \"\"\" [^"\\]* (?: (?: \\(?:.|\Z) | "(?!"") ) [^"\\]* )* (?: \"\"\" | \Z )
          | ''' [^'\\]* (?: (?: \\(?:.|\Z) | '(?!'') ) [^'\\]* )* (?: ''' | \Z )
          | " [^"\\\n]* (?: \\(?:.|\Z) [^"\\\n]* )* (?: " | $ | \Z )
          | ' [^'\\\n]* (?: \\(?:.|\Z) [^'\\\n]* )* (?: ' | $ | \Z ) ) )
    | (?P<newline> \n )
    | (?P<open> [(\[{] )
    | (?P<close> [)\]}] )
    | (?P<word> \d[\w.]* | \w+ )
    | (?P<sign> \*\* | . )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# What makes the parser go one level deeper without a bracket, or reads a name piece by piece.
_CHAINED: Final = frozenset({"not", "lambda", "else", "-", "+", "~", "**", "."})
_FIELD_WORDS: Final = 4  # what one {field} of an f-string costs, in words


class _Scan:
    """One pass over a text, until a bound is reached."""

    def __init__(self) -> None:
        self.words = 0
        self.depth = 0
        self.chain = 0

    def first_problem(self, text: str) -> tuple[int, str, str, str] | None:
        """Return where, code, message and hint of the first bound that is passed."""
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if kind != "skip":
                self.see(kind, token)
                if (found := self.problem()) is not None:
                    return (token.start(), *found)
        return None

    def see(self, kind: str | None, token: re.Match[str]) -> None:
        if kind == "newline":
            self.chain = self.chain if self.depth else 0
            return
        self.words += 1
        if kind == "text":
            if "f" in token["prefix"].lower() or "t" in token["prefix"].lower():
                self.words += _FIELD_WORDS * token[0].count("{")
        elif kind == "open":
            self.depth += 1
            self.chain = 0
        elif kind == "close":
            self.depth = max(0, self.depth - 1)
            self.chain = 0
        elif token[0] in _CHAINED:
            self.chain += 1
        elif token[0] in ",;":
            self.chain = 0

    def problem(self) -> tuple[str, str, str] | None:
        if self.depth > MAX_BRACKETS:
            return (
                "WF104",
                f"More than {MAX_BRACKETS} brackets are open at once.",
                "Name the inner parts and put them together in several statements.",
            )
        if self.chain > MAX_CHAIN:
            return (
                "WF104",
                f"More than {MAX_CHAIN} operators stand in a row.",
                "Split the expression into several statements.",
            )
        if self.words > MAX_WORDS:
            return ("WF105", f"The source has more than {MAX_WORDS:,} words.", TOO_MUCH)
        return None


def scan(text: str) -> list[Problem]:
    """Return what forbids handing a text to the parser; empty if nothing does."""
    lines = Lines(text)
    found = [p for p in (_surrogate(text, lines), _too_large(text), _nul(text, lines)) if p]
    if found:
        return found
    bound = _Scan().first_problem(text)
    if bound is None:
        return []
    index, code, message, hint = bound
    line, column = lines.at(index)
    return [Problem(line, column, line, column + 1, code, message, hint)]


def _surrogate(text: str, lines: Lines) -> Problem | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        line, column = lines.at(error.start)
        return Problem(
            *(line, column, line, column + 1, "WF106"),
            f"U+{ord(text[error.start]):04X} is half a character: the text cannot be UTF-8.",
            "Delete it, or write it as an escape in a string.",
        )
    return None


def _too_large(text: str) -> Problem | None:
    size = len(text.encode(errors="surrogatepass"))
    if size <= MAX_SOURCE_BYTES:
        return None
    return Problem(
        *(1, 1, 1, 1, "WF102"),
        f"The source has {size:,} bytes; {MAX_SOURCE_BYTES:,} are allowed.",
        TOO_MUCH,
    )


def _nul(text: str, lines: Lines) -> Problem | None:
    index = text.find("\0")
    if index < 0:
        return None
    line, column = lines.at(index)
    return Problem(
        *(line, column, line, column + 1, "WF103"),
        "The source contains a NUL character.",
        r"Delete it, or write \0 in a string.",
    )


def odd_words(lines: Lines) -> Iterator[tuple[Place, str]]:
    """Yield words outside of texts and comments that aren't ASCII, and where they stand."""
    if lines.text.isascii():
        return
    for token in _TOKEN.finditer(lines.text):
        if token.lastgroup == "word" and not token[0].isascii():
            line, column = lines.at(token.start())
            yield (line, column, line, column + len(token[0])), token[0]
