"""Threads that hand each other work: in order, to the end, and whatever an interrupt hits."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.interrupting import Interrupt
from wf_notebook.engine.loops import LoopThread
from wf_notebook.threads import Pending, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 10  # seconds: whoever stands still, stands still


def asks(future: Pending[int]) -> None:
    future.done()


def adds(future: Pending[int]) -> None:
    future.add_done_callback(print)


def waits(future: Pending[int]) -> None:
    with contextlib.suppress(TimeoutError):
        future.result(timeout=0.001)


def looks(future: Pending[int]) -> None:
    with contextlib.suppress(TimeoutError):
        future.exception(timeout=0)


USES = (asks, adds, waits, looks)


@pytest.fixture
def worker() -> Iterator[Worker]:
    found = Worker("wf-tested")
    yield found
    found.close()


@pytest.mark.parametrize("use", USES)
def test_a_future_is_resolved_whatever_was_interrupted(
    use: Callable[[Pending[int]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """At each place of what a thread does with it: another one resolves it, and callbacks are called."""
    place, interrupted = 1, True
    while interrupted:
        future: Pending[int] = Pending()
        try:
            with Interrupt(place) as stop:
                use(future)
        except KeyboardInterrupt:
            pass
        resolver = threading.Thread(target=future.set_result, args=(place,), daemon=True)
        resolver.start()
        assert future.result(timeout=SOON) == place, f"{use.__name__}, place {place}"
        resolver.join(SOON)
        assert not resolver.is_alive()
        interrupted = stop.places == place
        place += 1
    assert place > 3
    capsys.readouterr()


def test_pythons_own_do_not_bear_it() -> None:
    """Why ours are there. Once this fails, they need not be."""

    def held(place: int) -> bool:
        future: concurrent.futures.Future[int] = concurrent.futures.Future()
        with contextlib.suppress(KeyboardInterrupt), Interrupt(place):
            future.done()
        resolver = threading.Thread(target=future.set_result, args=(1,), daemon=True)
        resolver.start()
        resolver.join(0.2)
        stuck = resolver.is_alive()
        if stuck:
            future._condition.release()
            resolver.join(SOON)
        return stuck

    assert any(map(held, range(1, 10)))


def test_who_waits_is_woken() -> None:
    """Any number of threads wait, some of them in vain."""
    future: Pending[int] = Pending()
    with pytest.raises(TimeoutError):
        future.result(timeout=0.01)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [pool.submit(future.result, SOON) for _ in range(8)]
        future.set_result(3)
        assert [each.result(SOON) for each in found] == [3] * 8
    assert concurrent.futures.wait([future], SOON).done == {future}


def test_a_worker_does_everything_in_order(worker: Worker) -> None:
    """What fails belongs to who asked; the thread goes on, and ends when all is done."""
    assert "wf-tested" not in [thread.name for thread in threading.enumerate()]
    seen: list[int] = []
    begun, gate = threading.Event(), threading.Event()
    first = worker.do(lambda: (begun.set(), gate.wait(SOON)))
    assert begun.wait(SOON)
    others = [worker.do(lambda n=n: seen.append(n)) for n in range(5)]
    unwanted = worker.do(lambda: seen.append(99))
    failing = worker.do(lambda: 1 // 0)
    assert unwanted.cancel()
    assert worker.busy
    gate.set()
    for done in (first, *others):
        done.result(SOON)
    with pytest.raises(ZeroDivisionError):
        failing.result(SOON)
    assert not worker.busy
    assert seen == [0, 1, 2, 3, 4]
    last = worker.do(lambda: 7)
    worker.close()
    assert last.result(0) == 7
    assert "wf-tested" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(RuntimeError, match="wf-tested has ended"):
        worker.do(lambda: 8)


def gives(worker: Worker) -> None:
    worker.do(lambda: 2).result(SOON)


def closes(worker: Worker) -> None:
    worker.close()


@pytest.mark.parametrize("use", [gives, closes])
def test_a_worker_does_not_stand_still_whatever_was_interrupted(
    use: Callable[[Worker], None],
) -> None:
    """At each place: it takes another job and does it, or it has ended; and it can be closed."""
    place, interrupted = 1, True
    while interrupted:
        worker = Worker("wf-tested")
        assert worker.do(lambda: 1).result(SOON) == 1
        try:
            with Interrupt(place) as stop:
                use(worker)
        except KeyboardInterrupt:
            pass
        try:
            assert worker.do(lambda: 3).result(SOON) == 3, f"{use.__name__}, place {place}"
            assert not worker.busy
        except RuntimeError:
            assert use is closes
        worker.close()
        assert "wf-tested" not in [thread.name for thread in threading.enumerate()]
        interrupted = stop.places == place
        place += 1
    assert place > 3


def test_a_worker_that_was_never_used_has_no_thread(worker: Worker) -> None:
    """There is nothing to wait for, however often it is closed."""
    worker.close()
    worker.close()


@pytest.mark.parametrize("runs", [True, False])
def test_a_worker_whose_start_was_interrupted(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, *, runs: bool
) -> None:
    """Whether its thread runs then or not: the next job begins, one at a time, and all ends."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if runs:
            start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.do(lambda: 1)
    monkeypatch.undo()
    seen: list[int] = []
    jobs = [worker.do(lambda n=n: (seen.append(n), time.sleep(0.001))) for n in range(20)]
    worker.close()
    assert all(job.done() for job in jobs)
    assert seen == list(range(20))
    for thread in threading.enumerate():
        if thread.name == "wf-tested":
            thread.join(SOON)
            assert not thread.is_alive()


def test_a_coroutine_is_run_and_cancelled_from_elsewhere() -> None:
    """Its result, its error, its end by cancelling either side; none runs on a loop that has ended."""
    thread = LoopThread("wf-tested-loop")

    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    async def fails() -> None:
        raise LookupError

    assert thread.submit(asyncio.sleep(0, 5)).result(SOON) == 5
    with pytest.raises(LookupError):
        thread.submit(fails()).result(SOON)
    with pytest.raises(concurrent.futures.CancelledError):
        thread.submit(cancels_itself()).result(SOON)
    over: Pending[bool] = Pending()

    async def waits_long() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            over.set_result(True)
            raise

    waiting = thread.submit(waits_long())
    thread.submit(asyncio.sleep(0)).result(SOON)
    assert waiting.cancel()
    assert over.result(SOON)
    thread.close()
    coroutine: Any = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closed"):
        thread.submit(coroutine)
