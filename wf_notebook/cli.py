"""The command line `wf`: the table of commands on a world file, and `wf run` for notebooks."""

from __future__ import annotations

import contextlib
import copy
import glob
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

from wf_notebook import __version__, errors
from wf_notebook.commands import Caller, Command, call, table
from wf_notebook.commands.outcome import FAILED, SUSPENDED, USAGE, exit_code_of_error, gravest
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.guest.durations import parse_duration
from wf_notebook.headless import run_notebook
from wf_notebook.views.controls import read_json
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.api import World
    from wf_notebook.commands.outcome import OpenHook, Outcome
    from wf_notebook.headless import CellError, Execution

INTERRUPTED: Final = 130
_UNCHOSEN: Final = "hook_"
_WORLDS: Final = os.path.join(".wf_notebook", "*.duckdb")
_WHICH: Final = "The world file; else the only one in ./.wf_notebook."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `wf`; return its exit code.

    0 completed, 1 failed, 2 wrong usage, 3 suspended (a person is asked), 4 diverged, 5 the world
    is not available.
    """
    place = _Place()
    caller = Caller(
        word="wf", open_world=place.open, ask=_ask, world_named=lambda: place.path is not None
    )
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return call(_group(place), words, caller)
    except WorkflowError as error:
        click.echo(str(error), err=True)
        return exit_code_of_error(type(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        place.close()


def _ask(prompt: str) -> str:
    return str(click.prompt(prompt, default="", show_default=False, prompt_suffix=""))


class _Place:
    """The world file that the commands work on, opened when one of them needs it."""

    def __init__(self) -> None:
        self.path: str | None = None
        self._world: World | None = None

    def open(self, write: bool) -> World:  # noqa: FBT001 - the shape of Caller.open_world
        """Return the world; opened to read only unless something will be written.

        Raises:
            UsageError: it isn't certain which file is meant.
            WorldError: it cannot be opened.
        """
        from wf_notebook.api import open_world

        if self._world is None:
            self._world = open_world(chosen_world(self.path), read_only=not write, takeover=False)
        return self._world

    def close(self) -> None:
        """Let go of the world."""
        if self._world is not None:
            self._world.close()


def chosen_world(path: str | None) -> str:
    """Return the world that is meant: the one named, else the only one there is.

    Raises:
        UsageError: it isn't there, or it isn't certain which is meant.
    """
    chosen = path if path is not None else found_world()
    if not os.path.exists(chosen):
        raise UsageError(f"There is no world {chosen}.", hint="Check --world.")
    return chosen


def found_world() -> str:
    """Return the only world beside the notebooks of this folder.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = sorted(glob.glob(_WORLDS))
    if len(found) == 1:
        return found[0]
    if not found:
        msg = f"There is no world in {os.getcwd()}."
        raise UsageError(msg, hint="Go to the notebook's folder, or name one with --world PATH.")
    listed = ", ".join(found)
    raise UsageError(f"There are several worlds: {listed}.", hint="Name one with --world PATH.")


def _group(place: _Place) -> click.Group:
    """Return the commands of the table, with `--world` where they need one, and `run` and `mend`."""
    commands = [_on_file(command, place) for command in table.commands.values()]
    found = click.Group(
        name="wf",
        help="Look at the runs of a world file, move them on, and run notebooks.",
        commands=[run, mend, *commands],
    )
    return click.version_option(__version__, prog_name="wf")(found)


