"""The stores of wf_notebook against the one suite for stores."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.conformance.forgetting_suite import ForgettingSuite
from tests.conformance.store_suite import StoreSuite
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wf_notebook.world.store import EventStore

KEY = GivenKey(bytes(range(32)))


class TestMemoryStore(StoreSuite, ForgettingSuite):
    @pytest.fixture
    def store(self) -> Iterator[EventStore]:
        with closing(MemoryStore()) as store:
            yield store


class TestDuckDBFile(StoreSuite, ForgettingSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EventStore]:
        with closing(DuckDBStore.open(tmp_path / "w.duckdb", key_provider=KEY)) as store:
            yield store


class TestDuckDBInMemory(StoreSuite, ForgettingSuite):
    @pytest.fixture
    def store(self) -> Iterator[EventStore]:
        with closing(DuckDBStore.open(":memory:", key_provider=KEY)) as store:
            yield store
