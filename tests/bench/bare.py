"""What the disk and the database allow: a bare script that commits the rows of a run of ours.

The run is played once on a world of ours; its rows of events and of chunks are then committed again
and again to another file, grouped as ours were: the same columns, sizes and statements, nothing
around them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import duckdb

from tests.bench.contestant import LacksError, Timing
from tests.bench.flows import SOURCES, STEPS, arguments
from tests.bench.ours import KEY
from wf_notebook import open_world
from wf_notebook.world.connection import CONFIG
from wf_notebook.world.schema import create_table, insert, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.workloads import Workload

Rows = list[tuple[object, ...]]
TABLES: Final = {"events": "seq", "stream_chunks": "stream, idx"}  # and the order of their rows


class Bare:
    """A `contestant.Contestant`."""

    about = f"duckdb {duckdb.__version__}, an insert of events, of chunks or both for each commit of ours"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commits: list[list[tuple[str, list[object]]]] = []
        self._file: duckdb.DuckDBPyConnection | None = None

    async def open(self, workload: Workload) -> None:
        if not workload.bare or workload.stored:
            msg = "no commits of its own to be set beside"
            raise LacksError(msg)
        for tables in recorded(str(self._folder / "ours.duckdb"), workload):
            inserts = [(insert(name, len(rows)), parameters(rows)) for name, rows in tables.items()]
            self._commits.append(inserts)
        self._file = connected(str(self._folder / "bare.duckdb"))

    async def play(self, workload: Workload) -> Timing:
        assert self._file is not None
        begun = time.perf_counter()
        for inserts in self._commits:
            commit(self._file, inserts)
        return Timing(time.perf_counter() - begun)

    async def close(self) -> None:
        if self._file is not None:
            self._file.close()


def commit(file: duckdb.DuckDBPyConnection, inserts: Sequence[tuple[str, list[object]]]) -> None:
    """Execute some statements and make them durable together."""
    if len(inserts) > 1:
        file.begin()
    for statement, values in inserts:
        file.execute(statement, values)
    if len(inserts) > 1:
        file.commit()


def recorded(path: str, workload: Workload) -> list[dict[str, Rows]]:
    """Play a workload once; return the rows of each commit, by their table."""
    with open_world(path, key=KEY) as world:
        run = world.start(
            SOURCES[workload.kind], arguments(workload.kind, workload.count), steps=STEPS
        )
        run.wait_for("terminal", timeout=None)
    groups: dict[Any, dict[str, Rows]] = {}
    with duckdb.connect(path, read_only=True) as file:
        for table, order in TABLES.items():
            query = f"select * from {table} where run_id = ? order by commit_no, {order}"
            for row in file.execute(query, [run.id]).fetchall():
                groups.setdefault(row[0], {}).setdefault(table, []).append(row)
    return [groups[number] for number in sorted(groups)]


def connected(path: str) -> duckdb.DuckDBPyConnection:
    """A file with the tables of events and chunks, under the settings of a world of ours."""
    file = duckdb.connect(path, config=CONFIG)
    file.execute("pragma disable_checkpoint_on_shutdown")
    for table in TABLES:
        file.execute(create_table(table))
    return file


def contestant(folder: Path) -> Any:
    return Bare(folder)
