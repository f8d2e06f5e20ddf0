"""Random histories of a world: runs, forgetting, new keys, failures and reopening, beside the oracle."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crash.cutting import POINTS, cut, left_in, no_space, sealed_bytes, wrapped_keys
from tests.sizes import sized
from tests.worlds import KEY
from wf_notebook.errors import (
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    WorldError,
)
from wf_notebook.testing.conformance.appends import created, event
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.store import Append, Chunk, RejectedError
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from wf_notebook.world.store import EventStore

RUNS = ("a", "b", "c", "d")
KEYS = {key_id(key): key for key in (KEY, bytes(range(1, 33)), bytes(range(2, 34)))}
STEPS = st.one_of(
    st.tuples(st.just("create"), st.sampled_from(RUNS)),
    st.tuples(st.just("end"), st.sampled_from(RUNS)),
    st.tuples(st.just("write"), st.sampled_from(RUNS)),
    st.tuples(st.just("forget"), st.lists(st.sampled_from(RUNS), min_size=1, max_size=3)),
    st.tuples(st.just("rotate"), st.sampled_from(sorted(KEYS))),
    st.tuples(st.just("fail"), st.sampled_from(POINTS)),
    st.tuples(st.just("reopen"), st.just("")),
)
SAID = (RunForgottenError, RunNotFoundError, RunUnfinishedError, RejectedError)


class AllKeys:
    def master_key(self, wanted: str | None) -> bytes | None:
        return KEYS.get(wanted) if wanted else KEY

    def where(self, wanted: str) -> str:
        return "all keys"


class Pair:
    """A world and its oracle, one step after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.oracle = MemoryStore()
        self.gone: list[bytes] = []
        self.failing: str | None = None
        self.store = self._opened()

    def _opened(self) -> DuckDBStore:
        return DuckDBStore.open(self.path, key_provider=AllKeys())

    def reopen(self, _: str) -> None:
        self.store.close()
        self.store = self._opened()
        assert self.store.locked is None
        assert left_in(self.path.parent, self.gone) == 0

    def fail(self, point: str) -> None:
        self.failing = point

    def create(self, name: str) -> None:
        events = (created(attributes={"a": name}), event("run_started"))
        self._both(Append(name, events, definition={"source": name}))

    def write(self, name: str) -> None:
        self._both(Append(name, (), chunks=(Chunk("out", None, name * 20),)))

    def end(self, name: str) -> None:
        self._both(Append(name, (event("run_completed", data={"result": name * 20}),)))

    def _both(self, append: Append) -> None:
        assert said(self.store, append) == said(self.oracle, append)

    def forget(self, names: list[str]) -> None:
        pieces = sealed_bytes(self.store, *names)
        before = type(self.oracle.forget(names, now_us=1).exception(timeout=30))
        found = self._do(lambda: self.store.forget(names, now_us=1).result(timeout=60))
        assert found is (None if before is type(None) else before)
        if found is None:
            self.gone += pieces

    def rotate(self, name: str) -> None:
        old = wrapped_keys(self.store)
        assert (
            self._do(lambda: self.store.turn_key(KEYS[name], now_us=1).result(timeout=60)) is None
        )
        assert self.store.key_id == name
        self.gone += old

    def _do(self, call: Any) -> type[BaseException] | None:
        """Do it, with a failure somewhere if there shall be one; again if that came too early."""
        point, self.failing = self.failing, None
        try:
            with pytest.MonkeyPatch.context() as patch:
                if point is not None:
                    cut(point, no_space, patch.setattr)
                call()
        except WorldError:
            if point is None:
                raise
            self.reopen("")
            call()
        except SAID as error:
            return type(error)
        assert left_in(self.path.parent, self.gone) == 0
        return None

    def check(self) -> None:
        assert lines(self.store) == lines(self.oracle)
        for name in RUNS:
            for what in ("read", "definition", "streams"):
                assert told(self.store, what, name) == told(self.oracle, what, name)


def said(store: EventStore, append: Append) -> object:
    error = store.commit(append).exception(timeout=30)
    return None if error is None else str(error)


def told(store: EventStore, what: str, name: str) -> object:
    future = getattr(store, what)(name)
    error = future.exception(timeout=30)
    return future.result() if error is None else type(error)


def lines(store: EventStore) -> list[Any]:
    return sorted(store.runs(limit=None).result(timeout=30), key=lambda row: row.run_id)


@settings(max_examples=sized(12, 400))
@given(st.lists(STEPS, min_size=4, max_size=14))
def test_a_world_is_what_its_oracle_is(steps: list[tuple[str, Any]]) -> None:
    """Whatever happens in whichever order, and wherever it fails; and no byte comes back."""
    with tempfile.TemporaryDirectory() as folder:
        pair = Pair(Path(folder) / "w.duckdb")
        try:
            for name, argument in [("create", "a"), ("end", "a"), *steps]:
                getattr(pair, name)(argument)
            pair.check()
            pair.reopen("")
            pair.check()
        finally:
            pair.store.close()
