"""Which isolation a world uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.config import ISOLATION_MODES
from wf_notebook.errors import IsolationUnavailable

if TYPE_CHECKING:
    from wf_notebook.config import Limits
    from wf_notebook.isolation.protocol import Isolation

__all__ = ["choose"]


def choose(mode: str | None, limits: Limits) -> Isolation:
    """Return the isolation of a mode; None is what is best here today, "process".

    Raises:
        IsolationUnavailable: the mode is not to be had.
    """
    match mode:
        case None | "process":
            from wf_notebook.isolation.process import ProcessIsolation

            return ProcessIsolation(limits)
        case "inline":
            from wf_notebook.isolation.inline import InlineIsolation

            return InlineIsolation()
        case "strict":
            msg = "There is no strict isolation yet: the system call filter has not landed."
            hint = (
                'Use isolation="process": a source runs in a child process with an empty '
                "environment, no open files and limits of time and memory, and can only ask for "
                "its steps; but nothing keeps code that breaks out of the language from making "
                "system calls as you."
            )
            raise IsolationUnavailable(msg, hint=hint)
        case _:
            msg = f"There is no isolation {mode!r}."
            raise IsolationUnavailable(msg, hint=f"There are {', '.join(ISOLATION_MODES)}.")
