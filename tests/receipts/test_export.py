"""What a run's receipt tells, and when there can be none."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pandas as pd
import pytest

from tests.receipts.shop import SECRETS, SOURCE, STEPS, Answer, ended, started
from tests.sharing import flows
from wf_notebook import approve, open_world, propose, read_receipt, replay, start_revision, step
from wf_notebook.approvals import forget_revisions
from wf_notebook.errors import ReceiptExistsError, RunForgottenError, WorldKeyError
from wf_notebook.receipts import files
from wf_notebook.receipts.shape import MIME
from wf_notebook.testing import replay_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wf_notebook import World

KEY = b"k" * 32


@pytest.fixture
def world(world_path: str) -> Iterator[World]:
    with open_world(world_path, key=KEY, isolation="inline") as found:
        yield found


def facts(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[0].source)


def cell(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[1].source)


# ----------------------------------------------------------------------------- what it tells


def test_a_run_that_waits(world: World, tmp_path: Path) -> None:
    """It says as of which event; exported again later, the receipt takes its own place."""
    run = started(world, attributes={"customer": "A-17"})
    path = tmp_path / "order.ipynb"
    receipt = run.to_notebook(path)
    count = len(run.events())
    assert repr(receipt).endswith(f"suspended as of event {count}, without payloads>")
    assert f"as of event {count} and 20" in facts(path)
    assert "`customer=A-17`" in facts(path)
    assert "- `look`: `step//tests.receipts.shop//look`, code" in facts(path)
    run.resume("answer", {"ok": True})
    run.wait_for("terminal", timeout=30)
    run.to_notebook(path)
    found = read_receipt(path)
    assert (found.status, found.state.seq) == ("completed", len(run.events()))
    assert found.events[:count] == receipt.events


def test_the_cell_runs_as_it_is_or_not_at_all(world: World, tmp_path: Path) -> None:
    """Its line names workflow, steps with their modules, schemas and hash; below is the source."""
    run = started(world)
    run.to_notebook(tmp_path / "a.ipynb")
    line, _, source = cell(tmp_path / "a.ipynb").partition("\n")
    assert line == (
        "%%workflow order --steps breaks=tests.receipts.shop.breaks,look=tests.receipts.shop.look "
        f"--schemas Answer --expect sha256:{run.source_hash}"
    ).replace("breaks=tests", "tests").replace("look=tests", "tests")
    assert f"{source}\n" == run.source


def test_a_name_that_no_cell_can_have(world: World, tmp_path: Path) -> None:
    """It is told all the same; the cell is then known by its entry."""
    run = world.start(
        SOURCE, ["x"], kwargs={"key": "k"}, steps=STEPS, schemas=[Answer], name="my-order"
    )
    run.to_notebook(tmp_path / "a.ipynb")
    assert cell(tmp_path / "a.ipynb").startswith("%%workflow --steps ")
    assert read_receipt(tmp_path / "a.ipynb").name == "my-order"


def test_who_approved(world: World, tmp_path: Path) -> None:
    """Revision, person and time; what they noted only among the payloads; also once it is erased."""
    line = propose(SOURCE, steps=STEPS, schemas=[Answer], world=world)
    revision = approve(line.source_hash, by="Ada <b>", note="as agreed", world=world)
    for one in STEPS.values():
        world.host.runner.steps.register(one)
    run = start_revision("order", 1, ("ok",), {"key": "k"}, world=world).wait_for("hook")
    path = tmp_path / "a.ipynb"
    approval = run.to_notebook(path).approval
    assert approval is not None
    assert (approval.by, approval.time_us) == ("Ada <b>", revision.approved_us)
    assert approval.note is None
    assert "**Approved**: `order@1`, by `Ada <b>`, 20" in facts(path)
    assert run.to_notebook(path, payloads=True).approval.note == "as agreed"
    forget_revisions("order", world=world)
    approval = run.to_notebook(path).approval
    assert (approval.by, approval.revision) == (None, 1)
    assert "not there any more" in facts(path)


def test_a_run_that_is_blocked(world_path: str, tmp_path: Path) -> None:
    """It says so, in words without values."""
    with open_world(world_path, key=KEY, isolation="inline") as world:
        run_id = started(world).id
    with open_world(world_path, key=KEY, steps=[rows], isolation="inline") as world:
        world.resume("answer", {"ok": True, "text": SECRETS["payload"]})
        run = world.get(run_id)
        run.reached(lambda act: act.blocked is not None).result(30)
        receipt = run.to_notebook(tmp_path / "a.ipynb")
    assert receipt.status == "blocked"
    assert receipt.blocked == "a step that it needs is not defined where it runs"
    assert SECRETS["payload"] not in (tmp_path / "a.ipynb").read_text()


@step(name="receipt_frame")
def frame(n: int) -> pd.DataFrame:
    return pd.DataFrame({"n": range(n), "text": ["é" * 50] * n})


@step(name="receipt_rows")
def rows(found: pd.DataFrame) -> int:
    return len(found)


ODD = """
async def odd(name):
    "use workflow"
    found = await steps.frame(2_000)  # other ends of lines: \x0c \x85 \u2028
    hook = create_hook(token="t`|<b>\\u202e*x*", title=name)
    return [await hook, 1.0, -0.0, 2**80, float("nan"), b"\\x00", {1: 2, "b": 1, "a": 2}, name,
            await steps.rows(found), found, "\\ud800"]
