"""What is sealed of a run, as text for a person: indented, and cut where it is very long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_jsonable_python

from wf_notebook.definition.values import plain
from wf_notebook.engine.failures import told
from wf_notebook.guest.values import decode
from wf_notebook.views.words import readable, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.guest.values import Tree
    from wf_notebook.world.state import Hook

CHARS: Final = 20_000
_DETAILS_CHARS: Final = 4_000


def details(hook: Hook) -> str:
    """Return a hook's metadata as indented JSON, cut where it is very long; "" if it has none."""
    if hook.metadata_tree is None:
        return ""
    return as_text(hook.metadata, limit=_DETAILS_CHARS)


def tree_text(tree: Tree) -> str:
    """Return a recorded value as a person reads it; of more than `CHARS` characters, the head.

    >>> print(tree_text({"ids": {"$t": "tuple", "v": [1, 2]}, "note": None}))
    {
      "ids": [
        1,
        2
      ],
      "note": null
    }
    """
    return as_text(decode(tree))


def as_text(value: object, *, limit: int = CHARS) -> str:
    """Return a value as indented JSON; of what JSON lacks, what stands for it.

    Args:
        value: as it comes out of a tree.
        limit: how many characters of it are shown; a last line says how many more there are.
    """
    bare = to_jsonable_python(
        plain(value), fallback=str, bytes_mode="base64", inf_nan_mode="strings"
    )
    text = json.dumps(bare, indent=2, ensure_ascii=False)
    shown = "\n".join(visible(line) for line in text[:limit].split("\n"))
    return cut(shown, more=len(text) - limit)


def prose(text: str, *, limit: int = CHARS) -> str:
    """Return a text of lines that does nothing to the page, cut where it is very long."""
    return cut(readable(text[:limit]), more=len(text) - limit)


def cut(text: str, *, more: int) -> str:
    r"""Return a text with a note of how much more there is than is shown.

    >>> cut("abcd", more=12_000), cut("abcd", more=0)
    ('abcd\n… 12,000 more characters', 'abcd')
    """
    return f"{text}\n… {more:,} more characters" if more > 0 else text


def error_text(error: Mapping[str, Any] | None) -> str:
    """Return a failure kept as data: what was raised, what caused it, and where.

    >>> print(error_text({"type": "KeyError", "message": "'id'", "cause": {"type": "OSError"}}))
    KeyError: 'id'
    caused by OSError
    """
    chain: list[Mapping[str, Any]] = []
    found: Mapping[str, Any] | None = error
    while found:
        chain.append(found)
        found = found.get("cause")
    said = "\ncaused by ".join(told(cause) for cause in chain)
    traceback = str(chain[0].get("traceback") or "").rstrip("\n") if chain else ""
    return prose(f"{said}\n\n{traceback}" if traceback else said)
