"""What text does `--source` mean: a file of Python, or a cell of a notebook?"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import ReceiptError, UsageError
from wf_notebook.receipts.reading import read_notebook

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["source_text"]

_MAGIC: Final = "%%workflow"
_HINT: Final = "Name a file of Python, or a cell of a notebook: notebook.ipynb#NAME."


def source_text(word: str) -> str:
    """Return the source that a word names: `refund.py`, `refund.ipynb` or `orders.ipynb#refund`.

    Of a notebook with one cell `%%workflow`, NAME may be left out.

    Raises:
        UsageError: there is no such file or cell, or it is not certain which cell is meant.
    """
    path, mark, name = word.rpartition("#")
    if not mark or not path.endswith(".ipynb"):
        path, name = word, ""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from None
    if path.endswith(".ipynb"):
        return _cell(path, name, data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.", hint=_HINT) from None


def _cell(path: str, name: str, data: bytes) -> str:
    try:
        cells = read_notebook(data)["cells"]
    except ReceiptError as error:
        raise UsageError(f"{path}: {error.message}", hint=_HINT) from None
    found = [part for cell in cells if (part := _workflow(cell)) is not None]
    chosen = [source for named, source in found if name in ("", named)]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(named or "?" for named, _ in found)
    lists = f"Its workflows: {there}." if there else "It has no cell %%workflow."
    which = "is not certain" if chosen else "is not there"
    what = f"cell %%workflow {name}" if name else "cell %%workflow that is meant"
    raise UsageError(f"{path}: the {what} {which}.", hint=f"{lists} {_HINT}")


def _workflow(cell: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return name and source of a workflow's cell; None for any other cell."""
    line, _, source = str(cell["source"]).lstrip().partition("\n")
    words = line.split()
    if cell["cell_type"] != "code" or words[:1] != [_MAGIC]:
        return None
    named = words[1] if len(words) > 1 and not words[1].startswith("-") else _entry(source)
    return named, source


def _entry(source: str) -> str:
    """Return the name of the only function that can be the entry; "" if that isn't certain."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return ""
    names = [node.name for node in body if isinstance(node, ast.AsyncFunctionDef)]
    return "workflow" if "workflow" in names else names[0] if len(names) == 1 else ""
