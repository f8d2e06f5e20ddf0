"""Which logs the engine keeps for a replay that may follow."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from wf_notebook.engine.logs import Logs
from wf_notebook.testing.conformance.appends import created, event, step
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from wf_notebook.world.events import Event

HEAVY = "x" * 2_000


class Counting(MemoryStore):
    """Counts the events that are read of it."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        found = super().read(run_id, after, until)
        self.given += len(found.result())
        return found


def stored(*run_ids: str) -> Counting:
    """A store with runs of two events."""
    store = Counting()
    for run_id in run_ids:
        store.commit(Append(run_id, (created(), event("run_started")))).result()
    return store


def read(logs: Logs, run_id: str) -> list[int]:
    return [found.seq for found in asyncio.run(logs.read(run_id))]


def keep(logs: Logs, store: Counting, run_id: str) -> None:
    logs.keep(store.read(run_id).result())
    store.given = 0


def test_what_was_kept_is_not_read_again() -> None:
    """Only what has come since is; and once it was asked for, nothing is kept any more."""
    store = stored("a")
    logs = Logs(store)
    keep(logs, store, "a")
    store.commit(Append("a", (step("s"),))).result()
    assert (read(logs, "a"), store.given) == ([1, 2, 3], 1)
    assert (read(logs, "a"), store.given) == ([1, 2, 3], 4)


def test_older_logs_make_room() -> None:
    """Of many runs that wait, those are kept that were read last: as much as was allowed."""
    names = [f"r{n}" for n in range(20)]
    store = stored(*names)
    logs = Logs(store, most=10 * 1024)
    for name in names:
        keep(logs, store, name)
    given = {name: (read(logs, name), store.given)[1] for name in reversed(names)}
    assert [given[name] for name in names[-4:]] == [0] * 4
    assert given[names[0]] > 0


def test_a_heavy_log_is_not_kept() -> None:
    """Nor does it cost the others their place; what a run has let go of gives its place back."""
    store = stored("a", "b")
    store.commit(Append("b", (replace(step("s"), data={"args": {"x": HEAVY}}),))).result()
    logs = Logs(store, most=4 * 1024)
    keep(logs, store, "a")
    keep(logs, store, "b")
    assert (read(logs, "a"), store.given) == ([1, 2], 0)
    assert (read(logs, "b"), store.given) == ([1, 2, 3], 3)
    keep(logs, store, "a")
    logs.drop("a")
    keep(logs, store, "a")
    assert (read(logs, "a"), store.given) == ([1, 2], 0)
