"""How does the answer to a query look: in a terminal, and under a cell?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wf_notebook.views.card import CARD, CELL, HEAD, MONO, MUTED, TABLE, Markup, element
from wf_notebook.views.text import clipped, table
from wf_notebook.views.words import visible
from wf_notebook.world.formats import plain_text
from wf_notebook.world.views import PAYLOAD, VIEWS

if TYPE_CHECKING:
    from wf_notebook.world.tables import Table

LINES: Final = 200  # rows that a terminal shows
_ROWS: Final = 50  # rows that stand under a cell
_CHARS: Final = 120  # of one value
_DIGITS: Final = 6
_PLAN: Final = ("explain_key", "explain_value")
_NUMBERS: Final = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
_RIGHT: Final = f"{CELL}; text-align: right; white-space: nowrap"


def table_text(found: Table, *, most: int = LINES, width: int | None = None) -> str:
    """Return the answer to a query as text: columns under one another, then what is left out.

    Args:
        found: the answer.
        most: rows that are shown.
        width: columns of the terminal that it has to fit; None for as many as it takes.
    """
    if found.columns == _PLAN:
        return _plan(found)
    rows = [[_short(value) for value in row] for row in found.rows[:most]]
    names = [visible(name) for name in found.columns]
    return "\n".join([*table([names, *rows], width), *_more(len(found.rows) - most)])


def _plan(found: Table) -> str:
    """What EXPLAIN tells is a drawing, of many lines in one value."""
    drawings = [str(drawing).rstrip("\n").split("\n") for _, drawing in found.rows]
    return "\n".join(visible(line) for drawing in drawings for line in drawing)


def _drawn(plan: str) -> Markup:
    lines = [element("div", line or " ", style="white-space: pre") for line in plan.split("\n")]
    return element("div", *lines, style=f"{MONO}; overflow-x: auto")


def table_bundle(found: Table) -> dict[str, Any]:
    """Return the answer to a query for every front end: as text and as HTML."""
    return {"text/plain": table_text(found, most=_ROWS), "text/html": _html(found)}


def _html(found: Table) -> str:
    if found.columns == _PLAN:
        return element("div", _drawn(_plan(found)), style=CARD)
    types = found.types or ("",) * len(found.columns)
    right = [any(word in kind for word in _NUMBERS) and "[" not in kind for kind in types]
    heads = [
        element("th", visible(name), style=f"{HEAD}; text-align: right" if number else HEAD)
        for name, number in zip(found.columns, right, strict=True)
    ]
    body = [element("tr", *_cells(row, right)) for row in found.rows[:_ROWS]]
    count = len(found.rows)
    said = "1 row" if count == 1 else f"{count:,} rows"
    note = " ".join([said, *_more(count - _ROWS)])
    whole = element(
        "table",
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        style=TABLE.replace("width: 100%; ", ""),
    )
    wide = element("div", whole, style="overflow-x: auto")
    return element("div", wide, element("div", note, style=MUTED), style=CARD)


def _cells(row: tuple[Any, ...], right: list[bool]) -> list[Markup]:
    return [
        element("td", "null", style=f"{CELL}; {MUTED}")
        if value is None
        else element("td", _short(value), style=_RIGHT if number else CELL)
        for value, number in zip(row, right, strict=True)
    ]


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return clipped(visible(plain_text(value)), _CHARS)


def _more(left: int) -> list[str]:
    """What stands below rows that are not all there."""
    if left <= 0:
        return []
    return [f"… and {left:,} more rows: ask for fewer (LIMIT), for a frame, or for a file (-o)."]


def guide_text() -> str:
    """Return which views can be asked, and what each column means."""
    lines: list[str] = []
    for name, view in VIEWS.items():
        meanings = [(f"  {column}", meaning) for column, meaning in view.meanings.items()]
        lines += [f"{name}: {view.about}", *table(meanings), ""]
    call, meaning = PAYLOAD
    return "\n".join([*lines, f"{call}: {meaning}"])
