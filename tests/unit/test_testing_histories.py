"""Edited sources held against the runs of the old ones."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.flows import flow
from wf_notebook import open_world
from wf_notebook.errors import (
    DefinitionError,
    DivergenceError,
    HistoryError,
    HistoryVersionError,
    UsageError,
)
from wf_notebook.testing import (
    ReplayReport,
    VirtualClock,
    load_history,
    replay_history,
    save_history,
    stub_steps,
)

if TYPE_CHECKING:
    from pathlib import Path

BODY = """
order = await steps.fetch("s3cret")
approval = await create_hook(token="approve", title="May I?")
return await steps.charge(order)
"""
STUBS = stub_steps({"fetch": "s3cret", "charge": "paid"})


def history(*, answered: bool, body: str = BODY) -> dict[str, Any]:
    """The history of a run that waits at its hook, or of one that ended."""
    clock = VirtualClock(autojump=True)
    with open_world(":memory:", clock=clock, steps=STUBS, isolation="inline") as world:
        run = world.start(flow(body), steps=STUBS).wait_for("hook")
        if answered:
            run.resume("approve", "yes")
            run.wait_for("terminal")
        return run.history()


@pytest.fixture(scope="module")
def waiting() -> dict[str, Any]:
    return history(answered=False)


@pytest.fixture(scope="module")
def ended() -> dict[str, Any]:
    return history(answered=True)


def replayed(saved: dict[str, Any], body: str | None = None, **options: Any) -> ReplayReport:
    source = None if body is None else flow(body)
    return replay_history(saved, source, isolation="inline", **options)


def test_unedited(waiting: dict[str, Any], ended: dict[str, Any]) -> None:
    """The stored source stands where its run stands; no step runs for it."""
    before = {alias: len(calls) for alias, calls in STUBS.calls.items()}
    assert replayed(waiting).status == "suspended"
    report = replayed(ended)
    assert (report.status, report.result, report.asks) == ("completed", "paid", ())
    assert report.raise_for_divergence() is report
    assert {alias: len(calls) for alias, calls in STUBS.calls.items()} == before


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace("order", "bought"),
        "# a comment\n" + BODY,
        BODY.replace("return await", "print('paying')\nreturn await"),
        BODY.replace("return await steps.charge(order)", 'return "free"'),
        BODY.replace("return await", "await sleep('30d')\nreturn await"),
    ],
)
def test_compatible(waiting: dict[str, Any], body: str) -> None:
    """An edit that keeps what the run did suits it, whatever comes after."""
    report = replayed(waiting, body)
    assert (report.status, report.asks, report.divergence) == ("suspended", (), None)


def test_what_comes_next(waiting: dict[str, Any]) -> None:
    """What an edited source asks for beyond the log is said: the run would do it."""
    body = BODY.replace("approval = await", "hook =").replace(
        "return await", "await asyncio.gather(hook, sleep('1h'))\nreturn await"
    )
    report = replayed(waiting, body)
    assert report.status == "suspended"
    assert len(report.asks) == 1
    assert "sleep until" in report.asks[0]


@pytest.mark.parametrize(
    ("body", "line", "recorded", "asked"),
    [
        (BODY.replace("s3cret", "an0ther"), 3, "step fetch", "command 1: step fetch"),
        ("await sleep(1)\n" + BODY, 3, "command 1: step fetch", "command 1: sleep until"),
        (BODY.replace('"approve"', '"agree"'), 4, "hook approve", "hook agree"),
        (BODY.replace("May I?", "May we?"), 4, "hook approve", "hook approve"),
        ("return 1", 3, "step fetch", "nothing: it returned"),
        ("raise ValueError('an0ther')", 3, "step fetch", "nothing: it raised ValueError"),
        (
            "later = asyncio.ensure_future(steps.fetch('s3cret'))\nawait steps.charge(1)",
            4,
            "hook approve",
            "command 2: step charge",
        ),
    ],
)
def test_incompatible(
    waiting: dict[str, Any], body: str, line: int, recorded: str, asked: str
) -> None:
    """The first thing that an edited source does otherwise is reported by line, without values."""
    report = replayed(waiting, body)
    assert report.status == "diverged"
    assert report.divergence is not None
    assert report.divergence.line == line
    assert recorded in report.divergence.recorded
    assert asked in report.divergence.asked
    assert "s3cret" not in repr(report)
    assert "an0ther" not in repr(report)


def test_last_events(waiting: dict[str, Any]) -> None:
    """A report names the events before the divergence."""
    report = replayed(waiting, BODY.replace('"approve"', '"agree"'))
    assert report.divergence is not None
    words = [line.split()[1] for line in report.divergence.last_events]
    assert words == ["run_created", "run_started", "step_created", "step_started", "step_completed"]


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        (BODY.replace("return await", "await"), "returned something else"),
        (BODY.rstrip() + "+ '!'", "returned something else"),
        (BODY.replace("return await", "await sleep(1)\nreturn await"), "sleep until"),
        (BODY.replace("return await", "r = await") + "steps.fetch(2)\nreturn r", "step fetch"),
        (BODY.replace("return await", "r = await") + "await sleep(1)\nreturn r", "sleep until"),
        (BODY.replace("return await", "await") + "await asyncio.Event().wait()", "it waits"),
        (BODY.replace("return await", "await") + "raise ValueError", "raised ValueError"),
    ],
)
def test_another_end(ended: dict[str, Any], body: str, asked: str) -> None:
    """Against a run that has ended, a source that ends otherwise has diverged, too."""
    report = replayed(ended, body)
    assert report.status == "diverged"
    assert report.divergence is not None
    assert asked in report.divergence.asked


def test_as_it_stood(ended: dict[str, Any]) -> None:
    """An edit that the ended run contradicts may suit the run as it stood before."""
    body = BODY.replace("return await", "await sleep(1)\nreturn await")
    at = [event["type"] for event in ended["events"]].index("hook_created") + 1
    assert replayed(ended, body).status == "diverged"
    assert replayed(ended, body, at=at).status == "suspended"
    for wrong in (0, -1, len(ended["events"]) + 1):
        with pytest.raises(UsageError, match="cannot be replayed as of event"):
            replayed(ended, at=wrong)


def test_cancelled() -> None:
    """A run that was cancelled has come to no end of its own: none is asked of a replay."""
    with open_world(":memory:", steps=STUBS, isolation="inline") as world:
        run = world.start(flow(BODY), steps=STUBS).wait_for("hook")
        run.cancel()
        saved = run.wait_for("terminal").history()
    assert replayed(saved).status == "suspended"


def test_failures_of_the_engine() -> None:
    """A run that the engine failed may go on in a source that was mended."""
    body = "await steps.fetch(1)\nawait asyncio.Event().wait()"
    with open_world(":memory:", steps=STUBS, isolation="inline") as world:
        run = world.start(flow(body), steps=STUBS).wait_for("terminal", timeout=10)
        saved = run.history()
    assert saved["events"][-1]["meta"]["code"] == "DEADLOCK"
    assert replayed(saved).status == "suspended"
    assert replayed(saved, "return await steps.fetch(1)").result == "s3cret"


def test_raise_for_divergence(waiting: dict[str, Any]) -> None:
    """A divergence can be raised, with the run, the line and the report."""
    report = replayed(waiting, "return 1")
    with pytest.raises(DivergenceError, match=r"WF216 Replay diverged at line 3: the log has") as e:
        report.raise_for_divergence()
    assert e.value.run_id == waiting["run_id"]
    assert e.value.report["asked"] == "nothing: it returned"


def test_a_source_with_problems(waiting: dict[str, Any]) -> None:
    """An edited source is checked as for a start; the steps and schemas are the stored ones."""
    with pytest.raises(DefinitionError, match="WF140"):
        replayed(waiting, BODY.rstrip() + "+ await steps.refund(order)")
    with pytest.raises(DefinitionError, match="WF101"):
        replayed(waiting, "return (")


def test_further_steps(waiting: dict[str, Any]) -> None:
    """An edited source may be given further steps."""
    body = BODY.replace("return await", "await steps.refund(order)\nreturn await")
    report = replayed(waiting, body, steps=stub_steps({"refund": None}))
    assert report.status == "suspended"
    with pytest.raises(UsageError, match="steps= together with an edited source"):
        replayed(waiting, steps=stub_steps({"refund": None}))


def test_a_cell(waiting: dict[str, Any]) -> None:
    """The text of a cell has no directive, and its function may have been renamed."""
    text = flow(BODY).replace('    "use workflow"\n', "").replace("def workflow", "def refund")
    assert replay_history(waiting, text, isolation="inline").status == "suspended"


def test_on_a_running_loop(ended: dict[str, Any]) -> None:
    """It can be called where a loop runs, as in a notebook's cell."""

    async def cell() -> ReplayReport:
        return replayed(ended)

    assert asyncio.run(cell()).result == "paid"


