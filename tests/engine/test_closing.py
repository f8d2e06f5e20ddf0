"""Nobody waits in vain: for a world that is closed, or for what mends itself."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import ask, go, types
from wf_notebook.definition.steps import step
from wf_notebook.errors import (
    RunBlockedError,
    WorldClosedError,
    WorldDamagedError,
    WorldError,
    WorldFullError,
)
from wf_notebook.testing import VirtualClock
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wf_notebook.api import World
    from wf_notebook.run import Run
    from wf_notebook.world.store import Append


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Threads of callers."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def watched(run: Run, count: int) -> None:
    """Return when so many wait for a run."""
    act = run._act
    while len(act.subscribers) < count:
        run._host.call(lambda: None)


# ------------------------------------------------------------------------------------- closing


def test_whoever_waits_is_told(world: World, elsewhere: ThreadPoolExecutor) -> None:
    """Every kind of wait ends with WF307 when the world is closed; the run goes on another day."""
    run = ask(world)

    async def awaiting() -> Any:
        return await run

    waits = [
        elsewhere.submit(run.result),
        elsewhere.submit(run.result, 30),
        elsewhere.submit(run.wait_for, "terminal", None),
        elsewhere.submit(asyncio.run, awaiting()),
    ]
    watched(run, len(waits))
    world.close()
    assert [type(wait.exception(timeout=10)) for wait in waits] == [WorldClosedError] * len(waits)


def test_whoever_asks_too_late_is_told(world: World) -> None:
    """What is asked of a closed world is refused with WF307, at once."""
    run = ask(world)
    world.close()
    asked: list[Callable[[], Any]] = [
        run.result,
        lambda: run.resume("approve", {"ok": True, "amount": 1}),
        run.cancel,
        run.wake,
        run.adopt,
        run.events,
        lambda: run.state,
        lambda: run.set_attributes({"a": "b"}),
        lambda: run.wait_for("terminal"),
        lambda: list(run.stream()),
        lambda: world.get(run.id),
    ]
    for question in asked:
        with pytest.raises(WorldClosedError):
            question()


def test_a_run_that_has_ended_keeps_its_result(world: World) -> None:
    """Its handle gives the result though the world was closed."""
    run = go(world, "return await steps.double(2)").wait_for("terminal")
    world.close()
    assert run.result() == 4


class GatedStore(MemoryStore):
    """Writes what is to be written when the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.shut = False
        self._held: list[tuple[Append, Future[Any]]] = []
        self.came = threading.Event()

    def commit(self, append: Append) -> Future[Any]:
        if not self.shut:
            return super().commit(append)
        future: Future[Any] = Future()
        self._held.append((append, future))
        self.came.set()
        return future

    def open_gate(self) -> None:
        self.shut = False
        for append, future in self._held:
            future.set_result(super().commit(append).result())


def test_asked_while_a_commit_is_under_way(
    make_world: Callable[..., World], elsewhere: ThreadPoolExecutor
) -> None:
    """Closing lets what is being written be written, and its asker hear of that."""
    world = make_world(store := GatedStore())
    run = ask(world)
    store.shut = True
    resumed = elsewhere.submit(run.resume, "approve", {"ok": True, "amount": 1})
    assert store.came.wait(10)
    closing = elsewhere.submit(world.close)
    watched_until_closed(world)
    store.open_gate()
    closing.result(timeout=10)
    assert resumed.result(timeout=10) == 4


def watched_until_closed(world: World) -> None:
    while not world.host.closed:
        threading.Event().wait(0.001)


def test_who_gives_up_asking_harms_nothing(make_world: Callable[..., World]) -> None:
    """A resume whose caller was interrupted before it was written is recorded all the same."""
    world = make_world(store := GatedStore())
    run = ask(world)
    store.shut = True
    future = world.host.resume("approve", {"ok": True, "amount": 1}, "only")
    assert store.came.wait(10)
    assert future.cancel()
    for _ in range(3):  # until the engine has heard of it
        world.host.call(lambda: None)
    store.open_gate()
    assert run.result(timeout=10) == [True, 1]
    assert types(run).count("hook_received") == 1
    assert world.host.runner.activity(run.id) is None  # the turn was taken to its end


def test_closing_waits_for_no_step(world: World) -> None:
    """A synchronous step that returns only later holds nobody up, and disturbs nobody then."""
    gate, begun = threading.Event(), threading.Event()

    @step
    def stubborn() -> int:
        begun.set()
        assert gate.wait(30)
        return 1

    go(world, "return await steps.stubborn()", stubborn)
    assert begun.wait(10)
    closed = threading.Thread(target=world.close)
    closed.start()
    closed.join(10)
    assert not closed.is_alive()
    gate.set()


