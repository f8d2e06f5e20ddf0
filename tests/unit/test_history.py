"""The document of a run: what is written is read back, and nothing else is."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.flows import flow
from wf_notebook import history, open_world
from wf_notebook.errors import HistoryError, HistoryVersionError, PayloadsMissingError
from wf_notebook.testing import replay_history, stub_steps

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[1] / "replay" / "histories"
DOCUMENTS = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]
HOOKS = json.loads((GOLDEN / "hooks.json").read_text())

Document = dict[str, Any]


@pytest.mark.parametrize("saved", DOCUMENTS, ids=lambda saved: saved["run_id"])
def test_round_trip(saved: Document) -> None:
    """What is read is written again as it was."""
    found = history.read(saved)
    assert history.write(found.run_id, found.definition, found.events) == saved
    assert found.state.seq == len(saved["events"])


def test_of_a_run() -> None:
    """A run's history is its definition and its log, opened; only tracebacks are left out."""
    stubs = stub_steps({"fail": ValueError("no")})
    with open_world(":memory:", steps=stubs, isolation="inline") as world:
        source = flow("await create_hook()\nawait steps.fail()")
        run = world.start(source, ("s3cret",)[:0], steps=stubs).wait_for("hook")
        run.resume(run.hooks[0].token, "s3cret")
        run.reached(lambda act: any(s.error for s in act.state.steps.values())).result(timeout=10)
        run.cancel()
        found, events = history.read(run.history()), run.events()
    assert found.definition == run.definition
    errors = [e for e in events if "traceback" in ((e.data or {}).get("error") or {})]
    assert errors
    for mine, theirs in zip(found.events, events, strict=True):
        if theirs in errors:
            assert "traceback" not in mine.data["error"]
            assert mine.data["error"]["message"] == theirs.data["error"]["message"]
        else:
            assert mine == theirs


def spoiled(change: Callable[[Document], object]) -> Document:
    """A good document after a change."""
    result = copy.deepcopy(HOOKS)
    change(result)
    return result


def swap(events: list[Any]) -> None:
    events[4], events[5] = events[5], events[4]
    events[4]["seq"], events[5]["seq"] = 5, 6


