"""A view of a run, as a person has it open."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from wf_notebook.views.publisher import Publisher

if TYPE_CHECKING:
    from wf_notebook import Run, World
    from wf_notebook.views.model import RunView


def watched(world: World, run: Run) -> tuple[list[RunView], threading.Event]:
    """Open a view; returns the snapshots that it gets, and what is set when the run has ended."""
    seen: list[RunView] = []

    class Sink:
        def publish(self, view: RunView, *, blocked: str = "") -> None:
            seen.append(view)

    ended = threading.Event()
    publisher = Publisher(world.host.loop, clock=world.host.clock)
    publisher.watch(run, Sink(), ended=lambda _: ended.set())
    return seen, ended
