"""A form in plain controls in a real kernel: what the front end sends, while cells run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kernel.conftest import REFUND, Cell

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel

COUNT = "import ipywidgets\nlen(ipywidgets.widgets.widget._instances)"


def states(kernel: Kernel) -> dict[str, dict[str, Any]]:
    """What the front end knows of each widget that is open, by model id."""
    found: dict[str, dict[str, Any]] = {}
    for message in kernel.messages():
        content = message["content"]
        match message["msg_type"]:
            case "comm_open":
                found[content["comm_id"]] = dict(content["data"]["state"])
            case "comm_msg" if content["data"].get("method") == "update":
                found.get(content["comm_id"], {}).update(content["data"]["state"])
            case "comm_close":
                found.pop(content["comm_id"], None)
    return found


def send(kernel: Kernel, title: str, data: dict[str, Any], subshell: str | None = None) -> str:
    """Send what the browser sends when the control with that title is used; the message's id."""
    (model,) = [k for k, s in states(kernel).items() if s.get("description") == title]
    message = kernel.client.session.msg("comm_msg", {"comm_id": model, "data": data})
    if subshell is not None:
        message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def enter(kernel: Kernel, title: str, value: object, subshell: str | None = None) -> str:
    update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
    return send(kernel, title, update, subshell)


def made_subshell(kernel: Kernel) -> str:
    """Where JupyterLab sends what is for widgets."""
    control = kernel.client.control_channel
    control.send(kernel.client.session.msg("create_subshell_request", {}))
    return str(control.get_msg(timeout=30)["content"]["subshell_id"])


def press(kernel: Kernel) -> None:
    send(kernel, "Resume", {"method": "custom", "content": {"event": "click"}})


def lines(kernel: Kernel) -> str:
    """What the front end shows as text."""
    shown = (s for s in states(kernel).values() if s.get("_model_name") == "HTMLModel")
    return "\n".join(s["value"] for s in shown)


def test_a_plain_form_resumes_while_a_cell_awaits(kernel: Kernel) -> None:
    """Errors come back beside the field, then the run goes on; the form leaves one line, and goes."""
    kernel.ok(f"%%workflow refund -q -o r -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    before = kernel.value_of(COUNT)
    shown = kernel.ok("form = r.form()\nform")
    assert "<form of hook approve-a1 in run wrun_" in str(shown.value)
    waiting = kernel.begin("print('awaiting')\nawait r")
    kernel.until(lambda: "awaiting" in waiting.printed, "the cell awaits")
    change = Cell(kernel, enter(kernel, "Amount", "8", made_subshell(kernel)))
    kernel.until(lambda: change.idle, "the change is acknowledged, so that the next one is sent")
    enter(kernel, "Ok", True)
    enter(kernel, "Amount", "many")
    press(kernel)
    kernel.until(lambda: "not a whole number" in lines(kernel), "the field is refused")
    assert not waiting.idle
    enter(kernel, "Amount", "7")
    press(kernel)
    assert waiting.wait().value == "'A1: 7'"
    kernel.until(lambda: "✓ Resumed approve-a1." in lines(kernel), "the form says so")
    assert [s for s in states(kernel).values() if "Resume" in str(s.get("description"))] == []
    kernel.ok("form.close()")
    assert kernel.value_of(COUNT) == before


def test_a_click_that_comes_while_a_cell_blocks_is_not_lost(kernel: Kernel) -> None:
    """It waits its turn: the run goes on after the cell, with what was entered."""
    kernel.ok(f"%%workflow refund -q -o r -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    kernel.ok("form = r.form()\nform")
    blocking = kernel.begin(
        "import time\nprint('blocked')\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.01)"
    )
    kernel.until(lambda: "blocked" in blocking.printed, "the cell blocks")
    enter(kernel, "Amount", "8")
    press(kernel)
    (kernel.folder / "go").touch()
    blocking.wait()
    kernel.until(lambda: "✓ Resumed approve-a1." in lines(kernel), "the form says so")
    assert kernel.ok("await r").value == "'A1: 8'"