# ------------------------------------------------------------------------- what mends itself


class BrokenDisk(MemoryStore):
    """Fails every commit while an error is set."""

    error: WorldError | None = None

    def commit(self, append: Append) -> Future[Any]:
        if self.error is None:
            return super().commit(append)
        failed: Future[Any] = Future()
        failed.set_exception(self.error)
        return failed


def test_a_full_disk_is_waited_out(
    make_world: Callable[..., World], elsewhere: ThreadPoolExecutor
) -> None:
    """`result()` goes on waiting while there is no room, `why()` says so, and the result comes."""
    world = make_world(store := BrokenDisk(), clock=(time := VirtualClock()))
    run = ask(world)
    store.error = WorldFullError("The disk is full.")
    waiting = elsewhere.submit(run.result, 30)
    watched(run, 1)
    with pytest.raises(WorldFullError):
        run.resume("approve", {"ok": True, "amount": 1}, "only")
    assert run.status == "blocked"
    assert "The disk is full." in run.why()
    time.advance(2)
    store.error = None
    time.advance(2)
    run._wait(run.reached(lambda act: act.blocked is None), 10)
    assert not waiting.done()
    run.resume("approve", {"ok": True, "amount": 1}, "only")
    assert waiting.result(timeout=10) == [True, 1]


def test_nobody_waits_for_a_disk_where_nobody_sits(make_world: Callable[..., World]) -> None:
    """In a headless run the notebook stops instead of hanging."""
    world = make_world(store := BrokenDisk(), clock=VirtualClock())
    run = ask(world)
    world.host.deserted = lambda _: False
    store.error = WorldFullError("The disk is full.")
    with pytest.raises(WorldFullError):
        run.resume("approve", {"ok": True, "amount": 1})
    with pytest.raises(RunBlockedError, match="The disk is full"):
        run.result(timeout=10)


def test_what_does_not_mend_itself_is_raised(make_world: Callable[..., World]) -> None:
    """A world that cannot be written for another reason blocks the run, and `result()` says so."""
    world = make_world(store := BrokenDisk(), clock=VirtualClock())
    run = ask(world)
    store.error = WorldError("Input/output error.")
    with pytest.raises(WorldError):
        run.resume("approve", {"ok": True, "amount": 1})
    with pytest.raises(RunBlockedError, match="Input/output error"):
        run.result(timeout=10)


class Unreadable(MemoryStore):
    """Cannot be read while an error is set; stays when its world is closed."""

    error: WorldError | None = None

    def read(self, run_id: str, after: int = 0) -> Future[Any]:
        return super().read(run_id, after) if self.error is None else self._failed()

    def short_logs(self, run_ids: Sequence[str], *, plain: bool = False) -> Future[Any]:
        return super().short_logs(run_ids, plain=plain) if self.error is None else self._failed()

    def _failed(self) -> Future[Any]:
        failed: Future[Any] = Future()
        failed.set_exception(self.error)
        return failed

    def close(self) -> None:
        pass


def test_a_log_that_could_not_be_read_when_its_world_was_opened(
    make_world: Callable[..., World],
) -> None:
    """It is read again by itself, and its run goes on, though nobody asks for it (I17)."""
    store = Unreadable()
    run_id = ask(make_world(store)).id
    make_world(store).close()
    store.error = WorldError("Input/output error.")
    world = make_world(store, clock=(time := VirtualClock()))
    world.settle()
    act = world.host.runner.activity(run_id)
    assert act is not None
    assert act.blocked is not None
    store.error = None
    time.advance(2)
    run = world.get(run_id)
    run._wait(run.reached(lambda act: act.blocked is None), 10)
    run.resume("approve", {"ok": True, "amount": 1})
    assert run.result(timeout=10) == [True, 1]


def test_a_log_that_cannot_be_read_at_all(make_world: Callable[..., World]) -> None:
    """Whatever is asked of its run is refused with the reason; nothing is made up of it."""
    store = Unreadable()
    run_id = ask(make_world(store)).id
    store.error = WorldDamagedError("It is damaged.")
    world = make_world(store, clock=VirtualClock())
    world.settle()
    run = world.get(run_id)
    for question in (run.cancel, lambda: run.set_attributes({"a": "b"})):
        with pytest.raises(WorldError, match="It is damaged"):
            question()
    with pytest.raises(RunBlockedError, match="It is damaged"):
        run.result(timeout=10)
