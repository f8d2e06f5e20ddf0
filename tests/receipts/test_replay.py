"""Runs, receipts and histories are replayed: what holds, what parts from its log, what is forged."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.receipts.shop import SOURCE, ended, started
from wf_notebook import Replay, open_world, read_receipt, replay, step
from wf_notebook.errors import (
    DivergenceError,
    HistoryError,
    PayloadsMissingError,
    ReceiptDiffersError,
    UsageError,
    WorkflowError,
)
from wf_notebook.receipts.shape import MIME, Visible, sealed
from wf_notebook.testing import load_history, save_history
from wf_notebook.testing.edits import source_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wf_notebook import World

KEY = b"k" * 32
EDITED = SOURCE.replace('sleep("1ms")', 'sleep("2ms")')


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, key=KEY, isolation="inline") as found:
        yield found


def only(target: Any, **options: Any) -> Replay:
    (found,) = replay(target, isolation="inline", **options)
    return found


@pytest.fixture
def exported(world: World, tmp_path: Path) -> Path:
    """The receipt of a run that has ended, with payloads; `bare.ipynb` beside it has none."""
    run = ended(world)
    run.to_notebook(tmp_path / "bare.ipynb")
    run.to_notebook(tmp_path / "full.ipynb", payloads=True)
    return tmp_path / "full.ipynb"


# ------------------------------------------------------------------------------- what holds


def test_a_run_a_receipt_and_a_history(world: World, exported: Path, tmp_path: Path) -> None:
    """All three replay; no step runs for it, and nothing is written."""
    run = world.runs()[0]
    save_history(run, tmp_path / "history.json")
    count = len(run.events())
    for target in (run, exported, str(exported), tmp_path / "history.json"):
        found = only(target)
        assert (found.outcome, found.run_id, found.name) == ("replays", run.id, "order")
        assert found.events == count
        assert found.raise_unless_replayed() is found
        assert repr(found) == f"<Replay {found.target}: replays>"
    assert len(run.events()) == count
    assert only(run).target == run.id


def test_a_run_that_waits(world: World, tmp_path: Path) -> None:
    """It stands where the log stands; a source that would go on otherwise says what it asks."""
    run = started(world)
    found = only(run)
    assert found.report is not None
    assert (found.outcome, found.report.status, found.report.asks) == ("replays", "suspended", ())
    more = SOURCE.replace("    answer = await hook", "    more = sleep(5)\n    answer = await hook")
    found = only(run, source=more)
    assert found.report is not None
    assert (found.outcome, len(found.report.asks)) == ("replays", 1)


def test_a_folder(world: World, exported: Path, tmp_path: Path) -> None:
    """Histories and receipts in it and below; what doesn't say that it is one is passed over."""
    save_history(world.runs()[0], tmp_path / "history.json")
    (tmp_path / "package.json").write_text("{}")
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "plain.ipynb")
    (tmp_path / "deep" / ".ipynb_checkpoints").mkdir(parents=True)
    shutil.copy(exported, tmp_path / "deep" / "again.ipynb")
    shutil.copy(exported, tmp_path / "deep" / ".ipynb_checkpoints" / "again.ipynb")
    outcomes = {f.target: f.outcome for f in replay(tmp_path, isolation="inline")}
    assert outcomes == {
        str(tmp_path / "bare.ipynb"): "checked",
        str(tmp_path / "full.ipynb"): "replays",
        str(tmp_path / "history.json"): "replays",
        str(tmp_path / "deep" / "again.ipynb"): "replays",
    }


def test_a_receipt_that_lost_its_run_is_not_passed_over(exported: Path, tmp_path: Path) -> None:
    """Its outputs were cleared: the notebook still says what it was."""
    notebook = nbformat.read(exported, as_version=4)
    notebook.cells[1].outputs = []
    nbformat.write(notebook, exported)
    outcomes = {f.target: f for f in replay(tmp_path, isolation="inline")}
    found = outcomes[str(exported)]
    assert found.outcome == "refused"
    with pytest.raises(HistoryError, match=r"WF243 .*outputs were cleared"):
        found.raise_unless_replayed()


@pytest.mark.parametrize("name", ["nothing.json", "notes.txt", "empty"])
def test_what_is_no_target(name: str, tmp_path: Path) -> None:
    """A path that names nothing, a file of another kind, a folder without any."""
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="WF500") as error:
        replay(tmp_path / name)
    assert "Name a receipt" in error.value.hint


# ------------------------------------------------------------------------------- what does not


