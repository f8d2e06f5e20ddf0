"""A KeyboardInterrupt at any point of a cell leaves the world as if the cell had been run or not."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tests.behaviour.invariants import check_log
from tests.engine.flows import double
from tests.interrupting import Interrupt
from tests.sizes import sized
from wf_notebook import api
from wf_notebook.engine.loops import LoopThread
from wf_notebook.errors import RunCancelledError, WorkflowError
from wf_notebook.notebook import session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wf_notebook import Run, World

SOURCE = """async def one():
    answer = await create_hook(token="ask")
    return await steps.double(answer)
"""


class Stage:
    """A notebook's shell in a terminal, its world, and what its cells were told."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.path = ""
        self.told: dict[str, Any] = {}

    def begin(self, folder: Path) -> None:
        self.told = {}
        self.path = str(folder / "w.duckdb")
        self.shell.config.Workflow.world = self.path
        self.shell.run_line_magic("config", f"Workflow.world = {self.path!r}")

    def world(self) -> World:
        return api.current_world(path=self.path, isolation="inline")

    def start(self) -> Run:
        options: dict[str, Any] = {"steps": [double], "world": self.world(), "cell": True}
        run = api.start(SOURCE, id="key", **options)
        self.told["run"] = run.id
        return run

    def resume(self) -> int:
        (run,) = self.world().runs()
        self.told["seq"] = seq = run.resume("ask", 4, "only")
        return seq


# --- what a cell may do


def opens(stage: Stage) -> None:
    stage.world()


def starts(stage: Stage) -> None:
    stage.start()


def launches(stage: Stage) -> None:
    stage.shell.run_cell_magic("workflow", "one -q -i key -s double -o run", SOURCE)
    stage.told["run"] = stage.shell.user_ns["run"].id


def lists(stage: Stage) -> None:
    stage.shell.run_line_magic("wf", "runs")
    stage.shell.run_line_magic("wf", "why")


def resumes(stage: Stage) -> None:
    stage.resume()


def cancels(stage: Stage) -> None:
    (run,) = stage.world().runs()
    run.cancel("interrupted")
    stage.told["cancelled"] = True


def waits(stage: Stage) -> None:
    (run,) = stage.world().runs()
    run.actions.resume("ask", 4, "only")
    assert run.result(timeout=30) == 8


def awaits(stage: Stage) -> None:
    (run,) = stage.world().runs()

    async def body() -> int:
        run.actions.resume("ask", 4, "only")
        found: int = await run
        return found

    assert asyncio.run(body()) == 8


def closes(stage: Stage) -> None:
    stage.world().close()


FRESH = (opens, starts, launches)
ACTS = (*FRESH, lists, resumes, cancels, waits, awaits, closes)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A shell with the extension loaded; no world is open yet."""
    monkeypatch.setenv("WF_NOTEBOOK_KEY", (b"k" * 32).hex())
    config = Config()
    config.HistoryManager.enabled = False
    config.Workflow.isolation = "inline"
    config.Workflow.world = str(tmp_path / "none.duckdb")
    shell = cast("Any", InteractiveShell)(config=config)
    shell.run_line_magic("load_ext", "wf_notebook")
    shell.run_cell("1")
    shell.user_ns["double"] = double
    yield Stage(shell)
    session.unload(shell)
    for world in api.open_worlds():
        world.close()
    shell.restore_sys_module_state()


def prepared(stage: Stage, folder: Path, act: Callable[[Stage], None]) -> None:
    folder.mkdir()
    stage.begin(folder)
    if act not in FRESH:
        stage.start().wait_for("hook", timeout=30)
    stage.told = {}


def finish(stage: Stage, act: Callable[[Stage], None]) -> None:
    """Everything works as ever, from any thread; what was acknowledged is there."""
    world = stage.world()
    assert len(world.runs()) <= 1
    told = stage.told
    run = stage.start()
    assert told.get("run") in (None, run.id)
    assert "cancelled" not in told or run.status == "cancelled"
    try:
        run.wait_for("hook", timeout=30)
        assert told.get("seq") in (None, stage.resume())
        assert run.result(timeout=30) == 8
    except (RunCancelledError, WorkflowError):
        assert act is cancels
        assert run.status == "cancelled"
    check_log(run.events())
    assert sum(event.type == "run_created" for event in run.events()) == 1
    world.close()
    left = sorted(os.listdir(os.path.dirname(stage.path)))
    assert left == ["w.duckdb", "w.duckdb.head"]


def test_a_loop_ends_wherever_its_closing_was_interrupted() -> None:
    """Closing goes on when it is called again; no thread is left."""
    place, interrupted = 1, True
    while interrupted:
        thread = LoopThread("wf-interrupted")
        at_work = thread.submit(asyncio.sleep(3600))
        try:
            with Interrupt(place) as stop:
                thread.close()
        except KeyboardInterrupt:
            thread.close()
        interrupted = stop.places == place
        place += 1
        assert at_work.cancelled()
        assert "wf-interrupted" not in [found.name for found in threading.enumerate()]
    assert place > 3


# A coroutine that was made when the interrupt came is never awaited; Python warns of that alone.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupted_anywhere(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing hangs, no lock is held, and at most one run is there: the one that was told of."""
    places: dict[Callable[[Stage], None], int] = {}
    for act in ACTS:
        prepared(stage, tmp_path / act.__name__, act)
        with Interrupt(None) as whole:
            act(stage)
        places[act] = whole.places
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(finish, stage, act).result(timeout=60)
    chance = random.Random(5)
    for number in range(sized(50, 1_000)):
        act = ACTS[number % len(ACTS)]
        place = chance.randint(1, places[act])
        prepared(stage, tmp_path / str(number), act)
        try:
            with Interrupt(place):
                act(stage)
        except KeyboardInterrupt:
            pass
        with ThreadPoolExecutor(1) as elsewhere:
            found = elsewhere.submit(finish, stage, act)
            error = found.exception(timeout=60)
        assert error is None, f"{act.__name__}, interrupted at place {place}: {error!r}"
    capsys.readouterr()
