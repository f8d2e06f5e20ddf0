"""Tab and Shift-Tab in a notebook: what a front end asks the kernel, and what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kernel.conftest import DEADLINE, REFUND

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel


def completed(kernel: Kernel, code: str) -> list[str]:
    reply: Any = kernel.client.complete(code, len(code), reply=True, timeout=DEADLINE)
    return list(reply["content"]["matches"])


def inspected(kernel: Kernel, code: str) -> str | None:
    reply: Any = kernel.client.inspect(code, len(code), reply=True, timeout=DEADLINE)
    found = reply["content"]
    return found["data"]["text/plain"] if found["found"] else None


def test_tab_and_shift_tab(kernel: Kernel) -> None:
    """Steps, runs, tokens, streams and words are completed; a step and a word are explained.

    Nobody opens a world for that. After `%unload_ext` the kernel answers as before.
    """
    completed(kernel, "%wf show ")
    assert not (kernel.folder / ".wf_notebook").exists()
    source = "%%workflow -s fetch,pay=charge\nasync def f():\n    await "
    assert completed(kernel, f"{source}steps.") == ["fetch", "pay"]
    assert completed(kernel, f"{source}sle") == ["sleep"]
    assert completed(kernel, "%%workflow --steps fe") == ["fetch"]
    assert completed(kernel, "%config Workflow.view = ") == [
        '"auto"',
        '"widget"',
        '"card"',
        '"text"',
    ]
    assert "steps.pay(order: str, amount: int) -> str" in str(
        inspected(kernel, f"{source}steps.pay(")
    )
    assert "Begin to sleep" in str(inspected(kernel, f"{source}sleep("))
    assert inspected(kernel, f"{source}charge(") is None
    assert "Step" in str(inspected(kernel, "charge("))

    kernel.ok(f"%%workflow refund -o r -- 'a1'\n{REFUND}    print('asked')")
    kernel.wait_for("r", "hook")
    run_id = kernel.value_of("r.id")[1:-1]
    assert completed(kernel, "%wf show ") == [run_id]
    assert completed(kernel, "%wf cancel ") == [run_id]
    assert completed(kernel, "%wf resume app") == ["approve-a1"]
    assert completed(kernel, "%wf runs --status sus") == ["suspended"]

    kernel.ok("%unload_ext wf_notebook")
    assert "pay" not in completed(kernel, f"{source}steps.")
    assert inspected(kernel, f"{source}sleep(") is None
    assert "order" in str(inspected(kernel, "charge("))