SPOILED: dict[str, tuple[Callable[[Document], object], str]] = {
    "no format": (lambda d: d.pop("format"), "not the history"),
    "another format": (lambda d: d.update(format="notebook"), "not the history"),
    "a further field": (lambda d: d.update(more=1), "more: Extra inputs"),
    "no events": (lambda d: d.update(events=[]), "events: List should have"),
    "an edited source": (
        lambda d: d["definition"].update(source=d["definition"]["source"].replace("+=", "-=")),
        "not those it was saved with",
    ),
    "another step": (
        lambda d: d["definition"]["steps"][0].update(step_id="step//m//other"),
        "not those it was saved with",
    ),
    "another id": (
        lambda d: d["definition"].update(workflow_id="workflow//dynamic/00//workflow"),
        "not those it was saved with",
    ),
    "another definition": (
        lambda d: d.update(definition=DOCUMENTS[0]["definition"]),
        "belongs to another definition",
    ),
    "a definition in part": (
        lambda d: d["definition"].pop("steps"),
        r"definition\.steps: Field required",
    ),
    "no definition": (lambda d: d.update(definition=[]), "definition: Input should be"),
    "a hole": (lambda d: d["events"].pop(4), "The log of this history is damaged"),
    "a doubled event": (lambda d: d["events"].insert(4, d["events"][4]), "is damaged"),
    "two events swapped": (lambda d: swap(d["events"]), "is missing"),
    "an unknown type": (lambda d: d["events"][4].update(type="step_forgotten"), "'step_forgotten'"),
    "no position": (lambda d: d["events"][2]["meta"].pop("n"), "'n' is missing"),
    "a wrong position": (lambda d: d["events"][2]["meta"].update(n="1"), "n: Input should be"),
    "a null position": (lambda d: d["events"][2]["meta"].update(n=None), "n: Input should be"),
    "no data": (lambda d: d["events"][0].update(data=None), "The log of this history is damaged"),
    "a short seed": (lambda d: d["events"][0]["data"].update(seed="00"), "seed: String should"),
    "a number that JSON lacks": (
        lambda d: d["events"][0]["data"].update(args=[float("nan")]),
        r"event 1\.args\[0\] cannot be recorded",
    ),
    "a value that is no tree": (
        lambda d: d["events"][0]["data"].update(args=[(1,)]),
        r"event 1\.args",
    ),
    "time that runs back": (lambda d: d["events"][5].update(time_us=1), "in order"),
    "begun twice": (lambda d: d["events"][1].update(type="run_created"), "of one run"),
    "over before the end": (lambda d: d["events"][7].update(type="run_cancelled"), "of one run"),
    "not begun": (lambda d: d["events"][0].update(type="run_started"), "of one run"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_refused(name: str) -> None:
    """What was changed or is no history is refused, and what is wrong is said."""
    change, message = SPOILED[name]
    with pytest.raises(HistoryError, match=message) as error:
        history.read(spoiled(change))
    assert error.value.code == "WF241"
    assert error.value.hint


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_version(version: object) -> None:
    """Another version is refused as such, whatever else the document holds."""
    with pytest.raises(HistoryVersionError, match="WF242 This history has version"):
        history.read({"format": history.FORMAT, "version": version})


@pytest.mark.parametrize("value", [None, 1, "text", [], [HOOKS], {}, object()])
def test_no_document(value: object) -> None:
    """Whatever else is given is no history."""
    with pytest.raises(HistoryError, match="not the history"):
        history.read(value)


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every container of a tree with each of its keys."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [pair for key in keys for pair in [(tree, key), *places(tree[key])]]


ODD = st.sampled_from([None, True, -1, 0, 1, 1 << 70, 1.5, "", "x", [], {}, [[]], {"$t": "x"}])


@given(st.sampled_from(DOCUMENTS), st.data())
def test_damaged_anywhere(saved: Document, data: st.DataObject) -> None:
    """Whatever part is damaged: it is refused, or replayed to some end; nothing else is raised."""
    damaged = copy.deepcopy(saved)
    for _ in range(data.draw(st.integers(1, 3))):
        found = places(damaged)
        container, key = found[data.draw(st.integers(0, len(found) - 1))]
        if data.draw(st.booleans()):
            container[key] = copy.deepcopy(data.draw(ODD))
        else:
            del container[key]
    with contextlib.suppress(HistoryError):
        report = replay_history(damaged, isolation="inline")
        assert report.status in ("completed", "failed", "suspended", "diverged")


@pytest.mark.parametrize("saved", DOCUMENTS, ids=lambda saved: saved["run_id"])
def test_without_payloads(saved: Document) -> None:
    """A document may leave values out; it says so, folds to the same states, and isn't replayed."""
    found = history.read(saved)
    bare = history.write(found.run_id, found.definition, found.events, payloads=False)
    assert bare == {
        **saved,
        "payloads": False,
        "events": [{**event, "data": None} for event in saved["events"]],
    }
    plain = history.read(bare)
    assert (plain.payloads, plain.state.status) == (False, found.state.status)
    assert [s.status for s in plain.state.steps.values()] == [
        s.status for s in found.state.steps.values()
    ]
    with pytest.raises(PayloadsMissingError, match=r"^WF244 .*left out here"):
        replay_history(bare)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"payloads": True}, "payloads: Input should be False"),
        ({"payloads": None}, "payloads: Input should be False"),
        ({"payloads": False}, "says that values were left out, and has some"),
    ],
)
def test_payloads_are_said_to_be_left_out_only_where_they_are(
    change: Document, message: str
) -> None:
    """With values in it, a document doesn't say that there are none; nor otherwise."""
    with pytest.raises(HistoryError, match=message):
        history.read({**HOOKS, **change})
