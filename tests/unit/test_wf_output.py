"""What the real `wf` writes, and where to: pipes, files, narrow terminals, and those without Unicode."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wf_notebook import open_world, step

WF = str(Path(sys.executable).with_name("wf"))
KEY = b"k" * 32
SOURCE = """
async def ask_everybody(n):
    "use workflow"
    await steps.shout("é 😀")
    return await create_hook(token=f"approve-the-order-of-{n}", title="Grün?")
"""


@step
def shout(text: str) -> str:
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a world in which three runs wait for a person."""
    found = tmp_path_factory.mktemp("wf")
    with open_world(found / ".wf_notebook" / "a.duckdb", isolation="inline", key=KEY) as world:
        for n in range(3):
            world.start(SOURCE, (n,), steps=[shout], attributes={"wer": "Änne"}).wait_for("hook")
    return found


def environment(**changes: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    return {**kept, "WF_NOTEBOOK_KEY": KEY.hex(), "LANG": "C.UTF-8", **changes}


def wf(folder: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [WF, *words], cwd=folder, capture_output=True, check=False, timeout=60,
        env=environment(**changes), stdin=subprocess.DEVNULL,
    )  # fmt: skip


def on_terminal(folder: Path, *words: str, columns: int, **changes: str) -> list[str]:
    """The lines that `wf` writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    env = environment(COLUMNS=str(columns), TERM="xterm-256color", **changes)
    with subprocess.Popen([WF, *words], cwd=folder, stdout=theirs, stderr=theirs, env=env):
        os.close(theirs)
        said = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return said.decode().splitlines()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_a_pipe_that_is_closed_is_no_error(folder: Path) -> None:
    """`wf runs | head -1`: no word on the standard error."""
    for words in (["runs"], ["source"], ["sql", "select * from range(100000)"]):
        child: Any = subprocess.Popen(
            [WF, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(),
        )  # fmt: skip
        child.stdout.close()  # before the first word was written
        with child:
            assert child.stderr.read() == b""
        assert child.returncode == 1


@pytest.mark.parametrize(
    "changes", [{"LANG": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}], ids=str
)
def test_a_locale_without_unicode(folder: Path, changes: dict[str, str]) -> None:
    """Nothing fails: where no encoding is set that means anything, it is UTF-8."""
    for words in (["show"], ["runs", "--json"]):
        done = wf(folder, *words, **changes)
        assert (done.returncode, done.stderr) == (0, b""), done
        assert done.stdout.decode()


def test_a_terminal_that_has_few_characters(folder: Path) -> None:
    """Signs have plain ones; letters are written as in JSON, so that JSON stays what it is."""
    said = wf(folder, "show", PYTHONIOENCODING="latin-1").stdout.decode("latin-1")
    assert "o ask_everybody  waits for hook" in said
    assert "+ completed" in said
    assert "Grün?" in said
    said = wf(folder, "runs", "--json", PYTHONIOENCODING="koi8-r").stdout.decode("koi8-r")
    assert json.loads(said)[0]["attributes"] == {"wer": "Änne"}
    assert b"\\ud83d\\ude00" in wf(folder, "source", PYTHONIOENCODING="latin-1").stdout


def test_a_narrow_terminal(folder: Path) -> None:
    """Rows are cut to fit, tokens are not; the beginning of an id, as it is shown, will do."""
    runs = on_terminal(folder, "runs", columns=60)
    assert len(runs) == 3
    assert max(map(len, runs)) <= 60
    shown = next(word for word in runs[0].split() if word.startswith("wrun_"))
    assert shown.endswith("…")
    assert wf(folder, "why", shown).returncode == 0
    assert max(map(len, on_terminal(folder, "runs", columns=40))) <= 40
    assert "approve-the-order-of-2" in on_terminal(folder, "hooks", columns=40)[0]
    rows = on_terminal(folder, "show", columns=40)
    rows = rows[rows.index("") + 1 :]
    assert rows
    assert max(map(len, rows)) <= 40


def test_what_goes_into_a_file_is_whole_and_plain(folder: Path) -> None:
    """No colour, nothing cut: the same wherever it is made."""
    for words in (["runs"], ["show"], ["hooks"], ["doctor"], ["--help"]):
        done = wf(folder, *words, COLUMNS="40", FORCE_COLOR="1")
        assert b"\x1b" not in done.stdout
        assert "…".encode() not in done.stdout or words == ["--help"]
        assert done.stderr == b""


def test_no_colour_on_a_terminal_that_wants_none(folder: Path) -> None:
    """`NO_COLOR`; nor is there any without it in what people copy."""
    for words in (["runs"], ["nonsense"], ["show", "--help"]):
        assert not any(
            "\x1b[3" in line for line in on_terminal(folder, *words, columns=100, NO_COLOR="1")
        )


def test_which_world_is_meant(folder: Path, tmp_path: Path) -> None:
    """Named by its notebook or by the variable; one further up is pointed at; none is made."""
    (folder / "a.ipynb").touch()
    (folder / "b.ipynb").touch()
    below = folder / "deep" / "deeper"
    below.mkdir(parents=True, exist_ok=True)
    assert wf(folder, "runs", "--world", "a.ipynb").returncode == 0
    said = wf(folder, "runs", "--world", "b.ipynb").stderr.decode()
    assert "There is no world .wf_notebook/b.duckdb." in said
    said = wf(below, "runs").stderr.decode()
    assert "--world ../../.wf_notebook/a.duckdb" in said
    world = str(folder / ".wf_notebook" / "a.duckdb")
    assert wf(below, "runs", WF_NOTEBOOK_WORLD=world).returncode == 0
    assert b"Check WF_NOTEBOOK_WORLD." in wf(below, "runs", WF_NOTEBOOK_WORLD="gone.duckdb").stderr
    done = wf(tmp_path, "runs")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
