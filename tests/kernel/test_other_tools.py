"""The same notebook under the tools that people have: papermill, nbmake, nbclient, jupyter, as they are.

Nobody sits there who could answer a hook: a notebook that waits for a person ends with an error that
says so. It never hangs. Its run goes on another day.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.kernel.conftest import REFUND, SETUP, outputs
from tests.kernel.test_wf_run import ASKING, CELL, tagged
from wf_notebook import open_world

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BIN = Path(sys.executable).parent
ASKS = (CELL, "await r", "print('not reached')")
DONE = (
    f"%%workflow refund -o r -- 'a1'\n{REFUND}",
    "r.resume('approve-a1', {'ok': True})",
    "await r",
)
PATIENCE = 120

TOOLS: dict[str, Callable[[str], Sequence[str]]] = {
    "papermill": lambda path: ["papermill", "--no-progress-bar", path, "done.ipynb"],
    "nbmake": lambda path: ["pytest", "-q", "-p", "no:cacheprovider", "--nbmake", "--overwrite", path],
    "jupyter execute": lambda path: ["jupyter", "execute", "--output=done", path],
    "nbconvert": lambda path: [
        "jupyter", "nbconvert", "--execute", "--to", "notebook", "--output", "done", path,
    ],
}  # fmt: skip


def run_with(tool: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a notebook with a tool, in its own folder, under no variables of ours."""
    name, *words = TOOLS[tool](path.name)
    found: Any = subprocess.run(
        [str(BIN / name), *words],
        cwd=path.parent,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE,
    )
    return subprocess.CompletedProcess(words, found.returncode, found.stdout, found.stderr)


@pytest.mark.parametrize("tool", TOOLS)
def test_an_open_hook_ends_it_with_an_error(tool: str, notebook: Any) -> None:
    """It says which hook, and how to answer it; the run is there, suspended, and none of its events lost."""
    path = notebook(*ASKS)
    found = run_with(tool, path)
    assert found.returncode != 0, found
    said = found.stdout + found.stderr
    assert "WaitingForHook" in said
    assert "approve-a1" in said
    # none of them says which notebook it is
    with open_world(path.parent / ".wf_notebook" / "world.duckdb", read_only=True) as world:
        ((run, hook),) = world.hooks()
        assert (run.name, hook.token) == ("refund", "approve-a1")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_notebook_that_needs_nobody_is_executed(tool: str, notebook: Any) -> None:
    """The launching cell waits for its run; the notebook keeps a card, and no widget."""
    path = notebook(*DONE)
    found = run_with(tool, path)
    assert found.returncode == 0, found
    done = path if tool == "nbmake" else path.with_name("done.ipynb")
    shown = outputs(done, 2)[0]["data"]
    assert set(shown) == {"text/plain", "text/html"}
    assert outputs(done, 4)[0]["data"]["text/plain"] == "'A1: 5'"
    assert "widgets" not in nbformat.read(done, as_version=4).metadata


def test_nbclient_as_a_library(notebook: Any) -> None:
    """The same without any tool around it."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path = notebook(*ASKS)
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(book, resources={"metadata": {"path": str(path.parent)}})
    with pytest.raises(CellExecutionError, match="WF214"):
        client.execute()
    assert book.cells[4].outputs == []


def test_papermill_hands_over_parameters(notebook: Any) -> None:
    """A notebook with a cell of parameters is run by papermill and by `wf run` to the same end."""
    path = tagged(notebook(*ASKING), 2, "parameters")
    words = ["-p", "order", "a1", "-p", "limit", "5", path.name, "done.ipynb"]
    subprocess.run(
        [str(BIN / "papermill"), "--no-progress-bar", *words],
        cwd=path.parent, check=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    done = path.with_name("done.ipynb")
    assert outputs(done, 5)[0]["data"]["text/plain"] == "['A1', 5]"


def test_a_person_may_say_that_they_are_there(notebook: Any, tmp_path: Path) -> None:
    """`WF_NOTEBOOK_WAIT=0`: a front end that takes no input, and has a person all the same."""
    setup = SETUP + "\nget_ipython().find_line_magic('wf')\n"
    path = notebook(
        "%%workflow nap -o r -s fetch\nasync def nap():\n    await sleep('1h')\n",
        "r.status",
        setup=setup,
    )
    subprocess.run(
        [str(BIN / "jupyter"), "execute", "--output=done", path.name],
        cwd=tmp_path, env={**os.environ, "WF_NOTEBOOK_WAIT": "0"},
        check=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert outputs(path.with_name("done.ipynb"), 3)[0]["data"]["text/plain"] in (
        "'suspended'", "'running'", "'pending'",
    )  # fmt: skip
