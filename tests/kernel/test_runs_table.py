"""`%wf runs` in a real kernel: a table that lives, and what it leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.kernel.conftest import REFUND, WIDGET

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel


def tables(kernel: Kernel, model: str) -> list[dict[str, Any]]:
    """The snapshots that a front end has got of that table, oldest first."""
    found: list[dict[str, Any]] = []
    for message in kernel.messages():
        content = message["content"]
        if content.get("comm_id") == model and "state" in content.get("data", {}):
            found += (
                [content["data"]["state"]["table"]] if "table" in content["data"]["state"] else []
            )
    return found


def status(kernel: Kernel, model: str, run_id: str) -> str | None:
    """How a run stands in the newest snapshot."""
    rows = tables(kernel, model)[-1]["rows"]
    return next((row["status"] for row in rows if row["run_id"] == run_id), None)


def test_a_table_lives_until_its_session_ends(kernel: Kernel) -> None:
    """Runs of later cells come, change and are cancelled in it; then text and a table are left."""
    kernel.ok(f"%%workflow refund -o r -q -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    cell = kernel.ok("%wf runs")
    run, model = kernel.value_of("r.id")[1:-1], cell.widget
    (shown,) = cell.displays
    assert set(shown) == {"text/plain", "text/html", WIDGET}
    assert "suspended" in shown["text/plain"]
    assert cell.printed == ""
    assert status(kernel, model, run) == "suspended"
    kernel.ok(f"%%workflow refund -o s -q -- 'a2'\n{REFUND}")
    other = kernel.value_of("s.id")[1:-1]
    kernel.until(lambda: status(kernel, model, other) == "suspended", "the new run is listed")
    kernel.ok("r.resume('approve-a1', {'ok': True})\nNone")
    kernel.until(lambda: status(kernel, model, run) == "completed", "its end is listed")
    kernel.send_to_widget(model, {"op": "cancel", "id": "c", "runs": [other, run]})
    kernel.until(lambda: status(kernel, model, other) == "cancelled", "it is cancelled")
    kernel.until(lambda: bool(kernel.from_widget("cancelled")), "that is answered")
    (told,) = kernel.from_widget("cancelled")
    assert (told["done"], told["late"]) == ([other], [run])
    over = kernel.ok("%unload_ext wf_notebook")
    (left,) = [c["data"] for c in over.of("update_display_data") if "Runs" in str(c["data"])]
    assert set(left) == {"text/plain", "text/html"}
    assert "cancelled" in left["text/html"]
    closed = [m["content"]["comm_id"] for m in kernel.messages() if m["msg_type"] == "comm_close"]
    assert model in closed


def test_other_ways_to_list(kernel: Kernel) -> None:
    """A card without a widget, text and JSON as in a terminal; a setting says which by itself."""
    kernel.ok(f"%%workflow refund -o r -q -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    (card,) = kernel.ok("%wf runs --view card").displays
    assert set(card) == {"text/plain", "text/html"}
    assert kernel.ok("%wf runs --view text").printed.startswith("◷ suspended  refund")
    (found,) = json.loads(kernel.ok("%wf runs --json --status suspended").printed)
    assert found["status"] == "suspended"
    kernel.ok("%config Workflow.view = 'text'")
    assert kernel.ok("%wf runs").printed.startswith("◷ suspended  refund")
    model = kernel.ok("%wf runs --view widget --status failed").widget
    assert tables(kernel, model)[0]["status"] == "failed"
