"""A run lives beside the cells: clicks, interrupts, kill -9."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.kernel.conftest import REFUND, SETUP, WIDGET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.conftest import Cell, Kernel

CELL = f"%%workflow refund -o r -- 'a1'\n{REFUND}"
PAYLOAD = {"ok": True, "amount": 7}
RESULT = "'A1: 7'"


def click(kernel: Kernel, cell: Cell, key: str, **content: Any) -> None:
    kernel.send_to_widget(cell.widget, {"id": key, **content})


def closed(kernel: Kernel, cell: Cell) -> bool:
    """Whether the live view of a cell is over."""
    over = [m["content"] for m in kernel.messages() if m["msg_type"] == "comm_close"]
    return cell.widget in [content["comm_id"] for content in over]


def awaiting(kernel: Kernel, code: str = "await r") -> Cell:
    """Start a cell that awaits, and return once it does."""
    cell = kernel.begin(f"print('awaiting')\n{code}")
    kernel.until(lambda: "awaiting" in cell.printed, "the cell awaits")
    return cell


# --------------------------------------------------------------------------------------- clicks


def test_a_click_resumes_the_run_while_a_cell_awaits_it(kernel: Kernel) -> None:
    """The launching cell returns at once; Resume arrives during `await r`, and its value comes."""
    cell = kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    waiting = awaiting(kernel)
    click(kernel, cell, "click-1", op="resume", token="approve-a1", payload=PAYLOAD)
    assert waiting.wait().error is None
    assert waiting.value == RESULT
    assert [c["id"] for c in kernel.from_widget("resumed")] == ["click-1"]
    assert kernel.ledger() == ["fetch a1", "charge A1 7"]


def test_a_wrong_payload_comes_back_with_its_fields(kernel: Kernel) -> None:
    """The form gets its errors, nothing is recorded, and the next click succeeds."""
    cell = kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    waiting = awaiting(kernel)
    wrong = {"ok": True, "amount": "many"}
    click(kernel, cell, "click-1", op="resume", token="approve-a1", payload=wrong)
    kernel.until(lambda: bool(kernel.from_widget("refused")), "the form is refused")
    (refused,) = kernel.from_widget("refused")
    assert [error["path"] for error in refused["errors"]] == [["amount"]]
    click(kernel, cell, "click-2", op="resume", token="approve-a1", payload=PAYLOAD)
    assert waiting.wait().value == RESULT


def test_clicking_twice_is_recorded_once(kernel: Kernel) -> None:
    """The click's id is the resume's: a doubled message changes nothing."""
    cell = kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    for _ in range(2):
        click(kernel, cell, "click-1", op="resume", token="approve-a1", payload=PAYLOAD)
    assert kernel.ok("await r").value == RESULT
    received = "sum(event.type == 'hook_received' for event in r.events())"
    assert kernel.value_of(received) == "1"


def test_wake_now_and_cancel_work_by_click(kernel: Kernel) -> None:
    """The other buttons are messages, too."""
    source = 'async def nap():\n    await steps.fetch("x")\n    await sleep("1h")\n    await sleep("1h")\n'
    cell = kernel.ok(f"%%workflow nap -o r\n{source}")
    kernel.wait_for("r", "sleep")
    click(kernel, cell, "w", op="wake", wait=None)
    kernel.until(lambda: bool(kernel.from_widget("woken")), "it woke")
    click(kernel, cell, "c", op="cancel")
    # the view may be over, and its card there, before there was time to answer the click
    kernel.until(
        lambda: bool(kernel.from_widget("cancelled")) or closed(kernel, cell), "it is over"
    )
    assert "RunCancelledError" in str(kernel.run("await r").error)


# -------------------------------------------------------------------------------------- outputs


def test_the_output_carries_widget_card_and_text_then_only_the_card(kernel: Kernel) -> None:
    """A live output serves every front end; when the run ends, the static card replaces it."""
    cell = kernel.ok(CELL)
    (shown,) = cell.of("display_data")
    assert {WIDGET, "text/html", "text/plain"} == set(shown["data"])
    assert cell.value is None
    kernel.wait_for("r", "hook")
    kernel.ok(f"r.resume('approve-a1', {PAYLOAD})\nawait r")
    updates = [m["content"] for m in kernel.messages() if m["msg_type"] == "update_display_data"]
    last = [u for u in updates if u["transient"] == shown["transient"]][-1]
    assert {"text/html", "text/plain"} == set(last["data"])
    assert "completed" in last["data"]["text/plain"]
    assert closed(kernel, cell)


def test_a_run_as_a_cells_value_shows_itself(kernel: Kernel) -> None:
    """`r` alone shows the run again, in an output that lives as well; once per cell."""
    cell = kernel.ok(CELL)
    again = kernel.ok("r")
    assert len(again.displays) == 1
    assert again.widget == cell.widget
    assert again.value is None


def test_the_view_can_be_chosen(kernel: Kernel) -> None:
    """`--view` for one cell, `%config Workflow.view` for all; `-q` shows nothing."""
    as_text = kernel.ok("%%workflow refund --view text -- 'a1'\n" + REFUND)
    assert [set(shown) for shown in as_text.displays] == [{"text/plain"}]
    kernel.ok('%config Workflow.view = "card"')
    as_card = kernel.ok("%%workflow refund -- 'a2'\n" + REFUND)
    assert [set(shown) for shown in as_card.displays] == [{"text/plain", "text/html"}]
    quiet = kernel.ok("%%workflow refund -q -- 'a3'\n" + REFUND)
    assert (quiet.displays, quiet.value, quiet.printed) == ([], None, "")
    bad = kernel.run('%config Workflow.view = "hologram"')
    assert "hologram" in str(bad.error) + bad.printed


# ----------------------------------------------------------------------------------- interrupts


def test_interrupting_a_waiting_cell_harms_neither_run_nor_guest(kernel: Kernel) -> None:
    """The cell ends, the run still waits on its hook, and completes when it is answered."""
    kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    waiting = awaiting(kernel)
    kernel.interrupt()
    assert waiting.wait().error
    assert kernel.value_of("r.status") == "'suspended'"
    replayed = kernel.value_of("repr(r.replayed)")
    kernel.ok(f"r.resume('approve-a1', {PAYLOAD})")
    assert kernel.ok("await r").value == RESULT
    assert kernel.ledger() == ["fetch a1", "charge A1 7"]
    assert kernel.value_of("repr(r.replayed)") == replayed  # the guest was alive: no cold replay


def test_interrupting_a_wait_cell_detaches(kernel: Kernel) -> None:
    """`--wait` says that the run goes on, in one line."""
    waiting = kernel.begin(f"%%workflow refund -w -o r -- 'a1'\n{REFUND}")
    kernel.until(lambda: _form_is_shown(kernel), "the form is shown")
    kernel.interrupt()
    error = waiting.wait().error
    assert error is not None
    assert error.startswith("KeyboardInterrupt: Detached from run wrun_")
    assert "\n" not in error
    kernel.ok(f"r.resume('approve-a1', {PAYLOAD})")
    assert kernel.ok("await r").value == RESULT


def _form_is_shown(kernel: Kernel) -> bool:
    updates = (m["content"]["data"] for m in kernel.messages() if m["msg_type"] == "comm_msg")
    states = (data.get("state", {}) for data in updates if data.get("method") == "update")
    return any(state.get("view", {}).get("forms") for state in states)


# -------------------------------------------------------------------------------------- kill -9


def test_a_killed_kernel_loses_nothing(kernels: Callable[..., Kernel]) -> None:
    """After kill -9, `%load_ext` brings the run back; completed steps don't run again."""
    first = kernels()
    first.ok(SETUP)
    first.ok(CELL)
    first.wait_for("r", "hook")
    run_id = first.value_of("r.id")
    first.kill()

    second = kernels()
    loaded = second.ok(SETUP)
    second.until(lambda: "waits for hook approve-a1" in loaded.printed, "the run is listed")
    second.ok('%wf resume approve-a1 {"ok": true, "amount": 7}')
    second.ok(f"from wf_notebook import get_run\nr = get_run({run_id})")
    assert second.ok("await r").value == RESULT
    assert second.ledger() == ["fetch a1", "charge A1 7"]


