"""Every command of the real `wf`: its help, and what it says and returns when something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from wf_notebook import open_world, step
from wf_notebook.cli import completion, mend
from wf_notebook.commands import table
from wf_notebook.headless.command import run

WF = str(Path(sys.executable).with_name("wf"))
SHELL_ONLY = ("completion", "mend", "run")
SOURCE = 'async def ask():\n    "use workflow"\n    return await create_hook(token="t")\n'

# Of each command: words that must not work, the exit code, and a word of what is said.
ERRORS: dict[str, tuple[list[str], int, str]] = {
    "adopt": (["nobody"], 1, "WF212"),
    "answer": (["nobody"], 1, "WF221"),
    "approve": (["00000000"], 1, "WF612"),
    "cancel": (["nobody"], 1, "WF212"),
    "completion": (["tcsh"], 2, "WF500"),
    "doctor": (["--nonsense"], 2, "WF500"),
    "export": (["nobody"], 1, "WF212"),
    "forget": (["nobody", "--yes"], 1, "WF212"),
    "forget-revisions": ([], 2, "WF500"),
    "gc": (["--yes"], 2, "WF500"),
    "hooks": (["--limit", "0"], 2, "WF500"),
    "lint": (["missing.ipynb"], 2, "WF500"),
    "mend": (["--world", "nowhere.duckdb"], 2, "WF500"),
    "repair": (["nobody"], 1, "WF212"),
    "replay": (["missing.json"], 2, "WF500"),
    "resume": (["nobody", "1"], 1, "WF221"),
    "revisions": (["refund@99"], 1, "WF612"),
    "rotate-key": (["--world", "refund.ipynb"], 2, "WF500"),
    "run": (["missing.ipynb"], 2, "WF500"),
    "runs": (["--status", "happy"], 2, "WF500"),
    "show": (["refund.ipynb"], 2, "--world refund.ipynb"),
    "source": (["nobody"], 1, "WF212"),
    "sql": (["drop table events"], 2, "WF308"),
    "steps": (["nobody"], 1, "WF212"),
    "stream": (["nobody"], 1, "WF212"),
    "wake": (["nobody"], 1, "WF212"),
    "why": (["nobody"], 1, "WF212"),
}


@step
def unasked() -> None:
    """Offered, because a source needs a step."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a world in which a run waits for a person."""
    found = tmp_path_factory.mktemp("wf")
    with open_world(
        found / ".wf_notebook" / "a.duckdb", isolation="inline", key=b"k" * 32
    ) as world:
        world.start(SOURCE, steps=[unasked]).wait_for("hook")
    return found


def wf(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WF, *words], cwd=folder, capture_output=True, check=False, text=True, timeout=60,
        env={**os.environ, "WF_NOTEBOOK_KEY": (b"k" * 32).hex()}, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_no_command_is_without_its_case() -> None:
    """Whoever adds a command says here how it fails."""
    assert sorted(ERRORS) == sorted([*table.commands, *SHELL_ONLY])


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_help(name: str, folder: Path) -> None:
    """What it does, and an example that begins with `wf`."""
    done = wf(folder, name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: wf {name}")
    assert f"Examples:\n  wf {name}" in done.stdout


@pytest.mark.parametrize("command", [*table.commands.values(), run, mend, completion])
def test_every_option_is_explained(command: click.Command) -> None:
    """An option without a text is one that nobody finds."""
    options = [found for found in command.params if isinstance(found, click.Option)]
    assert [option.opts for option in options if not option.help] == []


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_error(name: str, folder: Path) -> None:
    """One line on the standard error, with a code and a way out; nothing on the output."""
    words, code, said = ERRORS[name]
    done = wf(folder, name, *words)
    assert done.returncode == code, done
    assert said in done.stderr
    assert re.match(r"WF\d{3} ", done.stderr)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
