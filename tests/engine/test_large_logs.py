"""Logs that hold more than one message may: a guest is told of them in several."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from tests.engine.flows import flow
from tests.worlds import opened
from wf_notebook.api import World
from wf_notebook.config import Limits
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.world.store import EventStore

PATIENCE = 60
SIZE, COUNT = 2_000, 30
LIMITS = Limits(message_bytes=SIZE * COUNT // 2)
FLOW = flow("""
pieces = await asyncio.gather(*[steps.piece(i) for i in range(30)])
for piece in pieces:
    await steps.weigh(piece)
await create_hook(token="more")
return sum(map(len, pieces))
""")


@step
def piece(i: int) -> str:
    return chr(ord("a") + i) * SIZE


@step
def weigh(piece: str) -> int:
    return len(piece)


def world_of(store: EventStore, **steps: Any) -> World:
    return World(
        store,
        steps=StepRegistry([piece, weigh]),
        clock=VirtualClock(autojump=True),
        isolation="process",
        limits=LIMITS,
    )


def test_a_log_of_large_values_is_replayed(tmp_path: Path) -> None:
    """Neither what is told nor what is answered comes to more than one message may have."""
    path = tmp_path / "w.duckdb"
    with closing(world_of(opened(path))) as world:
        run = world.start(FLOW, steps=[piece, weigh]).wait_for("hook", timeout=PATIENCE)
    with closing(world_of(opened(path))) as world:
        run = world.get(run.id)
        world.resume("more", None)
        assert run.wait_for("terminal", timeout=PATIENCE).status == "completed"
        assert run.replayed is not None
