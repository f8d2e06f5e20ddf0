"""From a request in plain language to an approved run, in a real kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.conftest import REFUND, WIDGET
from tests.kernel.test_plain_form import COUNT, enter, send, states

if TYPE_CHECKING:
    from tests.kernel.conftest import Cell, Kernel

SCRIPT = '''
from wf_notebook import set_model
asked = []
BAD = """```python
import requests
async def refund(order):
    found = await steps.fetch(order)
    return requests.get(found)
```"""
GOOD = """Here it is:
```python
async def refund(order):
    found = await steps.fetch(order)
    approval = await create_hook(schema="Approval", title="Pay it back?")
    if approval.ok:
        return await steps.charge(found, approval.amount)
```"""

async def scripted(prompt):
    asked.append(prompt)
    for line in (BAD if len(asked) == 1 else GOOD).splitlines(keepends=True):
        yield line

set_model(scripted)
'''
DRAFT = """%%workflow_draft refund --steps fetch,charge --schemas Approval -o d
Fetch the order, ask whether to pay it back, and charge what was approved.
"""


@pytest.fixture
def drafting(kernel: Kernel) -> Kernel:
    """A kernel with a scripted model that mends its first answer."""
    kernel.ok(SCRIPT)
    return kernel


def next_cell(kernel: Kernel, cell: Cell) -> str:
    """What the cell has put into the next one."""
    reply = kernel.reply(cell)
    (found,) = [p for p in reply["payload"] if p["source"] == "set_next_input"]
    return str(found["text"])


def updates(cell: Cell) -> list[dict[str, Any]]:
    return [c["data"] for c in cell.of("update_display_data")]


def html(cell: Cell) -> str:
    return "\n".join(data.get("text/html", "") for data in cell.displays)


def approve(kernel: Kernel) -> None:
    send(kernel, "Approve", {"method": "custom", "content": {"event": "click"}})


def said(kernel: Kernel) -> str:
    """Every text that any output holds, the updated ones too."""
    return "\n".join(str(m["content"].get("data", "")) for m in kernel.messages())


def test_a_draft_lands_in_the_next_cell_and_does_not_run(drafting: Kernel) -> None:
    """Mended by line, rehearsed with no real step, shown with its outline; only then it may run."""
    kernel = drafting
    cell = kernel.ok(DRAFT)
    shown = str(updates(cell))
    assert "scripted, answer 2: " in shown
    assert "scripted gave 2 answers." in shown
    drafted = next_cell(kernel, cell)
    hash_ = kernel.value_of("d.source_hash").strip("'")
    first = f"%%workflow refund --steps charge,fetch --schemas Approval --expect sha256:{hash_}\n"
    assert drafted.startswith(first)
    assert kernel.ledger() == []
    assert kernel.value_of("len(asked), 'line 1' in asked[1], 'requests' in asked[1]") == (
        "(2, True, True)"
    )
    for words in (
        "drafted by scripted",
        "Pay it back?",
        "step//__main__//charge",
        "Fetch the order",
    ):
        assert words in html(cell)
    line, _, source = drafted.partition("\n")
    kernel.ok(f"{line} -q -o r -- 'a1'\n{source}")
    kernel.wait_for("r", "hook")
    kernel.ok("r.resume(r.hooks[0].token, {'ok': True, 'amount': 3})")
    assert kernel.value_of("await r") == "'A1: 3'"
    assert kernel.ledger() == ["fetch a1", "charge A1 3"]
    edited = kernel.run(f"{line} -- 'a1'\n{source.replace('approval.amount', '9')}")
    assert "than --expect says" in str(edited.error)


def test_a_draft_runs_once_the_button_was_pressed(drafting: Kernel) -> None:
    """Under "drafts" it is refused until then; the note is kept, and the form leaves a line."""
    kernel = drafting
    kernel.ok("%config Workflow.approval = 'drafts'")
    cell = kernel.ok(DRAFT)
    line, _, source = next_cell(kernel, cell).partition("\n")
    refused = kernel.run(f"{line} -q -- 'a1'\n{source}")
    assert "WF611 refund was not approved as it is" in str(refused.error)
    waiting = kernel.begin("import asyncio\nawait asyncio.sleep(0.3)")
    enter(kernel, "Note", "limits checked")
    approve(kernel)
    kernel.until(lambda: "refund@1 approved by" in said(kernel), "it is approved")
    waiting.wait()
    kernel.ok(f"{line} -q -o r -- 'a1'\n{source}")
    assert kernel.value_of("r.approval") == "{'name': 'refund', 'revision': 1}"
    shown = kernel.ok("%wf revisions refund@1").printed
    assert "limits checked" in shown
    assert "drafted" in shown
    assert [s for s in states(kernel).values() if s.get("description") == "Approve"] == []


def test_a_refused_cell_shows_what_to_approve(kernel: Kernel) -> None:
    """Its outline, its steps, what has changed since; and the button. Nothing ran."""
    kernel.ok("%config Workflow.approval = 'all'")
    before = kernel.value_of(COUNT)
    cell = kernel.run(f"%%workflow refund -- 'a1'\n{REFUND}")
    assert "WF611" in str(cell.error)
    for words in ("not approved", "step//__main__//fetch", "nothing of that name was approved"):
        assert words in html(cell)
    assert WIDGET in cell.displays[1]
    assert kernel.ledger() == []
    approve(kernel)
    kernel.until(lambda: "refund@1 approved by" in said(kernel), "it is approved")
    assert kernel.value_of(COUNT) == before
    kernel.ok(f"%%workflow refund -q -o r -- 'a1'\n{REFUND}")
    edited = kernel.run(f"%%workflow refund -- 'a2'\n{REFUND.replace('200ms', '100ms')}")
    assert "difference to refund@1" in html(edited)
    assert re.search(r"\+.*100ms", html(edited))


def test_one_approval_settles_every_card(drafting: Kernel) -> None:
    """The draft's and the refused cell's, by whichever button, or by a line."""
    kernel = drafting
    kernel.ok("%config Workflow.approval = 'drafts'")
    cell = kernel.ok(DRAFT)
    line, _, source = next_cell(kernel, cell).partition("\n")
    kernel.run(f"{line} -- 'a1'\n{source}")
    assert [s for s in states(kernel).values() if s.get("description") == "Approve"][1:]
    kernel.ok(f"%wf approve {kernel.value_of('d.source_hash')[1:13]} --by ada")
    assert said(kernel).count("✓ refund@1 approved by ada") == 2
    assert [s for s in states(kernel).values() if s.get("description") == "Approve"] == []


def test_what_a_model_cannot_write_lands_nowhere(drafting: Kernel) -> None:
    """A refusal in words, an answer that stays wrong: shown, and no cell, no proposal, no run."""
    kernel = drafting
    kernel.ok("set_model(lambda prompt: 'I cannot do that: there is no step that refunds.')")
    cell = kernel.ok(DRAFT.replace("workflow_draft", "workflow_draft --repairs 1"))
    assert kernel.reply(cell)["payload"] == []
    assert "no source" in str(cell.displays[-1])
    assert "there is no step that refunds" in str(cell.displays[-1])
    assert "There is no world yet" in str(kernel.run("%wf revisions").error)


def test_what_is_missing_is_said_with_a_code(kernel: Kernel) -> None:
    """No model, a model that isn't one, a step that isn't one, nothing asked for."""
    for line, words in (
        ("", "WF601"),
        ("-m nobody", "neither provider:model nor a function"),
        ("-m note --steps nobody", "not a registered step"),
        ("-m note --repairs -1", "Give 0 or more"),
        ("-m note --what", "unrecognized arguments"),
    ):
        cell = kernel.run(f"%%workflow_draft refund {line}\nDo it.\n")
        assert words in str(cell.error), line
        assert "wf_notebook/" not in str(cell.error)


def test_the_prompt_is_printed_for_a_model_elsewhere(kernel: Kernel) -> None:
    """As text and as JSON, of the chosen steps only, within its budget."""
    text = kernel.ok("%workflow_prompt --steps charge --schemas Approval").printed
    assert "charge(order: str, amount: int)" in text
    assert "fetch(" not in text.partition("# Steps")[2]
    found = kernel.ok("%workflow_prompt -f json --steps pay=charge").printed
    assert '"name": "pay"' in found
    assert "Give 1 or more" in str(kernel.run("%workflow_prompt --budget 0").error)


BROKEN = """async def broken(order):
    found = await steps.fetch(order)
    return found[99]
