"""What the Tab key offers inside our magics."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

import pytest

from wf_notebook.cells.line import options
from wf_notebook.commands import table
from wf_notebook.guest.language import PREDEFINED
from wf_notebook.notebook.completion import complete

if TYPE_CHECKING:
    from wf_notebook.definition.steps import Step


class Facts:
    def step_names(self) -> list[str]:
        return ["charge_back", "fetch_order", "notify"]

    def step_paths(self) -> list[str]:
        return [*self.step_names(), "orders.charge", "orders.refund"]

    def find_step(self, text: str) -> Step | None:
        raise NotImplementedError

    def model_names(self) -> list[str]:
        return ["Approval", "Address"]

    def run_ids(self, *, ended: bool | None = None) -> list[str]:
        ids = {"wrun_01B": False, "wrun_01A": True}
        return [run_id for run_id, over in ids.items() if ended in (None, over)]

    def tokens(self) -> list[str]:
        return ["approve:A-17"]

    def streams(self, run_id: str) -> list[str]:
        return [f"log of {run_id}"]

    def sleeps(self, run_id: str) -> list[str]:
        return [f"sleep of {run_id}"]

    def labels(self) -> list[str]:
        return ["customer=A-17"]


def at_end(text: str) -> tuple[str, list[str]]:
    return complete(text, len(text), Facts())


STEPS = ["charge_back", "fetch_order", "notify"]
PATHS = [*STEPS, "orders.charge", "orders.refund"]
BOTH = ["wrun_01B", "wrun_01A"]


@pytest.mark.parametrize(
    ("text", "fragment", "offered"),
    [
        # the line of a cell
        ("%%workflow --st", "--st", ["--steps"]),
        ("\n\n%%workflow --st", "--st", ["--steps"]),
        ("%%workflow refund --isol", "--isol", ["--isolation"]),
        ("%%workflow --steps ", "", PATHS),
        ("%%workflow -s fetch_order,ch", "ch", ["charge_back"]),
        (
            "%%workflow -s fetch_order,notify,",
            "",
            ["charge_back", "orders.charge", "orders.refund"],
        ),
        ("%%workflow --steps pay=ch", "ch", ["charge_back"]),
        ("%%workflow --steps pay=orders.", "orders.", ["orders.charge", "orders.refund"]),
        ("%%workflow --steps=ch", "ch", ["charge_back"]),
        ("%%workflow --schemas Ap", "Ap", ["Approval"]),
        ("%%workflow --isolation in", "in", ["inline"]),
        ("%%workflow --view ", "", ["widget", "card", "text"]),
        ("%%workflow --view=c", "c", ["card"]),
        ("%%workflow --id ", "", []),
        ("%%workflow x -- --st", "", []),
        ("%%workflow ref", "ref", []),
        ("%%workflowy --st", "", []),
        ("workflow --st", "", []),
        # its source
        ("%%workflow\nasync def f():\n    await steps.no", "no", ["notify"]),
        ("%%workflow -s a=charge_back,m.b\nx = steps.", "", ["a", "b"]),
        ("%%workflow --timeout soon\nx = steps.", "", STEPS),
        ("%%workflow\nx = other.no", "no", []),
        ("%%workflow\nx = other.steps.no", "no", []),
        ("%%workflow\nx = steps.notify.", "", []),
        ("%%workflow\nx = steps.notify(1).", "", []),
        ("%%workflow\nx = steps\nx.no", "no", []),
        ("%%workflow\nawait sle", "sle", ["sleep"]),
        ("%%workflow\nawait create_hook(schema='Ap", "Ap", ["Approval"]),
        ("%%workflow --schemas Other\nawait create_hook(schema='", "", ["Other"]),
        ("%%workflow\nprint('steps.no", "", []),
        ("%%workflow\n# steps.no", "", []),
        ("%%workflow\nasyncio.ga", "ga", ["gather"]),
        ("%%workflow\nimport math as m\nm.flo", "flo", ["floor"]),
        ("%%workflow\nmath.flo", "flo", []),
        ("%%workflow\nimport mat", "mat", ["math"]),
        ("%%workflow\nfrom mat", "mat", ["math"]),
        ("%%workflow\nfrom math import ceil, flo", "flo", ["floor"]),
        ("%%workflow\nasync def f(order):\n    return ord", "ord", ["order", "ord"]),
        ("%%workflow\nope", "ope", []),
        # a query
        ("%%wf sql\nselect * from ru", "ru", ["runs"]),
        ("%%wf sql --out x\nfrom runs r\nwhere r.ended_s", "ended_s", ["ended_seq"]),
        ("%%wf sql\nselect answer from hooks where answer_", "answer_", ["answer_seconds"]),
        ("%%wf sql\nselect 'from ru", "", []),
        ("%%wf sql --fr", "--fr", ["--frame"]),
        ("%%wf sql --frame p", "p", ["pandas", "polars"]),
        ("%%wf sq", "sq", ["sql"]),
        ("%%wf resume token\n{", "", []),
        ("%wf sql select pay", "pay", ["payload("]),
        ("%wf sql from attem", "attem", ["attempts"]),
        ("%wf sql --format ma", "ma", ["markdown"]),
        # a command
        ("%wf sh", "sh", ["show"]),
        ("%wf show ", "", BOTH),
        ("%wf show 01B", "01B", ["wrun_01B"]),
        ("x = 1\n  %wf why wrun_01A", "wrun_01A", ["wrun_01A"]),
        ("%wf show wrun_01A ", "", []),
        ("%wf cancel ", "", ["wrun_01B"]),
        ("%wf forget ", "", ["wrun_01A"]),
        ("%wf forget wrun_01A ", "", []),
        ("%wf forget x wr", "wr", ["wrun_01A"]),
        ("%wf export ", "", BOTH),
        ("%wf export --payloads 01A", "01A", ["wrun_01A"]),
        ("%wf replay kept/a.ipynb 01", "01", BOTH),
        ("%wf replay --source a.py wrun_01A ", "", ["wrun_01B"]),
        ("%wf stream wrun_01A ", "", ["log of wrun_01A"]),
        ("%wf stream --start -20 wrun_01A lo", "lo", ["log of wrun_01A"]),
        ("%wf wake wrun_01A --wait ", "", ["sleep of wrun_01A"]),
        ("%wf runs --status sus", "sus", ["suspended"]),
        ("%wf runs --status=sus", "sus", ["suspended"]),
        ("%wf runs -a cu", "cu", ["customer=A-17"]),
        ("%wf runs --limit ", "", []),
        ("%wf resume app", "app", ["approve:A-17"]),
        ("%wf resume approve:A-17 {", "{", []),
        ("%wf cancel --re", "--re", ["--reason"]),
        ("%wf why --h", "--h", ["--help"]),
        ("%wf nonsense --", "--", []),
        ("%wf nonsense wr", "wr", []),
        # a setting
        ("%config Workflow.view = ", "", ['"auto"', '"widget"', '"card"', '"text"']),
        ("%config Workflow.isolation='in", "'in", ["'inline'"]),
        ("%config Workflow.wait = T", "T", ["True"]),
        ("%config Workflow.world = ", "", []),
        ("%config Workflow.nothing = ", "", []),
        ("%config Other.view = ", "", []),
    ],
)
def test_what_is_offered(text: str, fragment: str, offered: list[str]) -> None:
    """Each place offers what may stand there, and nothing outside our magics."""
    found = at_end(text)
    assert (found[0] if found[1] else fragment, found[1]) == (fragment, offered)


def test_a_line_below_is_not_the_cursors() -> None:
    """What follows the cursor changes nothing; a later line of %wf is not completed from above."""
    text = "%wf show wr\nx = 1"
    assert complete(text, len("%wf show wr"), Facts()) == ("wr", BOTH)
    assert complete(text, len(text), Facts()) == ("", [])
    assert complete("%%workflow --st -- 5\n", len("%%workflow --st"), Facts())[1] == ["--steps"]


def test_every_option_and_command_is_offered() -> None:
    """All options of `%%workflow` but the hidden one; all commands; all options of each."""
    assert at_end("%%workflow ")[1] == list(options())
    assert "--awaited" not in options()
    assert set(at_end("%wf ")[1]) == set(table.commands)
    for name, command in table.commands.items():
        texts = {text for one in command.params for text in one.opts if text.startswith("-")}
        assert set(at_end(f"%wf {name} -")[1]) == {*texts, "--help"}


def test_every_word_of_the_language_is_offered() -> None:
    """In the source: its own names first, then what is predefined, built in, and Python's words."""
    offered = at_end("%%workflow\ntotal = 5\n")[1]
    assert offered[0] == "total"
    assert {*PREDEFINED, *keyword.kwlist, "len", "ValueError"} <= set(offered)
    assert not {"open", "eval", "__name__"} & set(offered)


def test_the_magics_that_draft_are_completed_too() -> None:
    """Their own options, steps and formats; nothing in a request, which is plain language."""
    assert "--repairs" in at_end("%%workflow_draft refund --")[1]
    assert "--budget" in at_end("%workflow_prompt --")[1]
    assert at_end("%%workflow_draft --steps ch")[1] == at_end("%%workflow --steps ch")[1] != []
    assert at_end("%workflow_prompt -f ")[1] == ["text", "json"]
    assert at_end("%%workflow_draft -m ")[1] == []
    assert at_end("%%workflow_draft refund\nFetch the ord")[1] == []
