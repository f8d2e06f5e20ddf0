"""Whatever the check accepts, the guest can run: each benign source, to its end."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, Final

import pytest

from wf_notebook.definition.compile import names_used, normalise
from wf_notebook.definition.validate import validate
from wf_notebook.guest.machine import Machine

BENIGN: Final = sorted((Path(__file__).parents[1] / "corpus" / "benign").glob("*.py"))
MAX_COMMANDS: Final = 300
ANY_KIND: Final = [["a", "VAR_POSITIONAL", False], ["k", "VAR_KEYWORD", False]]


def record(**fields: Any) -> dict[str, Any]:
    return {"$t": "record", "name": "Thing", "v": fields}


def day(text: str) -> dict[str, Any]:
    return {"$t": "date", "v": text}


ORDER = record(
    id="A",
    name="n",
    region="north",
    amount=3.5,
    priority=1,
    after=[],
    employee="e",
    manager="m",
    plan="p",
    flight="f",
    hotel="h",
    nights=2,
    lines=[{"price": "1.5", "quantity": 2}],
    car=None,
)
# What any step or hook answers: it has every field that a source asks for.
ANSWER = record(
    ok=True,
    go=True,
    confirmed=True,
    delivered=True,
    amount=3,
    number=7,
    outcome="ok",
    comment="fine",
    state="published",
    region="north",
    name="x",
    url="u",
    text="two",
    path="m",
    result=1,
    score=0.5,
    size=12,
    rows=[record(kind="a"), record(kind="b")],
    next=None,
)
ANSWERS: dict[str, Any] = {
    "read_orders": [ORDER, ORDER],
    "compute": 5,
    "count": 2,
    "complete": '{"answer": 42}',
    "store": 3,
    "load": 0,
}
ARGS: dict[str, list[Any]] = {
    "approval_with_timeout": [ORDER],
    "as_completed_stream": [["a", "b", "c"]],
    "comprehensions": [[{"name": "x"}, {"name": "yy"}]],
    "condition_and_lock": [3],
    "custom_exceptions": [[ORDER]],
    "dataclasses_and_enums": [ORDER],
    "decorators_and_closures": [[1, 2, 3]],
    "etl": [day("2026-01-01"), day("2026-01-03")],
    "experiment_grid": [{"a": [1, 2], "b": [3]}],
    "globals_and_constants": [{"EUR": 1.5, "USD": 2.0}],
    "heap_scheduler": [[ORDER]],
    "match_statement": [[None, True, -3, {"kind": "order", "id": "x"}, [1, 2], [], "t", 2.5]],
    "operators_everywhere": [500],
    "payments_hook_stream": ["i", "10.5"],
    "producer_consumer": [["a", "b", "c"]],
    "retry_by_hand": [["u"]],
    "saga": [ORDER],
    "subscription": [ORDER],
    "task_group": [["a", "b"]],
    "text_report": [["Ä b a", "b"]],
}
FAILING: Final = {"polling": "TimeoutError"}  # its job never ends, which is what it is for


class Host:
    """Answers whatever a source asks for, at once."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.time_us = 10**15
        self.queue = deque(machine.advance())

    def run(self) -> dict[str, Any]:
        for _ in range(MAX_COMMANDS):
            if not self.queue or self.machine.reply()["status"] != "suspended":
                break
            self.answer(self.queue.popleft())
        return self.machine.reply()

    def answer(self, command: dict[str, Any]) -> None:
        match command["op"]:
            case "step":
                value = ANSWERS.get(command["alias"], ANSWER)
                self.deliver(command, "step_completed", value=value)
            case "wait" if command["kind"] == "sleep":
                self.time_us = max(self.time_us, command["due_us"])
                self.deliver(command, "wait_completed", woken=False)
            case "hook":
                self.deliver(command, "hook_created")
                for _ in range(4):
                    self.deliver(command, "hook_received", value=ANSWER)

    def deliver(self, command: dict[str, Any], kind: str, **more: Any) -> None:
        event = {"type": kind, "n": command["n"], "time_us": self.time_us, **more}
        self.queue += self.machine.deliver(event)


@pytest.mark.parametrize("path", BENIGN, ids=lambda path: path.stem)
def test_what_is_accepted_runs(path: Path) -> None:
    """Every feature that the check lets through is there when the source runs."""
    source = normalise(path.read_text("utf-8"))
    aliases, schemas = names_used(source)
    machine = Machine({
        "source": source,
        "entry": validate(source, aliases=aliases, schemas=schemas).entry,
        "filename": "<cell>",
        "seed": "00",
        "now_us": 10**15,
        "commands": 1000,
        "steps": dict.fromkeys(aliases, ANY_KIND),
        "schemas": list(schemas),
        "args": ARGS.get(path.stem, ["something"]),
        "kwargs": {},
    })  # fmt: skip
    reply = Host(machine).run()
    if path.stem in FAILING:
        assert reply["error"]["type"] == FAILING[path.stem]
    else:
        assert (reply.get("error"), reply["status"]) == (None, "completed")
