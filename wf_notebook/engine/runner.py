"""Move runs on: start, resume, wake, cancel; the only place that appends to a world.

Everything here lives on the engine's loop. A run moves in turns: what has happened since the last
one is decided upon, the guest is told, its answer becomes events, and all of that is appended in
one commit. Only then is anything done: attempts start, timers are set, callers are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from wf_notebook.clock import SECOND_US
from wf_notebook.definition.model import Definition
from wf_notebook.engine.activity import Activity, Blocked, from_log, recalled, renewed, together
from wf_notebook.engine.answers import answer, closed, kept, refuse, tell, too_late
from wf_notebook.engine.appending import append
from wf_notebook.engine.attempts import Attempts
from wf_notebook.engine.deadlock import deadlock
from wf_notebook.engine.decide import (
    Decision,
    GaveUp,
    Nudge,
    Pen,
    Resumed,
    StepEnded,
    WaitEnded,
    decide,
)
from wf_notebook.engine.dues import Dues
from wf_notebook.engine.failures import failure_of
from wf_notebook.engine.feed import Feeder
from wf_notebook.engine.holds import changed, held
from wf_notebook.engine.logs import Logs
from wf_notebook.engine.replay import Failed, Outcome, is_told
from wf_notebook.engine.slots import Slots
from wf_notebook.engine.starter import Starter
from wf_notebook.engine.streams import Streams
from wf_notebook.engine.turn import Draft, add_attempts, draft, hand_over, settled
from wf_notebook.engine.unreadable import UNREADABLE, broken_log, overtaken, unread
from wf_notebook.engine.waker import Waker
from wf_notebook.errors import (
    IsolationError,
    PayloadError,
    WorkflowError,
    WorldDamagedError,
    WorldError,
    WorldFullError,
)
from wf_notebook.world.events import recorded
from wf_notebook.world.store import Append, RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from wf_notebook.clock import Clock
    from wf_notebook.config import IsolationMode, Limits
    from wf_notebook.definition.steps import StepRegistry
    from wf_notebook.engine.activity import BlockReason
    from wf_notebook.engine.decide import Item
    from wf_notebook.engine.guests import Guests
    from wf_notebook.engine.waker import Key
    from wf_notebook.guest.values import Tree
    from wf_notebook.ids import Ids
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Chunk, EventStore, RunRow

_LOG = logging.getLogger("wf_notebook")
_REPORT = "This is a defect of wf_notebook: please report it with the log of this process."
RETRY_WORLD_US = 2 * SECOND_US  # how long to wait before a failed commit is tried again
RETRY_DEFECT_US = 60 * SECOND_US  # and before a turn is that broke: its trace is logged each time


class Runner:
    """Moves the unfinished runs of one world.

    Args:
        store: the world.
        steps: the registered steps; a change is noticed.
        guests: gives a fresh guest for an isolation mode.
        clock, ids: where time and ids come from.
        notebook: the one that this process serves, or "".
    """

    def __init__(  # noqa: PLR0913 - everything it acts on comes in through the door
        self,
        *,
        store: EventStore,
        steps: StepRegistry,
        guests: Guests,
        clock: Clock,
        ids: Ids,
        limits: Limits,
        notebook: str = "",
    ) -> None:
        self._store = store
        self._guests = guests
        self.notebook = notebook
        self.steps = steps
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._runs: dict[str, Activity] = {}
        self.watchers: list[Callable[[Activity], None]] = []
        self._creating: set[str] = set()
        self._ours: set[str] = set()  # created here while those from before were still being found
        self._turns: set[asyncio.Task[None]] = set()
        self._closed = False
        self._waker = Waker(clock)
        self._dues = Dues(self._waker, wait_over=self._wait_over, attempt_due=self._attempt_due)
        self._sweeping: asyncio.Task[None] | None = None
        self._streams = Streams(
            store, post=self.post, closed=self._closed_streams, wrote=self._wrote, later=self._later
        )
        self._attempts = Attempts(
            self._step_ended, self.post, self._streams.of, world_id=store.world_id
        )
        self._starter = Starter(steps, Slots(limits.concurrent_steps), self._attempts)
        self._logs = Logs(store)
        self._feeder = Feeder(
            spawn=guests.spawn, logs=self._logs, progress=self.notify, limits=limits
        )
        self._unsubscribe = steps.on_change(self._steps_changed)

    # --- runs ------------------------------------------------------------------------------

    async def create(
        self,
        run_id: str,
        definition: Definition,
        *,
        meta: Mapping[str, Any],
        data: Mapping[str, Tree],
    ) -> Activity:
        """Append `run_created` with its definition, then let the run move.

        Raises:
            RejectedError: the run exists.
            WorldError: it could not be written.
        """
        event = self._pen().write("run_created", data=data, **meta)
        creation = Append(run_id, (event,), definition=definition.to_record())
        log = [recorded(event, run_id=run_id, seq=1)]
        act = from_log(log)
        act.definition = definition
        self._creating.add(run_id)
        self._feeder.begin(act, definition, log)
        try:
            await self._create(creation)
            self._runs[run_id] = act
            if self._sweeping is None:
                self._ours.add(run_id)
        except BaseException:
            self._feeder.discard(act)
            raise
        finally:
            self._creating.discard(run_id)
        self.post(run_id, Nudge())
        return act

    async def _create(self, creation: Append) -> None:
        """Commit a creation; where that fails, look: it may have been written all the same."""
        try:
            await asyncio.wrap_future(self._store.commit(creation))
        except WorldError:
            with contextlib.suppress(WorldError):
                events = await self._logs.read(creation.run_id)
                if events and events[0].event_id == creation.events[0].event_id:
                    return
            raise

    async def open(self, held: Mapping[str, Activity] | None = None) -> None:
        """Find the unfinished runs of the world and move on those that can move.

        Args:
            held: what people hold of runs that another process has moved until now.
        """
        rows = await asyncio.wrap_future(self._store.unfinished())
        if rows:  # one of them will move, and a log takes as long to read as processes to start
            self._guests.expect()
        async for row, fresh in together(self._store, rows):
            if not self._is_ours(row.run_id):
                await self._open_run(row, (held or {}).get(row.run_id), fresh)
        self._sweeping = self._loop.create_task(self._sweep_for_ever())
        self._ours.clear()
        self.rest()

    def _is_ours(self, run_id: str) -> bool:
        """Whether a run was created here, while those from before are still being found.

        It may have ended since: what was read of it before that must not bring it back.
        """
        return run_id in self._creating or run_id in self._runs or run_id in self._ours

    async def _open_run(self, row: RunRow, before: Activity | None, fresh: Activity | None) -> None:
        run_id = row.run_id
        try:
            found = fresh or await recalled(self._store, run_id, self._logs)
            act = renewed(before, found)
        except UNREADABLE as error:  # one run must not keep the others from going on
            act = self._runs[run_id] = unread(row, before, error)
            if isinstance(error, WorldError) and not isinstance(error, WorldDamagedError):
                self._rest_and_read(act)
            return
        self._runs[run_id] = act
        if act.locked is None:
            self._dues.take_up(act.state)
        if act.behind:
            self.post(run_id, Nudge())

    def _take_up(self, act: Activity) -> Activity:
        """Move on a run that was read from its log, if it is one that nobody here knew of."""
        if act.state.terminal or act.locked is not None or self._is_ours(act.run_id):
            return self._runs.get(act.run_id, act)
        self._runs[act.run_id] = act
        self._dues.take_up(act.state)
        self.post(act.run_id, Nudge())
        return act

    def activity(self, run_id: str) -> Activity | None:
        """The run's activity while it is unfinished, or None."""
        return self._runs.get(run_id)

    async def find(self, run_id: str) -> Activity:
        """Return a run: the live one, or one read back from its log; see `Engine.find`."""
        act = self._runs.get(run_id)
        if act is None:
            found = await recalled(self._store, run_id)
            # one that the world has and the engine doesn't: its creation seemed to have failed
            moves = self._sweeping is not None
            act = self._take_up(found) if moves else self._runs.get(run_id, found)
        return act

    async def live(self) -> list[Activity]:
        """Return all runs that have not ended."""
        return self.unfinished

    def changed(self, act: Activity) -> tuple[str, ...]:
        """Return aliases of steps whose code isn't what the run was started with."""
        return () if act.definition is None else changed(act.definition, self.steps.get)

    async def mode(self, isolation: IsolationMode | None) -> IsolationMode:
        """Return where a run would be put."""
        return await self._guests.mode(isolation)

    async def definition(self, run_id: str) -> Definition:
        """Read a run's definition; hash and id are recomputed.

        Raises:
            ValueError, KeyError, TypeError: it is not what was stored under its hash.
        """
        return Definition.from_record(await asyncio.wrap_future(self._store.definition(run_id)))

    @property
    def unfinished(self) -> list[Activity]:
        """All runs that have not ended."""
        return list(self._runs.values())

    def notify(self, act: Activity) -> None:
        """Tell a run's subscribers, and those who watch all runs, that something has changed."""
        for callback in list(act.subscribers):
            callback()
        for watcher in list(self.watchers):
            watcher(act)

    @property
    def steps_thread(self) -> int | None:
        """The ident of the thread of asynchronous steps, or None before the first."""
        return self._attempts.steps_thread

    # --- what may be asked of a run ----------------------------------------------------------

    def post(self, run_id: str, item: Item) -> None:
        """Tell a run what has happened; a turn follows."""
        act = self._runs.get(run_id)
        if self._closed:
            refuse(item, closed())
        elif act is None:
            too_late(run_id, item)
        elif act.locked is not None:
            refuse(item, act.locked)
        elif act.blocked is not None and not act.readable and not act.resting:
            refuse(item, WorldError(act.blocked.message, hint=act.blocked.hint))
            self.notify(act)
        else:
            act.inbox.append(item)
            self._begin(act)

    def wake(self, run_id: str, wait_id: str | None, reply: Future[int]) -> None:
        """End one wait early, or all sleeps; `reply` gets the seq of the last event, or 0."""
        act = self._runs.get(run_id)
        waits = act.state.open_waits if act is not None else []
        chosen = [w.id for w in waits if w.id == wait_id or (wait_id is None and w.kind == "sleep")]
        if not chosen:
            tell(reply, 0)
        for wait in chosen:
            last = wait == chosen[-1]
            self.post(run_id, WaitEnded(wait, woken=True, reply=reply if last else None))

    def nudge_all(self) -> None:
        """Let every run that waits for a step or is blocked look again."""
        for act in list(self._runs.values()):
            if act.todo or act.blocked is not None:
                self.post(act.run_id, Nudge())

    def _steps_changed(self) -> None:
        self._loop.call_soon_threadsafe(self._look_at_steps)

    def _look_at_steps(self) -> None:
        self.nudge_all()
        for act in self._runs.values():
            if act.subscribers:  # a view says which steps have changed since a run began
                self.notify(act)

    def pause(self) -> None:
        """Hold attempts back until `release`."""
        self._starter.slots.paused = True

    def release(self) -> None:
        """Let attempts start, if they were held back."""
        if self._starter.slots.paused:
            self._starter.slots.paused = False
            self.nudge_all()

    # --- turns -----------------------------------------------------------------------------

    def _begin(self, act: Activity) -> None:
        if act.inbox and not act.turning and not act.resting:
            act.turning = True
            task = self._loop.create_task(self._take_turns(act))
            self._turns.add(task)
            task.add_done_callback(self._turn_done)

    def _turn_done(self, task: asyncio.Task[None]) -> None:
        self._turns.discard(task)
        self.rest()

    async def _take_turns(self, act: Activity) -> None:
        items: list[Item] = []
        try:
            while act.inbox and not act.resting and not self._closed:
                items, act.inbox = act.inbox, []
                await self._turn(act, items)
        except Exception as error:  # noqa: BLE001 - a defect of ours: say so, don't hang
            self._stumbled(act, items, error)
        finally:
            act.turning = False
            self.notify(act)

    async def _turn(self, act: Activity, items: Sequence[Item]) -> None:
        pen = self._pen(act)
        decision = decide(act.state, items, pen)
        for reply, error in decision.refused:
            tell(reply, error)
        result = Draft()
        try:
            outcome, chunks = await self._answer(act, decision)
            result = draft(act, decision, outcome, pen, limits=self._limits)
            add_attempts(act, result, pen, self._starter)
            events = await self._append(act, result, chunks, pen)
        except (WorldError, RejectedError, IsolationError) as error:
            self._starter.give_back(result.calls)
            self._failed(act, items, decision, error)
            return
        except PayloadError as error:
            self._starter.give_back(result.calls)
            await self._unwritable(act, items, decision, error)
            return
        settled(act, outcome, result)
        await self._act(act, decision, result, events)

    async def _answer(
        self, act: Activity, decision: Decision
    ) -> tuple[Outcome | Blocked | None, Sequence[Chunk]]:
        """Ask the guest, if there is something to tell it and the run may go on here."""
        if decision.cancel is not None or decision.gave_up is not None:
            return None, ()
        if act.definition is None:
            try:
                act.definition = await self.definition(act.run_id)
            except (ValueError, KeyError, TypeError) as error:
                return Failed([], "DEFINITION_MISMATCH", failure_of(error), None), ()
        stopped = held(act.state, act.definition, notebook=self.notebook, step=self.steps.get)
        told = any(map(is_told, decision.events))
        moved = told or act.behind or act.undelivered
        if stopped or act.ended is not None or not moved:
            return stopped, ()
        return await self._feeder.feed(act, act.definition, decision.events)

    async def _append(
        self, act: Activity, result: Draft, printed: Sequence[Chunk], pen: Pen
    ) -> Sequence[Event]:
        """Commit a draft and what its steps have written until now."""
        async with self._streams.taken(act.run_id) as written:
            chunks = (*printed, *written)
            events = await append(self._store, act.run_id, result, chunks, pen)
        act.wrote(chunks)
        return events

    # --- when a commit fails -----------------------------------------------------------------

    def _failed(
        self, act: Activity, items: Sequence[Item], decision: Decision, error: Exception
    ) -> None:
        """Keep what was not written: the guest is dropped, outcomes wait for the next try."""
        self._feeder.discard(act)
        shown = error if isinstance(error, WorkflowError) else overtaken(act, error)
        for reply in decision.askers():
            tell(reply, shown)
        reason: BlockReason = "isolation" if isinstance(error, IsolationError) else "world"
        passing = isinstance(error, RejectedError | WorldFullError)
        act.blocked = Blocked(reason, shown.message, shown.hint, passing=passing)
        act.inbox[:0] = [left for item in items if (left := kept(item)) is not None]
        self._rest_and_read(act)
        self.notify(act)

    def _rest_and_read(self, act: Activity) -> None:
        act.resting = True
        self._later((act.run_id, "again"), lambda: self._again(act))

    def _stumbled(self, act: Activity, items: Sequence[Item], error: Exception) -> None:
        """Say what broke, and keep what happened: a later turn may get further."""
        _LOG.error("run %s could not be moved", act.run_id, exc_info=error)
        act.blocked = Blocked("internal", f"{type(error).__name__}: {error}", _REPORT)
        for item in items:
            refuse(item, WorkflowError(act.blocked.message, hint=_REPORT))
        act.inbox[:0] = [left for item in items if (left := kept(item)) is not None]
        self._later((act.run_id, "again"), partial(self.post, act.run_id, Nudge()), RETRY_DEFECT_US)
        self._feeder.discard(act)  # it may have been told what was not written

    def _later(self, key: Key, callback: Callable[[], None], after_us: int | None = None) -> None:
        if not self._closed:
            self._waker.soon(key, RETRY_WORLD_US if after_us is None else after_us, callback)

    async def _unwritable(
        self, act: Activity, items: Sequence[Item], decision: Decision, error: PayloadError
    ) -> None:
        """A value is too large to be written, and will be: refuse what was asked, or fail the run.

        A payload is its sender's trouble. What a step returned, or the body asked for, comes again
        on every replay.
        """
        for reply in decision.askers():
            tell(reply, error)
        if not all(isinstance(item, Resumed) for item in items):
            act.inbox.append(GaveUp("PAYLOAD_ERROR", failure_of(error)))
        self._feeder.discard(act)
        await self._read_again(act)

    def _again(self, act: Activity) -> None:
        task = self._loop.create_task(self._read_again(act))
        self._turns.add(task)
        task.add_done_callback(self._turn_done)

    async def _read_again(self, act: Activity) -> None:
        """Read the run back, since the failed commit may have been written, and go on."""
        try:
            fresh = from_log(await self._logs.read(act.run_id))
        except UNREADABLE as error:
            said = error if isinstance(error, WorldError) else broken_log(act.run_id, error)
            self._failed(act, (), Decision(), said)
            return
        act.begin_from(fresh)
        act.behind, act.ended, act.resting = True, None, False
        if act.state.terminal:
            self._finish(act)
            self.notify(act)
            return
        self._dues.take_up(act.state)
        self.post(act.run_id, Nudge())

    # --- acting on what is durable -----------------------------------------------------------

    async def _act(
        self, act: Activity, decision: Decision, result: Draft, events: Sequence[Event]
    ) -> None:
        for call in result.calls:  # first: while they begin, the rest is noted
            self._starter.start(call)
        for event in events:
            act.state.apply(event)
            self._apply(act, event)
        answer(act.state, decision, events)
        if act.state.terminal:
            self._finish(act)
        elif result.held:
            self._feeder.discard(act)
        else:
            hand_over(act, result, events)
            if (stuck := await deadlock(act)) is not None:
                act.inbox.append(stuck)
        self.notify(act)

    def _apply(self, act: Activity, event: Event) -> None:
        self._dues.follow(event)
        if event.type == "step_cancelled":
            self._attempts.cancel(str(event.correlation_id))
        elif event.type == "step_retrying":
            act.todo.pop(str(event.correlation_id), None)  # a log read meanwhile had it running
        elif event.type == "run_adopted":  # this turn was still held
            act.blocked = None
            act.inbox.append(Nudge())

    # --- what moves by itself ----------------------------------------------------------------

    async def _sweep_for_ever(self) -> None:
        while True:
            await self._clock.tick()
            self.sweep()

    def sweep(self) -> None:
        """Move on what is due by the clock and open in the world, whatever became of its timer."""
        self._dues.sweep(self._is_busy, self._starter.in_flight)

    def _is_busy(self, run_id: str) -> bool:
        """Whether a run moves anyway, or will as soon as the world can be written again."""
        act = self._runs.get(run_id)
        return act is None or act.turning or act.resting or bool(act.inbox)

    def _wait_over(self, run_id: str, wait_id: str) -> None:
        self.post(run_id, WaitEnded(wait_id))

    def _attempt_due(self, run_id: str, step_id: str) -> None:
        act = self._runs.get(run_id)
        if act is not None and step_id not in act.todo:
            self._starter.forget(step_id)
            act.todo[step_id] = None
            self.post(run_id, Nudge())

    def _finish(self, act: Activity) -> None:
        self._runs.pop(act.run_id, None)
        self._streams.end(act.run_id)
        self._dues.let_go(act.state)
        for what in ("again", "streams"):
            self._waker.drop((act.run_id, what))
        for item in act.inbox:
            too_late(act.run_id, item)
        act.inbox, act.blocked = [], None
        self._feeder.discard(act)

    # --- steps, the log, the end ---------------------------------------------------------------

    def _step_ended(self, run_id: str, item: StepEnded) -> None:
        self._starter.landed(item.step)
        self.post(run_id, item)
        self.rest()

    def _closed_streams(self, run_id: str) -> Iterable[str]:
        act = self._runs.get(run_id)
        return () if act is None else act.state.closed_streams

    def _wrote(self, run_id: str, chunks: Sequence[Chunk]) -> None:
        act = self._runs.get(run_id)
        if act is not None:
            act.wrote(chunks)
            self.notify(act)

    def rest(self) -> None:
        """Between turns: give free slots away; tell the clock if only it can move anything."""
        if self._closed:
            return
        for run_id in self._starter.slots.offers():
            self.post(run_id, Nudge())
        if not self._turns and not self._starter.slots.in_flight:
            self._clock.idle()

    def _pen(self, act: Activity | None = None) -> Pen:
        return Pen(self._ids, max(self._clock.now_us(), act.state.time_us if act else 0))

    async def close(self) -> None:
        """Set all runs aside; nothing is recorded, and they go on when the world is opened."""
        self._closed = True
        self._unsubscribe()
        self._waker.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._turns:
            await asyncio.wait(list(self._turns))
        for act in list(self._runs.values()):
            for item in act.inbox:
                refuse(item, closed())
            self._feeder.discard(act)
            for callback in list(act.subscribers):  # who follows a stream sees that it is over
                with contextlib.suppress(WorldError):
                    callback()
        await self._streams.close()
        await self._feeder.close()
        self._attempts.stop()

    def end_steps(self) -> None:
        """End the thread of asynchronous steps; the caller waits, so not on the engine's loop."""
        self._attempts.close()
