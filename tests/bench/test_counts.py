"""What a run costs, counted: commits, statements, trips to the guest, bytes, snapshots.

These don't depend on the machine, and they are what keeps the bench's figures where they are: a
change that makes a step cost one commit or one trip more fails here, on any machine under any load.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.flows import SOURCES, STEPS, arguments
from tests.bench.workloads import PIECE_BYTES, STREAM_BYTES, TRANSFORMS
from tests.engine.test_sweep import calls_of
from tests.worlds import opened, writer_waits
from wf_notebook.api import World
from wf_notebook.definition.steps import Step, StepRegistry
from wf_notebook.definition.steps import step as define
from wf_notebook.engine import turn
from wf_notebook.isolation import process
from wf_notebook.testing import VirtualClock
from wf_notebook.testing.conformance.appends import created, event, hook, step, wait
from wf_notebook.views.publisher import Publisher
from wf_notebook.world import database, writer
from wf_notebook.world.events import recorded
from wf_notebook.world.reader import Reader
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.bench.workloads import Kind
    from wf_notebook.engine.slots import Slots
    from wf_notebook.run import Run
    from wf_notebook.world.duckdb import DuckDBStore
    from wf_notebook.world.events import Event, NewEvent

PATIENCE = 60
WIDTH = 25
GATES = {"first": threading.Event(), "others": threading.Event()}


@dataclass
class Count:
    """What was done.

    Attributes:
        commits: made.
        statements: run by the thread that writes.
        trips: messages to the guest.
        told: their bytes.
        written: bytes of the values of all rows; 8 for a number.
    """

    commits: int = 0
    statements: int = 0
    trips: int = 0
    told: int = 0
    written: int = 0

    def __sub__(self, other: Count) -> Count:
        return Count(*[a - b for a, b in zip(astuple(self), astuple(other), strict=True)])


class Counted:
    """A world on a file, and what it has done so far."""

    def __init__(self, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self._seen = Count()
        self.logs_read = 0
        write, send, events = database.Connection.write, process.send, Reader.events

        def counted_write(connection: Any, statements: Sequence[Any]) -> None:
            self._seen.written += sum(size(values) for _, values in statements)
            write(connection, statements)

        async def counted_send(channel: Any, payload: bytes) -> None:
            self._seen.trips += 1
            self._seen.told += len(payload)
            await send(channel, payload)

        def counted_events(reader: Reader, *asked: Any) -> Any:
            self.logs_read += 1
            return events(reader, *asked)

        monkeypatch.setattr(database.Connection, "write", counted_write)
        monkeypatch.setattr(Reader, "events", counted_events)
        monkeypatch.setattr(process, "send", counted_send)
        self.world = World(
            store,
            steps=StepRegistry([*STEPS.values(), bench_held]),
            clock=VirtualClock(autojump=True),
            isolation="process",
        )

    @property
    def so_far(self) -> Count:
        seen = self._seen
        store = self.store
        return Count(store.commits, store.statements, seen.trips, seen.told, seen.written)

    @contextmanager
    def counting(self) -> Iterator[Count]:
        """What is done inside is counted in what it gives, once it is over."""
        found, before = Count(), self.so_far
        yield found
        self.world.host.call(lambda: None)
        vars(found).update(vars(self.so_far - before))

    def start(self, kind: Kind, count: int) -> Run:
        return self.world.start(SOURCES[kind], arguments(kind, count), steps=STEPS)

    def cost(self, kind: Kind, count: int) -> Count:
        """What one run costs, from its start to its end."""
        with self.counting() as found:
            self.start(kind, count).wait_for("terminal", timeout=PATIENCE)
        return found


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """A fresh world, counted."""
    found = Counted(opened(tmp_path / "w.duckdb"), monkeypatch)
    yield found
    for gate in GATES.values():
        gate.set()
    found.world.close()
    for gate in GATES.values():
        gate.clear()


def size(value: object) -> int:
    match value:
        case str() | bytes():
            return len(value)
        case list():
            return sum(map(size, value))
        case None:
            return 0
        case _:
            return 8


@define
def bench_held(i: int) -> int:
    GATES["others" if i else "first"].wait(PATIENCE)
    return i


# --------------------------------------------------------------------------- one after the other


@pytest.mark.parametrize("count", [0, 1, 10, 50])
def test_sequential_steps(counted: Counted, count: int) -> None:
    """A step costs one commit of one statement, and one trip; a run two commits besides."""
    found = counted.cost("steps", count)
    assert (found.commits, found.statements, found.trips) == (count + 2, count + 10, count + 1)


def test_bytes_of_a_step(counted: Counted) -> None:
    """A step writes three rows, and the guest hears of its outcome only: nothing is sent again."""
    shorter, longer = counted.cost("steps", 20), counted.cost("steps", 30)
    more = longer - shorter
    assert (more.written, more.told) == (5620, 980)


def test_payloads_are_written_and_told_once(counted: Counted) -> None:
    """10 KB that go into a step and come out again are stored twice, and told once."""
    found = counted.cost("payloads", 20) - counted.cost("payloads", 10)
    assert (found.commits, found.trips) == (10, 10)
    assert found.written < 10 * (2 * 10_240 + 700)
    assert found.told < 10 * (10_240 + 200)


@pytest.mark.parametrize("stored", [0, 20])
def test_history_costs_nothing(counted: Counted, stored: int) -> None:
    """A run costs the same whatever the world holds already."""
    for _ in range(stored):
        counted.start("steps", 0).wait_for("terminal", timeout=PATIENCE)
    found = counted.cost("steps", 1)
    assert (found.commits, found.statements, found.trips) == (3, 11, 2)


def test_the_guest_begins_while_its_run_is_written(counted: Counted) -> None:
    """It is told of a new run before that is in the world, and what was written is not read again."""
    with ThreadPoolExecutor() as pool:
        with writer_waits(counted.store):
            starting = pool.submit(counted.start, "steps", 1)
            until(counted.world, lambda: counted.so_far.trips == 1)
            assert not starting.done()
        starting.result(PATIENCE).wait_for("terminal", timeout=PATIENCE)
    assert counted.logs_read == 0


def test_a_guest_ends_whose_run_is_refused(counted: Counted) -> None:
    """Of two that begin under one key at once, one is called off; it is not the run's own."""
    world = counted.world
    with ThreadPoolExecutor() as pool:
        with writer_waits(counted.store):
            start = partial(world.start, SOURCES["hook"], id="same", steps=STEPS)
            starting = [pool.submit(start) for _ in range(2)]
            until(world, lambda: counted.so_far.trips == 2)
        first, second = (one.result(PATIENCE).wait_for("hook") for one in starting)
    assert first.id == second.id
    (isolation,) = world.host._guests._made.values()
    until(world, lambda: len(isolation._guests) == 1)
    assert (counted.so_far.trips, counted.logs_read) == (3, 0)
    first.resume("bench", 1)
    assert second.result(PATIENCE) == 1


