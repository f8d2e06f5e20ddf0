"""The command line: which workloads, against whom, how often, and where the figures go."""

from __future__ import annotations

import asyncio
import json
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tests.bench import report
from tests.bench.contestant import BARE, OURS, PEERS
from tests.bench.limits import limits
from tests.bench.measuring import measured
from tests.bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from tests.bench.measuring import Result

ROUNDS: Final = 9
QUICK_ROUNDS: Final = 3
LIMIT_ROUNDS: Final = 100
PATIENCE: Final = {True: 20.0, False: 120.0}  # seconds that one play may take; True for --quick


@click.command()
@click.option("--quick", is_flag=True, help="About two minutes: fewer workloads, smaller worlds.")
@click.option(
    "--only", multiple=True, metavar="NAME",
    help="The workload of that name, or all whose names hold the text; may be repeated.",
)  # fmt: skip
@click.option("--peers/--no-peers", default=True, show_default=True, help="Measure others, too.")
@click.option("--rounds", type=click.IntRange(min=1), help="Plays of each; 9, or 3 with --quick.")
@click.option(
    "--json", "target", type=click.Path(dir_okay=False, path_type=Path), default="bench.json",
    show_default=True, help="Where all the figures go.",
)  # fmt: skip
@click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
    help="Where the worlds lie, for a while: which disk is measured. Here, unless given.",
)  # fmt: skip
@click.option("--list", "listed", is_flag=True, help="Name the workloads, measure nothing.")
def main(  # noqa: PLR0913 - the command's options
    *,
    quick: bool,
    only: tuple[str, ...],
    peers: bool,
    rounds: int | None,
    target: Path,
    folder: Path,
    listed: bool,
) -> None:
    r"""Measure wf_notebook beside vercel-workflow, dbos and the bare disk; print a Markdown table.

    All of it takes about half an hour. Nothing else should run meanwhile; only ratios are comparable.

    \b
      python -m tests.bench --quick
      python -m tests.bench --only "10 sequential" --only gather
      python -m tests.bench --no-peers --rounds 21 --only "1 step"
    """
    chosen = selected(workloads(quick=quick), only)
    if listed:
        click.echo("\n".join(workload.name for workload in chosen))
        return
    count = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    about = {**report.machine(), "rounds": count}
    with tempfile.TemporaryDirectory(dir=folder.resolve(), prefix=".bench-") as place:
        found = limits(Path(place), LIMIT_ROUNDS)
        play = partial(measured, place=Path(place), rounds=count, patience=PATIENCE[quick])
        rows: list[tuple[Workload, dict[str, Result]]] = []
        for workload in chosen:
            rows.append((workload, _played(workload, play, peers=peers)))
            # after each: what was measured is not lost if it is interrupted
            target.write_text(json.dumps(report.to_json(about, found, rows), indent=1), "utf-8")
    click.echo("\n".join(report.markdown(about, found, rows)))


def selected(all_of_them: Sequence[Workload], only: Sequence[str]) -> list[Workload]:
    """Return those that are asked for, in order; all if none is.

    Raises:
        click.UsageError: a text is in no name.
    """
    wanted: set[str] = set()
    for text in only:
        names = {w.name for w in all_of_them}
        found = {text} & names or {name for name in names if text in name}
        if not found:
            raise click.UsageError(f"No workload is called {text!r}; --list names them.")
        wanted |= found
    return [w for w in all_of_them if not only or w.name in wanted]


def _played(
    workload: Workload,
    play: Callable[[Workload, Sequence[str]], Coroutine[Any, Any, dict[str, Result]]],
    *,
    peers: bool,
) -> dict[str, Result]:
    click.echo(f"{workload.name} …", err=True)
    return asyncio.run(play(workload, contestants(workload, peers=peers)))


def contestants(workload: Workload, *, peers: bool) -> Sequence[str]:
    """Return who plays a workload."""
    bare = [BARE] if workload.bare and not workload.stored else []
    return [OURS, *bare, *(PEERS if peers and workload.peers else ())]