def test_an_edited_source(exported: Path) -> None:
    """The first divergence, with its line and what stands there."""
    found = only(exported, source=EDITED)
    assert found.outcome == "diverged"
    assert found.report is not None
    assert found.report.divergence is not None
    assert found.report.divergence.line == 9
    assert found.line_at(9).strip() == 'await sleep("2ms")'
    told = found.to_json()
    assert told["divergence"]["source_line"].strip() == 'await sleep("2ms")'
    assert "sleep until" in told["divergence"]["recorded"]
    with pytest.raises(DivergenceError, match="WF216"):
        found.raise_unless_replayed()


@step(name="receipt_more")
def receipt_more(n: int) -> int:
    return n


def test_an_edited_source_with_a_new_step(world: World) -> None:
    """A step that the run did not have is looked up here; one that is nowhere is refused."""
    run = started(world)
    new = SOURCE.replace("    return [found", "    await steps.receipt_more(1)\n    return [found")
    assert only(run, source=new).outcome == "replays"
    found = only(run, source=new.replace("receipt_more", "receipt_nowhere"))
    assert found.outcome == "refused"
    assert found.error is not None
    assert found.error.code == "WF100"


def test_the_guest_was_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that would not end says nothing about the log: it is told, and is no success."""
    from wf_notebook.config import Limits
    from wf_notebook.testing import histories

    run = started(world)
    endless = SOURCE.replace(
        "    answer = await hook", "    while word:\n        pass\n    answer = await hook"
    )
    monkeypatch.setattr(histories, "Limits", lambda: Limits(activation_seconds=1.0))
    (found,) = replay(run, source=endless, isolation="process")
    assert (found.outcome, found.said) == ("stopped", "the guest was stopped: BUDGET_EXCEEDED")
    with pytest.raises(WorkflowError, match="was not replayed: the guest was stopped"):
        found.raise_unless_replayed()


# -------------------------------------------------------------------------- without payloads


def test_without_payloads_it_is_only_checked(exported: Path) -> None:
    """Nothing is pretended: it says that values are missing, and which way there is."""
    found = only(exported.with_name("bare.ipynb"))
    assert (found.outcome, found.report) == ("checked", None)
    with pytest.raises(PayloadsMissingError, match=r"WF244 .*no world was asked") as error:
        found.raise_unless_replayed()
    assert "with its payloads" in error.value.hint


def test_without_payloads_it_replays_from_its_world(world: World, exported: Path) -> None:
    """The world holds the values; it has signed the receipt, and an edited source parts from it."""
    bare = exported.with_name("bare.ipynb")
    found = only(bare, world=world)
    assert (found.outcome, found.world) == ("replays", "signed")
    assert only(bare, world=world, source=EDITED).outcome == "diverged"
    found = only(bare, world=world, check=True)
    assert (found.outcome, found.world, found.report) == ("checked", "signed", None)


def test_an_earlier_receipt_is_a_beginning(world: World, tmp_path: Path) -> None:
    """It was exported while its run went on; it replays to where the run stood then."""
    run = started(world)
    path = tmp_path / "early.ipynb"
    count = run.to_notebook(path).state.seq
    run.resume("answer", {"ok": True, "text": "yes"})
    run.wait_for("terminal", timeout=30)
    found = only(path, world=world)
    assert (found.outcome, found.events, found.world) == ("replays", count, "signed")


def test_another_world_says_nothing(exported: Path, tmp_path: Path) -> None:
    """A world that doesn't hold the run neither proves nor refutes."""
    with open_world(tmp_path / "other.duckdb", key=KEY) as other:
        found = only(exported, world=other)
        assert (found.outcome, found.world) == ("replays", "")
        found = only(exported.with_name("bare.ipynb"), world=other)
        assert found.outcome == "checked"
        assert "does not hold the run" in found.said


def test_a_forgotten_run_leaves_its_receipt(world: World, exported: Path) -> None:
    """With payloads it still replays; its world has no key of it any more, and proves nothing."""
    world.forget(read_receipt(exported).run_id)
    found = only(exported, world=world)
    assert (found.outcome, found.world) == ("replays", "")


# ------------------------------------------------------------------------------ what is forged


