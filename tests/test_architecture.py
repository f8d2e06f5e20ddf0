"""The house's own rules: who imports whom, how long things get, and what the README must list."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import nbformat
import pytest

import wf_notebook
from wf_notebook import commands, errors
from wf_notebook.cells import line as cell_line
from wf_notebook.cli import completion, mend
from wf_notebook.commands.twins import TWINS
from wf_notebook.definition.model import source_hash
from wf_notebook.headless.command import run
from wf_notebook.notebook import draftargs
from wf_notebook.notebook.magics import WorkflowMagics
from wf_notebook.world.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "wf_notebook"
README = (ROOT / "README.md").read_text("utf-8")
SOURCES = sorted(PACKAGE.rglob("*.py"))
TESTS = [p for p in sorted((ROOT / "tests").rglob("*.py")) if "corpus" not in p.parts]
Function = ast.FunctionDef | ast.AsyncFunctionDef

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 10
NINETIETH_FUNCTION_LINES = 35

CODE = re.compile(r"\bWF\d{3}\b")
RUN_CODE = re.compile(r"[A-Z]{3,}(_[A-Z]+)+")

# A letter in brackets, so that this file does not hold what it looks for.
MACHINE = re.compile(
    r"/w[o]rk/(main|shared|\.library)|/r[o]ot/|/t[m]p/w/|/o[p]t/(venv|pypi|wheels)"
    r"|py[p]i\.org|python[h]osted\.org|registry\.[n]pmjs|deb\.[d]ebian\.org"
)


# ------------------------------------------------------------------------------------- reading


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree(path)):
        if isinstance(node, Function):
            yield node


def lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def lines_without_docstring(function: Function) -> int:
    if ast.get_docstring(function, clean=False) is None:
        return lines_of(function)
    docstring = function.body[0]
    return lines_of(function) - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def bound_names(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(PACKAGE)], "wf_notebook.")
    return ["wf_notebook", *sorted(module.name for module in found)]


def committed() -> list[Path]:
    """What git holds, or would hold after the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def notebooks() -> list[Path]:
    """Those that people read; the corpus has some that are broken on purpose."""
    return [p for p in committed() if p.suffix == ".ipynb" and "corpus" not in p.parts]


# ------------------------------------------------------------------------------ who imports whom


def test_import_contracts() -> None:
    """Every import contract in pyproject.toml is kept."""
    lint_imports = str(Path(sys.executable).with_name("lint-imports"))
    done = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_guest_is_standard_library_only() -> None:
    """What runs inside the boundary imports the standard library and its own modules."""
    allowed = {*sys.stdlib_module_names, "wf_notebook"}
    for path in sorted((PACKAGE / "guest").rglob("*.py")):
        foreign = {name for name in imported(path) if name.split(".")[0] not in allowed}
        ours = {n for n in imported(path) if n.startswith("wf_notebook") and ".guest" not in n}
        assert not foreign | ours, name_of(path)


def test_import_is_light() -> None:
    """`import wf_notebook` loads neither a database, nor IPython, nor a widget library."""
    heavy = ["duckdb", "IPython", "ipywidgets", "anywidget", "nbformat", "jsonschema"]
    heavy += ["numpy", "pandas", "polars", "pyarrow"]
    code = f"import sys, wf_notebook; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name_of)
def test_sizes(path: Path) -> None:
    """No file is longer than 600 lines and no function longer than 60."""
    lines = path.read_text("utf-8").count("\n")
    assert lines <= MAX_FILE_LINES
    long = {f.name: lines_of(f) for f in functions(path) if lines_of(f) > MAX_FUNCTION_LINES}
    assert long == {}


def test_functions_are_short() -> None:
    """The median function has at most 10 lines, the 90th percentile at most 35."""
    sizes = [lines_without_docstring(f) for path in SOURCES for f in functions(path)]
    assert statistics.median(sizes) <= MEDIAN_FUNCTION_LINES
    assert statistics.quantiles(sizes, n=10)[-1] <= NINETIETH_FUNCTION_LINES


@pytest.mark.parametrize("path", [p for p in SOURCES if p.stat().st_size], ids=name_of)
def test_module_answers_a_question(path: Path) -> None:
    """Every module begins with a docstring whose first line is its answer."""
    docstring = ast.get_docstring(tree(path))
    assert docstring
    assert docstring.splitlines()[0].strip()


@pytest.mark.parametrize("path", [p for p in TESTS if p.name.startswith("test_")], ids=name_of)
def test_tests_state_their_promise(path: Path) -> None:
    """Every test's docstring says what it checks."""
    silent = [
        f"{f.name}:{f.lineno}"
        for f in functions(path)
        if f.name.startswith("test_") and not ast.get_docstring(f)
    ]
    assert not silent


# ---------------------------------------------------------------------------------- names, words


@pytest.mark.parametrize("name", modules())
def test_all(name: str) -> None:
    """`__all__` names what exists, once."""
    module = importlib.import_module(name)
    exported: list[str] = getattr(module, "__all__", [])
    assert len(set(exported)) == len(exported)
    assert [n for n in exported if not hasattr(module, n)] == []


def test_one_code_per_error() -> None:
    """Every error class has a code of its own, and the tree at the top of wf_notebook/errors shows it."""
    classes = [getattr(errors, name) for name in errors.__all__]
    codes = [cls.default_code for cls in classes]
    assert len(set(codes)) == len(codes)
    drawn = errors.__doc__ or ""
    assert [cls.__name__ for cls in classes if cls.__name__ not in drawn] == []


