"""How much a durable sequential step costs, beside a bare script that commits the same rows.

`python -m tests.bench.sequential` prints medians and their ratio. Both write the same event rows
(same columns, sizes and statement) to a file of their own in the same folder, in turns; encryption
and the guest process are on.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
import duckdb

from wf_notebook import open_world, step

SOURCE = """
async def workflow(n):
    "use workflow"
    for i in range(n):
        await steps.nothing(i)
"""
COLUMNS = "commit_no, run_id, seq, event_id, type, correlation_id, time_us, meta, payload"


@step
async def nothing(i: int) -> int:
    return i


def ours(
    folder: str, count: int, rounds: int
) -> tuple[list[float], list[list[tuple[object, ...]]]]:
    """Seconds per run, and the rows of one run, grouped by the commits that wrote them."""
    taken: list[float] = []
    with open_world(f"{folder}/ours.duckdb", key=b"k" * 32) as world:
        for _ in range(rounds + 1):
            began = time.perf_counter()
            run = world.start(SOURCE, (count,), steps=[nothing])
            asyncio.run(_awaited(run))
            taken.append(time.perf_counter() - began)
    with duckdb.connect(f"{folder}/ours.duckdb", read_only=True) as file:
        rows = file.execute(
            f"select {COLUMNS} from events where run_id = ? order by seq", [run.id]
        ).fetchall()
    commits: dict[object, list[tuple[object, ...]]] = {}
    for row in rows:
        commits.setdefault(row[0], []).append(row)
    return taken[1:], list(commits.values())


async def _awaited(run: object) -> None:
    await run  # type: ignore[misc]


def bare(folder: str, commits: list[list[tuple[object, ...]]], rounds: int) -> list[float]:
    """Seconds that the same commits take without anything around them."""
    taken: list[float] = []
    with duckdb.connect(
        f"{folder}/bare.duckdb", config={"storage_compatibility_version": "v1.2.0"}
    ) as file:
        file.execute("set wal_autocheckpoint = '1TB'")
        file.execute(
            "create table events (commit_no bigint, run_id varchar, seq bigint, event_id varchar,"
            " type varchar, correlation_id varchar, time_us bigint, meta varchar, payload blob)"
        )
        for _ in range(rounds + 1):
            began = time.perf_counter()
            for rows in commits:
                places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(rows))
                values = [value for row in rows for value in row]
                file.execute(f"insert into events values {places}", values)
            taken.append(time.perf_counter() - began)
    return taken[1:]


def main(count: int = 50, rounds: int = 9) -> None:
    """Measure and print."""
    ours_all: list[float] = []
    bare_all: list[float] = []
    for _ in range(3):  # in turns: this machine is shared
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            seconds, commits = ours(folder, count, rounds)
            ours_all += seconds
            bare_all += bare(folder, commits, rounds)
    a, b = statistics.median(ours_all), statistics.median(bare_all)
    click.echo(f"{count} sequential steps: {a * 1e3:.0f} ms; bare commits: {b * 1e3:.0f} ms")
    click.echo(f"ratio {a / b:.2f} (medians of {len(ours_all)}, {len(commits)} commits a run)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
