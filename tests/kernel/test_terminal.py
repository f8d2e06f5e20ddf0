"""IPython in a terminal of its own: what a person is asked, types, and leaves."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETUP = """
import signal, time
from pydantic import BaseModel, Field
from wf_notebook import current_world, step

class Approval(BaseModel):
    ok: bool
    amount: int = Field(5, le=100)

@step
def charge(amount: int) -> str:
    return f"charged {amount}"

@step
def see_it_wait() -> None:
    while signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        time.sleep(0.01)
    print("it waits")

get_ipython().run_line_magic("load_ext", "wf_notebook")
"""
REFUND = """%%workflow refund --wait -o r
async def refund():
    first = create_hook(token="one", schema="Approval", title="Approve it")
    second = create_hook(token="two")
    approval, more = await first, await second
    return await steps.charge(approval.amount + more)
"""
STUCK = """%%workflow stuck --wait
async def stuck():
    await steps.see_it_wait()
    await sleep("1h")
"""
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)")


class Terminal:
    """A terminal with IPython in it; what it shows is waited for, never slept for."""

    def __init__(self, folder: Path) -> None:
        setup = folder / "setup.py"
        setup.write_text(SETUP)
        words = ["--no-banner", "--colors=NoColor", "--HistoryManager.enabled=False", "-i"]
        variables = {"IPYTHONDIR": str(folder), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self._process = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", *words, str(setup)],
            cwd=str(folder),
            env={**os.environ, **variables},
            encoding="utf-8",
            timeout=30,
            dimensions=(40, 160),
        )
        self._process.delaybeforesend = None
        self._cells = 0

    def cell(self, code: str) -> None:
        """Paste a cell and run it, whatever its last line is."""
        self._cells += 1
        self.see(rf"In \[{self._cells}\]:")
        self._process.send(f"\x1b[200~{code}\x1b[201~")
        self._process.send("\x1b\r")

    def type(self, line: str) -> None:
        self._process.sendline(line)

    def interrupt(self) -> None:
        self._process.sendintr()

    def end_input(self) -> None:
        self._process.sendeof()

    def see(self, pattern: str) -> str:
        """Wait until it shows something; what it showed before that."""
        self._process.expect(pattern)
        return ESCAPES.sub("", self._process.before + self._process.after)

    def close(self) -> None:
        self._process.close(force=True)


@pytest.fixture
def terminal(tmp_path: Path, home: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path)
    yield found
    found.close()


def test_a_waiting_cell_asks_hook_by_hook(terminal: Terminal) -> None:
    """Field by field, with what is wrong told at once; then the next hook, then the result."""
    terminal.cell(REFUND)
    assert "Approve it, asked by refund" in terminal.see(r"ok \(y/n\): ")
    terminal.type("y")
    terminal.see(r"amount \(integer, at most 100\) \[5\]: ")
    terminal.type("101")
    assert "less than or equal to 100" in terminal.see(r"ok \(y/n\): ")
    terminal.type("y")
    terminal.see("amount ")
    terminal.type("40")
    terminal.see("Resumed the hook one")
    terminal.see(r"payload \(JSON\): ")
    terminal.type("2")
    terminal.see("charged 42")


def test_a_question_can_be_left_and_answered_later(terminal: Terminal) -> None:
    """Ctrl-C and the end of input detach: the run goes on waiting, and its line is told."""
    terminal.cell(REFUND)
    terminal.see(r"ok \(y/n\): ")
    terminal.interrupt()
    assert "Traceback" not in terminal.see("Answer it later: %wf answer one")
    terminal.cell("%wf answer one")
    terminal.see(r"ok \(y/n\): ")
    terminal.type("y")
    terminal.see("amount ")
    terminal.type("")
    terminal.see("Resumed the hook one")
    terminal.cell(REFUND)
    terminal.see("Attached to the unfinished run")
    terminal.see(r"payload \(JSON\): ")
    terminal.end_input()
    terminal.see("Answer it later: %wf answer two")
    terminal.cell("r.resume('two', 1); await r")
    terminal.see("charged 6")
    # and where nothing is asked, Ctrl-C leaves no cell that goes on beside the next one
    terminal.cell(STUCK)
    terminal.see("it waits")
    terminal.interrupt()
    terminal.see("Detached from run")
    terminal.cell(
        "import asyncio; print(await asyncio.sleep(0, 'tasks'), len(asyncio.all_tasks()))"
    )
    terminal.see("tasks 1")
