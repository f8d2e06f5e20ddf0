"""A run that was dropped at an event of its log is opened again: what must be as if it never had been."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from tests.behaviour.folded import check_views
from tests.behaviour.invariants import (
    check_attempts,
    check_kept,
    check_log,
    check_reading,
    check_replay,
    check_same_end,
)
from tests.property.driving import Outcome, copy_log, run_to_end
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore

PART: Final = 500  # programs in one test; by night there are more of these: none may take for ever
READ_EVERY: Final = 5  # crashes, after which everything is read that can be read


def summary(outcome: Outcome) -> str:
    """What two executions of one program must have in common."""
    found = [outcome.status, outcome.value, outcome.asked, outcome.printed]
    return json.dumps(found, sort_keys=True, default=str)


def played(store: EventStore, source: str, *, at_once: int = 1) -> tuple[Outcome, MemoryStore]:
    """Run a source whole; return how it ended and a copy of what it wrote."""
    copy = MemoryStore(store.world_id)

    def keep(store: EventStore, events: Sequence[Event]) -> None:
        copy_log(store, copy, events)
        check_replay(store.definition(events[0].run_id).result(60), events)

    whole = run_to_end(store, source, at_once=at_once, look=keep)
    check_log(whole.events)
    check_attempts(whole.events, whole.made, crashes=0)
    return whole, copy


def goes_on(whole: Outcome, left: EventStore, count: int, source: str) -> None:
    """Open what a crash after so many events has left, and check what becomes of it."""
    last_us = whole.events[count - 1].time_us
    look = read_only if count % READ_EVERY == 0 else None
    resumed = run_to_end(left, None, start_us=last_us, look=look)
    assert summary(resumed) == summary(whole), f"dropped after event {count}\n{source}"
    check_kept(whole.events[:count], resumed.events)
    check_same_end(whole.events, resumed.events)
    check_log(resumed.events)
    check_attempts(resumed.events, resumed.made, crashes=1)


def read_only(store: EventStore, events: Sequence[Event]) -> None:
    """Look at everything there is to be read."""
    check_reading(store, [events[0].run_id])
    if isinstance(store, DuckDBStore):
        check_views(store, events)
