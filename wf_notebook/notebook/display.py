"""Where do runs show under cells, and what stays there when they end?

A run has one live widget, however many outputs show it. Every output carries the widget, a static
card and text, so that each front end finds something. When the run ends, each output is replaced by
the card: a saved notebook needs no kernel to be read.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from wf_notebook import api
from wf_notebook.definition.steps import REGISTRY
from wf_notebook.errors import WorldClosedError
from wf_notebook.notebook.openings import Live, Setting
from wf_notebook.notebook.outputs import replace
from wf_notebook.notebook.tables import Tables
from wf_notebook.views.card import mimebundle
from wf_notebook.views.publisher import Publisher
from wf_notebook.views.text import render_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.engine.host import Host
    from wf_notebook.notebook.outputs import Outputs
    from wf_notebook.run import Run
    from wf_notebook.views.listing import Chosen
    from wf_notebook.views.model import RunView

WIDGET: Final = "widget"
CARD: Final = "card"
TEXT: Final = "text"


class Displays:
    """The outputs of one session that show runs.

    Args:
        outputs: where they go.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._tables = Tables(outputs)
        self._settings: dict[Host, Setting] = {}
        self._shown: dict[str, _Shown] = {}
        self._kinds: set[str] = set()
        self._hosts: set[Host] = set()
        self._left: list[_Shown] = []
        self._in_cell: set[str] = set()
        self._submitted: dict[tuple[str, str], str] = {}

    def submitted(self, run: Run) -> None:
        """Remember what a cell submitted: views of earlier runs of that name say what has changed."""
        self._submitted[run.notebook, run.name] = run.source

    def show(self, run: Run, kind: str) -> None:
        """Show a run under the current cell: once, however often the cell asks."""
        if run.id in self._in_cell:
            return
        self._in_cell.add(run.id)
        self._listen(run.host)
        found = self._shown.get(run.id)
        if found is None:
            found = _Shown(self._outputs, run, self._setting(run.host))
            if not run.state.terminal:
                self._shown[run.id] = found
                found.follow()
        found.add(kind)
        self._kinds.add(kind)

    def table(self, host: Host, chosen: Chosen, kind: str) -> None:
        """Show the runs of a world under the current cell, as a table."""
        self._listen(host)
        self._tables.show(host, chosen, self._setting(host), live=kind == WIDGET)

    def skip(self, run: Run) -> None:
        """Show nothing of a run under the current cell."""
        self._in_cell.add(run.id)

    def revive(self, run: Run) -> None:
        """Bring an unfinished run's widget back, for an output that an earlier kernel left."""
        if run.id not in self._shown and not run.state.terminal:
            self._listen(run.host)
            found = self._shown[run.id] = _Shown(self._outputs, run, self._setting(run.host))
            found.follow()
            found.revive()

    def forget(self, run_ids: Sequence[str]) -> None:
        """Take runs out of the outputs that this session shows; on the engine's thread."""
        self._tables.forget(run_ids)
        for run_id in run_ids:
            found = self._shown.pop(run_id, None)
            if found is not None:
                found.close()
            for kind in self._kinds:  # a front end that shows none of it passes over that
                said = {"text/plain": f"Run {run_id} was forgotten."}
                replace(self._outputs, _display_id(run_id, kind), said)

    def end_cell(self) -> None:
        """Bring the outputs up to date before the cell is over.

        A front end that runs a notebook headless takes no message of a cell that has ended.
        """
        self._in_cell.clear()
        self._tables.end_cell()
        for found in list(self._shown.values()):
            found.refresh()
            if found.over:
                self._shown.pop(found.run_id, None)
                self._left += [found] if found.alive else []

    def close(self) -> None:
        """Leave a card in every output, and nothing alive."""
        for host in self._hosts:
            host.on_forget.remove(self.forget)
        self._tables.close()
        for found in (*self._shown.values(), *self._left):
            found.refresh()
            found.close()
        for host, setting in self._settings.items():
            host.post(setting.publisher.close)
        self._shown.clear()
        self._left.clear()
        self._settings.clear()
        self._hosts.clear()

    def _listen(self, host: Host) -> None:
        """Hear of runs that are forgotten."""
        if host not in self._hosts:
            self._hosts.add(host)
            host.on_forget.append(self.forget)

    def _setting(self, host: Host) -> Setting:
        if host not in self._settings:
            publisher = Publisher(
                host.loop, clock=host.clock, attempts=attempts_of, world=_path_of(host)
            )
            self._settings[host] = Setting(publisher, self._submitted_as)
        return self._settings[host]

    def _submitted_as(self, run: Run) -> str | None:
        return self._submitted.get((run.notebook, run.name))


def _path_of(host: Host) -> str:
    """Where the world lies, for those who work on it from elsewhere; "" if it is no file."""
    paths = [world.path for world in api.open_worlds() if world.host is host]
    return os.path.abspath(paths[0]) if paths and os.path.exists(paths[0]) else ""


