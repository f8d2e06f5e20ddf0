"""When snapshots are made: on change, eight a second at most, and a last one at the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.view_runs import APPROVAL, RUN_ID, SECRET, T0, completed, suspended
from wf_notebook.views.pace import INTERVAL_SECONDS
from wf_notebook.views.publisher import Publisher, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.views.model import RunView
    from wf_notebook.world.state import RunState


@dataclass
class Timer:
    due: float
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class PretendLoop:
    """A loop whose time is moved by the test."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []
        self.errors: list[dict[str, Any]] = []
        self.closed = False

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        self.timers.append(Timer(self.now + delay, callback))
        return self.timers[-1]

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> None:
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.call_later(0, callback)

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        self.errors.append(context)

    def pass_time(self, seconds: float = 0.0) -> None:
        """Let time pass, and run what is due, in order."""
        end = self.now + seconds
        while due := [t for t in self.timers if t.due <= end]:
            first = min(due, key=lambda t: t.due)
            self.timers.remove(first)
            self.now = max(self.now, first.due)
            if not first.cancelled:
                first.callback()
        self.now = end

    @property
    def pending(self) -> int:
        return sum(not t.cancelled for t in self.timers)


class PretendClock:
    def now_us(self) -> int:
        return T0 + 10_000_000

    async def wait_until(self, time_us: int) -> None:
        raise AssertionError(time_us)

    def idle(self) -> None:
        raise AssertionError


@dataclass
class Blocked:
    reason: str
    message: str = ""
    hint: str = ""


@dataclass
class PretendRun:
    state: RunState
    id: str = RUN_ID
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"Approval": APPROVAL})
    replayed: tuple[int, int] | None = None
    blocked: Blocked | None = None
    changed: tuple[str, ...] = ()
    isolation: str = "process"
    locked: bool = False
    child_ids: Mapping[str, str] = field(default_factory=dict[str, str])
    sealed: bool = True
    callbacks: list[Callable[[], None]] = field(default_factory=list)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def change(self) -> None:
        for callback in list(self.callbacks):
            callback()


class Screen:
    """Keeps the snapshots it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.views: list[RunView] = []
        self.blocked = ""
        self.error = error

    def publish(self, view: RunView, *, blocked: str = "") -> None:
        if self.error is not None:
            raise self.error
        self.views.append(view)
        self.blocked = blocked


@pytest.fixture
def loop() -> PretendLoop:
    return PretendLoop()


@pytest.fixture
def publisher(loop: PretendLoop) -> Publisher:
    return Publisher(loop, clock=PretendClock())


def test_a_view_is_shown_at_once(publisher: Publisher, loop: PretendLoop) -> None:
    """The first snapshot needs no change to wait for."""
    screen = Screen()
    publisher.watch(PretendRun(suspended().state), screen)
    loop.pass_time()
    assert [view.status for view in screen.views] == ["suspended"]


def test_without_change_nothing_happens(publisher: Publisher, loop: PretendLoop) -> None:
    """A run that waits for a day costs no snapshot and no timer."""
    screen = Screen()
    publisher.watch(PretendRun(suspended().state), screen)
    loop.pass_time(86_400)
    assert len(screen.views) == 1
    assert loop.pending == 0


def test_a_burst_is_shown_eight_times_a_second(publisher: Publisher, loop: PretendLoop) -> None:
    """However often a run changes, snapshots keep their distance, and the last change is shown."""
    run, screen = PretendRun(suspended().state), Screen()
    publisher.watch(run, screen)
    loop.pass_time()
    for _ in range(1000):
        run.change()
        loop.pass_time(0.001)
    run.replayed = (7, 7)
    run.change()
    loop.pass_time(INTERVAL_SECONDS)
    assert len(screen.views) <= 1 + 8 + 1
    assert screen.views[-1].replayed == (7, 7)
    assert loop.pending == 0


def test_a_costly_snapshot_is_made_less_often(publisher: Publisher, loop: PretendLoop) -> None:
    """A snapshot that takes a second leaves the engine's loop to the engine for twenty."""

    class SlowScreen(Screen):
        def publish(self, view: RunView, *, blocked: str = "") -> None:
            loop.now += 1
            super().publish(view, blocked=blocked)

    run, screen = PretendRun(suspended().state), SlowScreen()
    publisher.watch(run, screen)
    loop.pass_time(1)
    run.change()
    loop.pass_time(18)
    assert len(screen.views) == 1
    loop.pass_time(3)
    assert len(screen.views) == 2


def test_a_change_after_a_pause_is_shown_without_delay(
    publisher: Publisher, loop: PretendLoop
) -> None:
    """A throttle is no delay: what comes alone is shown at once."""
    run, screen = PretendRun(suspended().state), Screen()
    publisher.watch(run, screen)
    loop.pass_time(5)
    run.change()
    loop.pass_time()
    assert len(screen.views) == 2


def test_the_end_is_shown_and_then_let_go(publisher: Publisher, loop: PretendLoop) -> None:
    """The last snapshot comes at once, then `ended` is told, and nothing is held."""
    run, screen = PretendRun(suspended().state), Screen()
    ends: list[tuple[RunView, int]] = []
    publisher.watch(run, screen, ended=lambda view: ends.append((view, len(screen.views))))
    loop.pass_time()
    run.change()
    run.state = completed().state
    run.change()
    assert [view.status for view in screen.views] == ["suspended", "completed"]
    assert ends == [(screen.views[-1], 2)]
    assert (run.callbacks, loop.pending) == ([], 0)


