"""Where a receipt is written: whole or not at all, and over nothing but itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

from wf_notebook.errors import HistoryError, ReceiptExistsError
from wf_notebook.receipts.reading import read_receipt
from wf_notebook.world.replacing import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["default_name", "write"]


def default_name(name: str, run_id: str) -> str:
    """Return what a receipt is called unless somebody chooses a name.

    >>> default_name("refund", "wrun_01KB8Q3X0000000000000ABCDE")
    'refund-000ABCDE.ipynb'
    """
    return f"{name}-{run_id[-8:]}.ipynb"


def write(
    notebook: Mapping[str, Any], path: str | os.PathLike[str], *, run_id: str, force: bool
) -> None:
    """Write a notebook.

    Args:
        notebook: a valid one.
        path: where; a link is followed.
        run_id: of which run it is the receipt: an older one of that run is replaced.
        force: whether anything else that lies there is replaced, too.

    Raises:
        ReceiptExistsError: something else lies there; it was left as it is.
        OSError: it cannot be written; what lay there is left.
    """
    import nbformat

    place = os.path.realpath(path)
    if os.path.exists(place) and not force:
        _check_same(place, os.fspath(path), run_id)
    text: str = cast("Any", nbformat).writes(cast("Any", nbformat).from_dict(notebook))
    with replacing(place) as beside, open(beside, "xb") as file:
        file.write(f"{text.rstrip()}\n".encode())


def _check_same(place: str, shown: str, run_id: str) -> None:
    try:
        found = read_receipt(place).run_id
    except HistoryError:
        found = ""
    if found == run_id:
        return
    what = f"the receipt of another run, {found}" if found else "something that is no receipt"
    msg = f"At {shown} lies {what}; it was left as it is."
    hint = "Choose another path, or say that it may be replaced: force=True, --force."
    raise ReceiptExistsError(msg, path=shown, hint=hint)
