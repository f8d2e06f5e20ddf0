"""How is a person at a terminal asked for what a run waits for, in the cell that waits for it?

There are no forms there, so the questions come in the cell: field by field, hook by hook. Ctrl-C, or
the end of input, leaves the question and the cell; the run goes on waiting.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from wf_notebook import config
from wf_notebook.commands.answering import answer_hook
from wf_notebook.errors import HookNotFoundError
from wf_notebook.moments import over_or_person
from wf_notebook.notebook.interrupts import cancelled_by_interrupt
from wf_notebook.notebook.launch import Detached
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.run import Run
    from wf_notebook.world.state import Hook


def has_person() -> bool:
    """Whether somebody sits at this terminal: input comes from one, and the run isn't headless."""
    return sys.stdin is not None and sys.stdin.isatty() and not config.wait_everywhere()


async def settled(run: Run, ask: Callable[[str], str], say: Callable[[str], None]) -> None:
    """Wait until a run has ended or is blocked; ask for what only a person can give.

    Args:
        run: the run.
        ask: shows a prompt and returns the line typed; it blocks the cell, and not the run.
        say: shows a line.

    Raises:
        Detached: the person left a question.
        asyncio.CancelledError: Ctrl-C, while nothing was asked.
    """
    while True:
        with cancelled_by_interrupt():
            await asyncio.wrap_future(run.reached(over_or_person))
        hooks = run.state.open_hooks
        if not hooks or run.blocked is not None:
            return
        # in body order, and those that were answered already come again last
        _answer(run, min(hooks, key=lambda hook: hook.received), ask, say)


def _answer(run: Run, hook: Hook, ask: Callable[[str], str], say: Callable[[str], None]) -> None:
    try:
        answer_hook(run, hook, ask=ask, say=say)
    except HookNotFoundError as late:
        say(late.message)  # answered elsewhere meanwhile, or timed out
    except (KeyboardInterrupt, EOFError):
        say("")
        msg = f"Detached from run {run.id}, which goes on waiting. Answer it later: "
        raise Detached(f"{msg}%wf answer {visible(hook.token)}") from None
