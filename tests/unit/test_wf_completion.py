"""`wf completion`: a real bash, zsh and fish complete commands, options, runs, tokens and names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wf_notebook import open_world, propose, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook import World

BIN = Path(sys.executable).parent
WF = str(BIN / "wf")
KEY = b"k" * 32
ASKS = """
async def ask(n):
    "use workflow"
    print("asking")
    await sleep("1ms")
    return await create_hook(token=f"approve-{n}")
"""
ENDS = 'async def ends():\n    "use workflow"\n    await sleep("1h")\n'

# Asks the function that the script has registered, as the shell itself would at Tab.
BASH = """
source <(wf completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
_wf_completion wf "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@step
def unpressed() -> None:
    """Offered, because a source needs a step."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with a world, and the ids of its runs by name."""
    folder = tmp_path_factory.mktemp("tab")
    with opened(folder) as world:
        asks = world.start(ASKS, ("A-17",), steps=[unpressed], attributes={"customer": "A-17"})
        asks.wait_for("hook")
        ends = world.start(ENDS, steps=[unpressed])
        ends.wait_for("sleep")
        over = world.start(ENDS, steps=[unpressed])
        over.cancel()
        propose(ENDS, steps=[unpressed], world=world)
        (wait,) = ends.state.waits
        ids = {"asks": asks.id, "ends": ends.id, "over": over.id, "wait": wait}
    return folder, ids


def opened(folder: Path) -> World:
    return open_world(folder / ".wf_notebook" / "a.duckdb", isolation="inline", key=KEY)


def environment() -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "WF_NOTEBOOK_KEY": KEY.hex()}


def bash(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", "wf", *words], cwd=folder, env=environment(),
        capture_output=True, check=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_bash(place: tuple[Path, dict[str, str]]) -> None:
    """Commands, options, and what the world holds where it belongs."""
    folder, ids = place
    assert {"run", "runs"} <= set(bash(folder, "ru"))
    assert "--older" in bash(folder, "gc", "--")
    assert "suspended" in bash(folder, "runs", "--status", "sus")
    assert set(bash(folder, "show", "")) == {ids["asks"], ids["ends"], ids["over"]}
    assert bash(folder, "show", ids["asks"][5:]) == [ids["asks"]]
    assert set(bash(folder, "cancel", "")) == {ids["asks"], ids["ends"]}
    assert bash(folder, "forget", "") == [ids["over"]]
    assert bash(folder, "resume", "app") == ["approve-A-17"]
    assert bash(folder, "stream", ids["asks"], "") == ["stdout"]
    assert bash(folder, "wake", ids["ends"], "--wait", "") == [ids["wait"]]
    assert bash(folder, "runs", "--attribute", "") == ["customer=A-17"]
    assert bash(folder, "revisions", "") == ["ends"]
    assert bash(folder, "runs", "--world", ".wf") == [".wf_notebook/a.duckdb"]
    assert bash(folder, "runs", "--world", "") == [".wf_notebook/a.duckdb"]


def test_it_is_silent_where_there_is_nothing(
    place: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """No world, and one that is damaged: no offer, no word, no file."""
    assert bash(tmp_path, "show", "") == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".wf_notebook").mkdir()
    (tmp_path / ".wf_notebook" / "x.duckdb").write_bytes(b"nothing of the kind")
    assert bash(tmp_path, "resume", "") == []


def test_it_asks_the_owner_of_a_world(place: tuple[Path, dict[str, str]]) -> None:
    """While a kernel has it open; and writes nothing."""
    folder, ids = place
    with opened(folder) as world:
        before = world.commits
        assert set(bash(folder, "cancel", "wrun_")) == {ids["asks"], ids["ends"]}
        assert world.commits == before


# zsh's own widget needs a terminal: what it is told is what counts, and that the script is zsh.
ZSH = """
autoload -U compinit && compinit -u -D
source <(wf completion zsh)
whence -w _wf_completion
env COMP_WORDS="{line}" COMP_CWORD=2 _WF_COMPLETE=zsh_complete wf
"""
SCRIPTS: dict[str, Callable[[str], list[str]]] = {
    "zsh": lambda line: ["-fc", ZSH.format(line=line)],
    "fish": lambda line: ["-Nc", f"wf completion fish | source; complete -C '{line}'"],
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_other_shells(shell: str, place: tuple[Path, dict[str, str]]) -> None:
    """They show what is said of each run, too."""
    if shutil.which(shell) is None:
        assert not os.environ.get("CI"), f"no {shell}; under CI it must be there"
        pytest.skip(f"no {shell} (apt-get install {shell})")
    folder, ids = place
    done = subprocess.run(
        [shell, *SCRIPTS[shell]("wf cancel ")], cwd=folder, env=environment(),
        capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert ids["asks"] in done.stdout
    assert "ask suspended" in done.stdout
    assert ids["over"] not in done.stdout
