"""How did a notebook's execution end: as text for a person, and as an exit code?"""

from __future__ import annotations

import os
import shlex
from signal import Signals
from typing import TYPE_CHECKING, Final

import click

from wf_notebook import errors
from wf_notebook.commands.outcome import FAILED, SUSPENDED, USAGE, exit_code_of_error, gravest
from wf_notebook.errors import WorkflowError
from wf_notebook.views.text import clipped
from wf_notebook.views.words import visible
from wf_notebook.world.paths import default_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.commands.outcome import OpenHook, Outcome
    from wf_notebook.headless.execution import CellError, Execution

SIGNALLED: Final = 128  # plus the signal's number: 130 for SIGINT, 143 for SIGTERM


def exit_code(execution: Execution) -> int:
    """Return the code that says how a notebook's execution ended."""
    if execution.signal is not None:
        return SIGNALLED + execution.signal
    codes = {outcome.exit_code for outcome in execution.outcomes}
    if execution.died or execution.untold or (execution.timed_out and SUSPENDED not in codes):
        codes.add(FAILED)
    elif execution.error is not None and not execution.timed_out:
        codes.add(_code_of_cell(execution.error))
    return gravest(codes)


def _code_of_cell(error: CellError) -> int:
    """The code of what a cell raised: of ours as the command line has it, else failed."""
    kind = getattr(errors, error.name, None)
    if not (isinstance(kind, type) and issubclass(kind, WorkflowError)):
        return FAILED
    code = exit_code_of_error(kind)
    return FAILED if code == USAGE else code


def tell(
    execution: Execution, notebook: str, *, parameters: Sequence[str] = (), width: int | None = None
) -> None:
    """Print how it ended: each run's timeline and result, then what went wrong or is awaited.

    Args:
        execution: what came of it.
        notebook: its path, as it was given.
        parameters: texts NAME=VALUE, as they were given.
        width: columns of the terminal; None where nothing needs to fit.
    """
    for outcome in execution.outcomes:
        click.echo(outcome.timeline if width is None else _narrowed(outcome.timeline, width))
        if outcome.status == "completed":
            click.echo(f"\n  result: {outcome.result}")
        elif outcome.error:
            click.echo(f"\n  {outcome.error}")
        for hook in outcome.hooks:
            _tell_hook(hook, outcome, notebook, parameters)
        click.echo()
    if not execution.outcomes and not _cut_short(execution):
        click.echo("The notebook started no run.")
    for note in execution.notes:
        click.echo(f"Note: {visible(note)}", err=True)
    _tell_end(execution, notebook)


def _narrowed(timeline: str, width: int) -> str:
    """Cut the rows to the terminal; what stands above them may wrap."""
    heading, blank, rows = timeline.partition("\n\n")
    return heading + blank + "\n".join(clipped(row, width) for row in rows.split("\n"))


def _cut_short(execution: Execution) -> bool:
    return bool(execution.died or execution.untold or execution.signal)


def _tell_hook(hook: OpenHook, outcome: Outcome, notebook: str, parameters: Sequence[str]) -> None:
    schema = f" ({hook.schema})" if hook.schema else ""
    click.echo(f"\n  waits for you: hook {visible(hook.token)}{schema} {hook.title}".rstrip())
    if hook.refusal:
        click.echo(f"  the answer given was refused: {hook.refusal}")
    words = ["wf", "resume", hook.token, "JSON", "--continue", notebook]
    for text in parameters:
        words += ["-p", text]
    if _elsewhere(outcome.world, notebook):
        words += ["--world", os.path.relpath(outcome.world)]
    click.echo(f"  {shlex.join(words)}")


def _elsewhere(world: str, notebook: str) -> bool:
    """Whether a world is another one than the notebook's own."""
    own = default_path(notebook, os.getcwd())
    return bool(world) and os.path.realpath(world) != os.path.realpath(own)


def _tell_end(execution: Execution, notebook: str) -> None:
    """Print what ended it before its last cell, if anything did."""
    again = "go on when the notebook is run again."
    if execution.signal is not None:
        name = Signals(execution.signal).name
        click.echo(f"Stopped by {name}. The runs {again}", err=True)
    elif execution.died:
        click.echo(f"The kernel died. Its runs {again}", err=True)
    elif execution.untold:
        click.echo(execution.untold, err=True)
    elif execution.timed_out:
        click.echo(f"Time is up. The runs {again}", err=True)
    elif execution.error is not None and execution.error.name != "WaitingForHook":
        click.echo(f"Cell {execution.error.cell} of {notebook} failed:", err=True)
        click.echo(execution.error.traceback, err=True)
