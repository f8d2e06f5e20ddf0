"""Which logs are at hand: a run's that was opened is replayed without being read again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from wf_notebook.engine.batches import weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

_MOST: Final = 16 << 20  # of all: runs that only wait must not hold more than they need
_EVENT: Final = 1 << 10  # what an event weighs without its values


class Logs:
    """Reads logs, and keeps those that were kept last until they are read again. On the engine's loop.

    Args:
        store: the world.
        most: how many characters may be kept, about.
    """

    def __init__(self, store: EventStore, most: int = _MOST) -> None:
        self._store = store
        self._most = self._left = most
        self._kept: OrderedDict[str, tuple[Sequence[Event], int]] = OrderedDict()

    async def read(self, run_id: str) -> Sequence[Event]:
        """Return a run's whole log; what was kept of it isn't any more."""
        log = self.drop(run_id)
        since = await asyncio.wrap_future(self._store.read(run_id, len(log)))
        return [*log, *since] if log else since

    def keep(self, log: Sequence[Event]) -> None:
        """Keep a log that was just read, unless it is too heavy, instead of older ones."""
        self.drop(log[0].run_id)
        its = _weight(log, self._most)
        if its > self._most:
            return
        while its > self._left:
            self.drop(next(iter(self._kept)))
        self._kept[log[0].run_id] = log, its
        self._left -= its

    def drop(self, run_id: str) -> Sequence[Event]:
        """Keep nothing of a run any more; returns what was kept."""
        log, its = self._kept.pop(run_id, ((), 0))
        self._left += its
        return log


def _weight(log: Iterable[Event], enough: int) -> int:
    """Return what a log weighs, counted until it is too much: values may be long."""
    total = 0
    for total in accumulate(_EVENT + weight(event.data) for event in log):
        if total > enough:
            break
    return total
