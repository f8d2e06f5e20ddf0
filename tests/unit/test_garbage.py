"""Reading a log without looking for garbage."""

from __future__ import annotations

import gc
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.worlds import opened
from wf_notebook.testing.conformance.appends import created, event, step
from wf_notebook.world.garbage import uncollected
from wf_notebook.world.store import Append

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEPS = 2_000


@pytest.fixture
def collections() -> Iterator[list[str]]:
    """The thread of each collection."""
    found: list[str] = []

    def note(phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            found.append(threading.current_thread().name)

    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


def test_a_long_log_is_read_without_a_collection(tmp_path: Path, collections: list[str]) -> None:
    """Neither its events nor the head that is made of them are gone through on the way."""
    path = tmp_path / "w.duckdb"
    log = [step(f"s{n}", n + 1) for n in range(STEPS)]
    with closing(opened(path)) as store:
        store.commit(Append("r", (created(), event("run_started"), *log))).result()
    collections.clear()
    with closing(opened(path)) as store:
        assert len(store.read("r").result()) == STEPS + 2
    ours = [name for name in collections if name.startswith("wf-")]
    assert len(ours) <= 2  # what was put off: one collection when it is over


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was(enabled: bool) -> None:
    """Whether it was on, or somebody has turned it off for good; also where something breaks."""

    @uncollected()
    def broken() -> None:
        assert not gc.isenabled()
        raise LookupError

    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(LookupError):
            broken()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
