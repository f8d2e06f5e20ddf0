"""Where the guests of one world come from: each isolation is made once, when it is first needed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from wf_notebook.errors import IsolationError
from wf_notebook.isolation.choose import choose

if TYPE_CHECKING:
    from wf_notebook.config import IsolationMode, Limits
    from wf_notebook.isolation.protocol import Guest, Isolation


class Guests:
    """Gives fresh guests. Lives on the engine's loop.

    Args:
        default: for runs that don't say; None for the best that this machine has.
        limits: budgets of a guest.
    """

    def __init__(self, default: IsolationMode | None, limits: Limits) -> None:
        self._default: IsolationMode | None = default
        self._limits = limits
        self._made: dict[IsolationMode | None, Isolation] = {}
        self._choosing = asyncio.Lock()
        self._expecting: asyncio.Task[None] | None = None

    def expect(self) -> None:
        """Start what guests come from, where they don't say, while there is time for it."""
        if self._expecting is None:
            self._expecting = asyncio.create_task(self._prepare(), name="wf-expect")

    async def _prepare(self) -> None:
        with contextlib.suppress(IsolationError):  # whoever needs a guest is told
            await (await self._isolation(None)).prepare()

    async def mode(self, wanted: IsolationMode | None) -> IsolationMode:
        """Return where a run would be put.

        Raises:
            IsolationUnavailable: it cannot be had on this machine.
        """
        return (await self._isolation(wanted)).mode

    async def spawn(self, mode: IsolationMode) -> Guest:
        """Return a fresh guest.

        Raises:
            IsolationError: there is none to be had.
        """
        return await (await self._isolation(mode)).spawn()

    async def _isolation(self, mode: IsolationMode | None) -> Isolation:
        wanted = self._default if mode is None else mode
        async with self._choosing:  # each is made once
            if wanted not in self._made:
                chosen = await choose(wanted, self._limits)
                self._made[wanted] = self._made.setdefault(chosen.mode, chosen)
            return self._made[wanted]

    async def close(self) -> None:
        """End the processes of all guests."""
        if self._expecting is not None:
            self._expecting.cancel()
            await asyncio.wait([self._expecting])
        for isolation in self._made.values():
            await isolation.close()