def test_a_view_left_by_a_killed_kernel_lives_again(kernels: Callable[..., Kernel]) -> None:
    """The saved output names a widget that `%load_ext` brings back; its buttons work."""
    first = kernels()
    first.ok(SETUP)
    cell = first.ok(CELL)
    first.wait_for("r", "hook")
    first.kill()

    second = kernels()
    second.ok(SETUP)
    second.until(lambda: cell.widget in _opened(second), "the widget is back")
    second.until(lambda: _greeted(second, cell), "the widget answers")
    click(second, cell, "late", op="resume", token="approve-a1", payload=PAYLOAD)
    second.until(lambda: bool(second.from_widget("resumed")), "the click arrives")
    second.until(lambda: "charge A1 7" in second.ledger(), "the run goes on")


def _greeted(kernel: Kernel, cell: Cell) -> bool:
    """Say hello, as a view does when it is drawn; a comm is opened before it can listen."""
    if kernel.from_widget("hello"):
        return True
    click(kernel, cell, "hello", op="hello")
    return False


def _opened(kernel: Kernel) -> list[str]:
    opened = (m["content"] for m in kernel.messages() if m["msg_type"] == "comm_open")
    return [content["comm_id"] for content in opened]


def test_a_world_closed_by_the_user_is_no_error(kernel: Kernel) -> None:
    """The view becomes the card of what was last seen; later cells are not disturbed."""
    cell = kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    closing = kernel.ok("from wf_notebook import current_world\ncurrent_world().close()")
    after = kernel.ok("1 + 1")
    assert (closing.printed, after.printed, after.value) == ("", "", "2")
    assert closed(kernel, cell)
    again = kernel.ok(CELL)
    assert "Attached to the unfinished run" in again.printed


