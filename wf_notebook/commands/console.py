"""What can this terminal show: how wide is it, and which characters does it take?"""

from __future__ import annotations

import codecs
import io
import shutil
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What stands for our own signs where only ASCII is to be had; other characters are written as in
# JSON, so that what programs read stays right.
_SIGNS: Final[Mapping[str, str]] = {
    "✓": "+", "✕": "x", "●": "*", "◷": "o", "↻": "@", "≡": "=", "…": "...", "·": "-", "×": "x",
    "█": "#", "▒": ":", "→": "->",
}  # fmt: skip
_PLAIN: Final = "wf_notebook.plain"


def width_of_terminal() -> int | None:
    """Return how many columns the output has; None where it is no terminal, and nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def speak_plainly() -> None:
    """Let no character be an error on the standard streams, whatever encoding they have."""
    codecs.register_error(_PLAIN, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors=_PLAIN)


def _plain(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    lacking = problem.object[problem.start : problem.end]
    return "".join(_SIGNS.get(char) or _escaped(char) for char in lacking), problem.end


def _escaped(char: str) -> str:
    r"""Write a character as JSON does.

    >>> _escaped("é"), _escaped("😀")
    ('\\u00e9', '\\ud83d\\ude00')
    """
    halves = char.encode("utf-16-be", "surrogatepass")
    return "".join(rf"\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))