def attempts_of(step_id: str) -> int | None:
    """Return how many attempts a step may have, or None if this process doesn't know it."""
    step = REGISTRY.get(step_id)
    return None if step is None else step.options.retries + 1


class _Shown:
    """One run, its widget, and the outputs that show it.

    The lock keeps the engine's thread and the cell's apart. Nobody may hold it and ask the run how
    it stands: that waits for the engine, which may be waiting for the lock.
    """

    def __init__(self, outputs: Outputs, run: Run, setting: Setting) -> None:
        self.run_id = run.id
        self.over = False
        self._outputs = outputs
        self._run = run
        self._setting = setting
        self._lock = threading.RLock()
        self._ids: dict[str, str] = {}
        self._last: RunView | None = None
        self._live: Live | None = None
        self._stop: Callable[[], None] = _nothing
        self._left_behind = False

    @property
    def alive(self) -> bool:
        """Whether its widget is open: one that an earlier kernel left behind has no output here."""
        return self._live is not None

    def follow(self) -> None:
        """Hear of changes, on the engine's loop."""
        self._stop = self._setting.publisher.watch(self._run, self)

    def add(self, kind: str) -> None:
        """Show it in one more output."""
        seen = self._view()
        with self._lock:
            view = self._update(seen)
            if kind == WIDGET and not view.terminal and self._live is None:
                self._live = self._new(view)
            display_id = _display_id(self.run_id, kind)
            self._ids[display_id] = kind
            self._publish(display_id, view, update=False)

    def revive(self) -> None:
        """Make the widget under the id that an earlier kernel gave it."""
        view = self._view()
        with self._lock:
            self._left_behind = True
            self._live = self._new(view)

    def publish(self, view: RunView, *, blocked: str = "") -> None:
        """Take a snapshot (a `views.publisher.Sink`)."""
        with self._lock:
            if self._live is not None:
                self._live.widget.publish(view, blocked=blocked)
            self._update(view)

    def refresh(self) -> None:
        """Take a snapshot now; a run whose world was closed is let go."""
        if self.over:
            return
        try:
            view = self._view()
        except WorldClosedError:
            self.close()
            return
        with self._lock:
            self._update(view)

    def close(self) -> None:
        """Leave the card as it was last seen, and let go."""
        self._stop()
        with self._lock:
            if self._last is not None and not self.over:
                self._leave_card(self._last)
            self._close_live()
            self.over = True

    def _update(self, view: RunView) -> RunView:
        """Take in a snapshot, replace what is static if need be; return the newest one."""
        before = self._last
        if before is not None and view.events < before.events:
            return before
        self._last = view
        self._settle()
        if before is not None and view.status != before.status and not self.over:
            self._restate(view)
        return view

    @property
    def _occupied(self) -> bool:
        """Whether a run is alive in the view of this one, which then stays."""
        return self._live is not None and self._live.openings.live

    def _settle(self) -> None:
        """If the run has ended, and the last of those opened in its view, the card takes over.

        Whether it is over is decided here alone, in one look: a run that was opened ends on the
        engine's thread, between any two looks of a cell.
        """
        with self._lock:
            view = self._last
            if view is not None and view.terminal and not self.over and not self._occupied:
                self._leave_card(view)
                if not self._left_behind:
                    self._close_live()
                self.over = True  # last: whoever sees it may ask at once what is still alive

    def _restate(self, view: RunView) -> None:
        """Write the new word into the static outputs."""
        for display_id, kind in self._ids.items():
            if kind != WIDGET:
                self._publish(display_id, view, update=True)

    def _leave_card(self, view: RunView) -> None:
        opened = () if self._live is None else self._live.openings.views
        for display_id, kind in self._ids.items():
            self._ids[display_id] = CARD if kind == WIDGET else kind
            self._publish(display_id, view, *(opened if kind == WIDGET else ()), update=True)

    def _close_live(self) -> None:
        if self._live is not None:
            self._live.close()
            self._live = None

    def _publish(self, display_id: str, view: RunView, *opened: RunView, update: bool) -> None:
        data = self._bundle(self._ids[display_id], view, *opened)
        if not update:
            self._outputs.publish(data, {}, transient={"display_id": display_id})
            return
        replace(self._outputs, display_id, data)

    def _bundle(self, kind: str, view: RunView, *opened: RunView) -> dict[str, Any]:
        if kind == TEXT:
            return {"text/plain": render_run(view)}
        live = self._live if kind == WIDGET else None
        return mimebundle(view, *opened, model_id=None if live is None else live.model_id)

    def _view(self) -> RunView:
        return self._setting.publisher.view(self._run)

    def _new(self, view: RunView) -> Live:
        return Live(self._run, view, self._setting, changed=self._settle)


def _display_id(run_id: str, kind: str) -> str:
    """What all outputs that show a run in one way have in common: nobody has to remember them."""
    return f"wf-{run_id}-{kind}"


def _nothing() -> None:
    """Stop nothing: it was never followed."""