def forged(path: Path, *, facts: str = "", **events: Any) -> None:
    """Change a receipt and compute its chain anew, as somebody does who knows how."""
    notebook = json.loads(path.read_text("utf-8"))
    document = notebook["cells"][1]["outputs"][0]["data"][MIME]
    saved = json.loads(document["history"])
    for seq, change in events.items():
        saved["events"][int(seq.removeprefix("e")) - 1].update(change)
    cells = notebook["cells"]
    cells[0]["source"] = "".join(cells[0]["source"]) + facts
    data = cells[1]["outputs"][0]["data"]
    texts = {key: "".join(data[key]) for key in ("text/plain", "text/html")}
    visible = Visible(
        [(cell["cell_type"], "".join(cell["source"])) for cell in cells],
        texts["text/plain"],
        texts["text/html"],
    )
    kept = ("program", "status", "blocked", "approval", "world_id", "exported_us")
    made = sealed({key: document[key] for key in kept}, saved, visible)
    data[MIME] = {**made, "signature": document["signature"]}
    path.write_text(json.dumps(notebook), "utf-8")


@pytest.mark.parametrize("name", ["full.ipynb", "bare.ipynb"])
def test_a_forged_log_is_found_out_by_its_world(world: World, exported: Path, name: str) -> None:
    """The chain alone doesn't tell who made it; the world holds the log against its own."""
    path = exported.with_name(name)
    event = read_receipt(path).events[-1]
    forged(path, **{f"e{event.seq}": {"time_us": event.time_us + 1}})
    read_receipt(path)  # whole in itself: a forger knows how
    found = only(path, world=world)
    assert found.outcome == "refused"
    assert "is not the one in the receipt" in found.said
    assert isinstance(found.error, ReceiptDiffersError)
    assert found.error.code == "WF246"


def test_forged_facts_are_found_out_by_their_world(world: World, exported: Path) -> None:
    """Also where the log is the true one: the world signs all that is seen."""
    forged(exported, facts="\n\nApproved by the board.")
    read_receipt(exported)
    found = only(exported, world=world)
    assert found.outcome == "refused"
    assert "has not made the receipt" in found.said


def test_a_signature_is_another_one(world: World, exported: Path) -> None:
    """Its digits are not part of the chain; the world notices."""
    text = exported.read_text("utf-8")
    signature = read_receipt(exported).signature
    exported.write_text(text.replace(signature, signature[::-1]), "utf-8")
    assert only(exported).outcome == "replays"
    assert only(exported, world=world).outcome == "refused"


def test_the_key_was_rotated(world: World, exported: Path, world_path: str) -> None:
    """The world still knows its receipts: runs keep their own keys."""
    world.close()
    with open_world(world_path, key=KEY, isolation="inline") as again:
        again.rotate_key(b"n" * 32)
    with open_world(world_path, key=b"n" * 32, isolation="inline") as again:
        assert only(exported, world=again).world == "signed"


# ------------------------------------------------------------------------------ edited sources


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.ipynb"
    cells = [
        "import this",
        "%%workflow refund --steps a\nasync def f():\n    return 1",
        "\n%%workflow -o r\nasync def nightly():\n    return 2",
        "%%workflow_draft refund\nwrite it",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.cells.append(nbformat.v4.new_markdown_cell("%%workflow told\n"))
    nbformat.write(notebook, path)
    return path


def test_a_source_is_a_file_or_a_cell(orders: Path, tmp_path: Path) -> None:
    """Of a notebook by the workflow's name: the cell's, or else its entry's."""
    (tmp_path / "a.py").write_text("\ufeffasync def f(): ...", "utf-8")
    assert source_text(str(tmp_path / "a.py")) == "async def f(): ..."
    assert source_text(f"{orders}#refund").strip().endswith("return 1")
    assert source_text(f"{orders}#nightly").strip().endswith("return 2")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("orders.ipynb", "is not certain"),
        ("orders.ipynb#f", "is not there"),
        ("nowhere.py", "cannot be read"),
        ("bad.py", "is not UTF-8"),
        ("bad.ipynb", "not a notebook"),
    ],
)
def test_a_source_that_is_not_there(
    orders: Path, word: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said what there is."""
    monkeypatch.chdir(orders.parent)
    (orders.parent / "bad.py").write_bytes(b"\xff")
    (orders.parent / "bad.ipynb").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=message) as error:
        source_text(word)
    if word.startswith("orders"):
        assert "Its workflows: refund, nightly." in error.value.hint


def test_histories_without_payloads_are_no_receipts(exported: Path, tmp_path: Path) -> None:
    """A history in a file may lack values, too: checked, not replayed."""
    document = read_receipt(exported).history()
    bare = {**document, "payloads": False}
    bare["events"] = [{**event, "data": None} for event in document["events"]]
    (tmp_path / "bare.json").write_text(json.dumps(bare))
    assert load_history(tmp_path / "bare.json") == bare
    assert only(tmp_path / "bare.json").outcome == "checked"
