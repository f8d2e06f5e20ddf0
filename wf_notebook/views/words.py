"""How times and other people's text are written for a person."""

from __future__ import annotations

from typing import Final
from unicodedata import category

_MS: Final = 1000
_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_TENTHS_BELOW: Final = 10 * _SECOND
# Controls, formats (among them the bidirectional ones), surrogates and separators of lines: a token
# holding them could rewrite a terminal or turn a sentence round.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""Return a text in which nothing hides: control and format characters are written out.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode() if category(char) in _HIDDEN else char
        for char in text
    )


def duration(us: int) -> str:
    """Write a span of microseconds as people say it, two units at most.

    >>> [duration(s * 1_000_000) for s in (3, 27, 720, 7_500, 273_600)]
    ['3 s', '27 s', '12 min', '2 h 5 min', '3 d 4 h']
    >>> duration(240_000), duration(3_250_000)
    ('240 ms', '3.2 s')
    """
    us = max(us, 0)
    if us < _SECOND:
        return f"{us // _MS} ms"
    if us < _TENTHS_BELOW:
        return f"{us // (_SECOND // 10) / 10:g} s"
    if us < _MINUTE:
        return f"{us // _SECOND} s"
    for unit, name, small, small_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", _SECOND, "s"),
    ):
        if us >= unit:
            rest = us % unit // small
            return f"{us // unit} {name}" + (f" {rest} {small_name}" if rest else "")
    raise AssertionError(us)


def remaining(us: int) -> str:
    """Write how long is left: whole seconds, rounded up, so that it never says 0 too early.

    >>> remaining(26_000_001), remaining(-5)
    ('27 s', '0 s')
    """
    seconds = max(-(-us // _SECOND), 0)
    return duration(seconds * _SECOND) if seconds else "0 s"
