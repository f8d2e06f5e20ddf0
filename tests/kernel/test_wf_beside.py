"""A kernel has the world open, and the real `wf` does each command on it from another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kernel.conftest import REFUND
from tests.unit.test_wf_errors import SHELL_ONLY
from wf_notebook.commands import table

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel

WF = str(Path(sys.executable).with_name("wf"))
NAP = "async def nap():\n    print('dozing')\n    await sleep('1h')\n"

# In this order: words behind `wf`, with the kernel's runs by name; what is typed; code; what is said.
Done = tuple[str, str, int, str]
DONE: tuple[Done, ...] = (
    ("runs", "", 0, "refund"),
    ("show {refund}", "", 0, "hook approve-a1 (Approval)"),
    ("why {nap}", "", 0, "waits for the sleep"),
    ("source {nap}", "", 0, "print('dozing')"),
    ("steps {refund}", "", 0, "fetch  completed"),
    ("stream {nap}", "", 0, "dozing"),
    ("hooks", "", 0, "approve-a1"),
    ("sql select name from runs order by name", "", 0, "nap"),
    ('resume approve-a1 {{"ok":true}}', "", 0, "Resumed the hook approve-a1."),
    ("answer approve-b2", "yes\n7\n", 0, "Resumed the hook approve-b2."),
    ("wake {nap}", "", 0, "Woke nap"),
    ("adopt {other}", "", 0, "may go on anywhere now"),
    ("cancel {other} --reason enough", "", 0, "Cancelled refund"),
    ("revisions", "", 0, "proposed"),
    ("approve {hash}", "", 0, "Approved nap@1"),
    ("forget-revisions nap --yes", "", 0, "Erased"),
    ("repair {other}", "", 1, "WF601"),
    ("export {nap} nap.ipynb", "", 0, "nap.ipynb"),
    ("replay nap.ipynb", "", 0, "replays"),
    ("lint nap.ipynb", "", 1, "WF512"),
    ("forget {other} --yes", "", 0, "Forgot"),
    ("gc --older 0s --yes", "", 0, "Forgot 3 runs."),
    ("rotate-key", "", 5, "WF301"),
    ("mend", "", 0, "is whole."),
    ("doctor", "", 0, "owner"),
    ("completion bash", "", 0, "_wf_completion"),
    ("run {notebook}", "", 2, "There is no notebook"),
)  # fmt: skip


def test_every_command_is_done_beside_a_kernel() -> None:
    """Whoever adds a command says here what it does there."""
    assert sorted({words.split()[0] for words, *_ in DONE}) == sorted(
        [*table.commands, *SHELL_ONLY]
    )


def test_each_command(kernel: Kernel) -> None:
    """It goes through the kernel, which sees what came of it; nobody is disturbed."""
    for name, order in (("r", "a1"), ("b", "b2"), ("c", "c3")):
        kernel.ok(f"%%workflow refund -o {name} -- {order!r}\n{REFUND}")
        kernel.wait_for(name, "hook")
    kernel.ok(f"%%workflow nap -o n -s fetch\n{NAP}")
    kernel.wait_for("n", "sleep")
    kernel.ok(f"from wf_notebook import propose\np = propose({directed(NAP)!r}, steps=[fetch])")
    words = {
        "refund": kernel.value_of("r.id").strip("'"),
        "other": kernel.value_of("c.id").strip("'"),
        "nap": kernel.value_of("n.id").strip("'"),
        "hash": kernel.value_of("p.source_hash").strip("'")[:12],
        "notebook": "missing.ipynb",
    }
    for line, typed, code, said in DONE:
        done = wf(kernel.folder, line.format(**words).split(" "), typed)
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), (line, done)
        settle(kernel, line)
    statuses = "[row.status for row in r.host.store.runs(limit=None).result()]"
    assert kernel.value_of(statuses) == "['forgotten', 'forgotten', 'forgotten', 'forgotten']"
    assert kernel.ledger().count("charge A1 5") == 1
    assert kernel.ledger().count("charge B2 7") == 1


def directed(source: str) -> str:
    """The same with the directive, as the function twins want it."""
    head, _, body = source.partition("\n")
    return f'{head}\n    "use workflow"\n{body}'


def settle(kernel: Kernel, line: str) -> None:
    """Let a run that was moved on come to its end, before the next command looks at it."""
    for begins, name in (("resume", "r"), ("answer", "b"), ("wake", "n")):
        if line.startswith(begins):
            kernel.wait_for(name, "terminal")


def wf(folder: Path, words: list[str], typed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WF, *words], cwd=folder, input=typed, capture_output=True, check=False, text=True,
        timeout=60, env=dict(os.environ),
    )  # fmt: skip
