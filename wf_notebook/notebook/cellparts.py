"""Which part of a cell is the cursor in: the line of `%%workflow`, its source, or a line of `%wf`?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from wf_notebook.cells.line import CellLine, read_line, split_line
from wf_notebook.errors import UsageError
from wf_notebook.notebook.magics import parser

_CELL: Final = re.compile(r"\s*%%workflow(?=\s|$)([^\n]*)\n?")
_COMMAND: Final = re.compile(r"\s*%wf\s+")
_COMMAND_CELL: Final = re.compile(r"\s*%%wf\s+([^\n]*)\n?")
_DRAFT: Final = re.compile(r"\s*(?:%%workflow_draft|%workflow_prompt)\s")


@dataclass(frozen=True, slots=True)
class CellPart:
    """A place in a cell whose text is about workflows.

    Attributes:
        kind: "options" and "arguments" of a `%%workflow` line, its "source", a "command", the
            "query" below `%%wf sql`, or the "draft" options of the magics that draft.
        line: what the `%%workflow` line says, as far as it can be read; else empty.
        text: the part itself: the line after its magic word, or the source.
        position: where the cursor is in it.
    """

    kind: str
    text: str
    position: int
    line: CellLine = field(default_factory=CellLine)

    @property
    def before(self) -> str:
        """What stands on the cursor's line before the cursor."""
        return self.text[: self.position].rpartition("\n")[2]


def part_at(text: str, position: int) -> CellPart | None:
    """Return where in a cell the cursor is, or None where Python and IPython know better.

    >>> part_at("%%workflow -o r -- 5", 15).kind, part_at("%%workflow -- 5", 15).kind
    ('options', 'arguments')
    >>> part_at("%wf show wr", 11)
    CellPart(kind='command', text='show wr', position=7, line=...)
    >>> part_at("print('%wf')", 3) is None
    True
    """
    if found := _CELL.match(text):
        if position < found.start(1):
            return None
        if position > found.end(1):
            line, source = _read(found[1]), text[found.end() :]
            return CellPart("source", source, position - found.end(), line)
        return _in_line(found[1], position - found.start(1))
    if found := _COMMAND_CELL.match(text):
        return _in_command_cell(found, text, position)
    begin = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    command = text[begin : end if end >= 0 else len(text)]
    if (started := _COMMAND.match(command)) and position >= begin + started.end():
        return CellPart("command", command[started.end() :], position - begin - started.end())
    if (started := _DRAFT.match(command)) and position >= begin + started.end():
        return CellPart("draft", command[started.end() :], position - begin - started.end())
    return None


def _in_command_cell(found: re.Match[str], text: str, position: int) -> CellPart | None:
    if position > found.end(1):
        is_query = found[1].split()[:1] == ["sql"]
        query = text[found.end() :]
        return CellPart("query", query, position - found.end()) if is_query else None
    if position < found.start(1):
        return None
    return CellPart("command", found[1], position - found.start(1))


def _in_line(text: str, position: int) -> CellPart:
    # `--` right before the cursor is the beginning of an option, not yet the standalone one.
    before = f"{text[:position]}_"
    kind = "options" if split_line(before)[0] == before.strip() else "arguments"
    return CellPart(kind, text, position)


def _read(text: str) -> CellLine:
    try:
        return read_line(parser(), text)
    except UsageError:
        return CellLine()  # it is still being typed
