"""`gc`: what is asked before it erases, what is said afterwards, and what programs read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import pytest

from wf_notebook import open_world, step
from wf_notebook.commands import Caller, call, split_words, table
from wf_notebook.commands.collecting import Collected
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook import World

SOURCE = 'async def tidy(n):\n    "use workflow"\n    return n\n'


@step
def tidied() -> None:
    """Offered, because a source needs a step."""


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, isolation="inline") as found:
        for n in range(3):
            found.start(SOURCE, (n,), steps=[tidied], name="ab"[n % 2]).wait_for("terminal")
        yield found


@pytest.fixture
def wf(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a `%wf` line in the world and returns what it printed."""

    def run(line: str, *typed: str) -> str:
        lines = iter(typed)

        def ask(prompt: str) -> str:
            click.echo(prompt)
            return next(lines)

        capsys.readouterr()
        call(table, split_words(line, table.commands), Caller("%wf", lambda _: world, ask))
        return capsys.readouterr().out

    return run


def statuses(world: World) -> list[str]:
    return [row.status for row in world.rows()]


def test_it_asks_before_it_erases(world: World, wf: Any) -> None:
    """How many of which names, and what goes; anything but yes forgets nothing."""
    said = wf("gc --older 0s", "no")
    assert "To be forgotten: 3 runs (3 completed)" in said
    assert "  a ×2\n  b ×1\n" in said
    assert "Nothing was forgotten." in said
    assert statuses(world) == ["completed"] * 3
    said = wf("gc --older 0s --status completed,failed", "yes")
    assert "Forgot 3 runs. The file was rewritten: " in said
    assert statuses(world) == ["forgotten"] * 3
    assert wf("gc --older 0s --yes") == "There is nothing to forget.\n"


def test_a_dry_run_and_what_is_kept(world: World, wf: Any) -> None:
    """Nothing is asked and nothing is done; the newest of each name stay."""
    assert "To be forgotten: 1 run (1 completed)\n  a ×1\n" in wf("gc --keep 1 --dry-run")
    assert statuses(world) == ["completed"] * 3
    wf("gc --keep 1 --yes")
    assert statuses(world) == ["completed", "completed", "forgotten"]


def test_programs_read_json(world: World, wf: Any) -> None:
    """Which runs, and how much smaller the file is; a program is asked nothing."""
    with pytest.raises(UsageError, match="--dry-run, or --yes"):
        wf("gc --keep 1 --json")
    would = json.loads(wf("gc --keep 1 --json --dry-run"))
    did = json.loads(wf("gc --keep 1 --json --yes"))
    assert (would["done"], did["done"]) == (False, True)
    assert did["forgotten"] == would["to_be_forgotten"] == [world.rows()[-1].run_id]
    assert did["bytes_before"] > 0


def test_a_bound_is_needed(wf: Any) -> None:
    """A word that is no status is named, with those that are."""
    for line in ("gc", "gc --yes", "gc --older soon", "gc --older 1d --status completed,running"):
        with pytest.raises(UsageError, match="WF500"):
            wf(line)


def test_what_was_shown_is_forgotten_and_nothing_else(world: World, wf: Any) -> None:
    """A run that ends while the question stands is not among them."""
    shown = {row.run_id for row in world.rows()}
    lines = []

    def ask(_prompt: str) -> str:
        world.start(SOURCE, (9,), steps=[tidied]).wait_for("terminal")
        lines.append("asked")
        return "yes"

    caller = Caller("%wf", lambda _: world, ask)
    call(table, ["gc", "--older", "0s"], caller)
    left = {row.run_id for row in world.rows() if row.status == "completed"}
    assert lines == ["asked"]
    assert len(left) == 1
    assert not left & shown


def test_the_runs_of_a_collection_have_ids() -> None:
    """For programs."""
    assert Collected([], [], 0, 0, done=True).run_ids == []
