"""The pytest plugin: in a project of its own, run by a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.receipts.shop import SOURCE, ended
from wf_notebook import open_world
from wf_notebook.testing import save_history

ROOT = Path(__file__).resolve().parents[2]
INI = """
[pytest]
wf_histories =
    histories
    histories/kept against orders.ipynb#order
strict_config = true
filterwarnings = error
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Histories and receipts of one run, by file name."""
    folder = tmp_path_factory.mktemp("made")
    with open_world(":memory:", isolation="inline") as world:
        run = ended(world)
        save_history(run, folder / "a.json")
        run.to_notebook(folder / "full.ipynb", payloads=True)
        run.to_notebook(folder / "bare.ipynb")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run_pytest(folder: Path, *words: str) -> tuple[int, str]:
    """A pytest that knows the plugin, whether or not this installation declares it already."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "wf_notebook.pytest_plugin", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def project(folder: Path, **files: bytes | str) -> None:
    (folder / "pytest.ini").write_text(INI)
    if files.keys() - {"test_one.py"}:
        (folder / "histories" / "kept").mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def cell(source: str) -> str:
    """The notebook `orders.ipynb`, whose cell has that source."""
    import nbformat

    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(f"%%workflow order\n{source}")]
    return str(nbformat.writes(notebook))


def test_each_file_is_a_test(made: dict[str, bytes], tmp_path: Path) -> None:
    """Histories and receipts with payloads pass; other notebooks are none; folders apply in turn."""
    project(
        tmp_path,
        **{
            "histories/a.json": made["a.json"],
            "histories/kept/full.ipynb": made["full.ipynb"],
            "histories/notes.ipynb": cell("async def f(): ..."),
            "elsewhere/other.json": b"{}",
            "orders.ipynb": cell(SOURCE),
            "test_one.py": "def test_one(): pass\n",
        },
    )
    code, out = run_pytest(tmp_path, "-v")
    assert code == 0, out
    assert "histories/a.json::replays PASSED" in out
    assert "histories/kept/full.ipynb::replays PASSED" in out
    assert "full.ipynb::replays against orders.ipynb#order PASSED" in out
    assert "4 passed" in out


def test_what_does_not_replay_fails(made: dict[str, bytes], tmp_path: Path) -> None:
    """With the line where it parts, without a traceback of ours; broken and bare files fail, too."""
    edited = SOURCE.replace('sleep("1ms")', 'sleep("2ms")')
    project(
        tmp_path,
        **{
            "histories/kept/a.json": made["a.json"],
            "histories/bare.ipynb": made["bare.ipynb"],
            "histories/broken.json": b"{}",
            "orders.ipynb": cell(edited),
        },
    )
    code, out = run_pytest(tmp_path)
    assert code == 1, out
    assert "3 failed, 1 passed" in out
    assert "diverged at line 9 of the source" in out
    assert 'await sleep("2ms")' in out
    assert "it holds no payloads" in out
    assert "WF241: This is not the history of a run" in out
    assert "Traceback" not in out
    assert "pytest_plugin.py" not in out


def test_a_source_that_is_not_there(made: dict[str, bytes], tmp_path: Path) -> None:
    """The test says so, with its code."""
    project(tmp_path, **{"histories/kept/a.json": made["a.json"]})
    code, out = run_pytest(tmp_path)
    assert (code, "WF500" in out, "cannot be read" in out) == (1, True, True)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Nobody would notice that its histories are not replayed: pytest doesn't start."""
    project(tmp_path, **{"test_one.py": "def test_one(): pass\n"})
    code, out = run_pytest(tmp_path)
    assert code == 4, out
    assert "wf_histories: there is no folder " in out


def test_it_costs_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    """Of the package, only its face and the plugin are imported; no other library at all."""
    (tmp_path / "test_one.py").write_text(
        "import sys\n"
        "def test_one():\n"
        "    ours = sorted(m for m in sys.modules if m.startswith('wf_notebook'))\n"
        "    assert ours == ['wf_notebook', 'wf_notebook.pytest_plugin']\n"
        "    heavy = {'duckdb', 'pydantic', 'IPython', 'nbformat', 'cryptography', 'click'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    code, out = run_pytest(tmp_path, "-q", "-W", "error")
    assert code == 0, out


def test_it_is_declared() -> None:
    """pytest finds it by itself, once this version of the package is installed."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert declared["pytest11"] == {"wf_notebook": "wf_notebook.pytest_plugin"}
    installed = [e.value for e in entry_points(group="pytest11") if e.name == "wf_notebook"]
    if not installed:
        pytest.skip("installed before the plugin was there: pip install -e . again")
    assert installed == ["wf_notebook.pytest_plugin"]
