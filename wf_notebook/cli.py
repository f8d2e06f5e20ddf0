"""The command line `wf`: the table of commands on a world file, and `wf run` for notebooks."""

from __future__ import annotations

import copy
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import click
from click.shell_completion import CompletionItem, get_completion_class

from wf_notebook import __version__, config
from wf_notebook.commands import Caller, Command, call, table
from wf_notebook.commands.console import speak_plainly, width_of_terminal
from wf_notebook.commands.outcome import FAILED, exit_code_of_error
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.headless.command import OUTPUT, PARAMETER, Order, carry_out, run
from wf_notebook.headless.execution import Continued
from wf_notebook.whereabouts import chosen_world, worlds_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click.shell_completion import ShellComplete

    from wf_notebook.api import World
    from wf_notebook.config import Limits

INTERRUPTED: Final = 130
_HURRY_SECONDS: Final = 1.0  # for an owner to answer, where somebody has pressed Tab
_SHELLS: Final = ("bash", "zsh", "fish")
_COMPLETE_VARIABLE: Final = "_WF_COMPLETE"  # as click has it for a program of that name
_WHICH: Final = "The world file, or its notebook; else the only one in ./.wf_notebook."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `wf`; return its exit code.

    0 completed, 1 failed, 2 wrong usage, 3 suspended (a person is asked), 4 diverged, 5 the world
    is not available, 128 and a signal's number if that ended it.
    """
    speak_plainly()
    hurried = config.shell_completes()
    place = _Place(config.Limits(owner_seconds=_HURRY_SECONDS) if hurried else config.Limits())
    caller = Caller(
        word="wf",
        open_world=place.open,
        ask=_ask,
        width=width_of_terminal(),
        world_named=lambda: place.path is not None,
    )
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = call(_group(place), words, caller)
        sys.stdout.flush()
        return code  # noqa: TRY300 - a pipe that broke is heard of at the flush
    except BrokenPipeError:
        _write_no_more()
        return FAILED
    except WorkflowError as error:
        click.echo(str(error), err=True)
        return exit_code_of_error(type(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        place.close()


def _write_no_more() -> None:
    """Nobody reads the output any more, as behind `| head -1`: leave without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _ask(prompt: str) -> str:
    return str(click.prompt(prompt, default="", show_default=False, prompt_suffix=""))


class _Place:
    """The world file that the commands work on, opened when one of them needs it."""

    def __init__(self, limits: Limits) -> None:
        self.path: str | None = None
        self._limits = limits
        self._world: World | None = None

    def open(self, write: bool) -> World:  # noqa: FBT001 - the shape of Caller.open_world
        """Return the world; opened to read only unless something will be written.

        Raises:
            UsageError: it isn't certain which file is meant.
            WorldError: it cannot be opened.
        """
        from wf_notebook.api import open_world

        if self._world is None:
            path = chosen_world(self.path)
            self._world = open_world(path, read_only=not write, takeover=False, limits=self._limits)
        return self._world

    def close(self) -> None:
        """Let go of the world."""
        if self._world is not None:
            self._world.close()


def _group(place: _Place) -> click.Group:
    """Return the commands of the table, with `--world` where they need one, and a shell's own."""
    commands = [_on_file(command, place) for command in table.commands.values()]
    found = click.Group(
        name="wf",
        help="Look at the runs of a world file, move them on, and run notebooks.",
        commands=[run, mend, completion, *commands],
        context_settings={"color": False} if config.colourless() else None,
    )
    resume = found.commands["resume"]
    found.commands["resume"] = _continuing(resume, place)
    return click.version_option(__version__, prog_name="wf")(found)


def _on_file(command: click.Command, place: _Place) -> click.Command:
    if isinstance(command, Command) and not command.world:
        return command

    def chosen(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        place.path = value

    found = copy.copy(command)
    option = click.Option(
        ["--world"],
        metavar="PATH",
        help=_WHICH,
        expose_value=False,
        callback=chosen,
        is_eager=True,  # completion of what stands before it reads this world
        shell_complete=_worlds,
    )
    found.params = [*command.params, option]
    return found


def _worlds(_context: object, _parameter: object, begun: str) -> list[CompletionItem]:
    """Offer the worlds of this folder, else files."""
    found = [CompletionItem(path) for path in worlds_in(".") if path.startswith(begun)]
    return found or [CompletionItem(begun, type="file")]


# --- wf resume … --continue ----------------------------------------------------------------------


def _continuing(resume: click.Command, place: _Place) -> click.Command:
    """Return the table's `resume`, which in a shell may go on with a notebook afterwards."""
    hand_over = cast("Callable[..., None]", resume.callback)

    @click.command
    @click.option(
        "--continue",
        "notebook",
        metavar="NOTEBOOK",
        type=click.Path(dir_okay=False),
        help="Then run that notebook, as `wf run` does, where it stopped: runs that it has made are "
        "taken up, and recorded steps don't run again.",
    )
    @PARAMETER
    @OUTPUT
    @click.pass_obj
    def resumed(
        caller: Caller,
        /,
        notebook: str | None,
        parameters: Sequence[str],
        output: str | None,
        **typed: Any,
    ) -> int:
        if notebook is None:
            _need_notebook(parameters=parameters, output=output)
            hand_over(**typed)
            return 0
        place.path = chosen_world(place.path or notebook)
        continued = _execution_of(caller.change(), typed["token"])
        hand_over(**typed)
        place.close()
        order = Order(notebook, parameters=parameters, output=output, world=place.path)
        return carry_out(replace(order, continued=continued))

    found = cast("Command", copy.copy(resume))
    found.examples = (*found.examples, 'resume --continue refund.ipynb approve-A-17 {"ok": true}')
    found.callback = resumed.callback
    found.params = [*resume.params, *resumed.params]
    return found


def _need_notebook(**given: object) -> None:
    for name, value in given.items():
        if value:
            msg = f"--{name.removesuffix('s')} says how a notebook is run, and none is."
            raise UsageError(msg, hint="Add --continue NOTEBOOK.")


def _execution_of(world: World, token: str) -> Continued | None:
    """Return the execution whose run has the open hook; None if there is none: then resuming fails."""
    runs = [run for run, hook in world.hooks() if hook.token == token]
    return next((Continued(run.execution, run.id) for run in runs), None)


# --- wf completion -------------------------------------------------------------------------------


@click.command(
    cls=Command,
    examples=(
        """completion bash > ~/.local/share/bash-completion/completions/wf""",
        """completion zsh > "${fpath[1]}/_wf\"""",
        """completion fish > ~/.config/fish/completions/wf.fish""",
    ),
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what lets a shell complete `wf`: commands, options, runs, tokens, names, worlds.

    Put it where the shell looks for such scripts, or run `eval "$(wf completion bash)"` when it
    starts. A completion only reads; of a world that is locked or busy it offers nothing.
    """
    group = context.find_root().command
    kind = cast("type[ShellComplete]", get_completion_class(shell))
    click.echo(kind(group, {}, "wf", _COMPLETE_VARIABLE).source())


# --- wf mend -------------------------------------------------------------------------------------


@click.command(cls=Command, examples=("mend", "mend --world orders.duckdb"))
@click.option("--world", metavar="PATH", help=_WHICH, shell_complete=_worlds)
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
