"""What is made ready for the first run while its cell is still being written? On `wf-open`."""

from __future__ import annotations

import contextlib
import importlib
from typing import Final

from wf_notebook.errors import IsolationUnavailable

# In the order in which cells need them: one defines steps, the next starts a run and shows it.
_RUN: Final = (
    "wf_notebook.definition.steps",
    "wf_notebook.notebook.launch",
    "wf_notebook.isolation.process",
)
_SHOWN: Final = {
    "widget": ("wf_notebook.notebook.display", "wf_notebook.views.widget"),
    "card": ("wf_notebook.notebook.display",),
    "text": (),
}


def bring(view: str) -> None:
    """Import what the first run needs; a cell that comes sooner waits for what it needs itself.

    Args:
        view: how the run will be shown.
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
