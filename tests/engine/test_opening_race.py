"""A run that is created and ends while a world is still being opened is not brought back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.engine.flows import double
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.engine import runner

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SOURCE = 'async def workflow():\n    "use workflow"\n    return 1\n'


def test_what_has_ended_meanwhile_stays_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of unfinished runs, and their logs, may be older than the end of one of them."""
    read, ended, listed = asyncio.Event(), asyncio.Event(), runner.together

    async def late(store: Any, _rows: Any) -> Any:
        while not (rows := await asyncio.wrap_future(store.unfinished())):  # noqa: ASYNC110
            await asyncio.sleep(0)
        async for found in listed(store, rows):
            read.set()
            await ended.wait()
            yield found

    monkeypatch.setattr(runner, "together", late)
    commit = runner.append

    async def after_reading(store: Any, *more: Any) -> Any:
        await read.wait()
        return await commit(store, *more)

    monkeypatch.setattr(runner, "append", after_reading)
    with World(opened(tmp_path / "w.duckdb"), isolation="inline") as world:
        run = world.start(SOURCE, steps=[double])
        assert run.result(timeout=30) == 1
        world.host.loop.call_soon_threadsafe(ended.set)
        world.settle()
        assert world.host.call(lambda: list(world.host.runner._runs)) == []
