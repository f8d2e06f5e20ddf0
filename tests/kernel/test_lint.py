"""What lint says without a kernel is what a kernel says: `%%workflow --check` on the same cells."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.linting.corpus import EXPECTED, FOLDER, path_of
from wf_notebook import lint
from wf_notebook.cells.document import read_document
from wf_notebook.cells.reading import magic_cell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kernel.conftest import Kernel

# (A half character cannot be sent to a kernel.)
# Not the kernel's: the notebook as a whole, arguments (which --check doesn't look at), notes.
ONLY_LINT = {"WF202", "WF512", "WF513", "WF515"}
COMPARED = (
    "clean", "step_forms", "beside", "package", "models", "unknown_step", "several", "not_python",
    "two_entries", "places", "unknown_option", "open_quote", "listed_unknown",
    "no_steps", "bad_alias", "long_name", "exclusive", "defined_below", "decorated", "local_step",
    "made_by_a_loop", "step_as_a_value", "perhaps", "expect_right", "source_as_text", "crlf_source",
    "cr_source", "not_ascii", "odd_breaks", "nbformat_3",
)  # fmt: skip
FORGET = """
import sys
from wf_notebook.definition.steps import REGISTRY
REGISTRY._steps.clear()
for name in ["shop", *[n for n in sys.modules if n.partition(".")[0] == "store"]]:
    sys.modules.pop(name, None)
%reset -f
"""
CODE = re.compile(r"\bWF\d{3}\b(?= [^|])")
LINE = re.compile(r"Cell In\[\d+\], line (\d+)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The modules of the corpus, beside the kernel."""
    shutil.copy(FOLDER / "shop.py", tmp_path)
    shutil.copytree(FOLDER / "store", tmp_path / "store")
    return tmp_path


def checked_by_lint(name: str) -> dict[int, list[tuple[int, str]]]:
    """Cell to the lines and codes that lint has for it; cells without a finding are left out."""
    found: dict[int, list[tuple[int, str]]] = {}
    for one in lint(path_of(name)):
        if one.code not in ONLY_LINT:
            found.setdefault(one.cell, []).append((one.line, one.code))
    return found


def cells_of(name: str) -> Iterator[tuple[int, str, bool]]:
    """Number and text of each cell, and whether it is a `%%workflow` cell, which is only checked."""
    for cell in read_document((FOLDER / f"{name}.ipynb").read_bytes()).cells:
        magic = magic_cell(cell.text)
        shown = not cell.text.startswith("%%capture")  # which takes away what --check prints
        checked = magic is not None and magic.name == "workflow" and shown
        text = cell.text.replace("%%workflow", "%%workflow --check", 1) if checked else cell.text
        yield cell.number, text, checked


def checked_by_kernel(kernel: Kernel, name: str) -> dict[int, list[tuple[int, str]]]:
    """The same from the kernel: diagnostics with their lines; of other errors the first line."""
    found: dict[int, list[tuple[int, str]]] = {}
    for number, text, checked in cells_of(name):
        cell = kernel.run(text)
        if checked and cell.error is not None:
            found[number] = [(0, code) for code in CODE.findall(cell.error.splitlines()[-1])[:1]]
        elif checked and "✕ refused" in cell.printed:
            blocks = cell.printed.split("\n\n")[1:]
            lines = [int(line) for line in LINE.findall(cell.printed)]
            codes = [code for block in blocks for code in CODE.findall(block)[:1]]
            found[number] = list(zip(lines, codes, strict=True))
        elif checked:
            assert "would run" in cell.printed, (name, number, cell.printed)
    return found


@pytest.mark.parametrize("name", COMPARED)
def test_every_name_is_of_the_corpus(name: str) -> None:
    """The list below is of notebooks that there are."""
    assert name in EXPECTED


def test_lint_says_what_the_kernel_says(kernel: Kernel, folder: Path) -> None:
    """Cell by cell: the same codes at the same lines, and nothing where the kernel would run it."""
    for name in COMPARED:
        kernel.run(FORGET)
        theirs, ours = checked_by_kernel(kernel, name), checked_by_lint(name)
        open_ones = {one.cell for one in lint(path_of(name)) if one.code == "WF515"}
        told = {cell for cell in ours if told_by_kernel(name, cell)}
        assert set(theirs) - open_ones == told - open_ones, name
        for cell, found in ((cell, found) for cell, found in theirs.items() if cell in ours):
            lines = dict.fromkeys(code for _, code in found)
            assert (
                list(lines) == list(dict.fromkeys(code for _, code in ours[cell]))[: len(lines)]
            ), name
            for line, code in found:
                assert line == 0 or (line, code) in ours[cell], (name, cell, found, ours[cell])


def told_by_kernel(name: str, cell: int) -> bool:
    """Whether a cell is one that the kernel checks."""
    return any(number == cell and checked for number, _, checked in cells_of(name))


def test_the_hash_that_lint_expects_is_the_kernels(kernel: Kernel, folder: Path) -> None:
    """`--expect` is compared with the hash that `--check` shows, for steps of cells and of modules."""
    for name, number in (("expect_right", 2), ("beside", 4)):
        kernel.run(FORGET)
        for cell, text, checked in cells_of(name):
            done = kernel.run(text)
            if checked and cell == number:
                (expected,) = re.findall(r"--expect sha256:(\w+)", text)
                assert f"sha256:{expected}" in done.printed


def test_the_magic_checks_a_notebooks_file(kernel: Kernel, folder: Path) -> None:
    """`%wf lint` in a notebook says what `wf lint` says; it has no standard input."""
    shutil.copy(path_of("unknown_step"), folder)
    assert (
        "unknown_step.ipynb:cell 2:line 3:col 24 WF140"
        in kernel.ok("%wf lint unknown_step.ipynb").printed
    )
    refused = kernel.run("%wf lint -").error
    assert refused is not None
    assert "WF500" in refused
