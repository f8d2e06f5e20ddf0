"""When the next wait or retry is due: one timer for a whole world."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.clock import Clock


class Waker:
    """Calls back when a time has come. Lives on the engine's loop.

    What is due is derived from the world whenever it is opened; nothing here needs to survive.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, str]] = []
        self._calls: dict[str, tuple[int, Callable[[], None]]] = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._target: int | None = None

    def set(self, key: str, due_us: int, callback: Callable[[], None]) -> None:
        """Call back at that time or later; replaces what was set for the key."""
        self._count += 1
        self._calls[key] = (due_us, callback)
        heapq.heappush(self._heap, (due_us, self._count, key))
        self._retarget()

    def drop(self, key: str) -> None:
        """Forget a key, if it is set."""
        if self._calls.pop(key, None) is not None:
            self._retarget()

    @property
    def next_due(self) -> int | None:
        """The earliest time that something is due, or None."""
        while self._heap:
            due, _, key = self._heap[0]
            current = self._calls.get(key)
            if current is not None and current[0] == due:
                return due
            heapq.heappop(self._heap)  # dropped or replaced meanwhile
        return None

    def _retarget(self) -> None:
        due = self.next_due
        if due == self._target:
            return
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._target = due
        if due is not None:
            self._task = asyncio.get_running_loop().create_task(self._wait(due))

    async def _wait(self, due: int) -> None:
        await self._clock.wait_until(due)
        self._task = self._target = None
        now = self._clock.now_us()
        while (due_now := self.next_due) is not None and due_now <= now:
            _, _, key = heapq.heappop(self._heap)
            _, callback = self._calls.pop(key)
            callback()
        self._retarget()

    def close(self) -> None:
        """Forget everything."""
        self._calls.clear()
        self._heap.clear()
        self._retarget()