def codes_in_code() -> set[str]:
    return {code for path in SOURCES for code in CODE.findall(path.read_text("utf-8"))}


def table_rows() -> dict[str, str]:
    """The README's table of codes: code to the line it stands on."""
    rows = (line for line in README.splitlines() if line.startswith("| `"))
    return {line.split("`")[1]: line for line in rows}


def test_readme_lists_every_code() -> None:
    """Every code that the package can show stands in the README's table, and no other."""
    listed = {code for code in table_rows() if CODE.fullmatch(code)}
    assert sorted(codes_in_code() - listed) == []
    assert sorted(listed - codes_in_code()) == []


def run_failure_codes() -> set[str]:
    """The codes of failed runs: words in capitals that the engine or the guest gives as data."""
    deciding = [*(PACKAGE / "engine").glob("*.py"), *(PACKAGE / "guest").glob("*.py")]
    values = (
        node.value
        for path in deciding
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    kinds = {kind.name for kind in type(inspect.Parameter.KEYWORD_ONLY)}
    constants = {name for path in deciding for name in bound_names(path)}
    return {value for value in values if RUN_CODE.fullmatch(value)} - kinds - constants


def test_readme_lists_every_run_failure() -> None:
    """Every code with which a run can fail stands in the README's table."""
    assert sorted(run_failure_codes() - set(table_rows())) == []


def test_readme_lists_every_option() -> None:
    """Every option of `%%workflow` and of the magics that draft stands in the README."""
    options = (*cell_line.options(), *draftargs.draft_options())
    assert [option for option in options if f"`{option}" not in README] == []


def every_command() -> dict[str, click.Command]:
    """The commands of the table, and those of a shell only."""
    only_in_a_shell = {"run": run, "mend": mend, "completion": completion}
    return {**commands.table.commands, **only_in_a_shell}


@pytest.mark.parametrize("name", sorted(every_command()))
def test_readme_lists_command(name: str) -> None:
    """Every command of `%wf` and `wf`, and each of its options, stands in the README."""
    rows = [line for line in README.splitlines() if re.match(rf"\| `{name}[ `]", line)]
    assert rows, f"no row for {name}"
    options = [p for p in every_command()[name].params if isinstance(p, click.Option)]
    listed = [
        option for option in options if set(option.opts) & set(re.findall(r"-[-\w]+", rows[0]))
    ]
    assert [option.opts for option in options if option not in listed] == []


def test_every_magic_and_command_has_a_function_twin() -> None:
    """Where there are no magics a public function does it: a new command needs one, too."""
    kinds = WorkflowMagics.magics
    magics = {f"%{name}" for name in kinds["line"]} | {f"%%{name}" for name in kinds["cell"]}
    assert sorted((magics | set(commands.table.commands)) - set(TWINS)) == []
    named = {word for word in TWINS if not word.startswith("%")}
    assert sorted(named - set(commands.table.commands)) == []
    for twin in TWINS.values():
        first, *rest = twin.split(".")
        assert first in wf_notebook.__all__, twin
        assert all(hasattr(getattr(wf_notebook, first), name) for name in rest), twin


def test_readme_vector() -> None:
    """The README's test vector of hash and id is what the code computes."""
    section = README[README.index("<!-- vector -->") :]
    source = section.split("```python\n")[1].split("```")[0]
    found = source_hash(source, {"greet": "step//shop//greet"})
    assert f"sha256:{found}" in section
    assert f"workflow//dynamic/{found[:32]}//workflow" in section


# ------------------------------------------------------------------------------- what is shipped


def test_no_machine_paths() -> None:
    """No committed file names a development machine's folders or a registry's address."""
    found = [name_of(path) for path in committed() if MACHINE.search(text_of(path))]
    assert found == []


@pytest.mark.parametrize("path", notebooks(), ids=name_of)
def test_notebook_is_clean(path: Path) -> None:
    """A committed notebook is valid, has cell ids, and holds no outputs and no run counts."""
    nbformat.validate(nbformat.read(path, as_version=4))
    content = json.loads(path.read_text("utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    for cell in content["cells"]:
        assert not cell.get("outputs"), cell["id"]
        assert cell.get("execution_count") is None, cell["id"]


def test_orders_are_what_their_script_makes(tmp_path: Path) -> None:
    """notebooks/data/orders.csv can be made again, byte for byte."""
    data = ROOT / "notebooks" / "data"
    made = tmp_path / "orders.csv"
    subprocess.run([sys.executable, str(data / "make_orders.py"), str(made)], check=True)
    assert made.read_bytes() == (data / "orders.csv").read_bytes()


def test_package_is_typed_and_licensed() -> None:
    """The package ships its types' marker and its licence."""
    assert wf_notebook.__doc__
    assert (PACKAGE / "py.typed").exists()
    assert "MIT License" in (PACKAGE / "LICENSE").read_text("utf-8")


def test_readme_lists_every_view_and_column() -> None:
    """The README's table of views has a row for each, with its columns in their order."""
    rows = table_rows()
    for name, view in VIEWS.items():
        columns = ", ".join(f"`{column}`" for column in view.columns)
        assert rows[name].endswith(f"| {columns} |"), name
