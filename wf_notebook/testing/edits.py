"""What text does `--source` mean: a file of Python, or a cell of a notebook?"""

from __future__ import annotations

from typing import Final

from wf_notebook.cells.workflows import workflow_of
from wf_notebook.errors import ReceiptError, UsageError
from wf_notebook.receipts.reading import read_notebook

__all__ = ["source_text"]

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
    texts = [str(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    found = [part for text in texts if (part := workflow_of(text)) is not None]
    chosen = [source for named, source in found if name in ("", named)]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(named or "?" for named, _ in found)
    lists = f"Its workflows: {there}." if there else "It has no cell %%workflow."
    which = "is not certain" if chosen else "is not there"
    what = f"cell %%workflow {name}" if name else "cell %%workflow that is meant"
    raise UsageError(f"{path}: the {what} {which}.", hint=f"{lists} {_HINT}")