"""


def test_odd_values_and_names(world: World, tmp_path: Path) -> None:
    """Frames, floats, large integers, halves of characters; tokens and labels that are markup."""
    offered = {"frame": frame, "rows": rows}
    for one in offered.values():
        world.host.runner.steps.register(one)
    labels = {"ünïcode|": "<script>alert(1)</script> `x` $y$"}
    run = world.start(ODD, ["日本 \x1b[31m"], steps=offered, attributes=labels).wait_for("hook")
    run.resume(run.hooks[0].token, {"z": 1, "a": [1.5, "🙂"]})
    run.wait_for("terminal", timeout=30)
    path = tmp_path / "odd.ipynb"
    run.to_notebook(path, payloads=True)
    found = read_receipt(path)
    assert found.history() == run.history()
    report = replay_history(found.history(), isolation="inline").raise_for_divergence()
    assert report.status == "completed"
    assert "``ünïcode|=<script>alert(1)</script> `x` $y$``" in facts(path)
    assert "\x1b" not in path.read_text("utf-8")
    assert "\u202e" not in path.read_text("utf-8")


def test_children_and_reruns(world: World, tmp_path: Path) -> None:
    """A rerun names the run that it repeats."""
    run = ended(world)
    again = run.rerun().wait_for("hook", timeout=30)
    again.to_notebook(tmp_path / "a.ipynb")
    assert f"**Repeats**: `{run.id}`" in facts(tmp_path / "a.ipynb")


# ------------------------------------------------------------------------------- what is secret


@pytest.mark.parametrize("word", ["wait", "ok", "fail", "stop"])
def test_no_value_unless_asked(world: World, tmp_path: Path, word: str) -> None:
    """Nothing that the world seals but the source: not in facts, card, text or log."""
    run = started(world) if word == "wait" else ended(world, word)
    path = tmp_path / "a.ipynb"
    run.to_notebook(path)
    said = path.read_text("utf-8")
    assert [name for name, canary in SECRETS.items() if canary in said] == []
    seed = run.history()["events"][0]["data"]["seed"]
    assert seed not in said
    run.to_notebook(path, payloads=True)
    said = path.read_text("utf-8")
    assert SECRETS["argument"] in said
    assert SECRETS["chunk"] not in said  # streams are no part of the log


def test_even_with_payloads_the_card_has_none(world: World, tmp_path: Path) -> None:
    """What was asked for stands in the log alone, where no page shows it."""
    ended(world, "fail").to_notebook(tmp_path / "a.ipynb", payloads=True)
    notebook = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    data = notebook.cells[1].outputs[0].data
    for shown in (notebook.cells[0].source, data["text/html"], data["text/plain"]):
        assert [name for name, canary in SECRETS.items() if canary in shown] == []


# ------------------------------------------------------------------------------ where it is written


def test_nothing_else_is_overwritten(world: World, tmp_path: Path) -> None:
    """A note, another run's receipt, a receipt that was changed: left as they are, unless forced."""
    run, other = (
        started(world),
        world.start("async def f():\n    'use workflow'\n    return 1\n", steps=STEPS),
    )
    path = tmp_path / "a.ipynb"
    path.write_text("my notes")
    with pytest.raises(ReceiptExistsError, match=r"^WF245 At .*a\.ipynb lies something") as error:
        run.to_notebook(path)
    assert "--force" in error.value.hint
    assert error.value.path == str(path)
    assert path.read_text() == "my notes"
    other.to_notebook(path, force=True)
    with pytest.raises(ReceiptExistsError, match=f"the receipt of another run, {other.id}"):
        run.to_notebook(path)
    run.to_notebook(path, force=True)
    changed = path.read_text("utf-8").replace("# Receipt", "# The receipt")
    path.write_text(changed, "utf-8")
    with pytest.raises(ReceiptExistsError, match="something that is no receipt"):
        run.to_notebook(path)
    assert path.read_text("utf-8") == changed


