"""The zygote: it keeps a spare, reaps, dies with its host, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.guest_processes import (
    at_work,
    completed,
    deliver,
    is_running,
    started,
    until,
    with_isolation,
)
from wf_notebook.errors import GuestDiedError, IsolationUnavailable
from wf_notebook.isolation import nursery as nursery_module
from wf_notebook.isolation.process import ProcessIsolation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.isolation.nursery import Nursery

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no such processes")


def nursery_of(isolation: ProcessIsolation) -> Nursery:
    assert isolation._nursery is not None
    return isolation._nursery


def test_a_spare_child_is_ready() -> None:
    """The next guest is forked before it is asked for."""

    async def body(isolation: ProcessIsolation) -> None:
        await isolation.prepare()
        (spare,) = nursery_of(isolation).children
        assert (await isolation.spawn()).pid == spare
        await until(lambda: len(nursery_of(isolation).children) == 2)

    with_isolation(body)


def test_when_the_zygote_dies_guests_are_reported_and_the_next_spawn_works() -> None:
    """Idle and busy guests raise; no orphan is left; a new zygote is started."""

    async def body(isolation: ProcessIsolation) -> None:
        idle = await started(isolation)
        _busy, work = await at_work(isolation)
        children = [psutil.Process(pid) for pid in nursery_of(isolation).children]
        zygote = nursery_of(isolation)._process.pid
        os.kill(zygote, signal.SIGKILL)
        with pytest.raises(GuestDiedError, match="parent is gone"):
            await work
        with pytest.raises(GuestDiedError, match="parent is gone"):
            await idle.activate(deliver(completed(1)))
        again = await started(isolation)
        assert nursery_of(isolation)._process.pid != zygote
        assert await again.where() == [3]
        psutil.wait_procs(children, timeout=10)
        assert not any(is_running(child) for child in children)

    with_isolation(body)


def test_the_zygote_ignores_the_cells_interrupt() -> None:
    """SIGINT ends neither the zygote nor its children."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        for pid in (nursery_of(isolation)._process.pid, guest.pid):
            os.kill(pid, signal.SIGINT)
        reply = await guest.activate(deliver(completed(1)))
        assert reply.after == 1
        assert (await started(isolation)).pid

    with_isolation(body)


def test_the_zygote_kills_only_its_own_children() -> None:
    """A pid that is not a child of its is left alone: it could be anybody's."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        nursery = nursery_of(isolation)
        for request in ({"op": "kill"}, {"op": "signal", "signal": signal.SIGKILL}):
            answer = await nursery.request({**request, "pid": os.getpid()})
            assert answer.get("status") is None
        await guest.close()
        assert await nursery.request({"op": "kill", "pid": guest.pid}) == {"status": None}

    with_isolation(body)


def test_children_that_end_are_reaped_at_once() -> None:
    """No zombie waits for the next request."""

    async def body(isolation: ProcessIsolation) -> None:
        guest = await started(isolation)
        os.kill(guest.pid, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(guest.pid))
        await guest.close()

    with_isolation(body)


def test_the_zygote_leaves_with_its_children_when_the_host_is_gone() -> None:
    """Nothing survives a host that was killed."""

    async def body(isolation: ProcessIsolation) -> None:
        _busy, work = await at_work(isolation)
        nursery = nursery_of(isolation)
        pids = [*nursery.children, nursery._process.pid]
        # What the kernel does with a dead host's descriptors:
        nursery._control.shutdown(socket.SHUT_RDWR)
        await until(lambda: nursery._process.poll() is not None)
        with pytest.raises(GuestDiedError):
            await work
        assert not any(psutil.pid_exists(pid) for pid in pids)

    with_isolation(body)


def test_closing_leaves_no_process_and_no_descriptor() -> None:
    """Guests at work, idle ones, the spare and the zygote are gone; closing twice is fine."""

    async def run() -> list[int]:
        isolation = ProcessIsolation()
        idle = await started(isolation)
        _busy, work = await at_work(isolation)
        nursery = nursery_of(isolation)
        pids = [*nursery.children, nursery._process.pid]
        await isolation.close()
        await isolation.close()
        await idle.close()
        with pytest.raises(GuestDiedError):
            await work
        with pytest.raises(GuestDiedError):
            await idle.where()
        with pytest.raises(IsolationUnavailable, match="was closed"):
            await isolation.spawn()
        return pids

    before = psutil.Process().num_fds()
    pids = asyncio.run(run())
    gc.collect()  # an unclosed socket would warn now, and warnings are errors
    assert psutil.Process().num_fds() == before
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_closing_before_the_start_or_in_the_middle_of_it() -> None:
    """A zygote that is still starting is stopped, too."""

    async def run() -> None:
        await ProcessIsolation().close()
        isolation = ProcessIsolation()
        spawning = asyncio.create_task(isolation.spawn())
        await until(lambda: bool(psutil.Process().children()))
        await isolation.close()
        with pytest.raises((IsolationUnavailable, asyncio.CancelledError)):
            await spawning

    asyncio.run(run())


def test_a_spawn_that_is_cancelled_loses_no_child() -> None:
    """The child that was under way becomes the spare."""

    async def body(isolation: ProcessIsolation) -> None:
        spawning = asyncio.create_task(isolation.spawn())
        await asyncio.sleep(0)
        spawning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await spawning
        assert (await started(isolation)).pid

    with_isolation(body)


def test_it_works_from_a_loop_in_another_thread() -> None:
    """The engine's loop is not in the main thread: no signal handler, no child watcher."""
    found: list[Any] = []

    async def body(isolation: ProcessIsolation) -> None:
        found.append((await started(isolation)).pid)

    thread = threading.Thread(target=lambda: with_isolation(body))
    thread.start()
    thread.join()
    assert len(found) == 1