def test_budget(ended: dict[str, Any]) -> None:
    """A source that asks for too much is stopped, in its process, and the report says so."""
    body = "for i in range(20_000):\n    steps.fetch(i)"
    report = replay_history(ended, flow(body), at=1)
    assert (report.status, report.code) == ("failed", "BUDGET_EXCEEDED")


# ------------------------------------------------------------------------------------------ files


def test_save_and_load(tmp_path: Path) -> None:
    """What was saved is what is loaded: plain JSON in ASCII, in the order of the log."""
    path = tmp_path / "run.json"
    body = "await create_hook(token='approve')\nreturn {'z': 'é\\ud800', 'a': [1.5, None]}"
    with open_world(":memory:", steps=STUBS, isolation="inline") as world:
        run = world.start(flow(body), steps=STUBS).wait_for("hook")
        run.resume("approve")
        save_history(run.wait_for("terminal"), path)
        saved = run.history()
    assert load_history(path) == saved
    assert path.read_bytes().isascii()
    assert list(load_history(path)["events"][-1]["data"]["result"]) == ["z", "a"]
    assert replayed(load_history(path)).result == {"z": "é\ud800", "a": [1.5, None]}


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b'{"format": 1}', b"NaN"]
)
def test_not_a_history(tmp_path: Path, data: bytes) -> None:
    """A file that is no history is refused by name."""
    path = tmp_path / "other.json"
    path.write_bytes(data)
    with pytest.raises(HistoryError, match=r"WF241 .*other\.json"):
        load_history(path)


def test_another_version(tmp_path: Path, ended: dict[str, Any]) -> None:
    """A file of another version is refused, and says which."""
    path = tmp_path / "later.json"
    path.write_text(json.dumps({**ended, "version": 7}))
    with pytest.raises(HistoryVersionError, match=r"WF242 .*later\.json.* version 7"):
        load_history(path)
