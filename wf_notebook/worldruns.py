"""What can be asked of the runs of an open world?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from wf_notebook.run import Run
from wf_notebook.world.upkeep import FORGOTTEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.engine.host import Host
    from wf_notebook.world.state import Hook
    from wf_notebook.world.store import RunRow

__all__ = ["LIVE", "WorldRuns"]

_MORE: Final = 50  # rows that are read besides twice as many, where too few were left
LIVE: Final = frozenset({"pending", "running", "suspended", "blocked"})


class WorldRuns:
    """The part of a `World` that finds runs and hooks.

    Attributes:
        host: the engine at work on the world.
    """

    host: Host

    def settle(self) -> None:
        """Wait until the unfinished runs found at opening are known to the engine."""
        self.host.settle()

    def get(self, run_id: str) -> Run:
        """Return a run; of a locked world, as far as it is plain.

        Raises:
            RunNotFoundError: this world has no such run.
            RunForgottenError: it was forgotten.
        """
        self.settle()
        return Run(self.host, self.host.wait(self.host.activity(run_id)))

    def rows(
        self,
        *,
        status: str | None = None,
        workflow_id: str | None = None,
        attributes: Mapping[str, str] | None = None,
        limit: int | None = 50,
    ) -> list[RunRow]:
        """Return one plain line for each run, newest first; `attributes` as for `runs`."""
        most = None if attributes else limit
        stored = self.host.store.runs(status=status, workflow_id=workflow_id, limit=most)
        wanted = (attributes or {}).items()
        return [r for r in self.host.wait(stored) if wanted <= r.attributes.items()][:limit]

    def runs(
        self,
        *,
        status: str | None = None,
        workflow_id: str | None = None,
        attributes: Mapping[str, str] | None = None,
        limit: int | None = 50,
    ) -> list[Run]:
        """Return runs, newest first; forgotten ones are lines in `rows` only.

        Args:
            status: only runs that stand so; any word that `Run.status` may say.
            workflow_id: only runs of that definition.
            attributes: only runs that are labelled so, among other things.
            limit: how many at most.
        """
        if status in LIVE:
            wanted = (attributes or {}).items()
            live = (r for r in self.unfinished(workflow_id) if r.status == status)
            return [r for r in live if wanted <= r.attributes.items()][:limit]
        chosen = partial(self.rows, status=status, workflow_id=workflow_id, attributes=attributes)
        return [self.get(row.run_id) for row in _remembered(chosen, limit)]

    def unfinished(self, workflow_id: str | None = None) -> list[Run]:
        """Return the runs that have not ended, newest first."""
        self.settle()
        run_ids = [row.run_id for row in self.unfinished_rows(workflow_id)]
        return [Run(self.host, act) for act in self.host.wait(self.host.activities(run_ids))]

    def unfinished_rows(self, workflow_id: str | None = None) -> list[RunRow]:
        """Return one plain line for each run that has not ended, newest first."""
        rows = self.host.wait(self.host.store.unfinished())
        return [r for r in reversed(rows) if workflow_id in (None, r.workflow_id)]

    def hooks(self) -> list[tuple[Run, Hook]]:
        """Return the hooks that may be resumed, each with its run, newest run first."""
        return [(run, hook) for run in self.unfinished() for hook in run.hooks if hook.open]

    def resume(self, token: str, payload: object = None, resume_id: str | None = None) -> int:
        """Resume the open hook with that token; see `Run.resume`."""
        self.settle()
        return self.host.wait(self.host.resume(token, payload, resume_id))


def _remembered(chosen: Callable[..., list[RunRow]], limit: int | None) -> list[RunRow]:
    """Return the newest rows but those of forgotten runs; more are read if too few are left."""
    asked = limit
    while True:
        rows = chosen(limit=asked)
        left = [row for row in rows if row.status != FORGOTTEN]
        if asked is None or len(rows) < asked or limit is None or len(left) >= limit:
            return left[:limit]
        asked = 2 * asked + _MORE
