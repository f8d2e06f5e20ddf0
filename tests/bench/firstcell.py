"""How long the first `%%workflow` cell of a notebook takes, in a kernel that has just started."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from jupyter_client.manager import start_new_async_kernel

from tests.bench.contestant import LacksError, Timing

if TYPE_CHECKING:
    from pathlib import Path

LOAD = "%load_ext wf_notebook"
STEP = """
from wf_notebook import step
@step
async def noop(i: int) -> int:
    return i
"""
CELL = """
%%workflow one --steps noop --out r -w
async def one():
    return await steps.noop(1)
"""


async def first_cell(folder: Path) -> Timing:
    """Load the extension, define a step, run a workflow with it and wait for its result."""
    world = str(folder / f"{time.monotonic_ns()}.duckdb")
    env = {**os.environ, "WF_NOTEBOOK_WORLD": world, "WF_NOTEBOOK_KEY": bytes(range(32)).hex()}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled
    manager, client = await start_new_async_kernel(cwd=str(folder), env=env)
    try:
        begun = time.perf_counter()
        for code in (LOAD, STEP, CELL.strip()):
            reply = await client.execute_interactive(code, timeout=60, output_hook=lambda _: None)
            if reply["content"]["status"] != "ok":
                raise LacksError(str(reply["content"].get("evalue")))
        return Timing(time.perf_counter() - begun)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
