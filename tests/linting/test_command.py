"""The real `wf lint`: formats, exit codes, standard input, folders, and what it costs to start."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.corpus.notebooks.make import notebook, written
from tests.linting.corpus import EXPECTED, FOLDER, READABLE, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
WF = str(Path(sys.executable).with_name("wf"))
ANNOTATION = re.compile(
    r"::(error|warning|notice) file=([^,]+),(?:line=(\d+),col=(\d+),)?title=(WF\d{3})::(.+)"
)
Wf = "Callable[..., subprocess.CompletedProcess[str]]"


@pytest.fixture
def wf(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `wf lint` in an empty folder."""

    def run(*words: str, given: bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [WF, "lint", *words],
            input=given,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "1", **env},
            timeout=120,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert "Traceback" not in err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    return run


def test_a_clean_notebook_is_told_in_a_line(wf: Wf) -> None:
    """Exit code 0, one line, nothing on standard error."""
    done = wf(path_of("clean"))
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "✓ 1 notebook, 1 workflow cell: nothing to say\n",
        "",
    )


def test_a_finding_shows_place_code_and_the_line_with_carets(wf: Wf) -> None:
    """Exit code 1; colours are for terminals."""
    done = wf(path_of("unknown_step"))
    assert done.returncode == 1
    head, line, carets, *_, last = done.stdout.rstrip().split("\n")
    assert head.startswith(f"{path_of('unknown_step')}:cell 2:line 3:col 24 WF140 No step `fetsh`")
    assert "Did you mean `fetch`?" in head
    assert line == "    3 |     return await steps.fetsh(order)"
    assert carets == "      |                        ^^^^^"
    assert last == "✕ 1 notebook, 1 workflow cell: 1 error"


def test_notes_alone_are_no_failure_and_warnings_are(wf: Wf) -> None:
    """What can't be told blocks nobody; `--ignore` leaves out what somebody has decided."""
    assert wf(path_of("star_import")).returncode == 0
    assert " note: " in wf(path_of("star_import")).stdout
    assert wf(path_of("no_extension")).returncode == 1
    ignored = wf(path_of("no_extension"), path_of("same_name"), "--ignore", "WF512,WF513,WF500")
    assert (ignored.returncode, "nothing to say" in ignored.stdout) == (0, True)


@pytest.mark.parametrize(
    "words",
    [
        ("no/such.ipynb",),
        (),
        ("x", "--format", "xml"),
        ("x", "--ignore", "E501"),
        ("x", "--json", "--format", "text"),
        ("x", "--colour"),
    ],
)
def test_called_wrongly_it_ends_with_2(wf: Wf, words: tuple[str, ...]) -> None:
    """A coded error on standard error, and nothing on standard output."""
    done = wf(*words)
    assert (done.returncode, done.stdout, done.stderr[:6]) == (2, "", "WF500 ")


@pytest.mark.parametrize("words", [("--format", "json"), ("--json",)])
def test_json_holds_every_field(wf: Wf, words: tuple[str, ...]) -> None:
    """A list of objects, ASCII only, also of half characters; empty if there is nothing."""
    done = wf(path_of("nul_and_half"), path_of("empty"), *words)
    found = json.loads(done.stdout)
    assert done.stdout.isascii()
    assert [one["code"] for one in found] == ["WF103", "WF106", "WF510"]
    assert {"path", "cell", "line", "column", "code", "message", "hint", "severity"} <= set(
        found[0]
    )
    assert json.loads(wf(path_of("clean"), *words).stdout) == []


def test_annotations_land_on_the_line_of_the_file(wf: Wf) -> None:
    """GitHub's workflow commands for the whole corpus: each at the raw line that holds the word."""
    done = wf(*map(path_of, EXPECTED), "--format", "github")
    assert done.returncode == 1
    found = [ANNOTATION.fullmatch(line) for line in done.stdout.splitlines()]
    assert None not in found
    wanted = [(path_of(name), one) for name, all_of in EXPECTED.items() for one in all_of]
    for annotation, (path, (cell, _line, code, word)) in zip(found, wanted, strict=True):
        assert annotation is not None
        level, file, line, column, title, _ = annotation.groups()
        assert (file, title) == (path, code)
        assert level == {"WF515": "notice", "WF512": "warning", "WF513": "warning"}.get(
            code, "error"
        )
        if cell:
            raw = Path(path).read_bytes().decode().split("\n")[int(line) - 1]
            assert raw[int(column) - 1 :].startswith((json.dumps(word)[1:-1], word))


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path) -> None:
    """On a terminal codes are coloured; NO_COLOR says no."""

    def shown(**env: str) -> str:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [WF, "lint", path_of("unknown_step")], stdout=theirs, env={**os.environ, **env}
        ) as process:
            os.close(theirs)
            text = b""
            try:
                while piece := os.read(ours, 65536):
                    text += piece
            except OSError:  # the other end is closed
                pass
            os.close(ours)
        assert process.returncode == 1
        return text.decode()

    assert "\x1b[31m" in shown(TERM="xterm")
    assert "\x1b" not in shown(TERM="xterm", NO_COLOR="1")


