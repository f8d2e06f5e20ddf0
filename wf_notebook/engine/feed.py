"""Feed a run's guest: a live one gets what is new, a cold one the whole log."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

from wf_notebook.engine.batches import batches, weight
from wf_notebook.engine.failures import failure_of
from wf_notebook.engine.references import Shelf, given, named, whole
from wf_notebook.engine.replay import (
    Completed,
    Diverged,
    Failed,
    Outcome,
    delivery,
    is_told,
    judge,
    plan,
    start_message,
)
from wf_notebook.errors import GuestBudgetError, GuestDiedError, GuestProtocolError
from wf_notebook.ids import guest_seed
from wf_notebook.isolation.protocol import HookCommand, StepCommand, bounded
from wf_notebook.world.store import Chunk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from wf_notebook.config import IsolationMode, Limits
    from wf_notebook.definition.model import Definition
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.logs import Logs
    from wf_notebook.engine.replay import Recorded
    from wf_notebook.guest.values import Tree
    from wf_notebook.isolation.protocol import Command, Guest, Reply
    from wf_notebook.world.events import Event, NewEvent

STOPPED: Final = (GuestBudgetError, GuestDiedError, GuestProtocolError)


class Feeder:
    """Asks guests. Lives on the engine's loop.

    Args:
        spawn: gives a fresh guest for an isolation mode.
        logs: reads the runs' logs.
        progress: called when replay progress has changed.
    """

    def __init__(
        self,
        *,
        spawn: Callable[[IsolationMode], Awaitable[Guest]],
        logs: Logs,
        progress: Callable[[Activity], None],
        limits: Limits,
    ) -> None:
        self._spawn = spawn
        self._logs = logs
        self._progress = progress
        self._limits = limits
        self._live: OrderedDict[str, Activity] = OrderedDict()  # with a guest, oldest use first
        self._beginning: set[asyncio.Task[tuple[Outcome, Reply]]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._shelf = Shelf()

    def begin(self, act: Activity, definition: Definition, log: Sequence[Event]) -> None:
        """Let a guest begin with a run while that is being written.

        It can only ask, and nobody hears what it asks for before the run is in the world.
        """
        reading = asyncio.get_running_loop().create_future()
        reading.set_result(log)
        act.begun = asyncio.create_task(self._cold(act, definition, reading), name="wf-begin")
        self._beginning.add(act.begun)
        act.begun.add_done_callback(self._beginning.discard)

    async def feed(
        self, act: Activity, definition: Definition, events: Sequence[NewEvent]
    ) -> tuple[Outcome, list[Chunk]]:
        """Tell a run's guest of events that are not in the log yet; return what it answers.

        A guest that dies is replaced once: it holds nothing that a replay doesn't bring back.

        Raises:
            IsolationUnavailable: no guest can be had.
        """
        for last_try in (False, True):
            try:
                result = await self._feed(act, definition, events)
            except STOPPED as error:
                self.discard(act)
                if last_try or not isinstance(error, GuestDiedError):
                    return stopped(error), []
            else:
                self._keep(act)
                return result
        raise AssertionError

    def _keep(self, act: Activity) -> None:
        """Keep the guests of the runs that moved last; the others replay cold when they move."""
        self._live[act.run_id] = act
        self._live.move_to_end(act.run_id)
        while len(self._live) > self._limits.live_guests:
            idle = next((a for a in self._live.values() if not a.turning), None)
            if idle is None:
                return
            self.discard(idle)

    def discard(self, act: Activity) -> None:
        """Let a run's guest go; its next turn replays from the log.

        Nobody waits until its process is gone, but for `close`.
        """
        self._live.pop(act.run_id, None)
        self._shelf.drop(act.run_id)
        self._logs.drop(act.run_id)
        begun, act.begun = act.begun, None
        guest, act.guest = act.guest, None
        act.delivered = 0
        if act.undelivered:
            act.undelivered, act.behind = [], True
        if begun is not None:
            self._end(_called_off(begun))
        if guest is not None:
            self._end(guest.close())

    def _end(self, closing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(closing, name="wf-end")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Return when everything is gone that was let go, or that no run will ever want."""
        for begun in self._beginning:
            self._end(_called_off(begun))
        if self._ending:
            await asyncio.wait(list(self._ending))

    async def _feed(
        self, act: Activity, definition: Definition, events: Sequence[NewEvent]
    ) -> tuple[Outcome, list[Chunk]]:
        new = [self._shelf.light(act.run_id, message) for message in messages(act, events)]
        begun, act.begun = act.begun, None
        if begun is not None:  # nothing can be new to a body of which nothing is recorded
            outcome, reply = await begun
        elif act.guest is None:
            reading = asyncio.ensure_future(self._logs.read(act.run_id))
            outcome, reply = await self._cold(act, definition, reading, new)
        else:
            told = [*act.undelivered, *new]
            weights = list(map(weight, told))
            reply = await _tell(act.guest, told, weights, seen=act.delivered, limits=self._limits)
            outcome = judge(reply, ())
        act.delivered, act.undelivered = reply.after, []
        return await self._whole(act, outcome), _chunks(reply)

    async def _whole(self, act: Activity, outcome: Outcome) -> Outcome:
        """Put back the bytes of the frames and arrays that a guest names."""
        shelf, run_id = self._shelf, act.run_id
        wanted = _named(outcome)
        known = shelf.find(run_id, wanted)
        if len(known) < len(wanted):
            for event in await self._logs.read(run_id):
                shelf.keep(run_id, event.data, wanted)
            known = shelf.find(run_id, wanted)
        shelf.trim()
        return _with(outcome, known) if wanted else outcome

    async def _cold(
        self,
        act: Activity,
        definition: Definition,
        reading: asyncio.Future[Sequence[Event]],
        new: Sequence[dict[str, Any]] = (),
    ) -> tuple[Outcome, Reply]:
        """Replay a log, which is read and laid out while the guest's process starts."""

        async def written() -> Script:
            return script(definition, await reading, new, limits=self._limits)

        writing = asyncio.create_task(written(), name="wf-script")
        try:
            act.guest = guest = await self._spawn(act.isolation)
        except BaseException:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            raise
        show = partial(self._show, act)
        return await play(guest, await writing, limits=self._limits, progress=show)

    def _show(self, act: Activity, done: int, total: int) -> None:
        act.replayed = (done, total)
        self._progress(act)


