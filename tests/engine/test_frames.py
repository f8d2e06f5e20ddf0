"""Data frames and arrays in a run: passed on by reference, whole in the log, and after a restart."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl  # noqa: TC002 - the steps' annotations are evaluated
import pytest

from tests.engine.flows import flow, go
from tests.worlds import KEY, opened, rows
from wf_notebook import open_world
from wf_notebook.definition.steps import step
from wf_notebook.engine.references import Shelf
from wf_notebook.errors import RunFailedError
from wf_notebook.guest import measure
from wf_notebook.isolation.inline import InlineGuest
from wf_notebook.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wf_notebook.api import World
    from wf_notebook.isolation.protocol import Reply


@step
def load(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"id": range(rows), "name": [f"s3cret-{n}" for n in range(rows)]})


@step
def total(df: pl.DataFrame) -> int:
    return int(df["id"].sum())


@step
def each(named: dict[str, list[pd.DataFrame]]) -> dict[str, int]:
    return {name: sum(map(len, frames)) for name, frames in named.items()}


@step
def scaled(weights: np.ndarray, by: float) -> np.ndarray:
    return weights * by


STEPS = (load, total, each, scaled)


def test_a_frame_goes_from_step_to_step(world: World) -> None:
    """Alone, in lists and dicts, from gather and as the result, each time as it was."""
    body = """
small, large = await asyncio.gather(steps.load(2), steps.load(3))
return {
    "total": await steps.total(large),
    "each": await steps.each({"both": [small, large], "none": []}),
    "frames": (small, [large]),
}
"""
    result = go(world, body, *STEPS).result(timeout=10)
    assert result["total"] == 3
    assert result["each"] == {"both": 5, "none": 0}
    small, (large,) = result["frames"]
    pd.testing.assert_frame_equal(small, load(2))
    pd.testing.assert_frame_equal(large, load(3))


def test_an_array_is_an_argument(world: World) -> None:
    """The entry takes one, too; the run ends with one."""
    for one in STEPS:
        world.host.runner.steps.register(one)
    source = flow("return await steps.scaled(weights, by=2.0)", "weights")
    run = world.start(source, (np.eye(2),), steps=[scaled])
    assert run.result(timeout=10).tolist() == [[2.0, 0.0], [0.0, 2.0]]


def test_the_source_sees_what_it_is(world: World) -> None:
    """Kind, shape and columns can be decided upon and printed."""
    body = """
df = await steps.load(3)
if df.shape[0] < 5 and "name" in df.columns and df is not None:
    print("few:", df)
return [df.kind, df.shape, df.columns, df.dtype, df == await steps.load(3), df == 3]
"""
    run = go(world, body, *STEPS)
    assert run.result(timeout=10) == [
        "pandas.DataFrame", (3, 2), ("id", "name"), None, True, False,
    ]  # fmt: skip
    assert "".join(run.stream("stdout")) == "few: <pandas.DataFrame 3×2>\n"


@pytest.mark.parametrize(
    "use",
    ["df + 1", "-df", "df[0]", "len(df)", "[x for x in df]", "bool(df)", "df < 3", "3 in df",
     "{df: 1}", "df['id']", "float(df)", "df()"],
)  # fmt: skip
def test_the_source_cannot_compute_with_it(world: World, use: str) -> None:
    """A TypeError that says to pass it to a step; not a guess."""
    with pytest.raises(RunFailedError, match="TypeError") as caught:
        go(world, f"df = await steps.load(3)\n{use}", *STEPS).result(timeout=10)
    assert "pass it to a step" in str(caught.value) or use == "{df: 1}"


@pytest.mark.parametrize("use", ["df.head()", "df.name = 3", "del df.shape"])
def test_the_source_has_no_other_attributes(world: World, use: str) -> None:
    """An AttributeError that says the same."""
    with pytest.raises(RunFailedError, match=r"AttributeError.*pass it to a step"):
        go(world, f"df = await steps.load(3)\n{use}", *STEPS).result(timeout=10)


class Overheard:
    """What guests were told, and what they answered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        activate = InlineGuest.activate

        async def heard(guest: InlineGuest, message: Mapping[str, Any]) -> Reply:
            reply = await activate(guest, message)
            self.said += [json.dumps(message), reply.model_dump_json()]
            return reply

        monkeypatch.setattr(InlineGuest, "activate", heard)


