"""What an opening starts for the runs that have not ended."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.engine.flows import double, flow
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.definition.steps import StepRegistry
from wf_notebook.errors import IsolationUnavailable
from wf_notebook.isolation.nursery import Nursery
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60
ASKING = flow('return await create_hook(token="go")')


def world_of(folder: Path, isolation: Any = "process") -> World:
    return World(
        opened(folder / "w.duckdb"),
        steps=StepRegistry([double]),
        clock=VirtualClock(autojump=True),
        isolation=isolation,
    )


def left_behind(folder: Path, source: str, until: Any) -> None:
    """Make a world with a run that has come so far."""
    with closing(world_of(folder)) as world:
        world.start(source, steps=[double]).wait_for(until, timeout=PATIENCE)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each zygote that is started."""
    found: list[str] = []
    start = Nursery.start

    async def counted() -> Nursery:
        found.append("zygote")
        return await start()

    monkeypatch.setattr(Nursery, "start", counted)
    return found


def test_a_zygote_starts_while_logs_are_read(tmp_path: Path, begun: list[str]) -> None:
    """Whoever answers a hook after an opening need not wait for one; there is one for all."""
    left_behind(tmp_path, ASKING, "hook")
    begun.clear()
    with closing(world_of(tmp_path)) as world:
        world.settle()
        world.host.call(lambda: None)
        assert begun == ["zygote"]
        world.resume("go", 1)
        world.runs()[0].wait_for("terminal", timeout=PATIENCE)
    assert begun == ["zygote"]


@pytest.mark.parametrize("isolation", ["process", "inline"])
def test_nothing_starts_for_what_is_over(tmp_path: Path, begun: list[str], isolation: Any) -> None:
    """A world in which nothing can move starts no process, nor does one whose guests need none."""
    left_behind(tmp_path, flow("return 1") if isolation == "process" else ASKING, "suspended")
    begun.clear()
    with closing(world_of(tmp_path, isolation)) as world:
        world.settle()
        world.host.call(lambda: None)
    assert begun == []


def test_a_world_that_is_closed_at_once_leaves_no_process(tmp_path: Path) -> None:
    """However far its zygote has come."""
    left_behind(tmp_path, ASKING, "hook")
    before = set(psutil.Process().children(recursive=True))
    with closing(world_of(tmp_path)) as world:
        world.settle()
    assert set(psutil.Process().children(recursive=True)) <= before


def test_who_needs_a_guest_is_told_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not who opens the world: its run is blocked once it is to move, and can be looked at."""
    left_behind(tmp_path, ASKING, "hook")

    async def none() -> Nursery:
        raise IsolationUnavailable("There are no processes.")

    monkeypatch.setattr(Nursery, "start", none)
    with closing(world_of(tmp_path)) as world:
        world.settle()
        (run,) = world.runs()
        assert run.status == "suspended"
        with pytest.raises(IsolationUnavailable, match="no processes"):
            world.resume("go", 1)
