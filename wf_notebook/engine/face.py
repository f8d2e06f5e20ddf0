"""What a world asks of whatever moves its runs: the runner here, or the owner in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import StepRegistry
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.decide import Item
    from wf_notebook.guest.values import Tree


class Engine(Protocol):
    """`Runner`, or `sharing.follower.Follower`. Lives on the engine's loop.

    Attributes:
        steps: what is registered in this process.
        watchers: called with every run that has changed.
    """

    steps: StepRegistry
    watchers: list[Callable[[Activity], None]]

    @property
    def steps_thread(self) -> int | None:
        """The ident of the thread of asynchronous steps, or None."""
        ...

    async def open(self) -> None:
        """Find the unfinished runs and move on those that can move."""
        ...

    def activity(self, run_id: str) -> Activity | None:
        """The run while it is unfinished and moved in this process, else None."""
        ...

    async def find(self, run_id: str) -> Activity:
        """Return a run: the live one, or one read back from its log.

        Raises:
            RunNotFoundError: this world has no such run.
            WorldError: it could not be read.
        """
        ...

    async def live(self) -> list[Activity]:
        """Return all runs that have not ended."""
        ...

    async def create(
        self,
        run_id: str,
        definition: Definition,
        *,
        meta: Mapping[str, Any],
        data: Mapping[str, Tree],
    ) -> Activity:
        """Create a run; returns once that is durable.

        Raises:
            RejectedError: the run exists.
            WorldError: it could not be written.
        """
        ...

    async def definition(self, run_id: str) -> Definition:
        """Read a run's definition; hash and id are recomputed.

        Raises:
            ValueError, KeyError, TypeError: it is not what was stored under its hash.
        """
        ...

    async def mode(self, isolation: IsolationMode | None) -> IsolationMode:
        """Return where a run would be put.

        Raises:
            IsolationUnavailable: it cannot be had where runs are moved.
        """
        ...

    def changed(self, act: Activity) -> tuple[str, ...]:
        """Return aliases of steps whose code isn't what the run was started with."""
        ...

    def post(self, run_id: str, item: Item) -> None:
        """Tell a run what has happened; who asked is told in the item's own future."""
        ...

    def wake(self, run_id: str, wait_id: str | None, reply: Future[int]) -> None:
        """End one wait early, or all sleeps; `reply` gets the seq of the last event, or 0."""
        ...

    def notify(self, act: Activity) -> None:
        """Tell a run's subscribers, and those who watch all runs, that something has changed."""
        ...

    def release(self) -> None:
        """Let attempts start, if they were held back."""
        ...

    async def close(self) -> None:
        """Set all runs aside."""
        ...

    def end_steps(self) -> None:
        """End the thread of asynchronous steps; not on the engine's loop."""
        ...
