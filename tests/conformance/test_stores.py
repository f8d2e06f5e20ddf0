"""The stores of wf_notebook against the suite that ships, and stores that it must find out."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.worlds import opened
from wf_notebook.testing.conformance import DurableStoreConformance, StoreConformance
from wf_notebook.testing.conformance.streams import Streams
from wf_notebook.world import worldfile
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.recent import Recent
from wf_notebook.world.store import Append, EventStore

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.world.events import Event


class TestMemoryStore(StoreConformance):
    def make(self) -> EventStore:
        return MemoryStore()


class TestDuckDBFile(DurableStoreConformance):
    place: Path

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.place = tmp_path / "w.duckdb"

    def make(self) -> EventStore:
        return opened(self.place)

    def reopen(self) -> EventStore:
        return opened(self.place)


class TestDuckDBFileAlone(Streams):
    """What was written a moment ago is kept; here it is not, and the file is asked."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = tmp_path / "w.duckdb"
        monkeypatch.setattr(worldfile, "Recent", partial(Recent, 0))

    def make(self) -> EventStore:
        return opened(self.place)


class TestDuckDBInMemory(StoreConformance):
    def make(self) -> EventStore:
        return opened(":memory:")


# ------------------------------------------------------------------------------- broken stores


class LosesTheFence(MemoryStore):
    """Writes what a replay decided that has not seen everything."""

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        return super().commit(replace(append, fence=None))


class ForgetsResumeIds(MemoryStore):
    """Records a payload as often as it is sent."""

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        for head in self._heads.runs.values():
            head.resumes.clear()
        return super().commit(append)


class WritesInParts(MemoryStore):
    """Commits event by event: what comes before a refused one stays."""

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        parts = [replace(append, events=append.events[:1])]
        parts += [Append(append.run_id, (event,)) for event in append.events[1:]]
        written: list[Event] = []
        for part in parts:
            answer = super().commit(part)
            if answer.exception() is not None:
                return answer
            written += answer.result()
        return _done(tuple(written))


class SharesWhatItHolds(MemoryStore):
    """Hands out its own log: whoever changes what was read changes history."""

    def read(self, run_id: str, after: int = 0) -> Future[Any]:
        return _done(self._logs.get(run_id, [])[after:])


class KeepsTokens(MemoryStore):
    """Frees no token when a run ends."""

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        before = dict(self._heads.tokens)
        written = super().commit(append)
        self._heads.tokens.update(
            {token: owner for token, owner in before.items() if owner[0] not in self._heads.runs}
        )
        return written


class SortsKeys(MemoryStore):
    """Gives maps back in another order than they had."""

    def read(self, run_id: str, after: int = 0) -> Future[Any]:
        found = super().read(run_id, after).result()
        return _done([replace(event, data=_sorted(event.data)) for event in found])


def _sorted(data: Any) -> Any:
    return data and dict(sorted(data.items()))


def _done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize(
    ("store", "found_by"),
    [
        (LosesTheFence, "test_the_fence_is_the_number_of_derived_events"),
        (ForgetsResumeIds, "test_a_payload_is_recorded_once_per_resume_id"),
        (WritesInParts, "test_a_refused_append_leaves_nothing_behind"),
        (SharesWhatItHolds, "test_nothing_mutable_is_shared"),
        (KeepsTokens, "test_a_token_is_freed_by_the_commit_that_ends_its_run"),
        (SortsKeys, "test_values_keep_their_order_and_their_types"),
    ],
)
def test_a_broken_store_is_found_out(store: type[EventStore], found_by: str) -> None:
    """The suite can fail: a store that breaks a promise fails the one that is named for it."""

    class OfStore(StoreConformance):
        def make(self) -> EventStore:
            return store()

    assert OfStore.broken(found_by).keys() == {found_by}


def test_a_store_that_forgets_is_found_out() -> None:
    """Of a store that keeps nothing, no promise about reopening holds."""

    class OfStore(DurableStoreConformance):
        def make(self) -> EventStore:
            return MemoryStore()

        def reopen(self) -> EventStore:
            return MemoryStore()

    about_reopening = {*DurableStoreConformance.promises()} - {*StoreConformance.promises()}
    assert OfStore.broken(*about_reopening).keys() == about_reopening


def test_the_suite_needs_no_pytest() -> None:
    """Whoever tests with something else can import and run it."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "from wf_notebook.testing.conformance import StoreConformance\n"
        "print(len(StoreConformance.promises()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) > 30
