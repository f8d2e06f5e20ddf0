"""A real kernel, driven through jupyter_client; its messages are waited for, never slept for."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
import threading
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from wf_notebook.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE = 60.0
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
WIDGET = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*m")

SETUP = """
%load_ext wf_notebook
import pathlib
from pydantic import BaseModel
from wf_notebook import step

class Approval(BaseModel):
    ok: bool
    amount: int = 5

def note(word):
    with open("ledger.txt", "a") as ledger:
        ledger.write(word + "\\n")

@step
async def fetch(order: str) -> str:
    note(f"fetch {order}")
    return order.upper()

@step
def charge(order: str, amount: int) -> str:
    note(f"charge {order} {amount}")
    return f"{order}: {amount}"
"""

# Where each thread of a kernel stands is written when it is asked for: see `Kernel.stacks`.
TELLING = "__import__('faulthandler').register(__import__('signal').SIGUSR1, file=open({!r}, 'w'))"

REFUND = """async def refund(order):
    found = await steps.fetch(order)
    await sleep("200ms")
    approval = await create_hook(token=f"approve-{order}", schema="Approval")
    return await steps.charge(found, approval.amount)
"""


class Cell:
    """One execution: its messages on iopub and its reply."""

    def __init__(self, kernel: Kernel, msg_id: str) -> None:
        self._kernel = kernel
        self.msg_id = msg_id

    @property
    def messages(self) -> list[dict[str, Any]]:
        found = self._kernel.messages()
        return [m for m in found if m["parent_header"].get("msg_id") == self.msg_id]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    @property
    def idle(self) -> bool:
        return any(c["execution_state"] == "idle" for c in self.of("status"))

    def wait(self) -> Cell:
        self._kernel.until(lambda: self.idle, f"cell {self.msg_id} is over")
        return self

    @property
    def printed(self) -> str:
        return "".join(c["text"] for c in self.of("stream"))

    @property
    def value(self) -> str | None:
        """The text of `Out[n]`, or None."""
        found = self.of("execute_result")
        return found[0]["data"]["text/plain"] if found else None

    @property
    def error(self) -> str | None:
        """The whole traceback without colours, or None."""
        found = self.of("error")
        return ANSI.sub("", "\n".join(found[0]["traceback"])) if found else None

    @property
    def displays(self) -> list[dict[str, Any]]:
        return [c["data"] for c in self.of("display_data")]

    @property
    def widget(self) -> str:
        """The model id of the live view under the cell."""
        return str(self.displays[0][WIDGET]["model_id"])


class Kernel:
    """A kernel in a folder, as a notebook's front end sees it."""

    def __init__(self, folder: Path, notebook: str = "refund.ipynb", **env: str) -> None:
        self.folder = folder
        self._manager = KernelManager(kernel_name="python3")
        path = str(folder / notebook)
        descriptor, self._stacks = tempfile.mkstemp(dir=folder.parent)
        os.close(descriptor)
        self._manager.start_kernel(
            cwd=str(folder),
            env={**os.environ, "JPY_SESSION_NAME": path, **env},
            extra_arguments=[
                "--IPKernelApp.log_level=ERROR",
                f"--IPKernelApp.exec_lines={TELLING.format(self._stacks)}",
            ],
        )
        self.client = self._manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=DEADLINE)
        self._messages: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._over:
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except Empty:
                continue
            with self._news:
                self._messages.append(message)
                self._news.notify_all()
        ensure_event_loop().close()

    def messages(self) -> list[dict[str, Any]]:
        with self._news:
            return list(self._messages)

    def until(self, predicate: Callable[[], bool], what: str) -> None:
        """Wait until something holds; looked at whenever a message arrives."""
        end = time.monotonic() + DEADLINE
        with self._news:
            while not predicate():
                left = end - time.monotonic()
                assert left > 0, f"waited in vain until {what}: {self.tail()}\n{self.stacks()}"
                self._news.wait(min(left, 0.2))

    def tail(self) -> list[object]:
        return [(m["msg_type"], str(m["content"])[:200]) for m in self._messages[-8:]]

    def stacks(self) -> str:
        """Where the kernel's threads stand: for a test that waits in vain."""
        before = os.path.getsize(self._stacks)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)
        end = time.monotonic() + 5
        while os.path.getsize(self._stacks) == before and time.monotonic() < end:
            time.sleep(0.05)
        with open(self._stacks) as file:
            return file.read()

    # --- what a front end does ------------------------------------------------------------

    def begin(self, code: str) -> Cell:
        """Send a cell, and don't wait."""
        return Cell(self, self.client.execute(code))

    def run(self, code: str) -> Cell:
        """Run a cell to its end."""
        return self.begin(code).wait()

    def ok(self, code: str) -> Cell:
        """Run a cell that must not fail."""
        cell = self.run(code)
        assert cell.error is None, cell.error
        return cell

    def reply(self, cell: Cell) -> dict[str, Any]:
        """What the kernel answered to a cell: its status, and its payload."""
        while True:
            found = self.client.get_shell_msg(timeout=DEADLINE)
            if found["parent_header"].get("msg_id") == cell.msg_id:
                content: dict[str, Any] = found["content"]
                return content

    def value_of(self, expression: str) -> str:
        """The repr of an expression."""
        found = self.ok(expression).value
        assert found is not None
        return found

    def send_to_widget(self, model_id: str, content: dict[str, Any]) -> None:
        """Send what the browser sends when a button is pressed."""
        data = {"comm_id": model_id, "data": {"method": "custom", "content": content}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", data))

    def from_widget(self, op: str) -> list[dict[str, Any]]:
        """What the widget sent to the browser as custom messages of that kind."""
        sent = (m["content"]["data"] for m in self.messages() if m["msg_type"] == "comm_msg")
        custom = (d["content"] for d in sent if d.get("method") == "custom")
        return [c for c in custom if c.get("op") == op]

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def wait_for(self, run: str, moment: str) -> None:
        """Wait in the kernel until a run is "suspended", has a "hook", or is "terminal"."""
        self.ok(f"{run}.wait_for({moment!r}, timeout={DEADLINE})\nNone")

    def ledger(self) -> list[str]:
        """What the steps noted down, in order."""
        path = self.folder / "ledger.txt"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    # --- how it ends -----------------------------------------------------------------------

    @property
    def pid(self) -> int:
        return int(self._manager.provisioner.pid)

    def shut_down(self, *, restart: bool = False) -> None:
        """Ask it to end, as a front end does, and no more than that."""
        self._manager.request_shutdown(restart=restart)

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if not self._over:
            self._over = True
            self._reader.join()
            self.client.stop_channels()
            self._manager.shutdown_kernel(now=True)


@pytest.fixture(scope="session", autouse=True)
def loop_closed() -> Iterator[None]:
    """jupyter_client makes a loop for this thread and leaves it open."""
    yield
    ensure_event_loop().close()


@pytest.fixture
def kernels(tmp_path: Path, home: Path) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels in one folder; all are gone after the test."""
    started: list[Kernel] = []

    def start(**env: str) -> Kernel:
        started.append(Kernel(tmp_path, **env))
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()


@pytest.fixture
def kernel(kernels: Callable[..., Kernel]) -> Kernel:
    """A kernel that has run the setup cell."""
    found = kernels()
    found.ok(SETUP)
    return found


# --- a notebook without a person -----------------------------------------------------------------


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """Writes a notebook of these cells into the test's folder."""

    def write(*cells: str, setup: str = SETUP) -> Path:
        found = new_notebook(
            cells=[new_markdown_cell("# Refund"), *map(new_code_cell, (setup, *cells))],
            metadata={"kernelspec": KERNEL},
        )
        path = tmp_path / "refund.ipynb"
        nbformat.write(found, path)
        return path

    return write


@pytest.fixture
def wf(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs `wf` in the test's folder; returns its exit code and all it printed."""

    def run(*words: str) -> tuple[int, str]:
        with contextlib.chdir(tmp_path):
            code = main(words)
        captured = capfd.readouterr()
        return code, captured.out + captured.err

    return run


def outputs(path: Path, cell: int) -> list[Any]:
    """The outputs of a cell of a notebook that was executed."""
    return list(nbformat.read(path, as_version=4).cells[cell].outputs)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a kernel."""
    for item in items:
        if "tests/kernel" in item.path.as_posix():
            item.add_marker(pytest.mark.kernel)
