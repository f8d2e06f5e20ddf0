"""What the buttons and panels of a view do with a run: futures, on any thread."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.approving import as_of_now, need
from wf_notebook.engine.host import Host, Launch, Origin
from wf_notebook.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from wf_notebook.definition.model import Definition
    from wf_notebook.engine.activity import Activity
    from wf_notebook.views.model import Facts
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState

_CHILDREN: Final = 50  # of the runs that steps have started, so many are looked up


class RunActions:
    """What a click asks of a run (a `views.asking.Actions`)."""

    def __init__(self, host: Host, activity: Activity) -> None:
        self._host = host
        self._act = activity

    def resume(self, token: str, payload: object, resume_id: str, /) -> Future[int]:
        """Resume the hook; fails with `HookPayloadError` for a payload that doesn't fit."""
        return self._host.resume(token, payload, resume_id, run_id=self._act.run_id)

    def wake(self, wait_id: str | None, /) -> Future[int]:
        """End one sleep early, or all."""
        return self._host.wake(self._act.run_id, wait_id)

    def cancel(self) -> Future[int]:
        """Cancel the run."""
        return self._host.cancel(self._act.run_id, None)

    def rerun(self) -> Future[Activity]:
        """Start another run of the same stored definition with the same arguments."""
        return self._host.submit(self._rerun())

    async def _rerun(self) -> Activity:
        host, act = self._host, self._act
        origin: Any = act.state.created.get("origin") or {}
        definition = await host.definition(act)
        approval = await need(host, lambda: as_of_now(definition, host.runner.steps.get))
        approved = {} if approval is None else {"approval": approval}
        launch = Launch(
            run_id=host.ids.run_id(host.clock.now_us()),
            definition=definition,
            args=act.args,
            kwargs=act.kwargs,
            isolation=await asyncio.to_thread(host.mode, act.isolation),
            origin=Origin(**origin),
            extra={"attributes": act.state.attributes, "rerun_of": act.run_id, **approved},
            models=act.models,
        )
        return await asyncio.wrap_future(host.start(launch))


class RunLog:
    """A run as a view reads it (a `views.reading.Source`).

    Args:
        facts: what a view shows of it that isn't in its log.
    """

    def __init__(self, host: Host, activity: Activity, facts: Callable[[], Facts]) -> None:
        self._host = host
        self._act = activity
        self._facts = facts

    @property
    def state(self) -> RunState:
        """What it is now; on the engine's loop."""
        return self._act.state

    @property
    def facts(self) -> Facts:
        """What a view shows of it that isn't in its log."""
        return self._facts()

    def events(self, after: int, until: int | None = None, /) -> Future[Sequence[Event]]:
        """Its events with `seq` above `after`, and not above `until`, opened."""
        return self._host.store.read(self._act.run_id, after, until)

    def definition(self) -> Future[Definition]:
        """What it executes, opened."""
        return self._host.submit(self._host.definition(self._act))

    def find_children(self) -> Future[None]:
        """Learn which runs its steps have started: the logs of those say it.

        One that cannot be read is left out: it says so itself when it is opened.
        """
        return self._host.submit(self._find_children())

    async def _find_children(self) -> None:
        act, known = self._act, set(self._act.children.values())
        ids = await asyncio.wrap_future(self._host.store.children(act.run_id))
        before = len(known)
        for run_id in [i for i in ids if i not in known][-_CHILDREN:]:
            with contextlib.suppress(WorldError):
                child = await asyncio.wrap_future(self._host.activity(run_id))
                act.children.setdefault(child.state.created["parent"]["step_id"], run_id)
        if len(act.children) > before:
            self._host.runner.notify(act)
