"""What run is a notebook the receipt of, and is it as it was exported?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.definition.compile import normalise
from wf_notebook.errors import HistoryError, ReceiptError
from wf_notebook.receipts.shape import MIME, Visible, checked

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from wf_notebook.receipts.shape import Receipt

__all__ = ["found_in", "is_receipt", "read_notebook", "read_receipt"]

_VERSION: Final = 4  # of the notebook format: nbformat's readers of older ones raise anything
_MAGIC: Final = "%%workflow"
_OUTPUTS: Final = {"text/plain", "text/html", MIME}


def read_receipt(path: str | os.PathLike[str]) -> Receipt:
    """Return the run that a notebook is the receipt of, checked. Nothing is run.

    Its hash, its id and its chain are computed anew; its cells, its card and its log have to be
    those that were exported. The notebook's own metadata are not looked at.

    Args:
        path: what `Run.to_notebook` or `%wf export` has written, and perhaps a front end has saved.

    Raises:
        ReceiptError: it is no receipt, or something in it was changed; the message says what.
        HistoryVersionError: another version wrote it.
        OSError: it cannot be read.

    >>> import os, tempfile
    >>> from wf_notebook import open_world, step
    >>> @step
    ... def label(text: str) -> str:
    ...     return text.upper()
    >>> source = '''
    ... async def workflow(text):
    ...     "use workflow"
    ...     return await steps.label(text)
    ... '''
    >>> path = os.path.join(tempfile.mkdtemp(), "receipt.ipynb")
    >>> with open_world(":memory:") as world:
    ...     run = world.start(source, ("a",), steps=[label]).wait_for("terminal", timeout=60)
    ...     _ = run.to_notebook(path, payloads=True)
    >>> receipt = read_receipt(path)
    >>> receipt.status, receipt.state.seq, receipt.definition.steps[0].parameters[0].name
    ('completed', 6, 'text')
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return found_in(read_notebook(data))
    except HistoryError as error:
        raise type(error)(f"{path!s}: {error.message}", hint=error.hint) from None


def read_notebook(data: bytes) -> Mapping[str, Any]:
    """Return a valid notebook of version 4, its texts in one piece each.

    Raises:
        ReceiptError: it is none.
    """
    import nbformat

    untyped = cast("Any", nbformat)
    try:
        text = data.decode("utf-8-sig")
        if json.loads(text)["nbformat"] != _VERSION:
            raise ReceiptError("This is not a notebook of version 4.")
        found: Mapping[str, Any] = untyped.reader.reads(text)
        # its `validate` would mend what it finds, and warn of it
        problem = next(untyped.validator.iter_validate(found, relax_add_props=True), None)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise ReceiptError("This is not a notebook.") from error
    except (untyped.reader.NotJSONError, untyped.ValidationError) as error:
        raise ReceiptError("This is not a valid notebook.") from error
    if problem is not None:
        raise ReceiptError("This is not a valid notebook.") from problem
    return found


def is_receipt(notebook: Mapping[str, Any]) -> bool:
    """Whether a notebook is a receipt, or says that it is one: changed or not."""
    mark: Any = notebook.get("metadata", {}).get("wf_notebook")
    marked = isinstance(mark, dict) and "receipt" in mark
    return marked or any(MIME in data for cell in notebook["cells"] for data in _outputs(cell))


def found_in(notebook: Mapping[str, Any]) -> Receipt:
    """Return the run that a notebook is the receipt of.

    Raises:
        ReceiptError: it is none, or something in it was changed.
        HistoryVersionError: another version wrote it.
    """
    cells: Sequence[Mapping[str, Any]] = notebook["cells"]
    holders = [cell for cell in cells if any(MIME in data for data in _outputs(cell))]
    if not holders:
        msg = "No run is in this notebook: it is no receipt, or its outputs were cleared."
        raise ReceiptError(msg)
    if len(holders) > 1:
        raise ReceiptError("This notebook holds several runs; a receipt is of one.")
    (cell,) = holders
    (data,) = _outputs(cell) if len(_outputs(cell)) == 1 else (None,)
    if data is None or set(data) != _OUTPUTS:
        raise ReceiptError("The outputs of this receipt are not those that were exported.")
    visible = Visible(
        cells=[(one["cell_type"], one["source"]) for one in cells],
        plain=data["text/plain"],
        html=data["text/html"],
    )
    _check_source(cell["source"], data[MIME])
    return checked(data[MIME], visible)


def _outputs(cell: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the data of a cell's outputs; what has none counts as empty."""
    outputs: Sequence[Mapping[str, Any]] = cell.get("outputs") or ()
    return [output.get("data") or {} for output in outputs]


def _check_source(cell: str, document: Any) -> None:
    """Say which line of the visible source is another one than that of the run; the rest comes later."""
    line, _, body = cell.partition("\n")
    try:
        source = json.loads(document["history"])["definition"]["source"]
        text = normalise(body)
        if text == source and line.split()[:1] == [_MAGIC]:
            return
        pairs = zip(text.splitlines(), source.splitlines(), strict=False)
        number = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # the document itself is damaged
    where = "it is longer or shorter" if number is None else f"line {number} of the source differs"
    raise ReceiptError(f"The source in the cell of this receipt is not the one that ran: {where}.")
