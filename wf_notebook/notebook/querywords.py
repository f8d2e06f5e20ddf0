"""What may stand at the cursor in a query over the views, as far as it is typed?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wf_notebook.world.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXT: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_WORD: Final = re.compile(r"(?:(\w+)\.)?(\w*)$")
_VIEW_NEXT: Final = re.compile(
    r"\b(?:from|join|describe|summarize|table)\s+(?:\w+\s*,\s*)*\w*$", re.IGNORECASE
)
_NAMED: Final = re.compile(rf"\b({'|'.join(VIEWS)})\b(?:\s+(?:as\s+)?(\w+))?", re.IGNORECASE)
_PAYLOAD: Final = "payload("


def words_at(query: str, position: int) -> tuple[str, Sequence[str]]:
    """Return the word before the cursor, and the names of views and columns that may be meant.

    >>> words_at("from ru", 7)
    ('ru', ['runs', 'steps', 'attempts', ...])
    >>> words_at("select s. from steps s", 9)[1][:3]
    ['run_id', 'workflow', 'source_hash']
    >>> words_at("select 'from ru", 15)
    ('', [])
    """
    before = _TEXT.sub("", query[:position])
    if "'" in before:
        return "", []
    found = _WORD.search(before)
    owner, fragment = (found[1], found[2]) if found else (None, "")
    if owner is not None:
        return fragment, _columns(_meant(query).get(owner.lower(), ()))
    if _VIEW_NEXT.search(before):
        return fragment, list(VIEWS)
    named = dict.fromkeys(view for views in _meant(query).values() for view in views)
    return fragment, [*_columns(tuple(named)), _PAYLOAD, *VIEWS]


def _meant(query: str) -> dict[str, tuple[str, ...]]:
    """Views by the names that a query has for them: their own, and those it gives them."""
    meant: dict[str, tuple[str, ...]] = {}
    for found in _NAMED.finditer(_TEXT.sub("", query)):
        view = found[1].lower()
        meant[view] = (view,)
        if found[2]:
            meant[found[2].lower()] = (view,)
    return meant


def _columns(views: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(column for view in views for column in VIEWS[view].meanings))