def test_a_zygote_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last words, and the way out."""

    async def body(isolation: ProcessIsolation) -> None:
        with pytest.raises(IsolationUnavailable, match=r"ZeroDivisionError.*inline"):
            await isolation.spawn()
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(IsolationUnavailable, match=r"could not be started.*inline"):
            await isolation.spawn()
        monkeypatch.setattr(os, "name", "nt")
        with pytest.raises(IsolationUnavailable, match=r"Linux or macOS.*inline"):
            await isolation.spawn()
        monkeypatch.undo()
        assert (await started(isolation)).pid

    monkeypatch.setattr(nursery_module, "_BOOT", "1 / 0")
    with_isolation(body)


@pytest.fixture
def ahead() -> Iterator[psutil.Process]:
    """A zygote that was started before anybody asked for a guest."""
    nursery_module.start_ahead()
    (nursery,) = nursery_module._ahead
    yield psutil.Process(nursery._process.pid)
    nursery_module.dismiss()
    assert not nursery_module._ahead


def test_one_started_ahead_is_the_one_that_guests_come_from(ahead: psutil.Process) -> None:
    """There is never a second one: not while it waits, and not while it serves."""

    async def body(isolation: ProcessIsolation) -> None:
        nursery_module.start_ahead()
        assert [nursery._process.pid for nursery in nursery_module._ahead] == [ahead.pid]
        guest = await started(isolation)
        assert nursery_of(isolation)._process.pid == ahead.pid
        assert guest.pid in {child.pid for child in ahead.children()}
        nursery_module.start_ahead()
        assert nursery_module._ahead == []

    with_isolation(body)
    assert not is_running(ahead)


def test_one_that_died_meanwhile_is_not_taken(ahead: psutil.Process) -> None:
    """The first guest comes from a new one, and what the dead one held is let go."""

    async def body(isolation: ProcessIsolation) -> None:
        ahead.kill()
        await until(lambda: not is_running(ahead))
        assert (await started(isolation)).pid
        assert nursery_of(isolation)._process.pid != ahead.pid

    with_isolation(body)


def test_one_that_nobody_needed_is_ended(ahead: psutil.Process) -> None:
    """It is gone when that returns, with its descriptors; ending none is fine."""
    nursery_module.dismiss()
    assert not psutil.pid_exists(ahead.pid)
    nursery_module.dismiss()


def test_a_forked_child_leaves_it_to_its_parent(ahead: psutil.Process) -> None:
    """The child neither ends it nor takes it."""
    pid = os.fork()
    if pid == 0:
        nursery_module.dismiss()
        os._exit(len(nursery_module._ahead))
    assert os.waitpid(pid, 0)[1] == 0
    assert is_running(ahead)
