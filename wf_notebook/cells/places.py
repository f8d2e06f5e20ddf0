"""Where in the text of a JSON file does each of its strings stand?

`json` doesn't tell. This is only asked of files that `json` has read, so it checks nothing.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Path", "offset_in", "strings_of"]

Path: TypeAlias = tuple[str | int, ...]

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]', re.DOTALL)
_CHARACTER: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)


class _Level:
    """An object or a list that is open: where in it the next value stands."""

    def __init__(self, *, is_list: bool) -> None:
        self.is_list = is_list
        self.key: str | int = 0 if is_list else ""
        self.named = is_list  # whether a value comes next, no key

    def takes(self, text: str) -> bool:
        """Go on by a token; return whether it is a string that is a value here."""
        if text == ":":
            self.named = True
        elif text == ",":
            self.named = self.is_list
            self.key = self.key + 1 if isinstance(self.key, int) else ""
        elif not self.named:
            self.key = str(json.loads(text))
        else:
            return True
        return False


def strings_of(raw: str, keys: frozenset[str]) -> Mapping[Path, tuple[int, int]]:
    r"""Return the strings under some keys, alone or in a list: path to start and end in the text.

    Start and end are those of the text between the quotes.

    >>> strings_of('{"a": [{"b": "x"}], "b": ["y", "z"], "c": "no"}', frozenset("b"))
    {('a', 0, 'b'): (14, 15), ('b', 0): (27, 28), ('b', 1): (32, 33)}
    """
    found: dict[Path, tuple[int, int]] = {}
    levels: list[_Level] = []
    for token in _TOKEN.finditer(raw):
        text = token[0]
        if text in "{[":
            levels.append(_Level(is_list=text == "["))
        elif text in "}]":
            levels.pop()
        elif levels and levels[-1].takes(text) and any(one.key in keys for one in levels[-2:]):
            found[tuple(level.key for level in levels)] = (token.start() + 1, token.end() - 1)
    return found


def offset_in(raw: str, span: tuple[int, int], index: int) -> int:
    r"""Return where in a JSON text the character of that index of a string stands.

    Args:
        raw: the text.
        span: the string's start and end in it, without its quotes.
        index: of the character in the string; past its end, the end is meant.

    >>> offset_in(r'"a\n\ud83d\ude00b"', (1, 17), 3)
    16
    """
    at, end = span
    for _ in range(index):
        character = _CHARACTER.match(raw, at, end)
        if character is None:
            break
        at = character.end()
    return at