def test_a_run_that_has_ended_is_shown_once(publisher: Publisher, loop: PretendLoop) -> None:
    """Watching a finished run gives its snapshot and its end."""
    run, screen = PretendRun(completed().state), Screen()
    ends: list[RunView] = []
    publisher.watch(run, screen, ended=ends.append)
    loop.pass_time()
    assert screen.views == ends
    assert run.callbacks == []


def test_a_change_before_the_subscription_has_begun_is_not_missed(
    publisher: Publisher, loop: PretendLoop
) -> None:
    """Where subscribing is itself posted to the loop, what happens in between is shown too."""

    class LateRun(PretendRun):
        def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
            loop.call_soon_threadsafe(lambda: self.callbacks.append(callback))
            return self.callbacks.clear

    run, screen = LateRun(suspended().state), Screen()

    def end() -> None:
        run.state = completed().state

    publisher.watch(run, screen)
    loop.call_soon_threadsafe(end)
    loop.pass_time(1)
    assert [view.status for view in screen.views] == ["suspended", "completed"]


def test_stopping_is_final_and_may_be_repeated(publisher: Publisher, loop: PretendLoop) -> None:
    """After a stop no change is shown, not even one that was under way."""
    run, screen = PretendRun(suspended().state), Screen()
    stop = publisher.watch(run, screen)
    loop.pass_time()
    run.change()
    stop()
    stop()
    loop.pass_time(1)
    run.change()
    loop.pass_time(1)
    assert len(screen.views) == 1
    assert run.callbacks == []


def test_stopping_before_the_start_shows_nothing(publisher: Publisher, loop: PretendLoop) -> None:
    """A view closed in the cell that opened it is never published to."""
    screen = Screen()
    publisher.watch(PretendRun(suspended().state), screen)()
    publisher.close()
    loop.pass_time(1)
    assert len(screen.views) <= 1


def test_stopping_after_the_world_was_closed_is_quiet(
    publisher: Publisher, loop: PretendLoop
) -> None:
    """The loop has ended and its watches with it: nothing is left to stop."""
    stop = publisher.watch(PretendRun(suspended().state), Screen())
    loop.pass_time()
    loop.closed = True
    stop()


def test_closing_lets_go_of_every_run(publisher: Publisher, loop: PretendLoop) -> None:
    """A closed publisher holds no subscription and no timer."""
    runs = [PretendRun(suspended().state) for _ in range(3)]
    for run in runs:
        publisher.watch(run, Screen())
    loop.pass_time()
    for run in runs:
        run.change()
    publisher.close()
    assert [run.callbacks for run in runs] == [[], [], []]
    assert loop.pending == 0


def test_a_view_that_fails_is_reported_and_harms_no_run(
    publisher: Publisher, loop: PretendLoop
) -> None:
    """An error while showing reaches the loop's handler, not the engine; other views go on."""
    run, screen, error = PretendRun(suspended().state), Screen(), OSError("comm is gone")
    publisher.watch(run, Screen(error))
    publisher.watch(run, screen)
    loop.pass_time(1)
    run.change()
    loop.pass_time()
    assert [context["exception"] for context in loop.errors] == [error]
    assert RUN_ID in loop.errors[0]["message"]
    assert len(screen.views) == 2


def test_two_views_of_one_run_are_both_kept_up(publisher: Publisher, loop: PretendLoop) -> None:
    """Each display has its own watch."""
    run, screens = PretendRun(suspended().state), [Screen(), Screen()]
    for screen in screens:
        publisher.watch(run, screen)
    loop.pass_time(1)
    run.change()
    loop.pass_time()
    assert [len(screen.views) for screen in screens] == [2, 2]


def test_what_blocks_a_run_is_saved_without_values() -> None:
    """A divergence quotes arguments: the snapshot has a plain sentence, the message goes aside."""
    blocked = Blocked("divergence", f"recorded was charge('{SECRET}')", "Cancel it.")
    run = PretendRun(suspended().state, blocked=blocked)
    view = view_of(run, T0)
    assert (view.status, view.blocked) == ("blocked", "the replay diverged from the log")
    assert SECRET not in view.why
    loop, screen = PretendLoop(), Screen()
    Publisher(loop, clock=PretendClock()).watch(run, screen)
    loop.pass_time()
    assert screen.blocked == f"recorded was charge('{SECRET}') Cancel it."


def test_a_reason_without_a_sentence_stands_for_itself() -> None:
    """A reason that this version doesn't know is still named."""
    run = PretendRun(suspended().state, blocked=Blocked("tides"))
    assert view_of(run, T0).blocked == "tides"


def test_limits_of_attempts_come_from_the_steps() -> None:
    """How many attempts there may be ("attempt 2 of 4") is asked by step id."""
    view = view_of(PretendRun(completed().state), T0, attempts={"step//m//reserve": 4}.get)
    assert [row.attempts for row in view.rows if row.marks] == [None, 4, None, None]


def test_it_runs_on_asyncio() -> None:
    """A real loop serves, and a watch may be asked for from another thread."""

    async def main() -> int:
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        publisher, screen = Publisher(loop), Screen()
        run = PretendRun(completed().state)
        await asyncio.to_thread(publisher.watch, run, screen, ended=lambda _: done.set())
        await done.wait()
        return len(screen.views)

    assert asyncio.run(main()) == 1
