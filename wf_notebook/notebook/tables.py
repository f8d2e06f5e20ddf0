"""Where do tables of runs show under cells, and what stays there when they end?

A table lives as long as its session, but only the newest few do: a cell that is run again leaves
its last one behind, and nobody tells the kernel. Whatever lives no longer leaves a static table.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.engine.unreadable import UNREADABLE
from wf_notebook.errors import WorldClosedError
from wf_notebook.notebook.openings import Openings
from wf_notebook.notebook.outputs import replace
from wf_notebook.views.listing import forgotten, listed, stored
from wf_notebook.views.pace import Pace
from wf_notebook.views.publisher import blocked_words
from wf_notebook.views.roster import Roster
from wf_notebook.views.runs_card import runs_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.host import Host
    from wf_notebook.notebook.openings import Setting
    from wf_notebook.notebook.outputs import Outputs
    from wf_notebook.views.listing import Chosen
    from wf_notebook.views.model import RunView
    from wf_notebook.views.runs_widget import RunsWidget

LIVE: Final = 4  # tables of a session that are kept up to date at once
_INTERVAL_SECONDS: Final = 0.25  # a snapshot has all rows


class Tables:
    """The tables of one session.

    Args:
        outputs: where they go.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._live: list[_Table] = []
        self._made: Counter[str] = Counter()

    def show(self, host: Host, chosen: Chosen, setting: Setting, *, live: bool) -> None:
        """Show the runs of a world under the current cell.

        Args:
            host: the engine of their world.
            chosen: which of them.
            setting: what the views of this session have in common.
            live: whether the table is kept up to date.

        Raises:
            WorldError: they could not be read.
        """
        host.settle()
        found = _Table(self._outputs, host, setting, chosen, name=self._name(chosen))
        try:
            host.wait(host.submit(found.follow()))
        except BaseException:  # an interrupt, too: nobody else could let go of it
            host.post(found.leave)
            raise
        if not live:
            found.show_static()
            return
        found.show()
        self._live.append(found)
        for old in self._live[:-LIVE]:
            self._live.remove(old)
            old.close()

    def _name(self, chosen: Chosen) -> str:
        """The display id of a table, the same after a restart of the kernel."""
        from wf_notebook.views.widget import widget_id

        words = f"{chosen.status} {sorted(chosen.labels.items())}"
        self._made[words] += 1
        return f"wf-runs-{widget_id(words, str(self._made[words]))}"

    def forget(self, run_ids: Sequence[str]) -> None:
        """Take what was forgotten out of the tables; on the engine's thread."""
        for found in list(self._live):
            found.forget(run_ids)

    def end_cell(self) -> None:
        """Let go of the tables whose world was closed."""
        for found in [table for table in self._live if table.closed]:
            self._live.remove(found)
            found.close()

    def close(self) -> None:
        """Leave a static table in every output, and nothing alive."""
        for found in self._live:
            found.close()
        self._live.clear()


class _Table:
    """One table. What it holds is changed on the engine's loop only."""

    def __init__(
        self, outputs: Outputs, host: Host, setting: Setting, chosen: Chosen, *, name: str
    ) -> None:
        self._outputs = outputs
        self._host = host
        self._name = name
        self._roster = Roster(chosen)
        self._pace = Pace(host.loop, self._show, interval=_INTERVAL_SECONDS)
        self._news: dict[str, Activity | None] = {}
        self._widget: RunsWidget | None = None
        self._openings = Openings(host, setting, display=name, changed=_nothing)

    @property
    def closed(self) -> bool:
        """Whether its world was closed."""
        return self._host.closed

    # --- on the engine's loop --------------------------------------------------------------------

    async def follow(self) -> None:
        """Read how the runs stand, and hear of all that changes from now on."""
        host, store = self._host, self._host.store
        host.runner.watchers.append(self._changed)
        for row in await asyncio.wrap_future(store.runs(limit=None)):
            self._roster.put(stored(row))
        for row in await asyncio.wrap_future(store.unfinished()):
            with contextlib.suppress(*UNREADABLE):  # its plain line stays
                self._news[row.run_id] = await host.runner.find(row.run_id)
        self._digest()

    def _changed(self, act: Activity) -> None:
        """Note that a run has changed: what it says by then is looked at when it is shown."""
        self._news[act.run_id] = act
        if self._widget is not None:
            self._pace.soon()

    def forget(self, run_ids: Sequence[str]) -> None:
        """Leave the plain lines of runs that were forgotten."""
        self._news.update(dict.fromkeys(run_ids))
        self._pace.soon()

    def _digest(self) -> list[str]:
        """Take in what has changed; returns the ids of runs that say something else now."""
        news, self._news = self._news, {}
        return [run_id for run_id, act in news.items() if self._put(run_id, act)]

    def _put(self, run_id: str, act: Activity | None) -> bool:
        before = self._roster.get(run_id)
        if run_id in self._host.forgotten or act is None:
            now_us = self._host.clock.now_us()
            return before is not None and self._roster.put(forgotten(before, now_us))
        return self._roster.put(listed(act.state, blocked_words(act.blocked)))

    def _show(self) -> None:
        try:
            changed = self._digest()
            if changed and self._widget is not None:
                self._widget.publish(changed)
        except Exception as error:  # noqa: BLE001 - a table that fails must never stop the engine
            self.leave()
            said = "The table of runs is no longer brought up to date."
            self._host.loop.call_exception_handler({"message": said, "exception": error})

    def leave(self) -> None:
        """Hear of nothing more."""
        self._pace.stop()
        watchers = self._host.runner.watchers
        if self._changed in watchers:
            watchers.remove(self._changed)

    def _settle(self) -> None:
        """Take in what has changed until now, and hear of nothing more."""
        self._show()
        self.leave()

    # --- on the thread of cells ------------------------------------------------------------------

    def show(self) -> None:
        """Show it under the current cell, live."""
        from wf_notebook.views.runs_widget import RunsWidget
        from wf_notebook.views.widget import widget_id

        widget = RunsWidget(
            self._roster,
            cancel=partial(self._host.cancel, reason=None),
            opens=self._openings,
            host=self._host,
            model_id=widget_id(self._name),
        )
        self._publish(str(widget.model_id))
        self._widget = widget
        self._host.post(self._pace.soon)  # what has changed meanwhile

    def show_static(self) -> None:
        """Show it under the current cell as it stands."""
        self._part()
        self._publish()

    def close(self) -> None:
        """Leave it as it stands, and let go."""
        self._part()
        replace(self._outputs, self._name, self._bundle(*self._openings.views))
        self._openings.close()
        if self._widget is not None:
            self._widget.close()

    def _part(self) -> None:
        """Hear of nothing more; what has changed until now is taken in."""
        try:
            self._host.call(self._settle)
        except WorldClosedError:
            self._settle()  # the loop has ended: nothing else is at work on it

    def _publish(self, model_id: str | None = None) -> None:
        data = self._bundle(model_id=model_id)
        self._outputs.publish(data, {}, transient={"display_id": self._name})

    def _bundle(self, *opened: RunView, model_id: str | None = None) -> dict[str, Any]:
        rows, total = self._roster.chosen_rows()
        now_us = self._host.clock.now_us()
        return runs_bundle(rows, *opened, total=total, now_us=now_us, model_id=model_id)


def _nothing() -> None:
    """A run that was opened in a table ends: the table goes on."""
