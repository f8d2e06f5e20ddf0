"""Receipts in a real kernel: exported, replayed, run as a cell, and made of an unfinished run."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import nbformat

from tests.kernel.conftest import REFUND, SETUP
from wf_notebook import read_receipt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kernel.conftest import Kernel

CELL = f"%%workflow refund -o r -- 'a1'\n{REFUND}"


def test_export_and_replay(kernel: Kernel) -> None:
    """`%wf export`, `%wf replay` of the file, the run and an edited cell; no step runs for it."""
    kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    run_id = kernel.value_of("r.id").strip("'")
    early = kernel.ok("%wf export early.ipynb").printed
    assert early.startswith(f"Wrote early.ipynb: refund ({run_id}), suspended, ")
    kernel.ok('%wf resume approve-a1 {"ok": true}')
    kernel.wait_for("r", "terminal")
    before = kernel.ledger()
    kernel.ok("%wf export whole.ipynb --payloads")
    printed = kernel.ok("%wf replay early.ipynb whole.ipynb").printed
    assert [line.split()[:2] for line in printed.splitlines()] == [
        ["✓", "early.ipynb"], ["✓", "whole.ipynb"],
    ]  # fmt: skip
    assert printed.count("this world has signed the receipt") == 2
    assert kernel.ok("%wf replay").printed.startswith(f"✓ refund ({run_id}) replays, ")
    edited = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CELL.replace("200ms", "300ms"))]
    )
    nbformat.write(edited, kernel.folder / "edited.ipynb")
    printed = kernel.ok("%wf replay whole.ipynb --source edited.ipynb#refund").printed
    assert "diverged at line 3 of the source" in printed
    assert '   3 |     await sleep("300ms")' in printed
    assert kernel.ledger() == before
    assert kernel.ok("%wf replay --help").printed.count("%wf replay") >= 3
    found = read_receipt(kernel.folder / "whole.ipynb")
    assert (found.run_id, found.status, found.payloads) == (run_id, "completed", True)


def test_refused(kernel: Kernel) -> None:
    """Another file is left as it is; the traceback names code and way out."""
    kernel.ok(CELL)
    (kernel.folder / "notes.ipynb").write_text("mine")
    error = kernel.run("%wf export notes.ipynb").error
    assert error is not None
    assert "WF245" in error
    assert "--force" in error
    assert (kernel.folder / "notes.ipynb").read_text() == "mine"
    kernel.ok("%wf cancel")


def test_the_cell_of_a_receipt_runs(kernels: Callable[..., Kernel], tmp_path: Path) -> None:
    """Pasted into a notebook with the same steps, with arguments: the same definition runs."""
    kernel = kernels()
    kernel.ok(SETUP)
    kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    kernel.ok("r.to_notebook('a.ipynb')")
    cell = read_cell(tmp_path / "a.ipynb")
    line, _, source = cell.partition("\n")
    kernel.ok("%wf cancel")
    kernel.ok(f"{line} --out again -- 'b2'\n{source}")
    assert kernel.value_of("again.source_hash == r.source_hash") == "True"
    assert kernel.value_of("again.workflow_id == r.workflow_id") == "True"
    kernel.ok("again.cancel()")


def read_cell(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[1].source)


def test_nothing_is_saved_of_payloads(kernel: Kernel) -> None:
    """What `%wf replay` prints of a divergence holds no value."""
    kernel.ok(CELL.replace("'a1'", "'s3cret'"))
    kernel.wait_for("r", "hook")
    kernel.ok("%wf export a.ipynb --payloads")
    (kernel.folder / "edited.py").write_text(REFUND.replace("fetch(order)", "fetch('other')"))
    cell = kernel.ok("%wf replay a.ipynb --source edited.py")
    assert "diverged at line 2" in cell.printed
    assert "s3cret" not in cell.printed.replace("approve-s3cret", "")
    shutil.copy(kernel.folder / "a.ipynb", kernel.folder / "b.ipynb")
    saved = json.loads((kernel.folder / "b.ipynb").read_text())
    data = saved["cells"][1]["outputs"][0]["data"]
    shown = [
        text.replace("approve-s3cret", "") for k, t in data.items() if "json" not in k for text in t
    ]
    assert "s3cret" not in "".join(shown)
    kernel.ok("%wf cancel")