# --------------------------------------------------------------------------------- side by side

HELD = """
async def workflow(n):
    "use workflow"
    return len(await asyncio.gather(*[steps.held(i) for i in range(n)]))
"""
RACED = """
async def workflow(n):
    "use workflow"
    pool = {steps.held(i) for i in range(n)}
    while pool:
        done, pool = await asyncio.wait(pool, return_when=asyncio.FIRST_COMPLETED)
"""


@pytest.mark.parametrize("source", [HELD, RACED], ids=["gather", "race"])
def test_steps_side_by_side(counted: Counted, source: str) -> None:
    """What ends while a commit is under way goes into the next one, together, and is told together."""
    world = counted.world
    with counted.counting() as found:
        run = world.start(source, (WIDTH,), steps={"held": bench_held})
        act = run._activity
        until(world, lambda: len(act.state.open_steps) == WIDTH and not act.turning)
        with writer_waits(counted.store):
            GATES["first"].set()
            until(world, lambda: act.turning and not act.inbox)
            GATES["others"].set()
            until(world, lambda: len(act.inbox) == WIDTH - 1)
        run.wait_for("terminal", timeout=PATIENCE)
    assert (found.commits, found.trips) == (4, 3)
    assert found.statements == 12


def until(world: World, condition: Callable[[], bool]) -> None:
    """Look on the engine's loop until a condition holds."""
    give_up = time.monotonic() + PATIENCE
    while not world.host.call(condition):
        assert time.monotonic() < give_up


SLOTS = 4


def test_arguments_are_looked_at_twice_at_most(counted: Counted, binds: list[str]) -> None:
    """When a step is asked for, and in its attempt, if that had to wait; not whenever it may begin."""
    counted.world.host.call(lambda: vars(slots_of(counted.world)).update(_total=SLOTS))
    counted.cost("gather", 40)
    assert len(binds) == 2 * 40 - SLOTS
    binds.clear()
    counted.cost("steps", 10)
    assert len(binds) == 10