def _on_file(command: click.Command, place: _Place) -> click.Command:
    if isinstance(command, Command) and not command.world:
        return command

    def chosen(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        place.path = value

    found = copy.copy(command)
    option = click.Option(
        ["--world"], metavar="PATH", help=_WHICH, expose_value=False, callback=chosen
    )
    found.params = [*command.params, option]
    return found


# --- wf mend -------------------------------------------------------------------------------------


@click.command(cls=Command, examples=("mend", "mend --world orders.duckdb"))
@click.option("--world", metavar="PATH", help=_WHICH)
def mend(world: str | None) -> None:
    """Go on with what is whole of a damaged world; what it is now is copied aside first.

    Also after an older copy was put in its place on purpose. A world that is whole stays as it is.
    """
    from wf_notebook.api import open_world

    path = chosen_world(world)
    with open_world(path, accept_loss=True, paused=True) as opened:
        found = opened.damage
    if found is None:
        click.echo(f"{path} is whole.")
    else:
        click.echo(f"{found.message} It goes on with what is whole.")


# --- wf run --------------------------------------------------------------------------------------


@click.command(
    cls=Command,
    examples=(
        "run refund.ipynb",
        """run refund.ipynb --answer 'Approval={"ok": true}' --timeout 10m""",
        "run refund.ipynb --cell refund --output done.ipynb",
    ),
)
@click.argument("notebook", type=click.Path(dir_okay=False))
@click.option("--cell", metavar="NAME", help="Stop after the cell %%workflow NAME.")
@click.option(
    "--answer",
    "answers",
    metavar="TOKEN_OR_TITLE=JSON",
    multiple=True,
    help="A payload for hooks of that token, title or schema; given again, for the next payload.",
)
@click.option("--timeout", metavar="DUR", help='How long all of it may take, such as "10m".')
@click.option("--output", metavar="OUT.ipynb", help="Write the notebook with its outputs.")
@click.option("--world", metavar="PATH", help="Use this world instead of the notebook's own.")
def run(
    notebook: str,
    *,
    cell: str | None,
    answers: Sequence[str],
    timeout: str | None,
    output: str | None,
    world: str | None,
) -> int:
    """Run a notebook without a person in front of it, and say how its runs ended.

    A hook that no --answer fits ends the notebook as suspended (exit code 3): its run waits in the
    world, and goes on when it is answered and the notebook is run again.
    """
    execution = run_notebook(
        notebook,
        cell=cell,
        answers=read_answers(answers),
        timeout=None if timeout is None else _seconds(timeout),
        world=world,
    )
    if output is not None:
        _write(execution, output)
    _tell(execution, notebook)
    return exit_code(execution)


def read_answers(given: Sequence[str]) -> dict[str, list[object]]:
    """Return payloads by token, title or schema, in the order given.

    Raises:
        UsageError: one is not NAME=JSON.

    >>> read_answers(['a=1', 'a=2', 'Approve A=17={"ok": true}'])
    {'a': [1, 2], 'Approve A=17': [{'ok': True}]}
    """
    found: dict[str, list[object]] = {}
    for text in given:
        name, value = _answer(text)
        found.setdefault(name, []).append(value)
    return found


def _answer(text: str) -> tuple[str, object]:
    """Split at the first `=` whose right side is JSON: a name may hold one, too."""
    places = [place for place, character in enumerate(text) if character == "=" and place]
    for place in places:
        with contextlib.suppress(UsageError):
            return text[:place], read_json(text[place + 1 :], "")
    if not places:
        msg = f"--answer: {text!r} is not NAME=JSON."
        raise UsageError(msg, hint="""Write --answer 'approve={"ok": true}'.""")
    name, _, value = text.partition("=")
    return name, read_json(value, f"--answer {name}: the payload")


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except (ValueError, TypeError) as problem:
        raise UsageError(f"--timeout: {problem}", hint='Write "90s" or "1h 30m".') from None


def _write(execution: Execution, path: str) -> None:
    import nbformat

    untyped = cast("Any", nbformat)
    try:
        untyped.write(execution.notebook, path)
    except OSError as problem:
        msg = f"{path} cannot be written: {problem.strerror}."
        raise UsageError(msg, hint="Choose another --output.") from None


def exit_code(execution: Execution) -> int:
    """Return the code that says how a notebook's execution ended."""
    codes = {outcome.exit_code for outcome in execution.outcomes}
    if execution.died or (execution.timed_out and SUSPENDED not in codes):
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


def _tell(execution: Execution, notebook: str) -> None:
    """Print how it ended: each run's timeline and result, then what went wrong or is awaited."""
    for outcome in execution.outcomes:
        click.echo(outcome.timeline)
        if outcome.status == "completed":
            click.echo(f"\n  result: {outcome.result}")
        elif outcome.error:
            click.echo(f"\n  {outcome.error}")
        _tell_hooks(outcome, notebook)
        click.echo()
    if not execution.outcomes and not execution.died:
        click.echo("The notebook started no run.")
    if execution.died:
        click.echo("The kernel died. Its runs go on when the notebook is run again.", err=True)
    if execution.timed_out:
        click.echo("Time is up. The runs go on when the notebook is run again.", err=True)
    elif execution.error is not None and execution.error.name != "WaitingForHook":
        click.echo(f"Cell {execution.error.cell} of {notebook} failed:", err=True)
        click.echo(execution.error.traceback, err=True)


def _tell_hooks(outcome: Outcome, notebook: str) -> None:
    for hook in outcome.hooks:
        schema = f" ({hook.schema})" if hook.schema else ""
        click.echo(f"\n  waits for you: hook {visible(hook.token)}{schema} {hook.title}".rstrip())
        if hook.refusal:
            click.echo(f"  the answer given was refused: {hook.refusal}")
        answer = shlex.quote(f"{_easiest_name(hook)}=JSON")
        click.echo(f"  wf run {shlex.quote(notebook)} --answer {answer}")


def _easiest_name(hook: OpenHook) -> str:
    """What to call a hook in an answer: its token, unless that is one that nobody chose."""
    if hook.token.startswith(_UNCHOSEN):
        return hook.title or hook.schema or hook.token
    return hook.token
