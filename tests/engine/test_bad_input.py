"""Bad input is one coded error that names the place and the way out; nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from wf_notebook import WorkflowError, get_run, open_world, start, step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.api import World

KEY = b"k" * 32
GOOD = 'async def workflow(x=1):\n    "use workflow"\n    return await steps.charge(x)\n'
TWO = 'async def a():\n    "use workflow"\nasync def b():\n    "use workflow"\n'


@step
async def charge(x: int) -> int:
    return x


@step
async def odd(x: int) -> Any:
    return object()


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, key=KEY) as found:
        yield found


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    """The code of the error that a call raises, and all that it says."""
    with pytest.raises(WorkflowError) as caught:
        call()
    assert caught.value.hint or "\n" in str(caught.value) or "." in str(caught.value)
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("async def workflow(:\n", "line 1, column 20: WF101"),
        ("x = 1\n", "WF110"),
        (TWO, "WF111"),
        ("async def workflow():\n    return 1\n", "line 2, column 5: WF114"),
        (GOOD.replace("charge", "chrge"), "Did you mean `charge`?"),
        ("import os\n" + GOOD, "line 1, column 8: WF120"),
        (GOOD.replace("x)", "x.__dict__)"), "WF133"),
        (GOOD + "#" * (129 * 1024), "WF102"),
        (GOOD + "\0", "WF103"),
    ],
)
def test_refused_source(world: World, source: str, said: str) -> None:
    """A source that can't run is refused with code, line and column, and nothing is written."""
    code, text = code_of(lambda: world.start(source, steps=[charge]))
    assert code == "WF100"
    assert said in text
    assert world.rows() == []


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("WF151", lambda w: w.start(GOOD, steps=[])),
        ("WF152", lambda w: w.start(GOOD, steps=[print])),
        ("WF201", lambda w: w.start(GOOD, (object(),), steps=[charge])),
        ("WF202", lambda w: w.start(GOOD, (1, 2), steps=[charge])),
        ("WF401", lambda w: w.start(GOOD, steps=[charge], isolation="procss")),
        ("WF500", lambda w: w.start(GOOD, steps=[charge], attributes={"a": 1})),
        ("WF212", lambda w: get_run("wrun_nothing", w)),
        ("WF221", lambda w: w.resume("nothing", 1)),
        ("WF301", lambda w: open_world(w.path, key=KEY)),
        ("WF304", lambda w: open_world("md:orders")),
        ("WF304", lambda w: open_world("s3://bucket/orders.duckdb")),
        ("WF305", lambda w: open_world(w.path + "2", key="short")),
        ("WF308", lambda w: w.sql("delete from events")),
        ("WF308", lambda w: w.sql("select 1; select 2")),
    ],
)
def test_refused_call(world: World, code: str, call: Callable[[World], object]) -> None:
    """A call that can't be carried out has its own code, and nothing is written."""
    assert code_of(lambda: call(world))[0] == code
    assert world.rows() == []
    assert world.start(GOOD, steps=[charge]).result(timeout=30) == 1  # the world goes on


def test_result_that_cannot_cross(world: World) -> None:
    """A step's result that can't be recorded fails the step, named, without another attempt."""
    run = start(GOOD.replace("charge", "odd"), steps=[odd], world=world)
    _, text = code_of(lambda: run.result(timeout=30))
    assert "PayloadError" in text
    assert [len(s.attempts) for s in run.steps] == [1]


OTHER = "from wf_notebook import open_world; w = open_world({path!r}, {more}); print(w.rows())"


def other_process(path: str, more: str) -> subprocess.CompletedProcess[str]:
    code = OTHER.format(path=path, more=more)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_owned_by_another_process(world: World) -> None:
    """A second process follows the owner; if the owner can't be asked, it is told who that is."""
    assert other_process(world.path, "key=b'k' * 32").stdout == "[]\n"
    with open(f"{world.path}.lock", "w", encoding="utf-8") as lock:
        json.dump({"pid": os.getpid()}, lock)
    said = other_process(world.path, "key=b'k' * 32").stderr
    assert "WF301" in said
    assert str(os.getpid()) in said


def test_missing_key(world: World) -> None:
    """Without its key a world lists its runs; what is sealed says which key it wants."""
    world.start(GOOD, steps=[charge]).result(timeout=30)
    path = world.path
    world.close()
    listed = other_process(path, "key=b'o' * 32")
    assert "completed" in listed.stdout
    with open_world(path, key=b"o" * 32) as locked:
        run_id = locked.rows()[0].run_id
        code, text = code_of(lambda: locked.get(run_id).result(timeout=30))
    assert code == "WF305"
    assert "key" in text
