"""What it costs to begin: counted in modules, since milliseconds belong to the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Each module of ours is read, compiled once and run; a library's are many. What a cell needs first
# is imported by the thread `wf-open` meanwhile.
IMPORT_BUDGET = 1
LOAD_BUDGET = {"wf_notebook": 37, "IPython": 1, "secrets": 1}

KERNEL = """
import json, sys, threading
import ipykernel.ipkernel, ipykernel.zmqshell
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
"""
COUNT = """
def new(before):
    found = sorted(set(sys.modules) - before)
    return {top: sum(name.split(".")[0] == top for name in found)
            for top in {name.split(".")[0] for name in found}}

before = set(sys.modules)
import wf_notebook
imported = new(before)

from wf_notebook.notebook.session import Session
Session._open = lambda self: None  # on a thread of its own, which would be counted as well
wf_notebook.load_ipython_extension(shell)
print(json.dumps([imported, new(before)]))
"""
# What only others need: who runs a source in this process, follows a world, exports a run, commands.
NOT_FOR_A_RUN = (
    "wf_notebook.commands",
    "wf_notebook.guest.machine",
    "wf_notebook.history",
    "wf_notebook.receipts",
    "wf_notebook.sharing.protocol",
)
RUN_BUDGET = 154  # modules of ours
RUN = """
from wf_notebook import open_world, step

@step
async def noop(i: int) -> int:
    return i

with open_world("one.duckdb") as world:
    run = world.start('async def one():\\n    "use workflow"\\n    return await steps.noop(1)\\n', steps=[noop])
    assert run.result() == 1
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] == "wf_notebook")))
"""
# The thread that opens the world comes too late: the interpreter is ending already.
LATE = """
from wf_notebook.notebook.session import Session
real = Session._existing_world
begun, ended = threading.Event(), []

def late(self):
    begun.set()
    while threading.main_thread().is_alive():
        pass
    try:
        return real(self)
    finally:
        ended.append(True)

Session._existing_world = late

def wait_for_it():  # keeps the interpreter until the thread has gone through
    begun.wait()
    while not ended:
        pass
    print("went through", flush=True)

threading.Thread(target=wait_for_it).start()
import wf_notebook
wf_notebook.load_ipython_extension(shell)
begun.wait()
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        timeout=120,
    )


def test_importing_and_loading_stay_within_their_budget(tmp_path: Path) -> None:
    """`import wf_notebook` is one module; `%load_ext` in a kernel is a few, and no heavy library."""
    imported, loaded = json.loads(run(KERNEL + COUNT, tmp_path).stdout)
    assert imported == {"wf_notebook": IMPORT_BUDGET}
    assert {top: n for top, n in loaded.items() if n > LOAD_BUDGET.get(top, 0)} == {}


def test_a_first_run_loads_what_it_needs(tmp_path: Path) -> None:
    """In a script, from nothing to a result: no module that only somebody else would need."""
    loaded = json.loads(run("import json, sys" + RUN, tmp_path).stdout)
    assert [name for name in loaded if name.startswith(NOT_FOR_A_RUN)] == []
    assert len(loaded) <= RUN_BUDGET


def test_a_process_that_ends_at_once_says_nothing(tmp_path: Path) -> None:
    """A script may load the extension and be over before its world is opened."""
    done = run(KERNEL + LATE, tmp_path)
    assert done.stdout.strip() == "went through"
    assert done.stderr == ""