def test_written_whole_or_not_at_all(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written leaves what lay there, and nothing beside it."""
    folder = tmp_path / "receipts"
    folder.mkdir()
    run = started(world)
    run.to_notebook(folder / "a.ipynb")
    before = (folder / "a.ipynb").read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run.to_notebook(folder / "a.ipynb", payloads=True)
    assert (folder / "a.ipynb").read_bytes() == before
    assert os.listdir(folder) == ["a.ipynb"]
    with pytest.raises(OSError, match="No such file"):
        run.to_notebook(tmp_path / "nowhere" / "a.ipynb")


def test_through_a_link(world: World, tmp_path: Path) -> None:
    """A link stays one: what it points to is replaced; and the file is as others are."""
    target = tmp_path / "real.ipynb"
    (tmp_path / "link.ipynb").symlink_to(target)
    run = started(world)
    run.to_notebook(tmp_path / "link.ipynb")
    assert (tmp_path / "link.ipynb").is_symlink()
    assert read_receipt(target).run_id == run.id
    plain = tmp_path / "plain"
    plain.write_text("")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


# ------------------------------------------------------------------------- when there can be none


def test_of_a_forgotten_run(world: World, tmp_path: Path) -> None:
    """Its own code; no file is left."""
    run = ended(world)
    world.forget(run.id)
    with pytest.raises(RunForgottenError, match="WF218"):
        run.to_notebook(tmp_path / "a.ipynb")
    assert not (tmp_path / "a.ipynb").exists()


def test_without_the_key(world_path: str, tmp_path: Path) -> None:
    """A locked world says which key is missing; no file is left."""
    with open_world(world_path, key=KEY, isolation="inline") as world:
        run_id = ended(world).id
    with (
        open_world(world_path, key=b"o" * 32) as world,
        pytest.raises(WorldKeyError, match=r"WF305 .*key"),
    ):
        world.get(run_id).to_notebook(tmp_path / "a.ipynb")
    assert not (tmp_path / "a.ipynb").exists()


def test_where_another_process_owns_the_world(here: Any, others: Any, tmp_path: Path) -> None:
    """A follower has no key: the owner opens and signs, and what is written is the same."""
    owner = others()
    world = here()
    run = world.start(flows.ASK, ("t",), steps=[flows.work]).wait_for("hook", timeout=30)
    path = tmp_path / "a.ipynb"
    receipt = run.to_notebook(path, payloads=True)
    assert receipt.history() == run.history()
    theirs = f"world.host.store.sign({run.id!r}, {receipt.chain!r}).result()"
    assert owner.ask(theirs) == receipt.signature
    (found,) = replay(path, world=world, isolation="inline")
    assert (found.outcome, found.world) == ("replays", "signed")


def test_what_the_document_says_beside_the_log(world: World, tmp_path: Path) -> None:
    """Ids and hash stand beside the log, for whoever reads it with other tools."""
    run = ended(world)
    receipt = run.to_notebook(tmp_path / "a.ipynb")
    whole = json.loads((tmp_path / "a.ipynb").read_text("utf-8"))
    document = whole["cells"][1]["outputs"][0]["data"][MIME]
    assert (document["run_id"], document["workflow_id"]) == (run.id, run.workflow_id)
    assert (document["source_hash"], document["world_id"]) == (run.source_hash, world.id)
    assert document["chain"] == receipt.chain
    assert whole["metadata"]["wf_notebook"] == {"receipt": 1, "run_id": run.id}


def test_converted_to_a_page(world: World, tmp_path: Path) -> None:
    """nbconvert makes a page of it, as nbviewer does: facts, source and card, and no value."""
    pytest.importorskip("nbconvert")
    ended(world).to_notebook(tmp_path / "a.ipynb")
    words = [sys.executable, "-m", "nbconvert", "--to", "html", "a.ipynb"]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True, timeout=120)
    page = (tmp_path / "a.html").read_text("utf-8")
    assert "Receipt: " in page
    assert "step//tests.receipts.shop//look" in page
    assert "border-radius: 8px" in page  # the card
    assert [name for name, canary in SECRETS.items() if canary in page] == []