def test_running_the_cells_again_attaches_after_a_restart(kernels: Callable[..., Kernel]) -> None:
    """Restart and Run All is safe: the cell finds its own unfinished run."""
    first = kernels()
    first.ok(SETUP)
    first.ok(CELL)
    first.wait_for("r", "hook")
    run_id = first.value_of("r.id")
    first.kill()

    second = kernels()
    second.ok(SETUP)
    again = second.ok(CELL)
    assert "Attached to the unfinished run" in again.printed
    assert second.value_of("r.id") == run_id
    second.ok(f"r.resume('approve-a1', {PAYLOAD})")
    assert second.ok("await r").value == RESULT
    assert second.ledger() == ["fetch a1", "charge A1 7"]


SLOW = """
%load_ext wf_notebook
import os, time
from wf_notebook import current_world, step

def note(word):
    with open("ledger.txt", "a") as ledger:
        ledger.write(word + "\\n")

@step
def quick() -> int:
    note("quick")
    return 1

@step
def slow() -> int:
    note("slow")
    while not os.path.exists("go"):
        time.sleep(0.01)
    return 2

current_world().settle()
len(open("ledger.txt").readlines()) if os.path.exists("ledger.txt") else 0
"""


def test_a_step_cut_off_by_kill_runs_again_but_not_in_the_first_cell(
    kernels: Callable[..., Kernel],
) -> None:
    """At least once for the attempt that died, never for the one that completed.

    And no step starts before the first cell of the new kernel is over.
    """
    first = kernels()
    first.ok(SLOW)
    first.ok(
        "%%workflow two -o r\nasync def two():\n    return await steps.quick() + await steps.slow()"
    )
    first.until(lambda: first.ledger() == ["quick", "slow"], "the slow step runs")
    run_id = first.value_of("r.id")
    first.kill()

    second = kernels()
    assert second.ok(SLOW).value == "2"
    second.until(lambda: second.ledger() == ["quick", "slow", "slow"], "it runs again")
    (second.folder / "go").touch()
    second.ok(f"from wf_notebook import get_run\nr = get_run({run_id})")
    assert second.ok("await r").value == "3"
    assert second.ledger() == ["quick", "slow", "slow"]


# ------------------------------------------------------------------------------- load and unload


def test_loading_makes_no_world_and_unloading_leaves_nothing(kernel: Kernel) -> None:
    """No file before the first run; afterwards no magic, no thread, no setting is left."""
    assert not (kernel.folder / ".wf_notebook").exists()
    assert "There is no world yet" in str(kernel.run("%wf runs").error)
    kernel.ok(CELL)
    kernel.wait_for("r", "hook")
    kernel.ok("%unload_ext wf_notebook")
    assert "not found" in kernel.run("%wf runs").printed + str(kernel.run("%wf runs").error)
    threads = "import threading\n[t.name for t in threading.enumerate() if t.name.startswith('wf')]"
    assert kernel.value_of(threads) == "[]"
    kernel.ok("%load_ext wf_notebook")
    assert "suspended" in kernel.ok("%wf runs --view text").printed


def test_a_world_that_cannot_be_shared_is_one_quiet_line(kernels: Callable[..., Kernel]) -> None:
    """A second kernel loads, says who owns the world, and goes on; its cells say it, too."""
    first = kernels()
    first.ok(SETUP)
    first.ok(CELL)
    (lock,) = (first.folder / ".wf_notebook").glob("*.lock")
    lock.write_text(json.dumps({"pid": 1, "notebook": "of an older version"}))
    second = kernels()
    loaded = second.ok(SETUP)
    second.until(lambda: "WF301" in loaded.printed, "the lock is named")
    assert "WF301" in str(second.run(CELL).error)
    assert second.value_of("1 + 1") == "2"


# ------------------------------------------------------------------------------ another notebook


def test_a_run_is_taken_over_by_another_notebook(kernels: Callable[..., Kernel]) -> None:
    """There its steps have other code: the run waits for `%wf adopt`, and says so."""
    shared = {"WF_NOTEBOOK_WORLD": "shared.duckdb"}
    first = kernels(notebook="first.ipynb", **shared)
    first.ok(SETUP)
    first.ok(CELL)
    first.wait_for("r", "hook")
    first.kill()
    second = kernels(notebook="second.ipynb", **shared)
    second.ok(SETUP.replace('return f"{order}: {amount}"', 'return f"other: {amount}"'))
    second.ok("from wf_notebook import current_world\n(r,) = current_world().unfinished()")
    second.ok("r.resume('approve-a1', {'ok': True, 'amount': 7})")
    refused = second.run("await r")
    assert "RunBlockedError" in str(refused.error)
    assert "first.ipynb, where other code stands for 'charge'" in str(refused.error)
    assert (
        "belongs to second.ipynb now"
        in second.ok(f"%wf adopt {second.value_of('r.id')[1:-1]}").printed
    )
    assert second.ok("await r").value == "'other: 7'"
    assert second.ledger() == ["fetch a1", "charge A1 7"]
