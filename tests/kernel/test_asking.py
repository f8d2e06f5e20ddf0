"""What a view asks of a real kernel while a cell awaits: opened values, the log, other runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.kernel.conftest import REFUND

if TYPE_CHECKING:
    from tests.kernel.conftest import Cell, Kernel

CELL = f"%%workflow refund -o r -- 'a1'\n{REFUND}"


def ask(kernel: Kernel, cell: Cell, op: str, answer: str, **content: Any) -> dict[str, Any]:
    """Send a message as the browser does, and return the answer to it."""
    key = f"{op}-{len(kernel.messages())}"
    kernel.send_to_widget(cell.widget, {"op": op, "id": key, **content})
    found: list[dict[str, Any]] = []

    def answered() -> bool:
        found[:] = [c for c in kernel.from_widget(answer) if c["id"] == key]
        return bool(found)

    kernel.until(answered, f"{op} is answered")
    return found[0]


def test_a_view_looks_into_its_run(kernel: Kernel) -> None:
    """Rows, events, source and past on demand; a cell edited and run since is told as a diff."""
    cell = kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    page = ask(kernel, cell, "events", "events", after=0, limit=50, types=None, entity=None)
    (created,) = [e for e in page["events"] if e["type"] == "step_created"]
    peeked = ask(kernel, cell, "peek", "peeked", entity=created["entity"])
    assert {p["title"]: json.loads(p["text"]) for p in peeked["parts"]} == {
        "Arguments": {"order": "a1"}, "Result": "A1",
    }  # fmt: skip
    event = ask(kernel, cell, "event", "event", seq=created["seq"])
    assert json.loads(event["text"]) == {"args": {"order": "a1"}}
    then = ask(kernel, cell, "at", "at", seq=created["seq"])
    assert [row["state"] for row in then["view"]["rows"]] == ["pending"]
    assert (then["waiting"], then["reached"]) == ([3], [3])
    assert ask(kernel, cell, "peek", "refused", entity="step_none")["message"].startswith("WF500")
    assert ask(kernel, cell, "reveal", "revealed")["changed"] is None
    kernel.ok(CELL.replace("'a1'", "'a2'").replace("200ms", "300ms"))
    revealed = ask(kernel, cell, "reveal", "revealed")
    assert '-    await sleep("200ms")\n+    await sleep("300ms")' in revealed["changed"]
    assert (revealed["reached"], revealed["waiting"]) == ([3, 4, 5], [5])


def test_a_rerun_is_opened_with_a_widget_of_its_own(kernel: Kernel) -> None:
    """The model is there before the answer that names it, and its snapshots follow."""
    cell = kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    kernel.ok("r.cancel()\nNone")
    kernel.ok("r2 = r.rerun()\nr2")
    kernel.wait_for("r2", "hook")
    shown = kernel.ok("r2")
    opened = ask(kernel, shown, "rerun", "opened")
    comms = [m for m in kernel.messages() if m["msg_type"] == "comm_open"]
    (state,) = [
        m["content"]["data"]["state"]
        for m in comms
        if m["content"]["comm_id"] == opened["model_id"]
    ]
    assert state["view"]["run_id"] == opened["run_id"] != kernel.value_of("r2.id").strip("'")
    assert state["view"]["rerun_of"] == kernel.value_of("r2.id").strip("'")
    assert cell.widget != opened["model_id"]
    kernel.ok("%unload_ext wf_notebook")
    closed = [m["content"]["comm_id"] for m in kernel.messages() if m["msg_type"] == "comm_close"]
    assert opened["model_id"] in closed