@dataclass(frozen=True, slots=True)
class Script:
    """What a fresh guest is told of a log, and what it should ask for.

    Attributes:
        log: a run's events from the first one on.
        recorded: the commands that stand in it.
        told: messages: the start, then one of each event, of those not in the log as well.
        weights: of each.
    """

    log: Sequence[Event]
    recorded: Sequence[Recorded]
    told: Sequence[dict[str, Any]]
    weights: Sequence[int]


def script(
    definition: Definition,
    log: Sequence[Event],
    new: Sequence[dict[str, Any]] = (),
    *,
    limits: Limits,
) -> Script:
    """Lay out the replay of a log.

    Args:
        definition: what is run.
        log: a run's events from the first one on.
        new: messages of events that are not in the log yet.
        limits: how much the source may ask for in one activation.
    """
    planned = plan(log)
    data = cast("Mapping[str, Any]", log[0].data or {})
    start = start_message(
        definition,
        args=data["args"],
        kwargs=data["kwargs"],
        seed=guest_seed(bytes.fromhex(data["seed"])),
        now_us=log[0].time_us,
        commands=limits.commands_per_activation,
    )
    told = [start, *planned.deliveries, *new]
    weights = list(map(weight, told))
    for command in planned.recorded:  # the answer is a message, too
        weights[command.before] += weight(command.print)
    return Script(log, planned.recorded, told, weights)


async def replay(
    guest: Guest, definition: Definition, log: Sequence[Event], *, limits: Limits
) -> tuple[Outcome, Reply]:
    """Run a definition from the top in a fresh guest; return how that compares with a log.

    Raises:
        GuestBudgetError, GuestDiedError, GuestProtocolError: the guest was stopped.
    """
    return await play(guest, script(definition, log, limits=limits), limits=limits)


async def play(
    guest: Guest,
    script: Script,
    *,
    limits: Limits,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Outcome, Reply]:
    """Tell a fresh guest all of a script; return how what it asks for compares with the log.

    Args:
        limits: how long a message may be, and how much the source may ask for in one activation.
        progress: called with how many events have been replayed, and of how many.

    Raises:
        GuestBudgetError, GuestDiedError, GuestProtocolError: the guest was stopped.
    """
    log = script.log
    reply = await _tell(
        guest, script.told, script.weights, seen=0, limits=limits, progress=progress
    )
    if progress is not None and len(log) > 1:  # one that was just created has nothing to replay
        progress(len(log), len(log))
    return judge(reply, script.recorded, log=log), reply


