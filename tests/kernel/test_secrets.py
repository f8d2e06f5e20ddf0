"""Nothing that is sealed in the world gets into what we write into a notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.kernel.conftest import Kernel

CANARY = "canary-7f3a9d"

# The canary comes from the environment, so that no cell's text holds it.
STEPS = """
%load_ext wf_notebook
import os
from pydantic import BaseModel
from wf_notebook import step, step_context
CANARY = os.environ["CANARY"]

class Note(BaseModel):
    text: str

@step(retries=1, timeout="20s")
def flaky(word: str) -> str:
    if not os.path.exists("failed"):
        open("failed", "w").close()
        step_context().stream("log").write(f"trying {word}")
        raise ValueError(f"no {word}")
    return f"result {word}"

@step
def fail(word: str) -> str:
    raise KeyError(word)
"""

SOURCE = """async def secret(word, *, key):
    print("printed", word)
    await steps.flaky(word)
    note = await create_hook(token="note", schema="Note", title=f"About {word}")
    await sleep("50ms")
    try:
        await steps.fail(note.text)
    except StepError:
        pass
    raise ValueError(f"the end of {word} {key}")
"""

LOOKS = (
    "%wf runs", "%wf show", "%wf why", "%wf hooks", "%wf steps RUN", "%wf doctor",
    "%wf runs --json", "%wf show --json", "%wf hooks --json",
    "%wf sql select * from runs", "%wf sql select * from steps", "%wf sql select * from hooks",
    "%%wf sql\nfrom attempts", "%%wf sql\nfrom streams", "%wf sql from definitions",
    "r",
)  # fmt: skip


def said_by_us(kernel: Kernel) -> str:
    """Everything that went to the notebook but the cells themselves."""
    kinds = ("execute_input",)
    return json.dumps([m["content"] for m in kernel.messages() if m["msg_type"] not in kinds])


def streams(kernel: Kernel) -> list[dict[str, Any]]:
    return kernel.from_widget("stream")


def look(kernel: Kernel) -> None:
    run_id = kernel.value_of("r.id").strip("'")
    for line in LOOKS:
        kernel.ok(line.replace("RUN", run_id))


def forget(kernel: Kernel, widget: str) -> None:
    """Forget the run that is shown: its view closes, and what stood under the cells is replaced."""
    run_id = kernel.value_of("r.id").strip("'")
    said = kernel.ok(f"%wf forget {run_id} --yes").printed
    assert run_id in said
    assert "copies made before were not" in said
    updates = [m["content"] for m in kernel.messages() if m["msg_type"] == "update_display_data"]
    assert updates[-1]["data"] == {"text/plain": f"Run {run_id} was forgotten."}
    assert kernel.ok("r").printed == f"<Run {run_id} forgotten>\n"
    assert "WF218" in str(kernel.run("r.source").error)


def test_no_canary_in_outputs_widget_state_or_world(kernels: Callable[..., Kernel]) -> None:
    """Arguments, results, errors, printed lines, streams, payloads and titles stay out.

    While the run lives, after it failed, and in the files of the world; only what the user prints
    may show them.
    """
    kernel = kernels(CANARY=CANARY)
    kernel.ok(STEPS)
    cell = kernel.ok(f"%%workflow secret -o r -- CANARY, key=CANARY\n{SOURCE}")
    kernel.wait_for("r", "hook")
    kernel.send_to_widget(cell.widget, {"op": "hello", "id": "q1"})
    kernel.until(lambda: len(streams(kernel)) >= 2, "both streams are shown")
    look(kernel)
    kernel.ok("r.resume('note', {'text': CANARY})")
    kernel.wait_for("r", "terminal")
    look(kernel)
    kernel.ok("%wf source")
    titles = [message for message in kernel.from_widget("private") if message["titles"]]
    assert titles, "titles reach people on the line, as messages that nothing saves"
    saved = said_by_us(kernel)
    shown = streams(kernel)
    assert {s["name"]: s["text"] for s in shown} == {
        "stdout": f"printed {CANARY}\n", "log": f"trying {CANARY}",
    }  # fmt: skip
    for message in (*titles, *kernel.from_widget("hello"), *shown):
        saved = saved.replace(json.dumps(message), "")
    assert CANARY not in saved
    assert kernel.value_of("CANARY") == repr(CANARY)  # the search would find it
    assert CANARY in said_by_us(kernel)
    forget(kernel, cell.widget)
    kernel.close()
    world = [path for path in (kernel.folder / ".wf_notebook").rglob("*") if path.is_file()]
    assert world
    assert [path for path in world if CANARY.encode() in path.read_bytes()] == []
