"""The live table of a world's runs: one snapshot to the browser, custom messages back.

As in the view of a run, each channel has one direction: `table` (with `now`, the moment it was made)
is written on the engine's loop only, the browser sends messages, which `views.runs_asking` lists.

Unasked, the kernel sends {"op": "rows", "rows": [row], "gone": [run id]}: how runs stand by now that
are older than those of the snapshot, and which are no longer listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import anywidget
import traitlets

from wf_notebook.views.answers import Answers
from wf_notebook.views.runs_asking import RunsAsking
from wf_notebook.views.widget import browser_module, browser_styles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.views.asking import Opens
    from wf_notebook.views.roster import Roster
    from wf_notebook.views.widget import Host, Wire

RUNS_MODULES: Final = (
    "times", "nodes", "questions", "embed", "runs_rows", "runs_parts", "runs_view",
)  # fmt: skip
RUNS_STYLES: Final = ("fields", "run_view", "runs")


class RunsWidget(anywidget.AnyWidget):
    """The live table of runs in one output.

    Args:
        roster: the runs; changed on the engine's loop only.
        cancel: cancels a run by its id.
        opens: shows runs below the table.
        host: where it is answered: the engine's loop, and the world's clock.
        model_id: the id that a front end knows it by.
    """

    _esm = browser_module(RUNS_MODULES)
    _css = browser_styles(RUNS_STYLES)
    table: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    now: traitlets.Int[int, int] = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        roster: Roster,
        *,
        cancel: Callable[[str], Future[int]],
        opens: Opens,
        host: Host,
        model_id: str,
    ) -> None:
        self._roster = roster
        self._clock = host.clock
        asking = RunsAsking(
            roster=roster,
            cancel=cancel,
            opens=opens,
            now_us=host.clock.now_us,
            answers=Answers(
                post=host.loop.call_soon_threadsafe,
                submit=host.submit,
                tell=self._tell,
                closed="The world of these runs was closed; open it again.",
            ),
        )
        super().__init__(table=roster.snapshot(), now=host.clock.now_us(), model_id=model_id)
        self._wire.on_msg(lambda _widget, content, _buffers: asking.take(content))

    @property
    def _wire(self) -> Wire:
        return cast("Wire", self)

    def publish(self, changed: Sequence[str]) -> None:
        """Show how the runs stand by now; on the engine's loop.

        Args:
            changed: ids of those that have changed.
        """
        if self.comm is None:
            return  # closed
        with self.hold_sync():
            self.now = self._clock.now_us()
            self.table = self._roster.snapshot()
        beyond = self._roster.beyond(changed)
        if beyond["rows"] or beyond["gone"]:  # after the snapshot, which says no more of them
            self._tell({"op": "rows", **beyond})

    def close(self) -> None:
        """Let go of it."""
        cast("Any", self).layout.close()  # made with it, and the library leaves it behind
        super().close()

    def _tell(self, content: Mapping[str, Any]) -> None:
        if self.comm is not None:
            self._wire.send(content)
