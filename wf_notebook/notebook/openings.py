"""Which runs are shown inside the view of another: its reruns, its children, a row of a list.

Each gets a live view of its own, which the browser puts below the one that it was opened from. It
lasts as long as that one, however its run ends: people look at what has ended, too.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.errors import UsageError
from wf_notebook.run import Run
from wf_notebook.views.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host
    from wf_notebook.views.model import RunView
    from wf_notebook.views.publisher import Publisher
    from wf_notebook.views.widget import RunWidget

OPEN: Final = 20  # runs that are shown inside one view at once


@dataclass(frozen=True, slots=True)
class Setting:
    """What the views of one session have in common.

    Attributes:
        publisher: brings them up to date.
        submitted: the source that was submitted last under a run's name, or None.
    """

    publisher: Publisher
    submitted: Callable[[Run], str | None]


class Live:
    """A run's widget, and what was opened inside it.

    Args:
        run: the run.
        view: the first snapshot.
        setting: what it has in common with others.
        display: tells it from other views of the same run; "" for the one under cells.
        changed: called on the engine's loop when a run that was opened inside has ended.
    """

    def __init__(
        self,
        run: Run,
        view: RunView,
        setting: Setting,
        *,
        display: str = "",
        changed: Callable[[], None],
    ) -> None:
        from wf_notebook.views.widget import RunWidget, widget_id

        model_id = widget_id(run.id, display)
        self.openings = Openings(run.host, setting, display=model_id, changed=changed, run=run)
        self.widget: RunWidget = RunWidget(
            view,
            actions=run.actions,
            reading=Reading(
                run.log,
                attempts=setting.publisher.attempts,
                submitted=lambda: setting.submitted(run),
            ),
            opens=self.openings,
            streams=run.chunks,
            host=run.host,
            model_id=model_id,
        )

    @property
    def model_id(self) -> str:
        """What a front end knows the widget by."""
        return str(self.widget.model_id)

    def close(self) -> None:
        """Close the widget, and those inside; from any thread."""
        self.openings.close()
        self.widget.close()


class Openings:
    """The runs that were opened inside one view (a `views.asking.Opens`).

    Coroutines of the engine's loop; the rest may be called from any thread.

    Args:
        host: the engine of their world.
        setting: what the views of this session have in common.
        display: id of the view's widget.
        changed: called when a run that was opened has ended.
        run: the one that the view shows, if it shows one.
    """

    def __init__(
        self,
        host: Host,
        setting: Setting,
        *,
        display: str,
        changed: Callable[[], None],
        run: Run | None = None,
    ) -> None:
        self._host = host
        self._run = run
        self._setting = setting
        self._display = display
        self._changed = changed
        self._lock = threading.Lock()
        self._opened: dict[str, _Opened] = {}
        self._closed = False

    @property
    def live(self) -> bool:
        """Whether a run that was opened has not ended."""
        return any(not view.terminal for view in self.views)

    @property
    def views(self) -> Sequence[RunView]:
        """How the runs that were opened stand, each followed by those opened inside it."""
        with self._lock:
            opened = list(self._opened.values())
        return [view for found in opened for view in (found.view, *found.live.openings.views)]

    async def rerun(self) -> dict[str, Any]:
        """Start the run anew and show it; returns `run_id` and `model_id`.

        Raises:
            UsageError: the view shows no run.
        """
        if self._run is None:
            raise UsageError("This view shows no run to start anew.", hint="Open one first.")
        return self._show(await asyncio.wrap_future(self._run.actions.rerun()))

    async def open(self, run_id: str, /) -> dict[str, Any]:
        """Show a run of the same world; returns `run_id` and `model_id`.

        Raises:
            RunNotFoundError: there is no such run.
            UsageError: it is the one that is shown, or too many are.
        """
        if self._run is not None and run_id == self._run.id:
            msg = f"Run {run_id} is the one that is shown here."
            raise UsageError(msg, hint="Open another one.")
        return self._show(await asyncio.wrap_future(self._host.activity(run_id)))

    async def shut(self, run_id: str, /) -> dict[str, Any]:
        """Show a run no longer; its run goes on. Returns nothing."""
        with self._lock:
            found = self._opened.pop(run_id, None)
        if found is not None:
            found.close()
            self._changed()
        return {}

    def close(self) -> None:
        """Show none of them any longer."""
        with self._lock:
            self._closed = True
            opened = list(self._opened.values())
            self._opened.clear()
        for found in opened:
            found.close()

    def _show(self, act: Activity) -> dict[str, Any]:
        run_id = act.run_id
        with self._lock:
            if self._closed:
                raise UsageError("This view was closed.", hint=f"%wf show {run_id} shows the run.")
            if run_id not in self._opened:
                if len(self._opened) >= OPEN:
                    msg = f"{OPEN} runs are shown inside this view already."
                    raise UsageError(msg, hint=f"Close one, or use %wf show {run_id}.")
                run = Run(self._host, act)
                found = _Opened(run, self._setting, display=self._display, changed=self._changed)
                self._opened[run_id] = found
            return {"run_id": run_id, "model_id": self._opened[run_id].live.model_id}


class _Opened:
    """A run inside the view of another."""

    def __init__(
        self, run: Run, setting: Setting, *, display: str, changed: Callable[[], None]
    ) -> None:
        self.view = setting.publisher.view(run)
        self.live = Live(run, self.view, setting, display=display, changed=changed)
        self._changed = changed
        self._stop = setting.publisher.watch(run, self)

    def publish(self, view: RunView, *, blocked: str = "") -> None:
        """Take a snapshot (a `views.publisher.Sink`)."""
        before, self.view = self.view, view
        self.live.widget.publish(view, blocked=blocked)
        if view.terminal and not before.terminal:
            self._changed()

    def close(self) -> None:
        self._stop()
        self.live.close()
