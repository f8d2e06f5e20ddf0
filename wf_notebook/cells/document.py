"""What are the code cells of a notebook file, and where in the file does each line stand?

A file is read as it is, by `json` alone: nbformat takes a second to import. What comes out is what
nbformat reads, in each of its versions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.cells.places import offset_in, strings_of
from wf_notebook.errors import NotebookFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wf_notebook.cells.places import Path

__all__ = ["CodeCell", "Document", "read_document"]

NEWEST: Final = 4
_MIXED: Final = 3  # its lines were split with their ends, and before that without
_TEXT_KEYS: Final = {1: "code", 2: "input", 3: "input", 4: "source"}
_BOM: Final = b"\xef\xbb\xbf"
_SAVE: Final = "Open it in Jupyter and save it anew, or restore it."


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A code cell.

    Attributes:
        number: its place among the notebook's code cells, from 1.
        text: its whole text.
        path: where in the file's JSON the text stands.
        pieces: the texts of which it is made, each with what was put between it and the next.
        tags: of its metadata.
    """

    number: int
    text: str
    path: Path
    pieces: tuple[str, ...]
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Document:
    """A notebook file.

    Attributes:
        raw: the file's text.
        version: of nbformat: 1 to 4.
        cells: its code cells, in order.
    """

    raw: str
    version: int
    cells: tuple[CodeCell, ...]

    @cached_property
    def _strings(self) -> Mapping[Path, tuple[int, int]]:
        return strings_of(self.raw, frozenset(_TEXT_KEYS.values()))

    def place(self, cell: CodeCell, line: int, column: int) -> tuple[int, int]:
        """Return line and column in the file of a line and a column of a cell; all from 1."""
        offset = _offset(cell.text, line, column)
        number = 0
        while number < len(cell.pieces) - 1 and offset >= len(cell.pieces[number]):
            offset -= len(cell.pieces[number])
            number += 1
        span = self._strings.get((*cell.path, number)) or self._strings.get(cell.path)
        if span is None:  # an empty list of lines
            return 1, 1
        at = offset_in(self.raw, span, offset)
        return self.raw.count("\n", 0, at) + 1, at - self.raw.rfind("\n", 0, at)


def _offset(text: str, line: int, column: int) -> int:
    """The index in a text of a line and a column; lines end as in a source: LF, CRLF or CR."""
    start = 0
    for _ in range(line - 1):
        ends = [i for i in (text.find("\n", start), text.find("\r", start)) if i >= 0]
        if not ends:
            break
        end = min(ends)
        start = end + (2 if text.startswith("\r\n", end) else 1)
    return min(start + column - 1, max(len(text) - 1, 0))


def read_document(data: bytes) -> Document:
    r"""Read a notebook of any version of nbformat.

    Raises:
        NotebookFileError: it is none; the message says why, `line` where.

    >>> read_document(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "1"}]}').cells
    (CodeCell(number=1, text='1', path=('cells', 0, 'source'), pieces=('1',), tags=frozenset()),)
    """
    raw = _decoded(data)
    content = _parsed(raw)
    if not isinstance(content, dict):
        raise NotebookFileError("The file holds JSON, but no notebook.", hint=_SAVE)
    found = cast("dict[str, Any]", content)
    version = _version(found)
    return Document(raw, version, tuple(_code_cells(found, version)))


def _decoded(data: bytes) -> str:
    if not data.strip():
        raise NotebookFileError("The file is empty.", hint=_SAVE)
    if data.startswith(_BOM):
        msg = "The file begins with a byte order mark, with which Jupyter cannot open it."
        raise NotebookFileError(msg, hint="Save it as UTF-8 without one.", line=1)
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        msg = f"The file is not UTF-8: byte 0x{data[problem.start]:02x} in line {line}."
        raise NotebookFileError(msg, hint="Save it as UTF-8.", line=line) from None


def _parsed(raw: str) -> object:
    try:
        return json.loads(raw)
    except json.JSONDecodeError as problem:
        msg = f"The file is not JSON: {problem.msg} in line {problem.lineno}."
        raise NotebookFileError(msg, hint=_SAVE, line=problem.lineno) from None
    except (ValueError, RecursionError) as problem:  # a number of thousands of digits; deep nesting
        what = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise NotebookFileError(f"The file cannot be read: {what}.", hint=_SAVE) from None


def _version(content: Mapping[str, Any]) -> int:
    version = content.get("nbformat")
    if version is None and _has_code(content):  # the first version didn't say so
        return 1
    if version is None:
        msg = "The file doesn't say which version of nbformat it is."
        raise NotebookFileError(msg, hint=_SAVE)
    if type(version) is int and 1 <= version <= NEWEST:
        return version
    msg = f"The file is of nbformat {version!r:.20}, which is not known."
    raise NotebookFileError(msg, hint=f"Save it as nbformat {NEWEST}.")


def _has_code(content: Mapping[str, Any]) -> bool:
    cells = content.get("cells")
    return isinstance(cells, list) and any(
        isinstance(cell, dict) and "code" in cell for cell in cast("Sequence[object]", cells)
    )


def _code_cells(content: Mapping[str, Any], version: int) -> Iterator[CodeCell]:
    key, number = _TEXT_KEYS[version], 0
    for path, cell in _cells(content, version):
        if cell.get("cell_type") == "code":
            number += 1
            pieces = _pieces(cell.get(key, ""), version, number)
            yield CodeCell(number, "".join(pieces), (*path, key), pieces, _tags(cell))


def _tags(cell: Mapping[str, Any]) -> frozenset[str]:
    metadata = cell.get("metadata")
    tags = cast("dict[str, object]", metadata).get("tags") if isinstance(metadata, dict) else None
    if not isinstance(tags, list):
        return frozenset()
    return frozenset(tag for tag in cast("list[object]", tags) if isinstance(tag, str))


def _cells(content: Mapping[str, Any], version: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    if version in (1, NEWEST):
        yield from _listed(content, ("cells",))
        return
    for path, sheet in _listed(content, ("worksheets",)):
        yield from _listed(sheet, (*path, "cells"))


def _listed(owner: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield what a list of objects holds."""
    name = str(path[-1])
    found = owner.get(name)
    if not isinstance(found, list):
        raise NotebookFileError(f"The notebook has no list of {name}.", hint=_SAVE)
    for number, one in enumerate(cast("list[object]", found)):
        if not isinstance(one, dict):
            msg = f"Number {number + 1} of the notebook's {name} is no object."
            raise NotebookFileError(msg, hint=_SAVE)
        yield (*path, number), cast("dict[str, Any]", one)


def _pieces(text: object, version: int, number: int) -> tuple[str, ...]:
    """Return the pieces that nbformat joins to the text of a cell."""
    if isinstance(text, str):
        return (text,)
    lines = cast("Sequence[object]", text) if isinstance(text, list) else None
    if lines is None or not all(isinstance(line, str) for line in lines):
        msg = f"The text of code cell {number} is neither a text nor a list of lines."
        raise NotebookFileError(msg, hint=_SAVE)
    pieces = tuple(cast("Sequence[str]", lines))
    with_ends = version == _MIXED and bool(pieces) and pieces[0].endswith(("\n", "\r"))
    if version == NEWEST or with_ends or not pieces:
        return pieces
    return (*(f"{piece}\n" for piece in pieces[:-1]), pieces[-1])
