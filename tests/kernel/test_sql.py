"""SQL in a real kernel: the cell is the query, the answer is its value, an interrupt stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.conftest import REFUND

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel


def test_a_cell_is_a_query(kernel: Kernel) -> None:
    """Shown as a table; its value; under a name; as a frame. Braces and dollars stay as they are."""
    kernel.ok(f"%%workflow refund -o r -q -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    query = "select name, status, '{x}' as a, '$y' as b\nfrom runs -- all of them"
    cell = kernel.ok(f"%%wf sql\n{query}")
    (shown,) = cell.displays
    assert set(shown) == {"text/plain", "text/html"}
    assert shown["text/plain"].split() == [
        "name",
        "status",
        "a",
        "b",
        "refund",
        "running",
        "{x}",
        "$y",
    ]
    assert "<table" in shown["text/html"]
    kernel.ok("found = %wf sql select token, waiting from hooks")
    assert kernel.value_of("found.rows") == "[('approve-a1', True)]"
    assert kernel.ok(f"%%wf sql --out frame --frame pandas\n{query}").displays == []
    assert kernel.value_of("type(frame).__module__.split('.')[0], frame['a'][0]") == (
        "('pandas', '{x}')"
    )
    kernel.ok("world = r.host and __import__('wf_notebook').current_world()")
    assert kernel.value_of("world.sql('select ? + 1 as n', [1]).rows") == "[(2,)]"


def test_what_is_wrong_is_said_with_the_place(kernel: Kernel) -> None:
    """DuckDB's message, and what may have been meant; other commands take no cell."""
    kernel.ok(f"%%workflow refund -o r -q -- 'a1'\n{REFUND}")
    said = str(kernel.run("%%wf sql\nselect sekonds\nfrom steps").error)
    assert "WF308" in said
    assert "LINE 1: select sekonds" in said
    assert "%%wf takes resume or sql" in str(kernel.run("%%wf runs\nx").error)
    assert "not a name" in str(kernel.run("%%wf sql --out a-b\nselect 1").error)


def test_an_interrupt_stops_a_query(kernel: Kernel) -> None:
    """The cell ends, and the next query is answered at once: the slow one does not run on."""
    kernel.ok(f"%%workflow refund -o r -q -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    slow = kernel.begin(
        "print('begun')\n%wf sql select count(*) from range(1e9::bigint) a, range(1e9::bigint) b"
    )
    kernel.until(lambda: "begun" in slow.printed, "the cell has begun")
    kernel.interrupt()
    slow.wait()
    assert "KeyboardInterrupt" in str(slow.error)
    assert kernel.ok("%wf sql select 41 + 1 as n").displays[0]["text/plain"].split() == ["n", "42"]
