"""Which histories and receipts lie at a path, and what do they hold?"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from wf_notebook import history
from wf_notebook.errors import HistoryError, UsageError
from wf_notebook.receipts.reading import is_receipt, read_notebook, read_receipt
from wf_notebook.testing.histories import load_history

if TYPE_CHECKING:
    from wf_notebook.history import History
    from wf_notebook.receipts.shape import Receipt

__all__ = ["SUFFIXES", "files_at", "loaded", "says_it_is_one"]

SUFFIXES: Final = (".json", ".ipynb")
_HINT: Final = "Name a receipt (.ipynb), a history (.json), or a folder of them."


def files_at(path: str) -> tuple[list[str], int]:
    """Return the files at a path: itself, or the histories and receipts in a folder and below it.

    Returns:
        the files, sorted; and how many others with these suffixes were passed over, because they
        don't say that they are any.

    Raises:
        UsageError: there is nothing, or something else.
    """
    if os.path.isdir(path):
        return _in_folder(path)
    if not os.path.exists(path):
        raise UsageError(f"There is no {path}.", hint=_HINT)
    if not path.endswith(SUFFIXES):
        raise UsageError(f"{path} is neither a history nor a receipt.", hint=_HINT)
    return [path], 0


def _in_folder(folder: str) -> tuple[list[str], int]:
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(place, name) for name in sorted(names) if name.endswith(SUFFIXES)]
    chosen = [path for path in found if says_it_is_one(path)]
    if not chosen:
        raise UsageError(f"In {folder} is no history and no receipt.", hint=_HINT)
    return chosen, len(found) - len(chosen)


def says_it_is_one(path: str) -> bool:
    """Whether a file says that it is a history or a receipt, be it as it was written or not."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if path.endswith(".ipynb"):
            return is_receipt(read_notebook(data))
        return history.says_it_is_one(json.loads(data))
    except (OSError, ValueError, RecursionError, HistoryError):
        return False


def loaded(path: str) -> tuple[History, Receipt | None]:
    """Return what a file holds, checked; and the receipt, if it is one.

    Raises:
        HistoryError: it is not as it was written; the message names the file.
        OSError: it cannot be read.
    """
    if path.endswith(".ipynb"):
        receipt = read_receipt(path)
        return receipt.as_history(), receipt
    return history.read(load_history(path)), None
