"""What steps write while they run, and who follows it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import flow, go, types
from tests.worlds import opened, rows, writer_waits
from wf_notebook.definition.steps import step
from wf_notebook.engine.context import step_context
from wf_notebook.errors import (
    RunCancelledError,
    StreamClosedError,
    UsageError,
    WorldClosedError,
    WorldError,
)
from wf_notebook.streams import StreamInfo
from wf_notebook.testing import VirtualClock
from wf_notebook.world import worldfile
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.recent import RECENT_BYTES, Recent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wf_notebook.api import World
    from wf_notebook.engine.activity import Activity
    from wf_notebook.run import Run
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Append

CALL = "return await steps.{}()"


def until(run: Run, predicate: Callable[[Activity], bool]) -> None:
    """Ask the engine until something holds that it tells nobody of."""
    for _ in range(100_000):
        if run.host.call(lambda: predicate(run._act)):
            return
    raise AssertionError


def waits_for_more(act: Activity) -> bool:
    """Whether a reader of the run has subscribed."""
    return bool(act.subscribers)


def call(world: World, one: Any) -> Run:
    return go(world, CALL.format(one.name), one)


class HeldStore(MemoryStore):
    """A store that can hold back commits of chunks alone, and fail them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.held: list[tuple[Append, Future[tuple[Event, ...]]]] | None = None
        self.reads = 0

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        if append.events or self.held is None:
            return super().commit(append)
        future: Future[tuple[Event, ...]] = Future()
        self.held.append((append, future))
        self.asked.set()
        return future

    def release(self, error: WorldError | None = None) -> None:
        """Do what was held back, or fail it; hold nothing more."""
        held, self.held = self.held or [], None
        for append, future in held:
            if error is None:
                future.set_result(super().commit(append).result())
            else:
                future.set_exception(error)

    def chunks(self, *args: Any, **options: Any) -> Any:
        self.reads += 1
        return super().chunks(*args, **options)


# ------------------------------------------------------------------------------------- writing


def test_what_steps_write_comes_back_in_order(world: World) -> None:
    """Text, bytes and values, from both kinds of steps; each stream counts for itself."""

    @step
    async def tokens() -> None:
        out = step_context().stream("tokens")
        for word in ("one ", "two ", "three"):
            out.write(word)
        await out.drain()
        step_context().stream().write({"at": (1, 2)})

    @step
    def log() -> None:
        out = step_context().stream("log-1")
        out.write(b"\x00\xff")
        out.flush()
        out.write(None)

    run = go(world, "await steps.tokens()\nawait steps.log()\nprint('done')", tokens, log)
    run.result(timeout=10)
    assert "".join(run.stream("tokens")) == "one two three"
    assert list(run.stream()) == [{"at": (1, 2)}]
    assert list(run.stream("log-1")) == [b"\x00\xff", None]
    assert run.streams == [
        StreamInfo("default", 1, closed=True),
        StreamInfo("log-1", 2, closed=True),
        StreamInfo("stdout", 1, closed=True),
        StreamInfo("tokens", 3, closed=True),
    ]


