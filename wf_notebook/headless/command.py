"""What does `wf run` do, and `wf resume … --continue`, which runs a notebook on?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import click

from wf_notebook import config
from wf_notebook.commands import Command
from wf_notebook.commands.console import width_of_terminal
from wf_notebook.errors import UsageError
from wf_notebook.guest.durations import parse_duration
from wf_notebook.headless.answers import read_answers
from wf_notebook.headless.execution import run_notebook
from wf_notebook.headless.parameters import read_parameters
from wf_notebook.headless.progress import Progress, progress_on
from wf_notebook.headless.report import exit_code, tell
from wf_notebook.world.replacing import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.headless.execution import Continued, Execution

PARAMETER = click.option(
    "-p",
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A value for the cell that is tagged `parameters`, as papermill has it; may come again.",
)
OUTPUT = click.option(
    "--output",
    metavar="OUT.ipynb",
    type=click.Path(dir_okay=False),
    help="Write the notebook with its outputs, also when it fails.",
)


@dataclass(frozen=True, slots=True)
class Order:
    """How a notebook is to be run, as it was typed; see `wf run --help`."""

    notebook: str
    cell: str | None = None
    parameters: Sequence[str] = ()
    answers: Sequence[str] = ()
    answer_files: Sequence[str] = ()
    timeout: str | None = None
    output: str | None = None
    world: str | None = None
    progress: bool = True
    continued: Continued | None = None


@click.command(
    cls=Command,
    examples=(
        "run refund.ipynb",
        "run refund.ipynb -p order=A-17 -p limit=5 --output done.ipynb",
        """run refund.ipynb --answer 'Approval={"ok": true}' --timeout 10m""",
        "run refund.ipynb --answers answers.json --cell refund",
    ),
)
@click.argument("notebook", type=click.Path(dir_okay=False))
@click.option("--cell", metavar="NAME", help="Stop after the cell %%workflow NAME.")
@PARAMETER
@click.option(
    "--answer",
    "answers",
    metavar="NAME=JSON",
    multiple=True,
    help="A payload for hooks of that token, title or schema; given again, for the next payload.",
)
@click.option(
    "--answers",
    "answer_files",
    metavar="FILE.json",
    multiple=True,
    type=click.Path(dir_okay=False, allow_dash=True),
    help="Answers in a file: an object of names and payloads, or a list of such objects.",
)
@click.option("--timeout", metavar="DUR", help='How long all of it may take, such as "10m".')
@OUTPUT
@click.option(
    "--world",
    metavar="PATH",
    type=click.Path(dir_okay=False),
    help="Use this world instead of the notebook's own.",
)
@click.option("--no-progress", "progress", flag_value=False, default=True, help="Show no progress.")
def run(**typed: Any) -> int:
    """Run a notebook without a person in front of it, and say how its runs ended.

    A hook that no answer fits ends the notebook as suspended (exit code 3): its run waits in the
    world. `wf resume TOKEN JSON --continue NOTEBOOK` answers it and goes on.
    """
    return carry_out(Order(**typed))


def carry_out(order: Order) -> int:
    """Run a notebook as ordered, tell how it ended, and return the exit code.

    Raises:
        UsageError: something of the order is wrong; nothing was run. Or the output could not be
            written, after all.
    """
    if order.output is not None:
        _need_place(order.output)
    execution = run_notebook(
        order.notebook,
        cell=order.cell,
        parameters=read_parameters(order.parameters),
        answers=read_answers(order.answers, order.answer_files),
        timeout=None if order.timeout is None else _seconds(order.timeout),
        world=order.world,
        continued=order.continued,
        progress=_progress(order),
    )
    width = width_of_terminal()
    try:
        if order.output is not None:
            _write(execution, order.output)
    finally:
        tell(execution, order.notebook, parameters=order.parameters, width=width)
    return exit_code(execution)


def _progress(order: Order) -> Progress:
    if not order.progress:
        return Progress()
    return progress_on(order.notebook, sys.stderr, colour=not config.colourless())


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except (ValueError, TypeError) as problem:
        raise UsageError(f"--timeout: {problem}", hint='Write "90s" or "1h 30m".') from None


def _need_place(path: str) -> None:
    """Refuse an output that cannot be written before the notebook runs, and not after it."""
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        msg = f"{path} cannot be written: {folder} is not there, or may not be written to."
        raise UsageError(msg, hint="Choose another --output.")


def _write(execution: Execution, path: str) -> None:
    """Write the notebook, whole or not at all: it may take its own source's place."""
    import nbformat

    try:
        with replacing(path) as part, open(part, "w", encoding="utf-8") as file:
            cast("Any", nbformat).write(execution.notebook, file)
    except OSError as problem:
        msg = f"{path} cannot be written: {problem.strerror}."
        raise UsageError(msg, hint="Choose another --output.") from None