async def _tell(
    guest: Guest,
    told: Sequence[dict[str, Any]],
    weights: Sequence[int],
    *,
    seen: int,
    limits: Limits,
    progress: Callable[[int, int], None] | None = None,
) -> Reply:
    """Tell a guest of events, in as many messages as they need; return all that it answers.

    Args:
        told: messages of events; before them, a fresh guest's start.
        weights: of each.
        seen: how many events it has been told of before.
    """
    replies: list[Reply] = []
    for part in batches(weights, limits.message_bytes):
        if progress is not None and part.start:
            progress(part.start, len(told))
        message = _message(told[part])
        reply = await guest.activate(message)
        activations = part.stop - part.start
        seen += len(message["events"])
        commands = limits.commands_per_activation
        replies.append(bounded(reply, events=seen, activations=activations, commands=commands))
    return _joined(replies)


def _message(batch: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a batch as one message: a guest is told with its start of the first events."""
    if batch and batch[0].get("op") == "start":
        return {**batch[0], "events": batch[1:]}
    return {"op": "deliver", "events": batch}


def restored(outcome: Outcome, log: Sequence[Event]) -> Outcome:
    """Return an outcome with the bytes of the frames and arrays that it names, from a log.

    Raises:
        GuestProtocolError: it names one that the log does not have.
    """
    return _with(outcome, given(event.data for event in log)) if _named(outcome) else outcome


def stopped(error: GuestBudgetError | GuestDiedError | GuestProtocolError) -> Failed:
    """Return how a run fails whose guest was stopped."""
    match error:
        case GuestBudgetError(line=line):
            return Failed([], "BUDGET_EXCEEDED", failure_of(error), line)
        case GuestProtocolError():
            return Failed([], "GUEST_PROTOCOL", failure_of(error), None)
        case GuestDiedError():
            return Failed([], "GUEST_DIED", failure_of(error), None)
        case _:
            assert_never(error)


def messages(act: Activity, events: Sequence[NewEvent]) -> list[dict[str, Any]]:
    """Return the messages that tell a guest of events of existing steps, hooks and waits."""
    state = act.state
    result: list[dict[str, Any]] = []
    for event in filter(is_told, events):
        key = str(event.correlation_id)
        entity = state.steps.get(key) or state.hooks.get(key) or state.waits.get(key)
        n = entity.n if entity is not None else event.meta.get("n", 0)
        result.append(delivery(event, n))
    return result


async def _called_off(begun: asyncio.Task[tuple[Outcome, Reply]]) -> None:
    """End what nobody wants to know of any more; a guest ends with it."""
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)


def _named(outcome: Outcome) -> set[str]:
    if isinstance(outcome, Diverged):
        return set()
    given: list[Any] = [_given(command) for command in outcome.commands]
    return named([*given, outcome.result] if isinstance(outcome, Completed) else given)


def _given(command: Command) -> Any:
    """What a command hands over: values of the source's."""
    match command:
        case StepCommand(args=args):
            return args
        case HookCommand(metadata=metadata):
            return metadata
        case _:
            return None


def _with(outcome: Outcome, known: Mapping[str, Tree]) -> Outcome:
    if isinstance(outcome, Diverged):
        return outcome
    commands = [_command_with(command, known) for command in outcome.commands]
    if isinstance(outcome, Completed):
        return replace(outcome, commands=commands, result=whole(outcome.result, known))
    return replace(outcome, commands=commands)


def _command_with(command: Command, known: Mapping[str, Tree]) -> Command:
    match command:
        case StepCommand(args=args):
            return command.model_copy(update={"args": whole(args, known)})
        case HookCommand(metadata=metadata):
            return command.model_copy(update={"metadata": whole(metadata, known)})
        case _:
            return command


def _joined(replies: Sequence[Reply]) -> Reply:
    if len(replies) == 1:
        return replies[0]
    commands = [command for reply in replies for command in reply.commands]
    prints = [line for reply in replies for line in reply.prints]
    return replies[-1].model_copy(update={"commands": commands, "prints": prints})


def _chunks(reply: Reply) -> list[Chunk]:
    return [Chunk("stdout", index, text) for index, text in reply.prints]
