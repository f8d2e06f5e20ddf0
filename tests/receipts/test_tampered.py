"""Whatever is changed in a receipt is noticed; each part of one is changed in turn."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.receipts.shop import ended, started
from wf_notebook import approve, open_world, propose, start_revision
from wf_notebook.errors import HistoryError, HistoryVersionError, ReceiptError
from wf_notebook.receipts.reading import found_in, read_notebook, read_receipt
from wf_notebook.receipts.shape import MIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Notebook = dict[str, Any]


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Notebook]:
    """Of a run that was approved and has ended, with payloads; of one that waits, without."""
    from tests.receipts.shop import SOURCE, STEPS, Answer

    folder = tmp_path_factory.mktemp("receipts")
    with open_world(":memory:", isolation="inline", steps=STEPS) as world:
        line = propose(SOURCE, steps=STEPS, schemas=[Answer], world=world)
        approve(line.source_hash, by="Ada", note="as agreed", world=world)
        run = start_revision("order", 1, ("ok",), {"key": "k"}, world=world).wait_for("hook")
        run.resume("answer", {"ok": True, "text": "yes"})
        run.wait_for("terminal").to_notebook(folder / "full.ipynb", payloads=True)
        started(world, attributes={"customer": "A-17"}).to_notebook(folder / "bare.ipynb")
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.iterdir()}


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all parts of a tree."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(tree[key], (*path, key))


def others(value: Any) -> list[Any]:
    """What a part may be changed to: other values of its type."""
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [value + 1]
        case str():
            return [value + "x", value[:-1] if value else " "]
        case None:
            return ["x"]
        case list():
            longer = [*value, *value[-1:]] if value else [0]
            shorter = [value[:-1]] if value else []
            turned = [value[::-1]] if value != value[::-1] else []
            return [longer, *shorter, *turned]
        case dict():
            turned = dict(reversed(value.items()))
            moved = [turned] if list(turned) != list(value) else []
            return [{**value, "more": 1}, *moved]
    raise AssertionError(value)


def altered(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(tree)
    at = result
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return result


def without(tree: Any, path: tuple[Any, ...]) -> Any:
    result = copy.deepcopy(tree)
    at = result
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return result


def changes(tree: Any) -> Iterator[tuple[str, Any]]:
    """A tree with each of its parts changed, or taken away, in turn."""
    for path in places(tree):
        at = tree
        for key in path:
            at = at[key]
        for value in others(at):
            yield f"{path} = {value!r:.40}", altered(tree, path, value)
        yield f"{path} away", without(tree, path)


ODD = st.sampled_from([None, True, -1, 0, 1 << 70, 1.5, "", "x", "a" * 64, [], {}, [[]], {"x": 1}])


def as_read(notebook: Notebook) -> Any:
    return nbformat.from_dict(
        nbformat.reads(json.dumps(notebook), as_version=4)  # joins the lines of texts
    )


def document(notebook: Notebook) -> dict[str, Any]:
    data: dict[str, Any] = notebook["cells"][1]["outputs"][0]["data"]
    return data[MIME]


def with_document(notebook: Notebook, new: Any) -> Any:
    result = as_read(notebook)
    result["cells"][1]["outputs"][0]["data"][MIME] = new
    return result


def refused(notebook: Any) -> str:
    """The code with which a notebook is refused; "" if it is taken for a receipt."""
    try:
        found_in(notebook)
    except HistoryError as error:
        return error.code if error.hint else "no hint"
    return ""


@pytest.mark.parametrize("name", ["full", "bare"])
def test_each_part_of_the_document(receipts: dict[str, Notebook], name: str) -> None:
    """Status, approval, world, times, ids, hashes, chain: a receipt with another one is refused."""
    notebook = receipts[name]
    whole = document(notebook)
    assert refused(as_read(notebook)) == ""
    missed = []
    for what, new in changes(whole):
        if what.startswith("('signature',) = ") and len(new["signature"]) == 64:
            continue  # of the right length: only its world can tell
        if refused(with_document(notebook, new)) not in ("WF242", "WF243"):
            missed.append(what)
    # keys in another order are the same document: nbformat itself sorts them
    assert [what for what in missed if not is_order(what)] == []


def is_order(what: str) -> bool:
    return what.startswith("('approval',) = {")


@pytest.mark.parametrize("name", ["full", "bare"])
def test_each_part_of_the_log(receipts: dict[str, Notebook], name: str) -> None:
    """Source, bindings, schemas, events, their order, times, values: also the last one, and keys."""
    notebook = receipts[name]
    whole = document(notebook)
    saved = json.loads(whole["history"])
    count = 0
    missed = []
    for what, new in changes(saved):
        count += 1
        text = json.dumps(new, separators=(",", ":"))
        if refused(with_document(notebook, {**whole, "history": text})) not in ("WF242", "WF243"):
            missed.append(what)
    assert missed == []
    assert count > 300


@pytest.mark.parametrize("text", [" ", '{"format":1,', "[NaN]", "[" * 100_000, "1" * 5_000])
def test_a_log_that_is_no_text_of_ours(receipts: dict[str, Notebook], text: str) -> None:
    """Also one that says the same in other words, or is none at all."""
    whole = document(receipts["full"])
    assert refused(with_document(receipts["full"], {**whole, "history": text})) == "WF243"
    spaced = json.dumps(json.loads(whole["history"]))
    assert refused(with_document(receipts["full"], {**whole, "history": spaced})) == "WF243"


CELLS: dict[str, Callable[[Any], object]] = {
    "facts": lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace("Ada", "Bob") + " "),
    "kind of the facts": lambda nb: nb.cells[0].update(cell_type="raw"),
    "line of the cell": lambda nb: nb.cells[1].update(
        source=nb.cells[1].source.replace("%%workflow ", "%%workflow  ")
    ),
    "steps of the cell": lambda nb: nb.cells[1].update(
        source=nb.cells[1].source.replace("breaks", "brakes", 1)
    ),
    "card": lambda nb: nb.cells[1].outputs[0].data.update({"text/html": "<b>completed</b>"}),
    "text": lambda nb: nb.cells[1].outputs[0].data.update({"text/plain": "completed"}),
    "no card": lambda nb: nb.cells[1].outputs[0].data.pop("text/html"),
    "a picture": lambda nb: nb.cells[1].outputs[0].data.update({"image/png": "iVBORw0KGgo="}),
    "another output": lambda nb: nb.cells[1].outputs.append(
        nbformat.v4.new_output("stream", text="all is well")
    ),
    "a cell before": lambda nb: nb.cells.insert(0, nbformat.v4.new_markdown_cell("# Approved")),
    "a cell behind": lambda nb: nb.cells.append(nbformat.v4.new_code_cell("1 + 1")),
    "cells swapped": lambda nb: nb.cells.reverse(),
    "no facts": lambda nb: nb.cells.pop(0),
    "outputs cleared": lambda nb: nb.cells[1].update(outputs=[]),
    "no cells": lambda nb: nb.cells.clear(),
    "two runs": lambda nb: nb.cells.append(copy.deepcopy(nb.cells[1])),
}


@pytest.mark.parametrize("what", CELLS)
def test_each_part_that_is_seen(receipts: dict[str, Notebook], what: str) -> None:
    """Facts, source, card, text, and whatever somebody puts beside them."""
    notebook = as_read(receipts["full"])
    CELLS[what](notebook)
    assert refused(notebook) == "WF243"


def test_what_front_ends_write_otherwise(receipts: dict[str, Notebook]) -> None:
    """Ids, metadata, the order of keys, an older minor version: not a receipt's own, and may change."""
    notebook = copy.deepcopy(receipts["full"])
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] = {"jupyter": {"source_hidden": True}, "tags": ["kept"]}
    notebook.update(nbformat_minor=4, metadata={"authors": [{"name": "Ada"}]})
    output = notebook["cells"][1]["outputs"][0]
    output["data"][MIME] = dict(sorted(output["data"][MIME].items(), reverse=True))
    output["data"]["text/html"] = "".join(output["data"]["text/html"])
    text = json.dumps(dict(reversed(notebook.items())), indent=4)
    assert found_in(read_notebook(f"\ufeff{text}\r\n".encode())).payloads


