"""What is made ready for the first run while its cell is still being written? On `wf-open`."""

from __future__ import annotations

import contextlib
import importlib
from typing import Final

from wf_notebook.errors import IsolationUnavailable

_STEPS: Final = "wf_notebook.definition.steps"
_RUN: Final = ("wf_notebook.notebook.launch", "wf_notebook.isolation.process")
_SHOWN: Final = {
    "widget": ("wf_notebook.notebook.display", "wf_notebook.views.widget"),
    "card": ("wf_notebook.notebook.display",),
    "text": (),
}


def bring_steps() -> None:
    """Import what the next cell needs, which defines steps."""
    importlib.import_module(_STEPS)


def bring_run(view: str) -> None:
    """Import what starts a run, moves it and shows it.

    Args:
        view: how it will be shown.
    """
    for name in (*_RUN, *_SHOWN[view]):
        importlib.import_module(name)


def start_guests() -> None:
    """Start the process that guests come from, unless there is one; it is ready a little later."""
    from wf_notebook.isolation import nursery

    with contextlib.suppress(IsolationUnavailable):  # the run that needs it will say so
        nursery.start_ahead()


def dismiss_guests() -> None:
    """End that process, if no run has needed it."""
    from wf_notebook.isolation import nursery

    nursery.dismiss()
