"""`forget`, `rotate-key`, and what the commands say of a world without its key."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click
import pytest

from wf_notebook import open_world, step
from wf_notebook.cli import main
from wf_notebook.commands import Caller, call, split_words, table
from wf_notebook.errors import (
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    WorldKeyError,
)
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wf_notebook import Run, World

SECRET = "canary-4d1e"
OTHER = b"o" * 32

SOURCE = """
async def refund(order):
    "use workflow"
    await steps.peek(order)
    if order != "done":
        await create_hook(token=f"approve-{order}", title="canary-4d1e")
"""


@step
def peek(order: str) -> str:
    return f"{SECRET} {order}"


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, isolation="inline") as found:
        yield found


def run_of(world: World, order: str) -> Run:
    run = world.start(SOURCE, [order], steps=[peek], attributes={"order": order})
    return run.wait_for("terminal" if order == "done" else "hook")


@pytest.fixture
def wf(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a `%wf` line in a world and returns what it printed."""

    def run(world: World, line: str, *typed: str, **changes: Any) -> str:
        lines = iter(typed)

        def ask(prompt: str) -> str:
            click.echo(prompt)
            return next(lines)

        capsys.readouterr()
        caller = Caller("%wf", lambda write: world, ask, **changes)
        call(table, split_words(line, table.commands), caller)
        return capsys.readouterr().out

    return run


def test_forget_asks_and_says_what_goes(world: World, wf: Callable[..., str]) -> None:
    """Anything but yes forgets nothing; what is asked says what stays readable, and by whom."""
    run = run_of(world, "done")
    for answer in ("", "no", "y"):
        said = wf(world, f"forget {run.id[5:]}", answer)
        assert f"refund ({run.id})" in said
        assert "stay readable with the master key" in " ".join(said.split())
        assert "Nothing was forgotten." in said
    assert run.status == "completed"
    said = wf(world, f"forget {run.id}", "yes")
    assert "copies made before were not" in said
    assert run.status == "forgotten"


def test_several_are_forgotten_at_once_without_a_question(
    world: World, wf: Callable[..., str]
) -> None:
    """`--yes` is for scripts; the list keeps a line of each, without labels."""
    runs = [run_of(world, "done") for _ in range(2)]
    said = wf(world, f"forget {runs[0].id} {runs[1].id} --yes")
    assert all(run.id in said for run in runs)
    assert wf(world, "runs").count("forgotten") == 2
    assert wf(world, "runs --status forgotten").count("forgotten") == 2
    assert wf(world, "runs --attribute order=done") == "No runs.\n"
    assert [found["status"] for found in json.loads(wf(world, "runs --json"))] == ["forgotten"] * 2
    with pytest.raises(RunForgottenError):
        wf(world, f"show {runs[0].id}")


def test_what_cannot_be_forgotten_is_refused(world: World, wf: Callable[..., str]) -> None:
    """A run that lives, and one that there is not; a word is needed."""
    live = run_of(world, "a")
    with pytest.raises(RunUnfinishedError, match="WF219"):
        wf(world, f"forget {live.id} --yes")
    with pytest.raises(RunNotFoundError):
        wf(world, "forget nobody --yes")
    assert live.status == "suspended"


def test_the_command_line_forgets_and_rotates(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a file that no kernel has open."""
    run = run_of(world, "done")
    world.close()
    assert main(["forget", run.id, "--yes", "--world", world.path]) == 0
    assert main(["rotate-key", "--world", world.path]) == 0
    said = capsys.readouterr().out
    assert "sealed with the key" in said
    assert "delete it when you have none" in said
    assert main(["runs", "--world", world.path]) == 0
    assert "forgotten" in capsys.readouterr().out


def test_rotate_key_keeps_the_new_key_first(
    world: World, wf: Callable[..., str], home: Path
) -> None:
    """A second key file; the old one is left, and said to be."""
    run_of(world, "done")
    folder = home / "config" / "wf_notebook" / "keys"
    (old,) = os.listdir(folder)
    said = wf(world, "rotate-key")
    (new,) = set(os.listdir(folder)) - {old}
    assert str(folder / new) in said
    assert str(folder / old) in said
    assert "Back it up" in said
    assert str(folder / new) in wf(world, "doctor")
    for file in folder.iterdir():
        assert file.read_text().strip() not in said


def test_doctor_says_where_the_key_is_and_whether(world: World, wf: Callable[..., str]) -> None:
    """Never the key."""
    run_of(world, "done")
    world.close()
    with open_world(world.path, key=OTHER) as locked:
        said = wf(locked, "doctor")
    line = next(line for line in said.splitlines() if line.startswith("key "))
    assert "missing" in line
    assert OTHER.hex() not in said
    assert key_id(OTHER) not in line


def test_a_locked_world_is_listed_with_what_is_missing(
    world: World, wf: Callable[..., str]
) -> None:
    """Runs, a run, hooks: all that is plain, and one line that says which key."""
    done, live = run_of(world, "done"), run_of(world, "a")
    world.close()
    with open_world(world.path, key=OTHER) as locked:
        for line, words in {
            "runs": [done.id, live.id, "completed", "blocked"],
            f"show {live.id}": ["peek", "hook approve-a", "order=a"],
            f"show {done.id}": ["peek", "completed"],
            "hooks": ["approve-a"],
        }.items():
            said = wf(locked, line)
            assert [word for word in words if word not in said] == []
            assert said.count("Locked: WF305") == 1
            assert SECRET not in said
        assert json.loads(wf(locked, f"show {live.id} --json"))["locked"] is True
        assert "the key" in wf(locked, f"why {live.id}")
        assert "peek" in wf(locked, f"steps {done.id}")
        for line in (f"source {done.id}", "resume approve-a null", f"cancel {live.id}"):
            with pytest.raises(WorldKeyError, match="WF305"):
                wf(locked, line)
        wf(locked, f"forget {done.id} --yes")  # needs no key
    with open_world(world.path) as again:
        assert "Locked" not in wf(again, "runs")
        assert SECRET in wf(again, "hooks")
