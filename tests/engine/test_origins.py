"""Where a run may go on: another notebook, changed steps, another language, no key."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import flow, types
from tests.worlds import KEY
from wf_notebook.api import Origin, World
from wf_notebook.definition.steps import Step, StepOptions, StepRegistry
from wf_notebook.errors import RunBlockedError, WorldKeyError
from wf_notebook.testing import VirtualClock
from wf_notebook.views.text import render_run
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import GivenKey
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from wf_notebook.run import Run

BODY = """
ok = await create_hook(token="go")
return await steps.charge(ok)
"""


def charge_of(reply: str) -> Step[..., Any]:
    """A step as the cell of a notebook defines it: one id, whatever its code is."""
    names: dict[str, Any] = {"__name__": "__main__"}
    source = f"def charge(amount: int) -> str:\n    return {reply!r}\n"
    exec(compile(source, f"<charge {reply}>", "exec"), names)
    step = Step(names["charge"], StepOptions())
    step._digest = f"digest of {reply}"
    return step


@pytest.fixture
def store() -> MemoryStore:
    """One world that two notebooks open, one after the other."""
    return MemoryStore()


def notebook(store: MemoryStore, name: str, *steps: Step[..., Any]) -> World:
    registry = StepRegistry()
    for step in steps:
        registry.register(step)
    clock = VirtualClock(autojump=True)
    return World(store, steps=registry, clock=clock, isolation="inline", notebook=name)


def begun(store: MemoryStore, name: str, step: Step[..., Any]) -> str:
    """Start a run in a notebook, and set it aside while it waits."""
    world = notebook(store, name, step)
    run = world.start(flow(BODY), steps=[step], origin=Origin(name))
    run.wait_for("hook")
    set_aside(world)
    return run.id


def set_aside(world: World) -> None:
    """Close a world, but not the store that the next one opens."""
    close, world.host.store.close = world.host.store.close, lambda: None  # type: ignore[method-assign]
    world.close()
    world.host.store.close = close  # type: ignore[method-assign]


def settled(run: Run) -> Run:
    run.reached(lambda act: act.blocked is not None or act.state.terminal).result(timeout=10)
    return run


def test_another_notebook_with_the_same_steps(store: MemoryStore) -> None:
    """A run goes on in a renamed notebook, or a copy, as long as its steps have the same code."""
    run_id = begun(store, "a.ipynb", charge_of("one"))
    with closing(notebook(store, "b.ipynb", charge_of("one"))) as world:
        run = world.get(run_id)
        run.resume("go", 3)
        assert run.result(timeout=10) == "one"
        assert run.changed == ()


def test_another_notebook_with_other_steps(store: MemoryStore) -> None:
    """It is blocked, keeps what happens meanwhile, and goes on once it is adopted."""
    run_id = begun(store, "a.ipynb", charge_of("one"))
    with closing(notebook(store, "b.ipynb", charge_of("two"))) as world:
        run = world.get(run_id)
        run.resume("go", 3)
        assert settled(run).status == "blocked"
        with pytest.raises(RunBlockedError, match=r"a\.ipynb.*'charge'.*%wf adopt " + run_id):
            run.result(timeout=10)
        assert types(run)[-1] == "hook_received"
        adopted = run.adopt()
        assert types(run)[adopted - 1] == "run_adopted"
        assert run.result(timeout=10) == "two"
        assert run.notebook == "b.ipynb"


def test_adopted_for_good(store: MemoryStore) -> None:
    """A run that was adopted stays so when its world is opened again."""
    run_id = begun(store, "a.ipynb", charge_of("one"))
    world = notebook(store, "b.ipynb", charge_of("two"))
    world.get(run_id).adopt()
    set_aside(world)
    with closing(notebook(store, "b.ipynb", charge_of("two"))) as world:
        run = world.get(run_id)
        run.resume("go", 3)
        assert run.result(timeout=10) == "two"
        assert run.adopt() == 0


def test_back_home(store: MemoryStore) -> None:
    """What was blocked elsewhere goes on by itself where it belongs."""
    run_id = begun(store, "a.ipynb", charge_of("one"))
    world = notebook(store, "b.ipynb", charge_of("two"))
    run = world.get(run_id)
    run.resume("go", 3)
    settled(run)
    set_aside(world)
    with closing(notebook(store, "a.ipynb", charge_of("three"))) as world:
        assert world.get(run_id).result(timeout=10) == "three"


def test_changed_steps(store: MemoryStore) -> None:
    """In its own notebook a step that was edited is used, and shown; the log says which code ran."""
    step = charge_of("one")
    with closing(notebook(store, "a.ipynb", step)) as world:
        run = world.start(flow(BODY), steps=[step], origin=Origin("a.ipynb")).wait_for("hook")
        assert (run.changed, run.view().changed) == ((), ())
        world.host.runner.steps.register(charge_of("two"))
        assert run.changed == ("charge",)
        assert "changed since it began: charge" in render_run(run.view())
        run.resume("go", 3)
        assert run.result(timeout=10) == "two"
        (started,) = [e for e in run.events() if e.type == "step_started"]
        assert started.meta["digest"] == "digest of two"
        assert run.view().changed == ()


def test_another_language(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of another version of the language waits for that version; it doesn't diverge."""
    run_id = begun(store, "", charge_of("one"))
    monkeypatch.setattr("wf_notebook.engine.holds.LANGUAGE_VERSION", 99)
    with closing(notebook(store, "", charge_of("one"))) as world:
        run = world.get(run_id)
        run.resume("go", 3)
        assert settled(run).status == "blocked"
        with pytest.raises(RunBlockedError, match="version 1 of the language; this is version 99"):
            run.result(timeout=10)


def test_held_run_may_be_cancelled(store: MemoryStore) -> None:
    """Whatever blocks a run, it can be ended."""
    run_id = begun(store, "a.ipynb", charge_of("one"))
    with closing(notebook(store, "b.ipynb", charge_of("two"))) as world:
        run = world.get(run_id)
        run.resume("go", 3)
        settled(run).cancel("given up")
        assert run.status == "cancelled"


def test_without_the_key(tmp_path: Path, make_world: Callable[..., World]) -> None:
    """A world without its key lists its runs, says what is missing, and refuses to move them."""
    place = tmp_path / "w.duckdb"
    with closing(DuckDBStore.open(place, key_provider=GivenKey(KEY))) as store:
        world = make_world(store)
        world.host.runner.steps.register(charge_of("one"))
        run_id = world.start(flow(BODY), steps=[charge_of("one")]).wait_for("hook").id
        world.close()
    with closing(DuckDBStore.open(place, key_provider=GivenKey(bytes(32)))) as store:
        world = make_world(store)
        (run,) = world.unfinished()
        assert (run.id, run.name, run.status) == (run_id, "workflow", "blocked")
        assert run.blocked is not None
        assert run.blocked.reason == "key"
        assert "key" in run.why()
        with pytest.raises(WorldKeyError):
            run.resume("go", 3)
        with pytest.raises(RunBlockedError, match="key"):
            run.result(timeout=10)
