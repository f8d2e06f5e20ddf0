"""What is a finding of lint?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["SEVERITIES", "Finding", "Severity"]

Severity: TypeAlias = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that lint has to say about a notebook.

    Attributes:
        path: of the notebook, as it was given or found; "-" for standard input.
        cell: which code cell, from 1; 0 if it is about the file.
        line, column: where in the cell it begins, from 1; 0 if it is about the file.
        code: `WFnnn`, listed in the README.
        message: what is wrong.
        hint: what to write instead; may be empty.
        severity: "error": the cell is refused; "warning": it may go wrong; "note": it can't be told
            without running the notebook.
        end_column: where on that line it ends; exclusive.
        text: that line of the cell.
        file_line, file_column: where that stands in the file, from 1; 0 if it can't be told.
    """

    path: str
    cell: int
    line: int
    column: int
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    end_column: int = 0
    text: str = ""
    file_line: int = 0
    file_column: int = 0
