"""How does a text point into the source of a workflow, by the lines of its cell?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.definition.model import Diagnostic


def place(line: int, origin: Mapping[str, Any]) -> str:
    """Return where a line of the source stands: "Cell In[2], line 3".

    Args:
        line: in the source, from 1.
        origin: of the source: `label` and `line_offset`; empty if unknown.
    """
    label = origin.get("label") or "Source"
    return f"{label}, line {line + int(origin.get('line_offset') or 0)}"


def pointed(
    line: int,
    column: int | None,
    end_column: int | None,
    source: Sequence[str],
    origin: Mapping[str, Any],
) -> str:
    """Return the line with its number within the cell, and carets from column to end column.

    Args:
        line: in the source, from 1; nothing is returned for one that it doesn't have.
        column, end_column: from 1; the end is exclusive, and None for the end of the line.
        source: its lines.
        origin: as for `place`.
    """
    if not 1 <= line <= len(source):
        return ""
    text = printable(source[line - 1])
    margin = f"----> {line + int(origin.get('line_offset') or 0)} "
    shown = f"{margin}{text}\n"
    if column is None:
        return shown
    end = max(column + 1, end_column if end_column is not None else len(text) + 1)
    indent = "".join("\t" if c == "\t" else " " for c in text[: column - 1])
    return f"{shown}{' ' * len(margin)}{indent}{'^' * (end - column)}\n"


def printable(text: str) -> str:
    r"""Return text that cannot steer a terminal: control characters become a replacement mark.

    >>> printable("a\x1b[31mb")
    'a\ufffd[31mb'
    """
    return "".join(c if c == "\t" or c.isprintable() else "\ufffd" for c in text)


def refused(
    diagnostics: Sequence[Diagnostic], *, source: str, origin: Mapping[str, Any]
) -> list[str]:
    """Return one block per diagnostic: place, source line, carets, what is wrong, what to write."""
    return [_block_of_diagnostic(d, source.split("\n"), origin) for d in diagnostics]


def _block_of_diagnostic(d: Diagnostic, source: Sequence[str], origin: Mapping[str, Any]) -> str:
    end = d.end_column if d.end_line == d.line else None
    says = f"{d.code} {d.message}" + (f" {d.hint}" if d.hint else "")
    return f"{place(d.line, origin)}\n{pointed(d.line, d.column, end, source, origin)}{says}\n"