def test_an_edited_source_is_named(receipts: dict[str, Notebook]) -> None:
    """The cell's text is held against the run's: the first line that differs is said."""
    notebook = as_read(receipts["full"])
    cell = notebook.cells[1]
    cell.source = cell.source.replace('sleep("1ms")', 'sleep("2ms")')
    with pytest.raises(
        ReceiptError, match=r"is not the one that ran: line 9 of the source differs"
    ):
        found_in(notebook)
    cell.source = receipts["full"]["cells"][1]["source"][0] + "pass"
    with pytest.raises(ReceiptError, match="is not the one that ran"):
        found_in(notebook)


def test_another_version(receipts: dict[str, Notebook]) -> None:
    """A receipt of another version is refused as such, and so is a log in it."""
    whole = document(receipts["full"])
    with pytest.raises(HistoryVersionError, match=r"WF242 This receipt has version 2"):
        found_in(with_document(receipts["full"], {**whole, "version": 2, "new": 1}))


NOT_NOTEBOOKS = {
    "empty": b"",
    "text": b"hello",
    "bytes": b"\xff\xfe\x00",
    "json": b"[]",
    "number": b"1",
    "object": b"{}",
    "old": b'{"nbformat": 2, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
    "future": b'{"nbformat": 5, "nbformat_minor": 0, "metadata": {}, "cells": []}',
    "half": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}',
    "plain": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", NOT_NOTEBOOKS)
def test_what_is_no_notebook(name: str, tmp_path: Path) -> None:
    """Whatever the file holds, it is refused with its name and a way out."""
    path = tmp_path / f"{name}.ipynb"
    path.write_bytes(NOT_NOTEBOOKS[name])
    with pytest.raises(ReceiptError, match=r"^WF243 .*\.ipynb: ") as error:
        read_receipt(path)
    assert error.value.hint


@given(st.sampled_from(["full", "bare"]), st.data())
def test_damaged_anywhere(receipts: dict[str, Notebook], name: str, data: st.DataObject) -> None:
    """Whatever part of the file is damaged: it is refused with a code, or says what it said."""
    notebook = receipts[name]
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(notebook))
        path = found[data.draw(st.integers(0, len(found) - 1))]
        if data.draw(st.booleans()):
            notebook = altered(notebook, path, data.draw(ODD))
        else:
            notebook = without(notebook, path)
    try:
        read = found_in(read_notebook(json.dumps(notebook).encode()))
    except HistoryError as error:
        assert error.code in ("WF242", "WF243")  # noqa: PT017 - it need not be raised
    else:
        assert read == replace(found_in(as_read(receipts[name])), signature=read.signature)


def test_one_run_is_not_another(tmp_path: Path) -> None:
    """A document in the notebook of another run is refused."""
    with open_world(":memory:", isolation="inline") as world:
        for word in ("ok", "fail"):
            ended(world, word).to_notebook(tmp_path / f"{word}.ipynb")
    ok, fail = (json.loads((tmp_path / f"{w}.ipynb").read_text()) for w in ("ok", "fail"))
    assert refused(with_document(ok, document(fail))) == "WF243"
