"""How is the answer to a query written down: as JSON, CSV or Markdown?"""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["FORMATS", "plain_text"]

Columns: TypeAlias = "Sequence[str]"
Rows: TypeAlias = "Sequence[tuple[Any, ...]]"


def plain_text(value: Any) -> str:
    """Return a value as text: times as ISO 8601, lists and structs as JSON, nothing for null.

    >>> plain_text(None), plain_text(True), plain_text([1, "a"]), plain_text(datetime(2026, 1, 2))
    ('', 'true', '[1,"a"]', '2026-01-02 00:00:00')
    """
    whole = value
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case list() | dict() | tuple():
            return _as_json(whole)
        case bytes():
            return value.hex()
        case _:
            return str(value)


def _as_json(value: object, indent: int | None = None) -> str:
    made = to_json(value, indent=indent, fallback=str, bytes_mode="hex", inf_nan_mode="strings")
    return made.decode()


def _json(columns: Columns, rows: Rows) -> str:
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    return _as_json(records, indent=2)


def _csv(columns: Columns, rows: Rows) -> str:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([plain_text(value) for value in row] for row in rows)
    return made.getvalue().removesuffix("\n")


def _markdown(columns: Columns, rows: Rows) -> str:
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[plain_text(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(map(_in_pipes, line))} |" for line in lines)


def _in_pipes(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())


FORMATS: Final[dict[str, Callable[[Columns, Rows], str]]] = {
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
}
"""As text: all rows, whole values."""
