"""Two kernels of one notebook, and a shell beside them, on one world."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.kernel.conftest import REFUND, SETUP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.conftest import Kernel

CELL = f"%%workflow refund -o r -- 'a1'\n{REFUND}"
OTHER = f"%%workflow refund -o other -- 'b2'\n{REFUND}"
NAP = '%%workflow nap -o n\nasync def nap():\n    await steps.fetch("x")\n    await sleep("1h")\n'
PID = "import os\nos.getpid()"
PAYLOAD = {"ok": True, "amount": 7}
WF = str(Path(sys.executable).with_name("wf"))


def views(kernel: Kernel, widget: str) -> list[Any]:
    """The snapshots that a live view was sent: those of its opening and of its updates."""
    found: list[Any] = []
    for message in kernel.messages():
        content = message["content"]
        if message["msg_type"] in ("comm_open", "comm_msg") and content["comm_id"] == widget:
            found.append(content["data"].get("state", {}).get("view"))
    return [view for view in found if view]


def statuses(kernel: Kernel, widget: str) -> list[str]:
    return [view["status"] for view in views(kernel, widget)]


def test_a_second_kernel_of_the_notebook(kernels: Callable[..., Kernel]) -> None:
    """It says whose world it is, shows runs live, starts and answers them; and then takes over."""
    first, second = kernels(), kernels()
    first.ok(SETUP)
    cell = first.ok(CELL)
    first.wait_for("r", "hook")
    owner = first.value_of(PID)
    loaded = second.ok(SETUP)
    said = f"This world is owned by process {owner}, notebook {second.folder / 'refund.ipynb'}"
    second.until(lambda: said in loaded.printed, "the owner is named")
    second.until(lambda: bool(views(second, cell.widget)), "the first one's run is shown, too")
    assert f"{said}" in loaded.printed
    assert "its runs move there" in loaded.printed

    shown = second.ok(OTHER)
    second.wait_for("other", "hook")
    assert sorted(first.ledger()) == ["fetch a1", "fetch b2"]
    second.until(lambda: bool(views(second, shown.widget)[-1]["forms"]), "the form is shown")
    second.send_to_widget(
        shown.widget, {"id": "c", "op": "resume", "token": "approve-b2", "payload": PAYLOAD}
    )
    assert second.ok("await other").value == "'B2: 7'"
    assert second.from_widget("refused") == []  # "resumed" may come after the view was closed
    updates = [m["content"] for m in second.messages() if m["msg_type"] == "update_display_data"]
    assert "completed" in updates[-1]["data"]["text/plain"]
    assert f"process {owner}" in second.ok("%wf doctor").printed
    assert "suspended" in second.ok("%wf runs --view text").printed

    first.kill()
    second.ok('%wf resume approve-a1 {"ok": true, "amount": 9}')
    assert second.ok("await r if 'r' in globals() else None").value is None
    second.ok("from wf_notebook import current_world, get_run\nw = current_world()")
    second.ok("(r,) = [run for run in w.runs() if run.id != other.id]")
    assert second.ok("await r").value == "'A1: 9'"
    assert second.value_of("w.owned") == "True"
    second.until(lambda: "completed" in statuses(second, cell.widget), "its view goes on")
    assert sorted(second.ledger()) == ["charge A1 9", "charge B2 7", "fetch a1", "fetch b2"]


def test_the_command_line_beside_a_live_kernel(kernel: Kernel) -> None:
    """Every command works at once on the kernel's own world, through the real executable."""
    kernel.ok(CELL)
    kernel.ok(NAP)
    kernel.ok("print('heard', flush=True)")
    kernel.wait_for("r", "hook")
    kernel.wait_for("n", "sleep")
    run, nap = (kernel.value_of(f"{name}.id")[1:-1] for name in ("r", "n"))

    def wf(*words: str) -> str:
        done = subprocess.run(
            [WF, *words], cwd=kernel.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    listed = wf("runs")
    assert (run in listed, nap in listed) == (True, True)
    assert "approve-a1" in wf("show", run)
    assert json.loads(wf("show", run, "--json"))["status"] == "suspended"
    assert "waits for hook approve-a1" in wf("why", run)
    assert "async def refund" in wf("source", run)
    assert "fetch" in wf("steps", run)
    assert "approve-a1" in wf("hooks")
    assert wf("stream", run) == f"{run} has written no stream.\n"
    assert f"Woke nap ({nap})" in wf("wake", nap)
    kernel.wait_for("n", "terminal")
    assert "nap,completed" in wf("sql", "select name || ',' || status as x from runs")
    assert wf("resume", "approve-a1", json.dumps(PAYLOAD)) == "Resumed the hook approve-a1.\n"
    assert kernel.ok("await r").value == "'A1: 7'"
    kernel.ok(OTHER)
    kernel.wait_for("other", "hook")
    other = kernel.value_of("other.id")[1:-1]
    assert f"({other})" in wf("adopt", other)
    assert "Cancelled refund" in wf("cancel", other, "--reason", "enough")
    assert kernel.value_of("other.status") == "'cancelled'"
    assert f"process {kernel.value_of(PID)}" in wf("doctor")
    assert kernel.value_of("__import__('wf_notebook').current_world().owned") == "True"
