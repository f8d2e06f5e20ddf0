"""What the disk and the database allow: a bare script that commits the rows of a run of ours.

The run is played once on a world of ours; its event rows are then committed again and again to
another file, grouped as ours were: the same columns, sizes and statements, nothing around them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import duckdb

from tests.bench.contestant import LacksError, Timing
from tests.bench.flows import SOURCES, STEPS, arguments
from tests.bench.ours import KEY
from wf_notebook import open_world
from wf_notebook.world.connection import CONFIG
from wf_notebook.world.schema import create_table, insert, parameters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.workloads import Workload

Rows = list[tuple[object, ...]]
EVENTS = "select * from events where run_id = ? order by seq"


class Bare:
    """A `contestant.Contestant`."""

    about = f"duckdb {duckdb.__version__}, one insert into one table for each commit of ours"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commits: list[tuple[str, list[object]]] = []
        self._file: duckdb.DuckDBPyConnection | None = None

    async def open(self, workload: Workload) -> None:
        if not workload.bare or workload.stored:
            msg = "no commits of its own to be set beside"
            raise LacksError(msg)
        groups = recorded(str(self._folder / "ours.duckdb"), workload)
        self._commits = [(insert("events", len(rows)), parameters(rows)) for rows in groups]
        self._file = connected(str(self._folder / "bare.duckdb"))

    async def play(self, workload: Workload) -> Timing:
        assert self._file is not None
        begun = time.perf_counter()
        for statement, values in self._commits:
            self._file.execute(statement, values)
        return Timing(time.perf_counter() - begun)

    async def close(self) -> None:
        if self._file is not None:
            self._file.close()


def recorded(path: str, workload: Workload) -> list[Rows]:
    """Play a workload once; return its event rows, grouped by commit."""
    with open_world(path, key=KEY) as world:
        run = world.start(
            SOURCES[workload.kind], arguments(workload.kind, workload.count), steps=STEPS
        )
        run.wait_for("terminal", timeout=None)
    with duckdb.connect(path, read_only=True) as file:
        rows = file.execute(EVENTS, [run.id]).fetchall()
    groups: dict[Any, Rows] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    return list(groups.values())


def connected(path: str) -> duckdb.DuckDBPyConnection:
    """A file with the table of events, under the settings of a world of ours."""
    file = duckdb.connect(path, config=CONFIG)
    file.execute("pragma disable_checkpoint_on_shutdown")
    file.execute(create_table("events"))
    return file


def contestant(folder: Path) -> Any:
    return Bare(folder)
