"""How times and other people's text are written for a person."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import unified_diff
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


# Of a text with lines, what would not be read but done: controls, halves of characters, and what
# turns a line round. Joiners stay: some scripts and signs are made with them.
_DONE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOURS: Final = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
_BREAKS: Final = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")


def readable(text: str) -> str:
    r"""Return a text of lines that does nothing to a terminal or page: colours go, controls show.

    >>> readable("\x1b[31mred\x1b[0m\r\na\tb\x07")
    'red\na\tb\\x07'
    """
    if text.isascii() and text.isprintable():
        return text
    plain = _BREAKS.sub("\n", _COLOURS.sub("", text))
    return _DONE.sub(lambda found: visible(found[0]), plain)


def events_of(count: int, replayed: tuple[int, int] | None) -> str:
    """Return how many events a run has, or how many of them have been replayed.

    >>> events_of(1, None), events_of(3, None), events_of(3, (2, 3))
    ('1 event', '3 events', '2 of 3 events replayed')
    """
    if replayed is not None:
        return f"{replayed[0]} of {replayed[1]} events replayed"
    return "1 event" if count == 1 else f"{count} events"


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


def moment(us: int) -> str:
    """Write a time to the second.

    >>> moment(1_767_225_600_000_000)
    '2026-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(us // _SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def difference(before: str, after: str, names: tuple[str, str]) -> str:
    r"""Return a unified diff of two texts; "" if they are the same.

    >>> print(difference("a\nb\n", "a\nc\n", ("the run", "here")))
    --- the run
    +++ here
    @@ -1,2 +1,2 @@
     a
    -b
    +c
    """
    lines = unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=2)
    return "\n".join(lines)
