"""Reads the corpus of attempts: sources that try to get out, and what becomes of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.oracle import Guest, Script
from wf_notebook.definition.compile import normalise
from wf_notebook.definition.validate import validate

ATTEMPTS: Final = Path(__file__).parents[1] / "corpus" / "malicious" / "attempts.txt"
ALIASES: Final = ("charge", "fetch_order")
SCHEMAS: Final = ("Approval",)
ANSWERS: Final = json.dumps({
    "args": ["an order"],
    "steps": {"fetch_order": "order", "charge": "receipt"},
})  # fmt: skip


class Attempt(NamedTuple):
    kind: str
    body: str
    expected: str

    @property
    def source(self) -> str:
        body = self.body.replace("{hex}", "f" * 5000).replace("⏎", "\n    ")
        return normalise(f"async def workflow(x):\n    {body}\n")


def attempts() -> list[Attempt]:
    """Each line of the file: `BODY --> what becomes of it`, below a heading."""
    kind, found = "", []
    for line in ATTEMPTS.read_text("utf-8").split("\n"):
        if line.startswith("## "):
            kind = line[3:]
        elif " --> " in line:
            body, _, expected = line.rpartition(" --> ")
            found.append(Attempt(kind, body, expected))
    return found


def outcome(source: str) -> str:
    """What becomes of a source: the codes of its refusal, or what it could do."""
    found = validate(source, aliases=ALIASES, schemas=SCHEMAS, cell=True)
    if found.diagnostics:
        return " ".join(dict.fromkeys(problem.code for problem in found.diagnostics))
    guest = Guest(Script(ANSWERS), ALIASES, SCHEMAS)
    told = guest.run(source, "workflow")
    assert {call[0] for call in told.calls} <= {*ALIASES, "hook"}
    if told.error is not None:
        code = "" if guest.code == "USER_ERROR" else f" {guest.code}"
        return f"contained: {told.error[0][:60]}{code}"
    if told.status == "suspended":
        return "contained: it waits"
    return f"contained: {shown(told.result)}"


def shown(result: Any) -> str:
    return json.dumps(result, ensure_ascii=True)[:120]
