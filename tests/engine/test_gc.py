"""`World.gc`: runs that ended long ago are forgotten, and no run that may be asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.engine.flows import flow
from wf_notebook import open_world, start
from wf_notebook.collecting import old_runs
from wf_notebook.definition.steps import step
from wf_notebook.errors import RunForgottenError, UsageError
from wf_notebook.testing import VirtualClock
from wf_notebook.world.listing import run_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook import Run, World
    from wf_notebook.world.store import RunRow

DAY = 86_400.0
WAIT = flow("await create_hook(token=f'gc-{n}')", "n")
FAIL = flow("raise ValueError(n)", "n")
PARENT = flow("await steps.gc_child(n)\nawait create_hook(token='gc-parent')", "n")
DONE = flow("return n * 'x' if isinstance(n, int) else n", "n")


@step
def gc_unused() -> None:
    """Offered, because a source needs a step."""


@step
async def gc_child(n: int) -> str:
    found = start(DONE, (n,), steps=[gc_unused], name="child")
    await found
    return found.id


@step
async def gc_waiting_child(n: int) -> str:
    return start(WAIT, (n,), steps=[gc_unused], name="child").id


class Scene:
    """A world whose days pass at once."""

    def __init__(self, world: World, clock: VirtualClock) -> None:
        self.world = world
        self.clock = clock

    def done(self, n: object = "x", name: str = "done") -> Run:
        run = self.world.start(DONE, (n,), steps=[gc_unused], name=name)
        return run.wait_for("terminal")

    def days(self, count: float) -> None:
        self.clock.advance(count * DAY)

    def statuses(self) -> dict[str, str]:
        return {row.run_id: row.status for row in self.world.rows(limit=None)}


@pytest.fixture
def scene(world_path: str) -> Iterator[Scene]:
    clock = VirtualClock()
    with open_world(world_path, clock=clock, isolation="inline") as world:
        yield Scene(world, clock)


def test_what_ended_long_ago_is_forgotten(scene: Scene) -> None:
    """By when it ended; the rest stays, unfinished runs whatever their age. The file gets smaller."""
    old = [scene.done(40_000_000 + n) for n in range(3)]
    waits = scene.world.start(WAIT, (1,), steps=[gc_unused]).wait_for("hook")
    scene.days(40)
    young = scene.done()
    would = scene.world.gc("30d", dry_run=True)
    assert (would.done, sorted(would.run_ids)) == (False, sorted(run.id for run in old))
    assert [run.status for run in old] == ["completed"] * 3
    did = scene.world.gc("30d")
    assert (did.done, did.run_ids) == (True, would.run_ids)
    assert did.bytes_after < did.bytes_before // 2
    assert [run.status for run in (*old, waits, young)] == [
        *["forgotten"] * 3, "suspended", "completed",
    ]  # fmt: skip
    assert scene.world.gc("30d").run_ids == []
    with pytest.raises(RunForgottenError):
        old[0].result()


def test_only_what_ended_so(scene: Scene) -> None:
    """Failed and cancelled runs may be kept."""
    failed = scene.world.start(FAIL, (1,), steps=[gc_unused]).wait_for("terminal")
    cancelled = scene.world.start(WAIT, (1,), steps=[gc_unused]).wait_for("hook")
    cancelled.cancel()
    done = scene.done()
    scene.days(1)
    assert scene.world.gc("1h", statuses=["completed"]).run_ids == [done.id]
    assert scene.world.gc("1h", statuses=["cancelled"]).run_ids == [cancelled.id]
    assert failed.status == "failed"


def test_a_child_of_a_run_that_goes_on_stays(scene: Scene) -> None:
    """Should the step's attempt be made again, it asks for it; once the parent is over, both go."""
    parent = scene.world.start(PARENT, (3,), steps=[gc_child, gc_unused]).wait_for("hook")
    (child,) = parent.children()
    scene.days(90)
    found = scene.world.gc("30d")
    assert (found.run_ids, list(found.spared)) == ([], [child.id])
    parent.resume("gc-parent", None)
    parent.result(timeout=10)
    scene.days(90)
    assert sorted(scene.world.gc("30d").run_ids) == sorted([parent.id, child.id])


def test_a_parent_of_a_run_that_goes_on_stays(scene: Scene) -> None:
    """Who looks at the child can still go up."""
    source = flow("return await steps.gc_waiting_child(n)", "n")
    parent = scene.world.start(source, (3,), steps=[gc_waiting_child, gc_unused])
    parent.wait_for("terminal")
    (child,) = parent.children()
    child.wait_for("hook")
    scene.days(90)
    assert list(scene.world.gc("30d").spared) == [parent.id]


def row(run_id: str, name: str, ended_us: int | None, status: str = "completed") -> RunRow:
    return replace(run_row(run_id, {"name": name}, 0), status=status, ended_us=ended_us)


def test_the_newest_of_each_name_are_kept() -> None:
    """Counted among those that ended so."""
    rows = [
        row("5", "a", None, "running"), row("4", "a", 4), row("3", "b", 3),
        row("2", "a", 2, "failed"), row("1", "a", 1), row("0", "b", 0, "forgotten"),
    ]  # fmt: skip

    def ids(keep: int, *statuses: str, before_us: int = 9) -> list[str]:
        found = old_runs(rows, before_us=before_us, statuses=statuses, keep=keep)
        return [one.run_id for one in found]

    assert ids(0, "completed", "failed") == ["4", "3", "2", "1"]
    assert ids(1, "completed", "failed") == ["2", "1"]
    assert ids(1, "completed") == ["1"]
    assert ids(0, "completed", before_us=2) == ["1"]
    assert ids(2, "completed") == []


def test_without_a_bound_nothing_is_forgotten(scene: Scene) -> None:
    """Neither an age nor a number; an age that can't be read; a status that is no end."""
    scene.done()
    for options in (
        {}, {"older": "soon"}, {"older": -1.0}, {"older": "1d", "keep": -1},
        {"older": "1d", "statuses": ["suspended"]},
    ):  # fmt: skip
        with pytest.raises(UsageError, match="WF500"):
            scene.world.gc(**options)  # type: ignore[arg-type]
    assert set(scene.statuses().values()) == {"completed"}


def test_a_world_in_memory_is_tidied_too() -> None:
    """It has no file whose size could be told."""
    with open_world(":memory:", isolation="inline") as world:
        world.start(DONE, (1,), steps=[gc_unused]).wait_for("terminal")
        found = world.gc(0.0)
        assert (len(found.runs), found.bytes_before, found.bytes_after) == (1, 0, 0)
