"""The notebooks that come with the product: run without a person, run again, left without a trace."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from wf_notebook.headless.execution import run_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ON_PURPOSE = {"careless": "failed", "endless": "cancelled"}  # shown as such in the vocabulary


@pytest.fixture
def vocabulary(tmp_path: Path) -> Iterator[Path]:
    """A copy in a folder of its own."""
    path = tmp_path / "vocabulary.ipynb"
    shutil.copy(NOTEBOOKS / "vocabulary.ipynb", path)
    return path


def test_the_vocabulary_runs_and_runs_again(vocabulary: Path) -> None:
    """Every cell does what it says, in a fresh world and in the one that the first time left."""
    for _ in range(2):
        done = run_notebook(str(vocabulary), timeout=240)
        assert done.error is None, done.error
        assert not done.timed_out
        ended = {outcome.name: outcome.status for outcome in done.outcomes}
        others = {name: how for name, how in ended.items() if how != "completed"}
        assert others == ON_PURPOSE
        assert len(ended) >= 10


def test_what_a_model_drafts_is_approved_and_runs(tmp_path: Path) -> None:
    """The whole flow with a scripted model, in a fresh world and in the one that was left."""
    path = tmp_path / "ai_orchestration.ipynb"
    shutil.copy(NOTEBOOKS / path.name, path)
    for _ in range(2):
        done = run_notebook(str(path), timeout=240)
        assert done.error is None, done.error
        assert [(o.name, o.status) for o in done.outcomes] == [("fulfil", "completed")]


PICTURES = {
    "days-plot", "together-plot", "slow-plot", "cost-plot", "people-plot", "parts-plot",
    "edit-plot", "streams-plot",
}  # fmt: skip


def test_the_gallery_of_queries_runs_and_runs_again(tmp_path: Path) -> None:
    """Each query is answered, and not with nothing; each picture is drawn."""
    path = tmp_path / "analysis.ipynb"
    shutil.copy(NOTEBOOKS / path.name, path)
    for _ in range(2):
        done = run_notebook(str(path), timeout=400)
        assert done.error is None, done.error
        shown = {cell["id"]: cell.outputs for cell in done.notebook.cells if "outputs" in cell}
        drawn = {name for name, outputs in shown.items()
                 if any("image/png" in output.get("data", {}) for output in outputs)}  # fmt: skip
        assert drawn == PICTURES
        for name in ("retries-sql", "open-sql", "failing-sql", "approved-sql"):
            (output,) = shown[name]
            assert output["data"]["text/html"].count("<tr") > 2, name
        assert shown["tree"][0]["text"].count("\n") == 12


@pytest.mark.parametrize("name", sorted(p.name for p in NOTEBOOKS.glob("*.ipynb")))
def test_a_notebook_is_committed_bare(name: str) -> None:
    """No outputs, no execution counts; valid, with a name for each cell."""
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert len({cell["id"] for cell in notebook.cells}) == len(notebook.cells)
    assert "/root" not in json.dumps(notebook)
