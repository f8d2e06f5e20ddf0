"""Which answers were given for hooks, by `--answer NAME=JSON` and in files?"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import UsageError
from wf_notebook.views.controls import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHAPE: Final = 'Write {"approve": {"ok": true}}, or a list of such objects.'
_STDIN: Final = "-"

Answers = dict[str, list[object]]


def read_answers(given: Sequence[str], files: Sequence[str] = ()) -> Answers:
    """Return payloads by token, title or schema, in the order given; those of files come first.

    Args:
        given: texts NAME=JSON.
        files: paths of JSON files: an object of names and payloads, or a list of such objects, so
            that a name may come again; `-` is the standard input.

    Raises:
        UsageError: one is not NAME=JSON, or a file is not such a file.

    >>> read_answers(['a=1', 'a=2', 'Approve A=17={"ok": true}'])
    {'a': [1, 2], 'Approve A=17': [{'ok': True}]}
    """
    found: Answers = {}
    for name, value in [*(pair for path in files for pair in _of_file(path)), *map(_answer, given)]:
        found.setdefault(name, []).append(value)
    return found


def _answer(text: str) -> tuple[str, object]:
    """Split at the first `=` whose right side is JSON: a name may hold one, too."""
    places = [place for place, character in enumerate(text) if character == "=" and place]
    for place in places:
        with contextlib.suppress(UsageError):
            return text[:place], read_json(text[place + 1 :], "")
    if not places:
        msg = f"--answer: {text!r} is not NAME=JSON."
        raise UsageError(msg, hint="""Write --answer 'approve={"ok": true}'.""")
    name, _, value = text.partition("=")
    return name, read_json(value, f"--answer {name}: the payload")


def _of_file(path: str) -> list[tuple[str, object]]:
    found: Any = read_json(_text(path), f"--answers {path}: the file")
    parts: list[Any] = [*found] if isinstance(found, list) else [found]
    if not all(isinstance(part, dict) for part in parts):
        raise UsageError(f"--answers {path}: it is not an object of answers.", hint=_SHAPE)
    return [pair for part in parts for pair in cast("dict[str, object]", part).items()]


def _text(path: str) -> str:
    try:
        if path == _STDIN:
            return sys.stdin.read()
        with open(path, encoding="utf-8-sig") as file:
            return file.read()
    except OSError as problem:
        msg = f"--answers {path}: it cannot be read: {problem.strerror}."
        raise UsageError(msg, hint="Check the path.") from None
    except UnicodeDecodeError:
        raise UsageError(f"--answers {path}: it is not UTF-8.", hint=_SHAPE) from None
