"""Does a person sit before this notebook, who could answer a hook?

`wf run` says so by `WF_NOTEBOOK_WAIT=1`. papermill, nbmake, `jupyter execute`, `nbconvert --execute`
and whatever else runs a notebook through nbclient say it with each cell: they take no input. Voila
does that, too, but for people who come once its cells have run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wf_notebook import config

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def unattended(shell: InteractiveShell) -> bool:
    """Whether nobody is there: cells wait for their runs, and a run that waits for people is left."""
    chosen = config.wait_everywhere()
    if chosen is not None:
        return chosen
    return _takes_no_input(getattr(shell, "kernel", None)) and not config.in_voila()


def _takes_no_input(kernel: Any) -> bool:
    """Whether the front end that sent the running cell has said that it asks nobody."""
    asked: dict[str, Any] = {} if kernel is None else kernel.get_parent("shell")
    content: dict[str, Any] = asked.get("content") or {}
    return content.get("allow_stdin") is False
