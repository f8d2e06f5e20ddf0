"""Runs that another process moves, as this one sees them: it stands where a runner stands.

Of each run that somebody here looks at it keeps a mirror: the events that the owner has appended,
folded as the owner folds them, and what the owner says of how it stands. What is asked of a run
goes to the owner. Once this process owns the world, the runner takes the mirrors over as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.definition.model import Definition
from wf_notebook.engine import decide
from wf_notebook.engine.activity import Activity, Blocked, recalled
from wf_notebook.engine.answers import tell
from wf_notebook.engine.attributes import Attributes
from wf_notebook.errors import (
    RunNotFoundError,
    WorkflowError,
    WorldClosedError,
    WorldError,
    WorldKeyError,
    WorldLockedError,
)
from wf_notebook.sharing import protocol
from wf_notebook.world.lock import named
from wf_notebook.world.store import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.steps import StepRegistry
    from wf_notebook.engine.activity import BlockReason
    from wf_notebook.engine.decide import Item
    from wf_notebook.engine.face import Engine
    from wf_notebook.guest.values import Tree
    from wf_notebook.sharing.line import Line
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

_CLOSE: Final = "close the world there: this process then takes over and goes on."


class Follower:
    """An `Engine` in another process. Lives on the engine's loop.

    Args:
        line: to the owner.
        store: reads through it.
        steps: what is registered here; used once this process owns the world.
        paused: whether attempts are held back then.

    Attributes:
        successor: the runner, once this process owns the world.
    """

    def __init__(
        self, line: Line, store: EventStore, *, steps: StepRegistry, paused: bool = False
    ) -> None:
        self.steps = steps
        self.watchers: list[Callable[[Activity], None]] = []
        self.paused = paused
        self.successor: Engine | None = None
        self._line = line
        self._store = store
        self._runs: dict[str, Activity] = {}
        self._changed: dict[str, tuple[str, ...]] = {}
        self._written: dict[str, Counter[str]] = {}  # as the owner counts
        self._notices: Counter[str] = Counter()
        self._news: dict[str, protocol.Notice] = {}
        self._digesting: set[str] = set()
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False

    # --- runs ------------------------------------------------------------------------------

    @property
    def steps_thread(self) -> int | None:
        """None: steps run in the owner."""
        return None if self.successor is None else self.successor.steps_thread

    @property
    def held(self) -> list[Activity]:
        """The mirrors: runs that somebody here looks at and that had not ended."""
        return list(self._runs.values())

    async def open(self) -> None:
        """Nothing: a run is looked at when somebody asks for it."""

    def activity(self, run_id: str) -> Activity | None:
        """None: no run is moved here, and the owner may know more than a mirror."""
        return None if self.successor is None else self.successor.activity(run_id)

    async def find(self, run_id: str) -> Activity:
        """Return a run, and follow it from now on; see `Engine.find`."""
        async with self._reading[run_id]:
            if self.successor is not None:
                return await self.successor.find(run_id)
            if run_id in self._runs:
                return self._runs[run_id]
            act = await recalled(self._store, run_id)
            if (owner := self._owner()) is not None:
                return await owner.find(run_id)
            if act.state.terminal:
                self._forget(run_id)
                return act
            # from here on a notice is for this very object, should another process take over
            self._runs[run_id] = act
        await self._look(act)
        return act

    def _owner(self) -> Engine | None:
        """The runner, if this process owns the world by now: asked anew after each wait."""
        return self.successor

    async def live(self) -> list[Activity]:
        """Return all runs that have not ended."""
        rows = await asyncio.wrap_future(self._store.unfinished())
        found = [await self.find(row.run_id) for row in rows]
        return [act for act in found if not act.state.terminal]

    async def create(
        self,
        run_id: str,
        definition: Definition,
        *,
        meta: Mapping[str, Any],
        data: Mapping[str, Tree],
    ) -> Activity:
        """Have the owner create a run; see `Engine.create`."""
        ask = protocol.Create(
            run=run_id, definition=definition.to_record(), meta=dict(meta), data=dict(data)
        )
        try:
            await self._line.ask(ask)
        except RejectedError as error:
            if error.reason != "run_exists" or not await self._is_mine(run_id, data):
                raise
        act = await self.find(run_id)
        act.definition = definition
        return act

    async def _is_mine(self, run_id: str, data: Mapping[str, Tree]) -> bool:
        """Whether it was created by this very call, whose answer was lost with its owner."""
        events = await asyncio.wrap_future(self._store.read(run_id))
        created = (events[0].data or {}) if events else {}
        return created.get("seed") == data["seed"]

    async def definition(self, run_id: str) -> Definition:
        """Read a run's definition; hash and id are recomputed."""
        return Definition.from_record(await asyncio.wrap_future(self._store.definition(run_id)))

    async def mode(self, isolation: IsolationMode | None) -> IsolationMode:
        """Return where the owner would put a run."""
        return protocol.mode((await self._line.ask(protocol.Mode(isolation=isolation))).value)

    def changed(self, act: Activity) -> tuple[str, ...]:
        """Return aliases of steps whose code at the owner isn't what the run was started with."""
        if self.successor is not None:
            return self.successor.changed(act)
        return self._changed.get(act.run_id, ())

    # --- what may be asked of a run ------------------------------------------------------------

    def post(self, run_id: str, item: Item) -> None:
        """Ask the owner to tell a run what has happened."""
        if self.successor is not None:
            self.successor.post(run_id, item)
            return
        self._begin(self._ask(run_id, item))

    async def _ask(self, run_id: str, item: Item) -> None:
        reply: Future[int] | None = getattr(item, "reply", None)
        try:
            seq = (await self._line.ask(protocol.Post(run=run_id, item=_message(item)))).value
            await self._caught_up(run_id, seq)
        except (WorkflowError, RejectedError) as error:
            if reply is not None:
                tell(reply, error)
        else:
            if reply is not None:
                tell(reply, seq)

    async def _caught_up(self, run_id: str, seq: int) -> None:
        """Let the mirror know an event before whoever caused it is told."""
        act = self._runs.get(run_id)
        if act is not None and act.state.seq < seq:
            await self._read_on(act)
            self.notify(act)

    def wake(self, run_id: str, wait_id: str | None, reply: Future[int]) -> None:
        """End one wait early, or all sleeps: each by its id, so that it may be asked twice."""
        if self.successor is not None:
            self.successor.wake(run_id, wait_id, reply)
            return
        self._begin(self._wake(run_id, wait_id, reply))

    async def _wake(self, run_id: str, wait_id: str | None, reply: Future[int]) -> None:
        try:
            act = await self.find(run_id)
            await self._read_on(act)
        except WorkflowError as error:
            tell(reply, error)
            return
        waits = act.state.open_waits
        chosen = [w.id for w in waits if w.id == wait_id or (wait_id is None and w.kind == "sleep")]
        if not chosen:
            tell(reply, 0)
        for wait in chosen:
            last = wait == chosen[-1]
            self.post(run_id, decide.WaitEnded(wait, woken=True, reply=reply if last else None))

    def release(self) -> None:
        """Let attempts start once this process owns the world."""
        self.paused = False
        if self.successor is not None:
            self.successor.release()

    # --- what the owner says -----------------------------------------------------------------

    def notify(self, act: Activity) -> None:
        """Tell a run's subscribers, and those who watch all runs, that something has changed."""
        for callback in list(act.subscribers):
            callback()
        for watcher in list(self.watchers):
            watcher(act)

    def hear(self, notice: protocol.Notice) -> None:
        """Take in how a run stands: one that somebody looks at, or all of them."""
        run_id = notice.run
        if self._over or not (run_id in self._runs or self.watchers):
            return
        self._notices[run_id] += 1
        self._news[run_id] = notice
        if run_id not in self._digesting:
            self._digesting.add(run_id)
            self._begin(self._digest(run_id))

    async def _digest(self, run_id: str) -> None:
        try:
            while run_id in self._news:
                act = await self.find(run_id)
                notice = self._news.pop(run_id, None)
                if notice is not None and notice.seq > act.state.seq:
                    await self._read_on(act)
                if notice is not None:
                    self._stands(act, notice)
                    self.notify(act)
        except (WorldLockedError, WorldClosedError):
            pass  # the owner is gone: all is looked at again once there is another
        except (WorldError, RunNotFoundError) as error:
            self._unreadable(run_id, error)
        finally:
            self._digesting.discard(run_id)

    def _unreadable(self, run_id: str, error: WorkflowError) -> None:
        act = self._runs.get(run_id)
        if act is not None:
            reason: BlockReason = "key" if isinstance(error, WorldKeyError) else "world"
            act.blocked = Blocked(reason, error.message, error.hint)
            self.notify(act)

    async def resync(self) -> None:
        """Look at all runs again: another owner moves them now."""
        for act in self.held:
            with contextlib.suppress(WorkflowError):
                stored = await asyncio.wrap_future(self._store.streams(act.run_id))
                act.written.update(stored.keys())  # who follows one looks again
                self._written.pop(act.run_id, None)
                await self._look(act)

    async def _look(self, act: Activity) -> None:
        """Ask how a run stands; what the owner says meanwhile of itself is newer."""
        before = self._notices[act.run_id]
        reply = await self._line.ask(protocol.Status(run=act.run_id))
        notice = protocol.notice(reply.value)
        if notice is None or notice.seq > act.state.seq:
            await self._read_on(act)
        if notice is not None and self._notices[act.run_id] == before:
            self._stands(act, notice)
        self.notify(act)

    async def _read_on(self, act: Activity) -> None:
        async with self._reading[act.run_id]:
            if self.successor is not None or act.state.terminal:
                return
            events = await asyncio.wrap_future(self._store.read(act.run_id, act.state.seq))
            if self._owner() is not None:
                return  # the runner has read it back
            self._fold(act, events)

    def _fold(self, act: Activity, events: Sequence[Event]) -> None:
        for event in events:
            act.state.apply(event)
            if event.type == "attr_set":
                act.attributes = Attributes(act.state.attributes)
        if act.state.terminal:
            act.blocked, act.turning = None, False
            self._forget(act.run_id)

    def _forget(self, run_id: str) -> None:
        """Hold nothing of a run that has ended."""
        for held in (self._runs, self._changed, self._written, self._notices, self._reading):
            held.pop(run_id, None)

    def _stands(self, act: Activity, notice: protocol.Notice) -> None:
        if act.state.terminal or act.locked is not None or self.successor is not None:
            return
        act.blocked = self._blocked(notice.blocked)
        act.replayed = notice.replayed
        act.turning, act.resting = notice.busy, notice.resting
        before = self._written.get(act.run_id, Counter())
        act.written.update(n for n, count in notice.written.items() if count != before[n])
        self._written[act.run_id] = Counter(notice.written)
        self._changed[act.run_id] = tuple(notice.changed)

    def _blocked(self, fact: protocol.BlockedFact | None) -> Blocked | None:
        """Why it cannot go on, in terms of who could mend it."""
        if fact is None:
            return None
        owner = f"the owner of its world, {named(self._line.owner)},"
        match fact.reason, fact.report.get("steps"):
            case "step", str(steps):
                said = f"It needs a step that {owner} has not defined: {steps}."
                return Blocked("step", said, f"Define it there, or {_CLOSE}", fact.report)
            case "origin", _:
                said = f"{fact.message} Runs are moved by {owner} not by this process."
                return Blocked("origin", said, f"Adopt it there, or {_CLOSE}", fact.report)
            case _:
                return Blocked(
                    fact.reason, fact.message, fact.hint, fact.report, passing=fact.passing
                )

    # --- the end -----------------------------------------------------------------------------

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        if self._over:
            coroutine.close()
            return
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Follow no more."""
        self._over = True
        self._line.close()
        for act in self.held:
            for callback in list(act.subscribers):  # who follows a stream sees that it is over
                with contextlib.suppress(WorldError):
                    callback()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    def end_steps(self) -> None:
        """Nothing: steps run in the owner."""


def _message(item: Item) -> protocol.Item:
    match item:
        case decide.Resumed():
            return protocol.Resume(
                hook=item.hook, token=item.token, payload=item.payload, resume_id=item.resume_id
            )
        case decide.WaitEnded(wait=wait):
            return protocol.Wake(wait=wait)
        case decide.AttributesSet(changes=changes):
            return protocol.Label(changes=dict(changes))
        case decide.Adopted(notebook=notebook):
            return protocol.Adopt(notebook=notebook)
        case decide.CancelAsked(reason=reason):
            return protocol.Cancel(reason=reason)
        case decide.Nudge():
            return protocol.Look()
        case decide.StepEnded() | decide.StreamEnded() | decide.GaveUp():
            raise WorldError("Only the owner of a world says this of a run.")