def test_standard_input_is_a_notebook_in_this_folder(wf: Wf, tmp_path: Path) -> None:
    """`-` reads it; its modules are looked for in the working folder."""
    (tmp_path / "shop.py").write_bytes((FOLDER / "shop.py").read_bytes())
    done = wf("-", given=Path(path_of("beside")).read_bytes())
    assert done.returncode == 1
    assert done.stdout.startswith("-:cell 3:line 3:col 24 WF140")


def test_folders_are_walked_but_for_copies_and_environments(wf: Wf, tmp_path: Path) -> None:
    """Checkpoints, hidden folders, virtual environments and packages of others are left out."""
    bad = Path(path_of("unknown_step")).read_bytes()
    for folder in (".ipynb_checkpoints", ".git", "env", "node_modules", "deep/er"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.ipynb").write_bytes(bad)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "gone.ipynb").symlink_to("nowhere.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    found = json.loads(wf(".", "--json").stdout)
    assert [(one["path"], one["code"]) for one in found] == [
        ("folder.ipynb", "WF510"),
        ("gone.ipynb", "WF510"),
        ("pipe.ipynb", "WF510"),
        ("deep/er/a.ipynb", "WF140"),
    ]
    assert wf("deep/er/a.ipynb", "deep", "--json").stdout.count("WF140") == 1
    (tmp_path / "none").mkdir()
    nothing = wf("none")
    assert (nothing.returncode, nothing.stdout) == (0, "There is no notebook there.\n")


def test_ten_megabytes_are_linted(wf: Wf, tmp_path: Path) -> None:
    """Outputs are only skipped over, also to find a place behind them."""
    image = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 10_000_000}}
    cells = json.loads(Path(path_of("unknown_step")).read_text("utf-8"))["cells"]
    cells[0]["outputs"] = [image]
    (tmp_path / "big.ipynb").write_bytes(written(notebook(*cells)))
    found = json.loads(wf("big.ipynb", "--json").stdout)
    lines = (tmp_path / "big.ipynb").read_text("utf-8").split("\n")
    assert [one["code"] for one in found] == ["WF140"]
    assert lines[found[0]["file_line"] - 1][found[0]["file_column"] - 1 :].startswith("fetsh")


def test_our_own_notebooks_are_clean(wf: Wf) -> None:
    """The notebooks that people read have nothing to say, and their cells were seen."""
    done = wf(str(ROOT / "notebooks"))
    assert (done.returncode, "nothing to say" in done.stdout) == (0, True)
    assert int(re.findall(r"(\d+) workflow cells", done.stdout)[0]) >= 12


def test_nothing_of_the_notebook_or_its_modules_is_run(wf: Wf, tmp_path: Path) -> None:
    """A module that would write a file when it is imported writes none."""
    trap = (
        "open('trapped', 'w').close()\nfrom wf_notebook import step\n@step\ndef fetch(order): ...\n"
    )
    (tmp_path / "trap.py").write_text(trap)
    cells = (
        "%load_ext wf_notebook\nfrom trap import fetch\n" + trap,
        "%%workflow\nasync def a():\n    await steps.fetch(1)",
    )
    (tmp_path / "a.ipynb").write_bytes(written(notebook(*cells)))
    assert wf("a.ipynb").returncode == 0
    assert not (tmp_path / "trapped").exists()
    assert sorted(os.listdir(tmp_path)) == ["a.ipynb", "trap.py"]


def test_it_starts_without_database_front_end_or_nbformat(tmp_path: Path) -> None:
    """Linting imports IPython for its reading of cells, and of the heavy libraries no other one."""
    code = (
        "import sys; from wf_notebook.cli import main; main(['lint', sys.argv[1], sys.argv[2]]);"
        "print([m for m in sys.argv[3:] if m in sys.modules])"
    )
    heavy = (
        "duckdb", "ipykernel", "ipywidgets", "anywidget", "nbformat", "jsonschema", "cryptography",
        "nbclient", "wf_notebook.api", "wf_notebook.world.database", "wf_notebook.engine.runner",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, path_of("several"), path_of("nbformat_3"), *heavy],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_hook_of_pre_commit_is_this_command(tmp_path: Path) -> None:
    """pre-commit itself runs the hook on staged notebooks, and is stopped by a finding."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert (hook["id"], hook["types"], hook["language"]) == ("wf-lint", ["jupyter"], "python")
    local = {**hook, "entry": f"{WF} lint", "language": "system"}  # installed already
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(json.dumps(config))
    (tmp_path / "notes.txt").write_text("not a notebook")
    env = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / ".cache")}

    def commit(name: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "a.ipynb").write_bytes(Path(path_of(name)).read_bytes())
        subprocess.run(
            ["git", "add", "a.ipynb", "notes.txt", ".pre-commit-config.yaml"],
            cwd=tmp_path,
            check=True,
        )
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run"],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip

    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    stopped = commit("unknown_step")
    assert (stopped.returncode, "a.ipynb:cell 2:line 3:col 24 WF140" in stopped.stdout) == (1, True)
    assert commit("clean").returncode == 0


def test_every_kind_of_file_ends_in_one_of_three_ways(wf: Wf) -> None:
    """The whole corpus at once, in each format: findings, not a crash."""
    for words in ((), ("--json",), ("--format", "github")):
        done = wf(str(FOLDER), *words, PYTHONUTF8="0", LC_ALL="C", PYTHONIOENCODING="ascii:replace")
        assert (done.returncode, done.stderr) == (1, "")
    assert len(READABLE) > 40
