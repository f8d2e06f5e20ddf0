"""Write a world as a text: its tables and views as they were made, and their rows.

    git archive COMMIT | tar x -C CHECKOUT
    cd CHECKOUT && PYTHONPATH=. python .../tests/corpus/worlds/make_dump.py OUT.sql

It is run with the product as it was released: `version_1.sql` is of commit 4f72ba2,
`version_2.sql` of 88e8072, `version_3.sql` of 8d47689, the last that had views in the file,
`version_4.sql` of 34abb46. A dump that was committed is never made again: later versions must open
that world as it is. The world's key is 32 times the byte 7; its steps are those below.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from wf_notebook import open_world, step

KEY = bytes([7]) * 32

REFUND = """
async def refund(order_id):
    "use workflow"
    order = await steps.fetch_order(order_id)
    print("fetched", order["id"])
    await sleep("10ms")
    approval = await create_hook(token=f"approve-{order_id}", title="Approve the refund")
    return await steps.charge_back(order, approval["amount"])
"""
BROKEN = """
async def broken():
    "use workflow"
    await steps.fetch_order("A-1")
    raise ValueError("no stock")
"""


def fetch_order(order_id: str) -> dict[str, Any]:
    return {"id": order_id, "lines": order_id * (16_001 if order_id == "A-17" else 1)}


def charge_back(order: dict[str, Any], amount: int) -> str:
    return f"{order['id']}: {amount}"


for function in (fetch_order, charge_back):
    function.__module__ = "shop"  # a step's id does not say where this script lay

STEPS = [step(fetch_order), step(charge_back)]


def fill(path: str) -> None:
    """Make runs that have completed, failed, been cancelled, and one that waits for a person."""
    with open_world(path, key=KEY, isolation="inline") as world:
        done = world.start(REFUND, ("A-17",), steps=STEPS, attributes={"customer": "Ada"})
        done.wait_for("hook", timeout=30)
        world.resume("approve-A-17", {"amount": 20}, resume_id="click-1")
        assert done.result(timeout=30) == "A-17: 20"
        world.start(BROKEN, steps=STEPS).wait_for("terminal", timeout=30)
        gone = world.start(REFUND, ("A-18",), steps=STEPS).wait_for("hook", timeout=30)
        gone.cancel("wrong order")
        gone.wait_for("terminal", timeout=30)
        world.start(REFUND, ("A-19",), steps=STEPS).wait_for("hook", timeout=30)


def dumped(path: str) -> str:
    """Return the statements that make the world again, a line each."""
    with duckdb.connect(path, read_only=True) as file:
        made = file.execute("select sql from duckdb_tables() order by table_name").fetchall()
        seen = file.execute(
            "select sql from duckdb_views() where not internal order by view_name"
        ).fetchall()
        names = file.execute(
            "select table_name from duckdb_tables() order by table_name"
        ).fetchall()
        lines = [" ".join(sql.split()) for (sql,) in made]
        for (name,) in names:
            lines += [
                f"INSERT INTO {name} VALUES ({', '.join(map(literal, row))});"
                for row in file.execute(f"from {name} order by rowid").fetchall()
            ]
        return "\n".join([*lines, *(" ".join(sql.split()) for (sql,) in seen)]) + "\n"


def literal(value: object) -> str:
    """Return a value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"from_hex('{value.hex()}')"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        fill(f"{folder}/w.duckdb")
        Path(sys.argv[1]).write_text(dumped(f"{folder}/w.duckdb"), encoding="utf-8")
