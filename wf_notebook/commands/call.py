"""How is a command of the table called, and what becomes of click's errors?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.commands.base import Caller


def call(group: click.Group, words: Sequence[str], caller: Caller) -> int:
    """Call a command by its words; what it has to say is printed.

    Returns:
        the exit code that the command returned; 0 if it returned none.

    Raises:
        UsageError: an unknown command or option, a value missing or malformed.
        KeyboardInterrupt: a question was not answered.
        WorkflowError: what the command itself raises.
    """
    try:
        found = group.main(
            args=list(words) or ["--help"],
            prog_name=caller.word,
            obj=caller,
            standalone_mode=False,
        )
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as problem:
        command = _command_of(problem, caller)
        message = problem.format_message().strip().rstrip(".")
        raise UsageError(f"{message}.", hint=f"See {command} --help.") from None
    return found if isinstance(found, int) else 0


def _command_of(problem: click.ClickException, caller: Caller) -> str:
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    return caller.word if context is None else context.command_path
