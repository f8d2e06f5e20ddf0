"""What the Tab key offers inside our magics."""

from __future__ import annotations

import pytest

from wf_notebook.notebook.completion import complete


class Facts:
    def step_names(self) -> list[str]:
        return ["fetch_order", "charge_back", "notify"]

    def model_names(self) -> list[str]:
        return ["Approval", "Address"]

    def run_ids(self) -> list[str]:
        return ["wrun_01B", "wrun_01A"]

    def tokens(self) -> list[str]:
        return ["approve:A-17"]


def at_end(text: str) -> tuple[str, list[str]]:
    lines = text.split("\n")
    return complete(text, len(lines) - 1, lines[-1], Facts())


@pytest.mark.parametrize(
    ("text", "fragment", "offered"),
    [
        ("%%workflow --st", "--st", ["--steps"]),
        ("%%workflow refund --isol", "--isol", ["--isolation"]),
        ("%%workflow --steps ", "", ["fetch_order", "charge_back", "notify"]),
        ("%%workflow -s fetch_order,ch", "ch", ["charge_back"]),
        ("%%workflow --steps pay=ch", "ch", ["charge_back"]),
        ("%%workflow --schemas Ap", "Ap", ["Approval"]),
        ("%%workflow --isolation in", "in", ["inline"]),
        ("%%workflow --view ", "", ["widget", "card", "text"]),
        ("%%workflow x -- --st", "", []),
        ("%%workflow ref", "ref", []),
        ("%%workflow\nasync def f():\n    await steps.no", "no", ["notify"]),
        ("%%workflow -s a=charge_back,m.b\nx = steps.", "", ["a", "b"]),
        ("%%workflow\nx = other.no", "", []),
        ("%wf sh", "sh", ["show"]),
        ("%wf show ", "", ["wrun_01B", "wrun_01A"]),
        ("x = 1\n  %wf why wrun_01A", "wrun_01A", ["wrun_01A"]),
        ("%wf resume app", "app", ["approve:A-17"]),
        ("%wf resume approve:A-17 {", "{", []),
        ("%wf cancel --re", "--re", ["--reason"]),
        ("%wf why --h", "--h", ["--help"]),
        ("%wf nonsense --", "--", []),
        ("%workflowy --st", "", []),
        ("workflow --st", "", []),
    ],
)
def test_what_is_offered(text: str, fragment: str, offered: list[str]) -> None:
    """Each place offers what may stand there, and nothing outside our magics."""
    assert at_end(text) == (fragment, offered)


def test_the_help_of_the_options_is_complete() -> None:
    """Every option of `%%workflow` is offered; the hidden one is not."""
    _, offered = at_end("%%workflow --")
    assert {"--new", "--replace", "--wait", "--timeout", "--check", "--expect"} <= set(offered)
    assert "--awaited" not in offered