def test_what_waits_for_a_slot_is_not_looked_at(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn looks at the attempts that it starts and one that it can't, however many wait."""
    counted.world.host.call(lambda: vars(slots_of(counted.world)).update(_total=SLOTS))
    looked: list[str] = []
    add = turn._add_attempt

    def counted_add(act: Any, result: Any, key: str, new: Any, **options: Any) -> None:
        looked.append(key)
        add(act, result, key, new, **options)

    monkeypatch.setattr(turn, "_add_attempt", counted_add)
    found = counted.cost("gather", 40)
    assert len(looked) <= 2 * 40 + found.commits


@pytest.fixture
def binds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of each step whose arguments were looked at."""
    found: list[str] = []
    bind = Step.bind

    def counted_bind(step: Step[..., Any], args: Any) -> Any:
        found.append(step.name)
        return bind(step, args)

    monkeypatch.setattr(Step, "bind", counted_bind)
    return found


def slots_of(world: World) -> Slots:
    return world.host.runner._starter.slots


# ------------------------------------------------------------------------------ sleeps and hooks


def test_sleep(counted: Counted) -> None:
    """A sleep costs one commit when it ends: it begins with the turn that asks for it."""
    found = counted.cost("sleep", 0)
    assert (found.commits, found.statements, found.trips) == (3, 11, 2)


def test_hook(counted: Counted) -> None:
    """A payload costs one commit, in which its run goes on; the guest is asked once."""
    run = counted.start("hook", 0).wait_for("hook", timeout=PATIENCE)
    with counted.counting() as found:
        run.resume("bench", {"ok": True})
        run.wait_for("terminal", timeout=PATIENCE)
    assert (found.commits, found.statements, found.trips) == (1, 4, 1)


def test_stream(counted: Counted) -> None:
    """Fifty chunks are written in one go: with their step's outcome, or just before it."""
    found = counted.cost("stream", 50)
    assert found.commits <= 6
    assert found.trips == 2


@pytest.fixture
def chunk_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of each stream that the file was asked for."""
    found: list[str] = []
    chunks = Reader.chunks

    def counted_chunks(reader: Reader, run_id: str, stream: str, *more: Any) -> Any:
        found.append(stream)
        return chunks(reader, run_id, stream, *more)

    monkeypatch.setattr(Reader, "chunks", counted_chunks)
    monkeypatch.setattr(writer, "IDLE_SECONDS", PATIENCE)  # nothing is let go of meanwhile
    return found


def test_who_follows_live_asks_no_file(counted: Counted, chunk_reads: list[str]) -> None:
    """A chunk goes from its commit to its readers: none is read back, opened, parsed."""
    run = counted.start("stream", 50)
    assert len(list(run.stream("out"))) == 50
    counted.cost("pipeline", TRANSFORMS)
    assert chunk_reads == []


def test_bytes_are_written_as_they_are(counted: Counted) -> None:
    """A piece of a stream takes its own length and a few numbers in the world, in each stage."""
    found = counted.cost("pipeline", TRANSFORMS)
    stages = TRANSFORMS + 1
    pieces = stages * STREAM_BYTES // PIECE_BYTES
    assert found.written - stages * STREAM_BYTES < 100 * pieces + 10_000


# ---------------------------------------------------------------------------------------- views


class StandingLoop:
    """The engine's loop, for which no time passes: what is put off is never done."""

    def __init__(self, world: World) -> None:
        self._loop = world.host.loop

    def time(self) -> float:
        return 0.0

    def call_later(self, delay: float, callback: Callable[[], object]) -> Any:
        return self._loop.call_later(PATIENCE + delay, callback)

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> object:
        return self._loop.call_soon_threadsafe(callback)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        raise AssertionError(context)


class Sink:
    """Counts snapshots."""

    def __init__(self) -> None:
        self.snapshots = 0

    def publish(self, _view: object, *, blocked: str = "") -> None:
        self.snapshots += 1


def test_snapshots(counted: Counted) -> None:
    """A view gets a snapshot when it is opened and one at the end; steps between cost none."""
    sink, over = Sink(), threading.Event()
    publisher = Publisher(StandingLoop(counted.world))
    run = counted.start("hook", 0).wait_for("hook", timeout=PATIENCE)
    publisher.watch(run, sink, ended=lambda _: over.set())
    for _ in range(3):
        run.set_attributes({"step": "on"})
    run.resume("bench", 1)
    assert over.wait(PATIENCE)
    assert sink.snapshots == 2


# ----------------------------------------------------------------------------------- long runs


def test_a_cold_replay_reads_its_log_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read when the world was opened is replayed; a run that goes on reads nothing more."""
    with closing(Counted(opened(tmp_path / "w.duckdb"), monkeypatch).world) as world:
        run = world.start(SOURCES["replay"], (40,), steps=STEPS).wait_for("hook", timeout=PATIENCE)
        length = len(run.events())
    read: list[int] = []
    events = Reader.events

    def counted_events(reader: Reader, *args: Any) -> list[Event]:
        found = events(reader, *args)
        read.append(len(found))
        return found

    monkeypatch.setattr(Reader, "events", counted_events)
    found = Counted(opened(tmp_path / "w.duckdb"), monkeypatch)
    with closing(found.world) as world:
        for n in range(2):
            world.resume("bench", n)
            world.get(run.id).wait_for("suspended", timeout=PATIENCE)
    assert sum(read) == length
    assert found.so_far.trips == 2


def looked_at(count: int) -> int:
    """Calls that it takes to say what is open, after so many steps, sleeps and hooks that are over."""
    log: list[NewEvent] = [created()]
    for n in range(count):
        log += [step(f"s{n}"), event("step_completed", f"s{n}")]
        log += [wait(f"w{n}"), event("wait_completed", f"w{n}")]
        log += [hook(f"h{n}", f"t{n}"), event("hook_disposed", f"h{n}")]
    state = fold(recorded(new, run_id="r", seq=n) for n, new in enumerate(log, 1))
    return calls_of(lambda: (state.open_steps, state.open_waits, state.open_hooks))


def test_what_is_over_costs_nothing() -> None:
    """A step of a long run costs what one of a short run does: nothing goes through what is over."""
    assert looked_at(5) == looked_at(500)
