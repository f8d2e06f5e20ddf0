from __future__ import annotations

import threading

import pytest

from wf_notebook.errors import PayloadError
from wf_notebook.testing.conformance.appends import add, created, event
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append


def test_futures_are_resolved_at_once() -> None:
    """A test that drives the engine by hand never has to wait for the store."""
    store = MemoryStore()
    assert store.commit(Append("r", (created(),))).done()
    assert store.read("r").done()


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, {"a": {None: 1}}])
def test_only_trees_get_in(value: object) -> None:
    """What JSON would quietly change is refused: the oracle is stricter than a file."""
    store = MemoryStore()
    with pytest.raises(PayloadError):
        add(store, "r", created(), event("step_created", "s", data={"args": value}, n=1))
    assert store.read("r").result() == []


def test_the_world_id_can_be_chosen() -> None:
    """Keyed run ids repeat in tests."""
    assert MemoryStore("w").world_id == "w"
    assert MemoryStore().world_id != MemoryStore().world_id


def test_threads_may_append_together() -> None:
    """Logs stay dense whoever writes."""
    store = MemoryStore()
    add(store, "r", created())

    def write(name: int) -> None:
        for i in range(50):
            add(store, "r", event("step_created", f"{name}-{i}", n=1, alias="a", step_id="s"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.seq for e in store.read("r").result()] == list(range(1, 202))
