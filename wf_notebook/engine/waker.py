"""When the next wait or retry is due: one timer for a whole world, and what was told of it."""

from __future__ import annotations

import asyncio
import heapq
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.clock import Clock

Key: TypeAlias = "tuple[str, str]"  # a run, and what of it


class Waker:
    """Calls back when a time has come. Lives on the engine's loop.

    What was called back stays set until it is dropped, so that a look can call again whatever is
    over and nothing has come of. What is due is derived from the world whenever it is opened;
    nothing here needs to survive.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, Key]] = []  # what was not called back yet
        self._calls: dict[Key, tuple[int, Callable[[], None]]] = {}
        self._called: set[Key] = set()
        self._soon: dict[Key, tuple[int, Callable[[], None]]] = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self._target: int | None = None

    def set(self, key: Key, due_us: int, callback: Callable[[], None]) -> None:
        """Call back at that time or later; replaces what was set for the key."""
        self._calls[key] = (due_us, callback)
        self._push(key, due_us)
        self._retarget()

    def soon(self, key: Key, after_us: int, callback: Callable[[], None]) -> None:
        """Call back once, after so many microseconds; replaces what was set for the key."""

        def once() -> None:
            self.drop(key)
            callback()

        now = self._clock.now_us()
        self.set(key, now + after_us, once)
        self._soon[key] = (now, partial(self.soon, key, after_us, callback))

    def drop(self, key: Key) -> None:
        """Forget a key, if it is set."""
        self._called.discard(key)
        self._soon.pop(key, None)
        if self._calls.pop(key, None) is not None:
            self._retarget()

    def look(self, busy: Callable[[str], bool]) -> None:
        """Call back what is over and still set, and see that the timer runs.

        Costs nothing for what is not due.

        Args:
            busy: says of a run that it moves anyway; what was called back for it is left alone.
        """
        now = self._clock.now_us()
        for begun, again in list(self._soon.values()):
            if now < begun:  # else what was to be soon would be as far off as the clock was set
                again()
        for key in list(self._called):
            due, callback = self._calls[key]
            if due > now:  # the clock was set back
                self._push(key, due)
            elif not busy(key[0]):
                callback()
        self._call_due(now)
        if self._task is not None and self._task.done():
            self._task = self._target = None
        self._retarget()

    @property
    def next_due(self) -> int | None:
        """The earliest time that something is due, or None."""
        while self._heap:
            due, _, key = self._heap[0]
            current = self._calls.get(key)
            if current is not None and current[0] == due and key not in self._called:
                return due
            heapq.heappop(self._heap)  # dropped or replaced meanwhile
        return None

    def _push(self, key: Key, due: int) -> None:
        self._count += 1
        self._called.discard(key)
        heapq.heappush(self._heap, (due, self._count, key))

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
        self._call_due(self._clock.now_us())
        self._retarget()

    def _call_due(self, now: int) -> None:
        while (due := self.next_due) is not None and due <= now:
            _, _, key = heapq.heappop(self._heap)
            self._called.add(key)
            self._calls[key][1]()

    def close(self) -> None:
        """Forget everything."""
        self._calls.clear()
        self._called.clear()
        self._soon.clear()
        self._heap.clear()
        self._retarget()
