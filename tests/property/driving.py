"""Drive a run to its end without real time, and drop it at any event of its log."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tests.behaviour.invariants import asked_by, check_folds
from wf_notebook import step_context
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.engine.decide import Nudge
from wf_notebook.errors import FatalError, HookNotFoundError, WorldError
from wf_notebook.ids import SeededIds
from wf_notebook.testing import VirtualClock
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.config import IsolationMode
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore


MADE: Counter[tuple[str, int]] = Counter()  # attempts of the run that is driven


def made() -> int:
    """Note, in a step, that an attempt is made; return its number."""
    context = step_context()
    MADE[context.step_id, context.attempt] += 1
    return context.attempt


@step
async def double(x: int) -> int:
    made()
    return 2 * x


@step
def sync_add(a: int, b: int = 0) -> int:
    made()
    return a + b


@step(retries=2)
async def flaky(x: int) -> int:
    if made() == 1:
        raise RuntimeError("first try")
    return x


@step
async def fail(x: int) -> int:
    made()
    raise FatalError(f"no {x}")


STEPS = [double, sync_add, flaky, fail]


class DrivenClock(VirtualClock):
    """When nothing else can happen: answer the oldest unanswered hook, else jump.

    So the order of everything is the program's, not the machine's.
    """

    def __init__(self, start_us: int | None = None) -> None:
        super().__init__(autojump=True)
        if start_us is not None:
            self.set(start_us)
        self.world: World | None = None
        self._answering = False

    def idle(self) -> None:
        if self.world is None or self._answering:
            return
        host = self.world.host
        for act in host.runner.unfinished:
            for hook in act.state.open_hooks:
                if not hook.received and not act.resting:
                    self._answering = True
                    asyncio.get_running_loop().create_task(self._answer(hook.token))
                    return
        super().idle()

    async def _answer(self, token: str) -> None:
        assert self.world is not None
        future = self.world.host.resume(token, {"answer": token}, f"id-{token}")
        with contextlib.suppress(HookNotFoundError, WorldError):  # disposed meanwhile, or again
            await asyncio.wrap_future(future)
        self._answering = False
        self.world.host.runner.rest()


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        value: the result's tree, or the failure's code and error.
        events: its log.
        printed: what its source printed.
        made: how often each attempt was made by this process: id of the step, number.
    """

    status: str
    value: Any
    events: Sequence[Event]
    printed: str
    made: Counter[tuple[str, int]]

    @property
    def asked(self) -> list[Any]:
        """What the body asked for, in order: what every replay must repeat."""
        return asked_by(self.events)


def run_to_end(  # noqa: PLR0913 - keyword-only past store and source
    store: EventStore,
    source: str | None,
    *,
    start_us: int | None = None,
    isolation: IsolationMode = "inline",
    at_once: int = 1,
    timeout: float = 20,
    look: Callable[[EventStore, Sequence[Event]], None] | None = None,
) -> Outcome:
    """Start a source (or go on with the one unfinished run) and return how it ended.

    Attempts are made one at a time, so that their order is the program's: which of two threads is
    first is nothing that a replay could know. With `at_once` they do race.

    `look` is called with the store and the whole log while the world is still open.
    """
    MADE.clear()
    clock = DrivenClock(start_us)
    world = World(
        store,
        steps=StepRegistry(STEPS),
        clock=clock,
        ids=SeededIds(),
        isolation=isolation,
        limits=Limits(concurrent_steps=at_once),
    )
    clock.world = world
    try:
        if source is not None:
            run = world.start(source, (1,), steps=STEPS)
        else:
            (run,) = world.runs()  # it may have ended by now
            world.host.call(lambda: replay(world, run.id))
        run.wait_for("terminal", timeout=timeout)
        state = run.state
        value = state.result if state.status == "completed" else (state.code, state.error)
        events = run.events()
        check_folds(events, state)
        if look is not None:
            look(store, events)
        printed = "".join(run.stream("stdout"))
        return Outcome(state.status, value, events, printed, Counter(MADE))
    finally:
        world.close()


def replay(world: World, run_id: str) -> None:
    """Have a run replayed now.

    An open world replays a run when something happens to it: a commit holds an outcome with all
    that it caused. A log cut in the middle of a commit can't come about by a crash, so the engine
    doesn't look for one; here it is told to.
    """
    act = world.host.runner.activity(run_id)
    if act is not None:
        act.behind = True
        world.host.runner.post(run_id, Nudge())


def copy_log(store: EventStore, to: EventStore, events: Sequence[Event]) -> None:
    """Copy events of any runs into another store, with the definitions of those that begin."""
    for run_id, group in groupby(events, key=lambda event: event.run_id):
        own = tuple(group)
        begins = own[0].type == "run_created"
        definition = store.definition(run_id).result() if begins else None
        to.commit(Append(run_id, own, definition=definition)).result()