"""
MENDED = """
def mend(prompt):
    asked.append(prompt)
    return '''```python
async def broken(order):
    found = await steps.fetch(order)
    return found[-1:]
```'''
set_model(mend)
"""


def test_a_failed_run_is_repaired_for_review(drafting: Kernel) -> None:
    """The model sees source, line and outline, and no value unless that is wanted; nothing runs."""
    kernel = drafting
    kernel.ok(MENDED)
    kernel.run(f"%%workflow broken -q -w -o r -- 'canary-17'\n{BROKEN}")
    failed = kernel.value_of("r.id").strip("'")
    cell = kernel.ok("%wf repair")
    told = kernel.value_of("asked[-1]")
    assert "IndexError" in told
    assert "found[99]" in told
    assert "canary-17" not in told.lower()
    assert "difference to the source that ran" in html(cell)
    line, _, source = next_cell(kernel, cell).partition("\n")
    assert line.startswith("%%workflow broken --steps fetch --expect sha256:")
    assert kernel.ok(f"{line} -q -o s -- 'a1'\n{source}").error is None
    assert kernel.value_of("await s") == "'1'"
    assert kernel.ledger() == ["fetch canary-17", "fetch a1"]
    kernel.ok(f"%wf repair {failed} --payloads")
    assert "canary-17" in kernel.value_of("asked[-1]").lower()
    refused = kernel.run("%wf repair " + kernel.value_of("s.id").strip("'"))
    assert "has not failed" in str(refused.error)
