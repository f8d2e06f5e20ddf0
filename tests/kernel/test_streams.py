"""What a step writes is seen while it runs, and read in any cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel

STEP = """
import asyncio, threading
from wf_notebook import step_context
go = threading.Event()

@step
async def talk() -> str:
    out = step_context().stream("tokens")
    for n in range(3):
        out.write(f"token{n} ")
    await out.drain()
    await asyncio.to_thread(go.wait)
    out.write("the end")
    return "done"
"""


def shown(kernel: Kernel) -> str:
    """What a page shows of the only stream."""
    return "".join(told["text"] for told in kernel.from_widget("stream"))


def test_tokens_are_seen_while_the_step_runs(kernel: Kernel) -> None:
    """In the live view, by `async for` and by `%wf stream`; nothing of it is in an output's state."""
    kernel.ok(STEP)
    cell = kernel.ok("%%workflow say -o r\nasync def say():\n    return await steps.talk()\n")
    kernel.send_to_widget(cell.widget, {"op": "hello", "id": "h"})
    kernel.until(lambda: shown(kernel) == "token0 token1 token2 ", "the view shows the stream")
    told = kernel.from_widget("stream")[-1]
    assert (told["name"], told["closed"]) == ("tokens", False)
    assert kernel.ok("%wf stream").printed == "token0 token1 token2 \n"
    read = kernel.begin(
        "parts = []\n"
        "async for part in r.stream('tokens'):\n"
        "    parts.append(part)\n"
        "    if len(parts) == 3: go.set()\n"
        "(parts, await r)"
    ).wait()
    assert read.error is None
    assert read.value == "(['token0 ', 'token1 ', 'token2 ', 'the end'], 'done')"
    kept = [
        m["content"] for m in kernel.messages() if m["msg_type"] in ("display_data", "comm_open")
    ]
    assert "token1" not in str(kept)
