"""Where a behaviour is played: a world whose clock stands still until the script has had its turn."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wf_notebook.ids import SeededIds
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from wf_notebook.api import World
    from wf_notebook.run import Run
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState
    from wf_notebook.world.store import Append, EventStore

PATIENCE: Final = 60  # seconds until a stage on which nothing is heard counts as broken


class StillClock(VirtualClock):
    """Jumps only when told to; says each time that nothing else could move anything.

    Attributes:
        heard: the number of each idle moment, and None when a step has something to say.
        count: idle moments so far.
    """

    def __init__(self) -> None:
        super().__init__(autojump=True)
        self.heard: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self.count = 0

    def idle(self) -> None:
        self.count += 1
        self.heard.put(self.count)

    def jump(self) -> bool:
        """Jump to the next wait; return whether there was one. On the engine's thread."""
        self._forget()
        before = self.now_us()
        super().idle()
        return self.now_us() != before

    def step_to(self, time_us: int) -> bool:
        """Set the time; return whether something was due then. On the engine's thread."""
        self._forget()
        due = any(due <= time_us and not f.done() for due, _, f in self._waiting)
        self.set(time_us)
        return due

    def _forget(self) -> None:
        """Forget what was heard: what is heard next is of the new time."""
        while not self.heard.empty():
            self.heard.get()


class RoleIds(SeededIds):
    """Ids that depend on a run's role, not on how many were drawn before: for a second process.

    Attributes:
        play: which behaviour is played.
        role: of the run that is started next.
    """

    play = ""
    role = "main"

    def run_id(self, time_us: int) -> str:
        return SeededIds(f"{self.play}/{self.role}").run_id(time_us)

    def seed(self) -> bytes:
        return SeededIds(f"{self.play}/{self.role}").seed()


class Log:
    """What a store commits from now on.

    Attributes:
        events: of all runs, in the order of the commits.
        ends: how many of them there were after each commit.
    """

    def __init__(self, store: EventStore) -> None:
        self.events: list[Event] = []
        self.ends: list[int] = []
        self._commit = store.commit
        # the store's own attribute, so that the world has the store and no go-between
        store.commit = self._kept  # type: ignore[method-assign]

    def clear(self) -> None:
        self.events, self.ends = [], []

    def _kept(self, append: Append) -> Future[tuple[Event, ...]]:
        future = self._commit(append)
        future.add_done_callback(self._keep)
        return future

    def _keep(self, future: Future[tuple[Event, ...]]) -> None:
        if future.exception() is None:
            self.events += future.result()
            self.ends.append(len(self.events))


class Look(NamedTuple):
    """What there was to be seen at one moment of the engine's.

    Attributes:
        quiet: nothing but time could move anything.
        met: what was waited for holds.
        jumped: the clock was moved to the next wait.
        mark: how many idle moments had passed.
    """

    quiet: bool
    met: bool
    jumped: bool
    mark: int


class Stage:
    """One performance of a behaviour: the world, its runs by role, what its steps have noted.

    Attributes:
        ids: where its runs have their ids from.
        log: what the world's store commits.
        offered: steps and schemas of the behaviour, as options of `start`.
        notes: what the steps wrote down.
        gates: names at which steps wait until the script lets them pass.
    """

    world: World  # opened after its steps have a stage to speak to

    def __init__(
        self, clock: StillClock, ids: RoleIds, *, log: Log, offered: Mapping[str, Any]
    ) -> None:
        self.clock = clock
        self.ids = ids
        self.log = log
        self.offered = offered
        self.runs: dict[str, Run] = {}
        self.notes: list[str] = []
        self.gates: dict[str, threading.Event] = {}

    def run(self, role: str = "main") -> Run:
        return self.runs[role]

    def state(self, role: str = "main") -> RunState:
        """How a run stands, folded; empty if it was not started yet."""
        from wf_notebook.world.state import RunState

        return self.runs[role].state if role in self.runs else RunState()

    # ------------------------------------------------------------------- for steps

    def gate(self, name: str) -> threading.Event:
        return self.gates.setdefault(name, threading.Event())  # one, whoever comes first

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.clock.heard.put(None)

    # ------------------------------------------------------------------- the clock

    def until(self, holds: Callable[[Stage], bool], *, busy: bool, what: str) -> None:
        """Let things happen, and time pass where nothing else can happen, until a condition holds.

        Unless `busy`, it is looked at only when everything is at rest.
        """
        watch = self._watched if busy else contextlib.nullcontext
        with watch():
            while True:
                look = self.world.host.call(lambda: self._look(holds, busy=busy))
                if look.met:
                    return
                told = f"nothing moves any more, and yet: {what}; {self._stand()}"
                assert look.jumped or not look.quiet, told
                self._hear(look.mark)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Hear of every turn of a run, not of idle moments only."""

        def tell(_activity: object) -> None:
            self.clock.heard.put(None)

        watchers = self.world.host.runner.watchers
        self.world.host.call(lambda: watchers.append(tell))
        try:
            yield
        finally:
            self.world.host.call(lambda: watchers.remove(tell))

    def _look(self, holds: Callable[[Stage], bool], *, busy: bool) -> Look:
        before = self.clock.count
        self.world.host.runner.rest()
        quiet = self.clock.count > before
        met = (quiet or busy) and holds(self)
        mark = self.clock.count
        return Look(quiet, met, quiet and not met and self.clock.jump(), mark)

    def _hear(self, mark: int) -> None:
        while True:
            try:
                heard = self.clock.heard.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"nothing is heard any more; {self._stand()}") from None
            if heard is None or heard > mark:
                return

    def advance(self, seconds: float) -> None:
        """Move the clock, back or forth; what is due then has happened afterwards."""
        mark, due = self.world.host.call(
            lambda: (
                self.clock.count,
                self.clock.step_to(self.clock.now_us() + round(seconds * 1_000_000)),
            )
        )
        if due:
            self._hear(mark)

    def _stand(self) -> str:
        return "; ".join(run.why() for run in self.runs.values()) or "no run was started"


_PLAYING: list[Stage] = []


def playing(stage: Stage) -> Stage:
    """Make a stage the one that steps speak to."""
    _PLAYING[:] = [stage]
    return stage


def note(text: Any) -> None:
    """Write something down, in a step: the behaviour may expect it, and a script wait for it."""
    _PLAYING[0].note(str(text))


def pass_gate(name: str) -> None:
    """Wait, in a synchronous step, until the script opens a gate."""
    assert _PLAYING[0].gate(name).wait(PATIENCE)
