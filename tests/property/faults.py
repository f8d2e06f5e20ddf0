"""A world that fails its commits when told to, before or after they took effect, or dies in them."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal

from wf_notebook.errors import WorldClosedError, WorldError, WorldFullError

if TYPE_CHECKING:
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Append, EventStore

Fault = Literal["none", "full", "unknown", "dies before", "dies after"]


class FaultyStore:
    """A store between an engine and its world.

    Attributes:
        plan: what happens to the next commits, one each. "full": not written. "unknown": written,
            but the store can't know, and takes no more until the world is opened again. "dies": the
            process does, before or after the commit took effect.
        log: the events of all commits that took effect, in order; it may outlive the store.
        mirror: gets the same appends, or None.
        struck: how many commits failed.
        dead: whether the process has died: nothing more reaches the world.
    """

    def __init__(self, store: EventStore, log: list[Event], mirror: EventStore | None) -> None:
        self.plan: list[Fault] = []
        self.log = log
        self.mirror = mirror
        self.struck = 0
        self.dead = False
        self._store = store
        self._broken: WorldError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        if self.dead:
            return self._failed(WorldClosedError("The process has died."))
        if self._broken is not None:
            return self._failed(self._broken)
        match self.plan.pop(0) if self.plan else "none":
            case "none":
                return self._written(append)
            case "full":
                return self._failed(WorldFullError("No space is left."))
            case "unknown":
                self._written(append).exception(60)
                self._broken = WorldError("It is not known whether the last commit was written.")
                return self._failed(self._broken)
            case "dies before":
                self.dead = True
            case "dies after":
                self._written(append).exception(60)
                self.dead = True
        return self._failed(WorldClosedError("The process has died."))

    def close(self) -> None:
        """Leave the world to whoever made it: a process that dies closes nothing."""

    @property
    def broken(self) -> bool:
        """Whether it takes nothing more until the world is opened again."""
        return self.dead or self._broken is not None

    def _written(self, append: Append) -> Future[tuple[Event, ...]]:
        answer = self._store.commit(append)
        told: Future[tuple[Event, ...]] = Future()
        told.set_running_or_notify_cancel()

        def note(answer: Future[tuple[Event, ...]]) -> None:
            """First of all what took effect is known, then whoever asked hears of it."""
            error = answer.exception()
            if error is not None:
                told.set_exception(error)
                return
            self.log += answer.result()
            if self.mirror is not None:
                self.mirror.commit(append).result()
            told.set_result(answer.result())

        answer.add_done_callback(note)
        return told

    def _failed(self, error: Exception) -> Future[Any]:
        self.struck += 1
        future: Future[Any] = Future()
        future.set_exception(error)
        return future