def test_a_thousand_writes_are_a_few_commits(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    """While one commit is in flight the others gather, and go together in the next one."""
    store = opened(tmp_path / "w.duckdb")
    world = make_world(store)
    go_on, wrote = threading.Event(), threading.Event()
    commits: list[int] = []

    @step
    def quick() -> None:
        out = step_context().stream("n")
        assert go_on.wait(10)
        for n in range(1000):
            out.write(n)
        wrote.set()
        out.flush()
        commits.append(store.commits)

    run = call(world, quick)
    run.reached(lambda act: any(s.attempts for s in act.state.steps.values())).result(10)
    before = store.commits
    with writer_waits(store):
        go_on.set()
        assert wrote.wait(10)
    run.result(timeout=10)
    assert commits[0] - before <= 2
    assert list(run.stream("n")) == list(range(1000))


def test_an_outcome_is_never_durable_before_what_was_written(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    """The commit that completes a step holds what it wrote last, or a later one than that does."""
    store = opened(tmp_path / "w.duckdb")

    @step
    def quick(n: int) -> None:
        out = step_context().stream(f"s{n}")
        for i in range(n):
            out.write(i)

    body = "await asyncio.gather(*[steps.quick(n) for n in range(1, 20)])"
    run = go(make_world(store), body, quick)
    run.result(timeout=30)
    steps = run.steps
    wrote = dict(rows(store, "select stream, max(commit_no) from stream_chunks group by stream"))
    done = dict(
        rows(store, "select correlation_id, commit_no from events where type = 'step_completed'")
    )
    assert [wrote[f"s{n}"] <= done[s.id] for n, s in enumerate(steps, 1)] == [True] * 19


def test_writers_on_several_threads_each_keep_their_order(world: World) -> None:
    """One line per run: whatever the threads do, none overtakes itself."""

    @step
    def crowd() -> None:
        out = step_context().stream()

        def write(who: int) -> None:
            for n in range(200):
                out.write([who, n])

        threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run = call(world, crowd)
    run.result(timeout=30)
    found = list(run.stream())
    for who in range(4):
        assert [n for w, n in found if w == who] == list(range(200))


def test_another_attempt_appends(world: World) -> None:
    """What a failed attempt wrote is kept; the next one goes on after it."""

    @step(retries=1)
    def flaky() -> None:
        attempt = step_context().attempt
        step_context().stream().write(f"attempt {attempt}")
        if attempt == 1:
            raise ValueError

    run = call(world, flaky)
    run.result(timeout=10)
    assert list(run.stream()) == ["attempt 1", "attempt 2"]


# ------------------------------------------------------------------------------------ no more


def test_a_closed_stream_ends_for_all(world: World) -> None:
    """It is one event, once; other attempts are refused, and readers end while the run goes on."""
    refused: list[str] = []

    @step
    async def closing() -> None:
        out = step_context().stream("s")
        out.write("last")
        out.close()
        await out.drain()
        out.close()
        step_context().stream("s").close()

    @step
    def late() -> None:
        try:
            step_context().stream("s").write("more")
        except StreamClosedError as error:
            refused.append(error.code)

    body = "await steps.closing()\nawait steps.late()\nreturn await create_hook(token='t')"
    run = go(world, body, closing, late).wait_for("hook")
    assert list(run.stream("s")) == ["last"]
    assert run.streams == [StreamInfo("s", 1, closed=True)]
    assert refused == ["WF233"]
    assert types(run).count("stream_closed") == 1
    run.resume("t", 1)
    assert run.result(timeout=10) == 1


def test_a_run_that_is_read_back_knows_its_closed_streams(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    """After the world was opened again, too, nothing more is written to them."""
    attempts: list[str] = []

    @step
    def closing() -> None:
        step_context().stream("s").write("x")
        step_context().stream("s").close()

    @step
    def again() -> None:
        try:
            step_context().stream("s").write("y")
        except StreamClosedError as error:
            attempts.append(error.message)

    body = "await steps.closing()\nawait create_hook(token='t')\nawait steps.again()"
    first = make_world(opened(tmp_path / "w.duckdb"))
    run_id = go(first, body, closing, again).wait_for("hook").id
    first.close()
    run = make_world(opened(tmp_path / "w.duckdb")).get(run_id)
    run.resume("t")
    run.result(timeout=10)
    assert attempts == ["The stream 's' takes no more: it was closed."]
    assert list(run.stream("s")) == ["x"]


def test_an_attempt_that_has_to_stop_writes_no_more(world: World) -> None:
    """A late attempt cannot write into a run that has ended, nor into its next attempt's stream."""
    errors: list[str] = []
    begun, over = threading.Event(), threading.Event()

    @step
    def stubborn() -> None:
        out = step_context().stream()
        out.write("in time")
        out.flush()
        begun.set()
        assert step_context().signal.wait(10)
        for act in (lambda: out.write("late"), out.close, lambda: step_context().stream().write(1)):
            try:
                act()
            except StreamClosedError as error:
                errors.append(error.code)
        over.set()

    run = call(world, stubborn)
    assert begun.wait(10)
    run.cancel("enough")
    with pytest.raises(RunCancelledError):
        run.result(timeout=10)
    assert over.wait(10)
    assert errors == ["WF233"] * 3
    assert list(run.stream()) == ["in time"]
    assert types(run)[-1] == "run_cancelled"


def test_a_thread_left_behind_writes_no_more(world: World) -> None:
    """When an attempt has returned, whoever it started is refused."""
    writers: list[Any] = []

    @step
    def leaving() -> None:
        writers.append(step_context().stream())
        writers[0].write("in time")

    run = go(world, "await steps.leaving()\nawait create_hook(token='t')", leaving)
    run.wait_for("hook")
    with pytest.raises(StreamClosedError, match="has returned"):
        writers[0].write("late")
    run.resume("t")
    run.result(timeout=10)
    with pytest.raises(StreamClosedError, match="has ended"):
        writers[0].write("later")
    assert list(run.stream()) == ["in time"]


# --------------------------------------------------------------------------------- what fails


def test_a_failed_commit_is_tried_again(make_world: Callable[..., World]) -> None:
    """Who drains hears of the failure; two seconds later, by the world's clock, it is written."""
    store, clock = HeldStore(), VirtualClock()

    @step
    async def writing() -> None:
        out = step_context().stream()
        store.held = []
        out.write(1)
        draining = asyncio.ensure_future(out.drain())
        await asyncio.to_thread(store.asked.wait, 10)
        store.release(WorldError("the disk is gone"))
        with pytest.raises(WorldError, match="the disk is gone"):
            await draining
        clock.advance(2)
        await out.drain()

    run = call(make_world(store, clock=clock), writing)
    run.result(timeout=10)
    assert list(run.stream()) == [1]


@pytest.mark.parametrize("error", [None, WorldError("the disk is gone")])
def test_a_turn_waits_for_the_commit_in_flight(
    make_world: Callable[..., World], error: WorldError | None
) -> None:
    """Whether that fails or not: what was written later never stands before what was earlier."""
    store = HeldStore()
    store.held = []

    @step
    def writing() -> None:
        step_context().stream().write("a")
        assert store.asked.wait(10)
        step_context().stream().write("b")

    run = call(make_world(store), writing)
    assert store.asked.wait(10)
    until(run, lambda act: act.turning and not act.inbox)  # the step has returned
    assert "step_completed" not in types(run)
    store.release(error)
    run.result(timeout=10)
    assert list(run.stream()) == ["a", "b"]


# --------------------------------------------------------------------------------- following


def gated(world: World) -> tuple[Run, Callable[..., None]]:
    """A run whose step writes what the test hands it; None ends it."""
    said: list[Any] = []
    news = threading.Semaphore(0)

    @step
    def relay() -> None:
        out = step_context().stream()
        while news.acquire(timeout=10) and (value := said.pop(0)) is not None:
            out.write(value)
            out.flush()

    def say(*values: Any) -> None:
        for value in values:
            said.append(value)
            news.release()

    return call(world, relay), say


def test_a_reader_follows_live_and_ends_with_the_run(world: World) -> None:
    """Each chunk arrives while the run goes on; several readers get all of them."""
    run, say = gated(world)
    first, second = iter(run.stream()), iter(run.stream())
    for n in range(3):
        say(n)
        assert (next(first), next(second)) == (n, n)
    say(None)
    assert (list(first), list(second)) == ([], [])


@pytest.mark.parametrize("most", [0, 2_000, RECENT_BYTES])
def test_a_reader_gets_all_whatever_is_kept_of_it(
    make_world: Callable[..., World],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    """From memory or from the file, live or late, from any index: each chunk once, in order."""
    monkeypatch.setattr(worldfile, "Recent", partial(Recent, most))

    @step
    def talkative() -> None:
        out = step_context().stream()
        for n in range(600):
            out.write(n)
            if n % 50 == 0:
                out.flush()

    run = call(make_world(opened(tmp_path / "w.duckdb")), talkative)
    assert list(run.stream()) == list(range(600))
    assert list(run.stream(start=590)) == list(run.stream(start=-10)) == list(range(590, 600))


def test_a_reader_resumes_at_an_index(world: World) -> None:
    """Where one reader stopped, another goes on; a negative start counts from the end."""
    run, say = gated(world)
    say(*"abcde", None)
    run.result(timeout=10)
    stream = run.stream()
    for value in stream:
        if value == "b":
            break
    assert stream.index == 2
    assert list(run.stream(start=stream.index)) == list("cde")
    assert list(stream) == list("cde")
    assert list(run.stream(start=-2)) == list("de")
    assert list(run.stream(start=-9)) == list("abcde")
    assert list(run.stream(start=9)) == []
    assert list(run.stream("nobody wrote it")) == []


def test_a_negative_start_on_an_empty_stream_is_its_beginning(world: World) -> None:
    """It counts from the end of what was there at the first look: later chunks are all wanted."""
    run, say = gated(world)
    found: list[int] = []
    stream = run.stream(start=-1)

    async def follow() -> None:
        reader = stream.__aiter__()
        first = asyncio.ensure_future(anext(reader))
        await asyncio.to_thread(until, run, waits_for_more)
        say(1, 2, 3, None)
        found.append(await first)
        found.extend([value async for value in reader])

    asyncio.run(follow())
    assert found == [1, 2, 3]


def test_a_long_stream_is_read_in_pages(world: World) -> None:
    """Nothing is left out where one page ends and the next begins."""

    @step
    def many() -> None:
        for n in range(1000):
            step_context().stream().write(n)

    run = call(world, many)
    run.result(timeout=30)
    assert list(run.stream()) == list(range(1000))
    assert list(run.stream(start=-600)) == list(range(400, 1000))


def test_readers_on_loops_and_threads(world: World) -> None:
    """`async for` on any loop, `for` on any thread, but not where async steps run."""
    run, say = gated(world)
    found: dict[str, list[Any]] = {"loop": [], "thread": []}
    refused: list[str] = []

    async def follow() -> None:
        found["loop"] = [value async for value in run.stream()]

    def read() -> None:
        found["thread"] = list(run.stream())

    @step
    async def reading() -> list[Any]:
        try:
            next(iter(run.stream()))
        except UsageError as error:
            refused.append(error.hint)
        return [value async for value in run.stream()]

    threads = [
        threading.Thread(target=read),
        threading.Thread(target=asyncio.run, args=(follow(),)),
    ]
    for thread in threads:
        thread.start()
    other = call(world, reading)
    say("x", "y", None)
    assert other.result(timeout=10) == ["x", "y"]
    for thread in threads:
        thread.join(10)
    assert found == {"loop": ["x", "y"], "thread": ["x", "y"]}
    assert refused == ["Use `async for` there."]


def test_a_reader_looks_only_when_its_stream_has_news(make_world: Callable[..., World]) -> None:
    """Other runs, other streams and other events of its run wake nobody."""
    store = HeldStore()
    world = make_world(store)

    @step
    def noise(n: int) -> None:
        step_context().stream("other").write(n)
        step_context().stream("other").flush()

    body = "for n in range(5):\n    await steps.noise(n)\nreturn await create_hook(token='t')"
    registry = world.host.runner.steps
    registry.register(noise)
    run = world.start(flow("await create_hook(token='go')\n" + body), steps=[noise])
    run.wait_for("hook")
    found: list[list[Any]] = []
    reader = threading.Thread(target=lambda: found.append(list(run.stream("quiet"))))
    reader.start()
    until(run, waits_for_more)
    looks = store.reads
    assert looks == 1
    run.resume("go")
    go(world, body.replace("'t'", "'u'"), noise).wait_for("hook")
    run.reached(lambda act: any(h.token == "t" for h in act.state.hooks.values())).result(10)
    assert store.reads == looks
    run.resume("t")
    run.result(timeout=10)
    reader.join(10)
    assert found == [[]]
    assert store.reads == looks + 1


def test_a_reader_of_prints_follows_too(world: World) -> None:
    """What the source prints arrives while it waits."""
    run = go(world, "print('a')\nawait create_hook(token='t')\nprint('b')")
    reader = iter(run.stream("stdout"))
    assert next(reader) == "a\n"
    run.wait_for("hook").resume("t")
    assert list(reader) == ["b\n"]


def test_a_reader_ends_with_its_world(world: World) -> None:
    """A world that is closed leaves nobody waiting for its streams."""
    run, say = gated(world)
    say("x")
    reader = iter(run.stream())
    assert next(reader) == "x"
    errors: list[Exception] = []

    def read() -> None:
        try:
            next(reader)
        except WorldClosedError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    until(run, waits_for_more)
    world.close()
    thread.join(10)
    assert len(errors) == 1
    say(None)


@step(retries=1)
async def recites_twice() -> str:
    out = step_context().stream("poem")
    out.write("so much depends")
    await out.drain()
    out.close()
    if not step_context().again:
        raise RuntimeError("the answer was lost")
    return "recited"


def test_another_attempt_finds_the_stream_whole(world: World) -> None:
    """What an earlier attempt has closed is complete: the next one adds nothing, and goes on."""
    run = go(world, "return await steps.recites_twice()", recites_twice)
    assert run.result(timeout=10) == "recited"
    assert list(run.stream("poem")) == ["so much depends"]
    assert types(run).count("stream_closed") == 1
