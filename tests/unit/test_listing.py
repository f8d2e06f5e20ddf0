"""What `%load_ext` says of the runs that an earlier kernel left: a quiet line each."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tests.engine.flows import flow
from wf_notebook import api, open_world
from wf_notebook.definition.steps import StepRegistry, step
from wf_notebook.errors import RetryableError
from wf_notebook.notebook import session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "6b" * 32


GATE = threading.Event()


@step
def gated(x: int) -> int:
    assert GATE.wait(30)
    return x


@step
def failing() -> None:
    raise RetryableError("down", retry_after="1h")


STEPS = [gated, failing]
LEFT = {
    "sleep('30d')": "waits for the sleep at line 3 that ends in",
    "create_hook(token='ask')": "waits for hook ask (open for",
    "asyncio.gather(sleep('2h'), create_hook(token='or'))": "waits for hook or (open for",
    "steps.failing()": "tries failing at line 3 again in",
    "steps.gated(1)": "runs gated at line 3 (for",
}


@pytest.fixture
def load(
    world_path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], list[str]]]:
    """Loads the extension into a shell, and returns the lines that it says."""
    monkeypatch.setenv("WF_NOTEBOOK_KEY", KEY)
    monkeypatch.setenv("WF_NOTEBOOK_WORLD", world_path)
    shells: list[Any] = []

    def load() -> list[str]:
        config = Config()
        config.HistoryManager.enabled = False
        config.Workflow.isolation = "inline"
        shells.append(cast("Any", InteractiveShell)(config=config))
        capsys.readouterr()
        session.load(shells[0])
        session._SESSIONS[shells[0]]._opening.join(60)
        return capsys.readouterr().out.splitlines()

    yield load
    for shell in shells:
        session.unload(shell)
        shell.restore_sys_module_state()
    for world in api.open_worlds():
        world.close()


def left_behind(world_path: str, bodies: list[str]) -> None:
    """Start runs in a world that knows every step, and leave them, a step in its midst included."""
    GATE.clear()
    with open_world(world_path, isolation="inline", steps=STEPS) as world:
        for body in bodies:
            run = world.start(flow(f"await {body}"), steps=STEPS)
            run._wait(run.reached(_waits), 30)
    GATE.set()


def _waits(act: Any) -> bool:
    state = act.state
    far = all(s.attempts if s.alias == "gated" else s.retry_at_us for s in state.open_steps)
    return bool(state.open_hooks or state.open_waits or state.open_steps) and far


def test_nothing_is_said_of_nothing(load: Callable[[], list[str]], world_path: str) -> None:
    """Where there is no world none is made, and nothing is said."""
    assert load() == []
    assert not os.path.exists(world_path)


@pytest.mark.parametrize("body", LEFT)
def test_each_says_what_it_waits_for(
    load: Callable[[], list[str]], world_path: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sleep, hook, both, a retry, a step: in the words of `why`, with the run's id."""
    monkeypatch.setattr(api, "REGISTRY", StepRegistry(STEPS))
    left_behind(world_path, [body])
    (line,) = load()
    assert f"workflow {LEFT[body]}" in line
    assert "wrun_" in line


def test_a_step_that_is_not_defined_yet(
    load: Callable[[], list[str]], world_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names it; the run goes on as soon as it is defined."""
    left_behind(world_path, ["steps.gated(1)"])
    registered = StepRegistry()
    monkeypatch.setattr(api, "REGISTRY", registered)
    (line,) = load()
    assert "is blocked: a step that it needs is not defined where it runs" in line
    (world,) = api.open_worlds()
    (run,) = world.unfinished()
    registered.register(gated)
    assert run.wait_for("terminal", timeout=30).result() is None


def test_a_run_of_another_notebook(
    load: Callable[[], list[str]], world_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its steps have other code, the line says whose it is."""
    monkeypatch.setenv("JPY_SESSION_NAME", "first.ipynb")
    left_behind(world_path, ["steps.gated(1)"])

    @step
    def other(x: int) -> int:
        return -x

    object.__setattr__(other, "step_id", gated.step_id)
    monkeypatch.setattr(api, "REGISTRY", StepRegistry([other]))
    monkeypatch.setenv("JPY_SESSION_NAME", "second.ipynb")
    (line,) = load()
    assert "is blocked: it belongs to another notebook, whose steps have other code" in line


def test_without_its_key(
    load: Callable[[], list[str]], world_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is listed as blocked, and the line names the key that is missing."""
    left_behind(world_path, ["sleep('30d')"])
    monkeypatch.setenv("WF_NOTEBOOK_KEY", "7c" * 32)
    locked, line = load()
    assert locked.startswith("Locked: WF305")
    assert "is blocked: " in line
    assert "key" in line


def test_many(load: Callable[[], list[str]], world_path: str) -> None:
    """The five newest, and how many more there are."""
    left_behind(world_path, ["sleep('30d')"] * 8)
    lines = load()
    assert len(lines) == 6
    assert lines[-1] == "… and 3 more: %wf runs"