def test_the_bytes_stay_with_the_host(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest is told of a frame in a line, however large it is; the log has all of it."""
    overheard = Overheard(monkeypatch)
    body = "df = await steps.load(5_000)\nreturn [await steps.total(df), df]"
    run = go(world, body, *STEPS)
    assert len(run.result(timeout=10)[1]) == 5_000
    assert max(map(len, overheard.said)) < 2_000
    assert "arrow" not in "".join(overheard.said)
    whole = [e.type for e in run.events() if "arrow" in str(e.data)]
    assert whole == ["step_completed", "step_created", "run_completed"]


def test_what_is_not_at_hand_is_read_from_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Little is kept in memory: a frame of long ago is found where it was recorded."""
    monkeypatch.setattr(Shelf, "trim", lambda shelf: shelf._kept.clear())
    body = """
df = await steps.load(3)
other = await steps.load(4)
await sleep("1h")
return [await steps.total(df), await steps.each({"a": [df, other]})]
"""
    assert go(world, body, *STEPS).result(timeout=10) == [3, {"a": 7}]


def test_a_frame_that_was_never_given(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest that makes up a reference is stopped; no step sees it."""
    activate = InlineGuest.activate

    async def forged(guest: InlineGuest, message: Mapping[str, Any]) -> Reply:
        reply = await activate(guest, message)
        for command in reply.commands:
            command.args["df"] = {"$t": "opaque", "v": {"sha256": "0" * 64}, "arrow": "AAAA"}  # type: ignore[union-attr]
        return reply

    monkeypatch.setattr(InlineGuest, "activate", forged)
    with pytest.raises(RunFailedError, match="not given") as caught:
        go(world, "await steps.total(3)", *STEPS).result(timeout=10)
    assert caught.value.code == "GUEST_PROTOCOL"


SLEEPY = """
df = await steps.load(3)
hook = create_hook("go")
await hook
again = await steps.load(3)
return [await steps.total(df), await steps.each({"both": [df, again]}), weights, df == again]
"""


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_frames_after_a_restart(tmp_path: Path, isolation: Any) -> None:
    """A world that is opened again replays with the same references and goes on with them."""
    path = tmp_path / "world.duckdb"
    clock = VirtualClock(autojump=True)
    with open_world(path, key=KEY, clock=clock, isolation=isolation) as world:
        run = world.start(flow(SLEEPY, "weights"), (np.eye(2),), steps=list(STEPS))
        run.wait_for("hook", timeout=30)
    with open_world(path, key=KEY, clock=clock, isolation=isolation) as world:
        run = world.get(run.id)
        run.resume("go", None)
        found = run.result(timeout=30)
    assert found[0] == 3
    assert found[1] == {"both": 6}
    assert found[2].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert found[3] is True
    assert b"s3cret" not in path.read_bytes()


def test_a_frame_is_stored_once(tmp_path: Path) -> None:
    """Beyond 64 kB it lies beside the log, and no second time when it is passed on."""
    path = tmp_path / "world.duckdb"
    body = """
df = await steps.load(5_000)
for n in range(3):
    await steps.total(df)
return await steps.each({"all": [df, df]})
"""
    with open_world(path, key=KEY, clock=VirtualClock(autojump=True), isolation="inline") as world:
        run = world.start(flow(body), steps=list(STEPS))
        assert run.result(timeout=30) == {"all": 10_000}
        frames = [str(e.data).count("arrow") for e in run.events()]
    assert sum(frames) == 6
    with closing(opened(path)) as store:
        assert rows(store, "select count(*) from blobs") == [(1,)]
        assert rows(store, "select max(octet_length(payload)) < 4000 from events") == [(True,)]


def test_two_frames_are_too_much_for_one_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is within the limit, the arguments of the step are not: it is named."""
    frame = len(json.dumps(load.encode(load(300))))
    monkeypatch.setattr(measure, "MAX_BYTES", frame * 3 // 2)
    body = "df = await steps.load(300)\nawait steps.each({'a': [df, df]})"
    with pytest.raises(RunFailedError, match=r"each\.args\.named\.a: ") as caught:
        go(world, body, *STEPS).result(timeout=10)
    assert caught.value.code == "PAYLOAD_ERROR"


def test_a_frame_over_the_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step that returns it fails, by name."""
    monkeypatch.setattr(measure, "MAX_BYTES", 2_000)
    with pytest.raises(RunFailedError, match=r"load\.return: .* pass its name"):
        go(world, "await steps.load(1_000)", *STEPS).result(timeout=10)


def test_arguments_that_a_step_refuses(world: World) -> None:
    """A frame where none fits fails the call without an attempt."""
    body = """
try:
    await steps.load(await steps.load(3))
except StepError as e:
    return [e.type, e.message]
"""
    kind, said = go(world, body, *STEPS).result(timeout=10)
    assert kind == "PayloadError"
    assert "load.rows: Input should be a valid integer" in said
