"""Inline guests and the choice of an isolation."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.guest_runs import START_US, start_message
from wf_notebook.errors import GuestDiedError, IsolationUnavailable
from wf_notebook.isolation.inline import InlineIsolation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SEQUENCE = "async def w():\n    for i in range(1000):\n        await steps.a(i)\n"


def with_isolation(body: Callable[[InlineIsolation], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        isolation = InlineIsolation()
        try:
            return await body(isolation)
        finally:
            await isolation.close()

    return asyncio.run(run())


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "wf-inline-guests"]


def test_inline_guests_answer_from_a_thread_of_their_own() -> None:
    """In this process, while a loop runs in the caller's thread; closed, the thread is gone."""

    async def body(isolation: InlineIsolation) -> None:
        guests = [await isolation.spawn() for _ in range(3)]
        replies = [await guest.activate(start_message(SEQUENCE)) for guest in guests]
        assert [[c.n for c in reply.commands] for reply in replies] == [[1]] * 3
        event = {"type": "step_completed", "n": 1, "time_us": START_US, "value": None}
        reply = await guests[0].activate({"op": "deliver", "events": [event]})
        assert (reply.after, [c.n for c in reply.commands]) == (1, [2])
        assert await guests[0].where() == [3]
        assert isolation.mode == "inline"
        assert threads() == ["wf-inline-guests"]

    with_isolation(body)
    assert threads() == []


def test_nothing_is_shared_with_the_host() -> None:
    """What is passed arrives as a copy, as it would in another process."""

    async def body(isolation: InlineIsolation) -> None:
        guest = await isolation.spawn()
        args = [[1]]
        reply = await guest.activate(
            start_message("async def w(x):\n    x.append(2)\n    return x\n", args=args)
        )
        assert (reply.result, args) == ([1, 2], [[1]])

    with_isolation(body)


def test_a_closed_guest_takes_no_messages_and_its_finally_asks_nothing() -> None:
    """Closing is final and may be repeated."""
    source = """
async def w():
    try:
        await steps.a(1)
    finally:
        await steps.a(2)
"""

    async def body(isolation: InlineIsolation) -> None:
        guest = await isolation.spawn()
        await guest.activate(start_message(source))
        await guest.close()
        await guest.close()
        with pytest.raises(GuestDiedError, match="closed"):
            await guest.where()

    with_isolation(body)


def test_a_machine_that_fails_is_reported() -> None:
    """A message that is none closes the guest; the thread serves the others."""

    async def body(isolation: InlineIsolation) -> None:
        guest = await isolation.spawn()
        with pytest.raises(GuestDiedError, match="machine failed"):
            await guest.activate({"op": "deliver", "events": []})
        again = await isolation.spawn()
        assert (await again.activate(start_message(SEQUENCE))).status == "suspended"

    with_isolation(body)


def test_a_guest_at_a_breakpoint_holds_nobody_up() -> None:
    """Cancelling and closing return while the thread is at work; it ends when it is done."""
    entered, leave = threading.Event(), threading.Event()

    class Conversation:
        def answer(self, _text: bytes) -> bytes:
            entered.set()
            leave.wait()
            return b"{}"

        def close(self) -> None:
            pass

    async def run() -> None:
        isolation = InlineIsolation()
        guest, other = await isolation.spawn(), await isolation.spawn()
        guest._conversation = Conversation()  # type: ignore[assignment]
        work = asyncio.create_task(guest.activate({"op": "where"}))
        await asyncio.to_thread(entered.wait)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await other.close()
        await isolation.close()
        assert threads()
        leave.set()

    asyncio.run(run())


def test_a_closed_isolation_gives_no_guests() -> None:
    """Closing twice, or before anything was asked for, is fine."""

    async def run() -> None:
        isolation = InlineIsolation()
        await isolation.close()
        await isolation.close()
        with pytest.raises(IsolationUnavailable, match="closed"):
            await isolation.spawn()

    asyncio.run(run())
