"""What Shift-Tab shows inside our magics."""

from __future__ import annotations

import functools
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from wf_notebook.commands import table
from wf_notebook.definition.steps import Backoff, Step, StepOptions
from wf_notebook.guest.language import BUILTINS, FORBIDDEN, MODULES, PREDEFINED
from wf_notebook.notebook.facts import SessionFacts
from wf_notebook.notebook.inspection import attach, describe


def charge(order: str, amount: int = 5) -> str:
    """Take the money."""
    return f"{order}: {amount}"


OPTIONS = StepOptions(retries=2, timeout=30.0, concurrency=4, backoff=Backoff(1, 3, 60))
STEP: Step = Step(charge, OPTIONS)
ORDERS = ModuleType("orders")
ORDERS.__dict__["charge"] = STEP
FACTS = SessionFacts({"charge": STEP, "orders": ORDERS, "sleep": 5, "amount": 7})


def shown(text: str) -> str | None:
    """The help at the mark |, in a cell."""
    return describe(text.replace("|", ""), text.index("|"), FACTS)


@pytest.mark.parametrize(
    "text",
    [
        "%%workflow\nasync def f():\n    await steps.charge(|",
        "%%workflow\nasync def f():\n    await steps.ch|arge('a', 5)",
        "%%workflow\nawait steps.charge('a',| ",
        "%%workflow -s charge=orders.charge\nsteps.charge|",
    ],
)
def test_a_step_shows_how_it_is_called_and_run(text: str) -> None:
    """Signature, docstring, retries, timeout and id, wherever in the call the cursor is."""
    assert shown(text) == (
        "Signature: steps.charge(order: str, amount: int = 5) -> str\n"
        "Docstring:\nTake the money.\n\n"
        "Retries:   2, after 1 s, then 3 times as long each, at most 60 s\n"
        "Timeout:   30 s an attempt\n"
        "At once:   4\n"
        f"Id:        {STEP.step_id}"
    )


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("%%workflow -s pay=charge\nsteps.pay(|", "Signature: steps.pay(order: str"),
        ("%%workflow -s pay=orders.cha|rge", "Signature: charge(order: str"),
        ("%%workflow --iso|lation strict", "::\n\n  %%workflow [NAME]"),
        ("%%workflow -s pay=charge\nsteps|.x", "The steps that this cell may call: `await"),
        ("%%workflow\nsleep(|", "Signature: sleep(duration: str | float | timedelta | datetime)"),
        ("%%workflow\ncreate_hook(token=|", "Signature: create_hook(token: str | None = None"),
        ("%%workflow\nasyncio.gather(|", "Signature: asyncio.gather(*coros_or_futures"),
        ("%%workflow\nimport math as m\nm.floor(|", "Signature: m.floor("),
        ("%%workflow\nfrom math import floor\nfloor(|", "Signature: floor("),
        ("%%workflow\nfrom math import pi\npi|", "pi = 3.14"),
        ("%%workflow\nsorted(|", "Signature: sorted("),
        ("%%workflow\nopen(|", "open is not there in a source. Read and write files in a step."),
        ("%%workflow\nimport time\ntime.sleep(|", "time.sleep is not there in a source. Write"),
        ("%%workflow\nimport requests\nrequests.get(|", "requests.get is not there in a source."),
        ("%wf resume| x", "Usage: %wf resume [OPTIONS] TOKEN [JSON]"),
        ("x = 1\n%wf |", "Look at runs and move them on."),
        ("%wf nonsense|", "Look at runs and move them on."),
    ],
)
def test_a_word_shows_what_it_means_there(text: str, begins: str) -> None:
    """In a source words mean what they mean in the language; what is not there says what to do."""
    assert (shown(text) or "").startswith(begins)


@pytest.mark.parametrize(
    "text",
    [
        "%%workflow\nx.charge(|",
        "%%workflow\ns = steps\ns.charge(|",
        "%%workflow -s pay=charge\nsteps.charge(|",
        "%%workflow\nsteps.nowhere_at_all(|",
        "%%workflow\namount|",
        "%%workflow\nfor open in x:\n    open(|",
        "%%workflow\nmath.floor(|",
        "%%workflow\n|",
    ],
)
def test_of_what_only_the_source_may_know_nothing_is_shown(text: str) -> None:
    """Least of all what has that name in the notebook."""
    assert shown(text) == ""


@pytest.mark.parametrize("text", ["charge(|", "%%workflow -- amount|", "%%time\nsteps|", "%|wf"])
def test_elsewhere_the_kernel_knows_better(text: str) -> None:
    """Outside our magics, and in the arguments, which are the notebook's Python."""
    assert shown(text) is None


def test_every_word_of_the_language_has_help() -> None:
    """What is predefined, built in, refused or imported, and every command."""
    for word in {*PREDEFINED, *FORBIDDEN, *BUILTINS}:
        assert shown(f"%%workflow\n{word}|") or word.startswith("_") or word[0].isupper(), word
    for module, members in MODULES.items():
        there = [name for name in members if hasattr(sys.modules.get(module), name)]
        for member in there:
            assert shown(f"%%workflow\nfrom {module} import {member} as word\nword|"), member
    for name in table.commands:
        assert (shown(f"%wf {name}|") or "").startswith(f"Usage: %wf {name}")


def test_a_kernel_is_left_as_it_was() -> None:
    """Detached, it is asked directly again; also where somebody has wrapped it in the meantime."""

    class Kernel(SimpleNamespace):
        def do_inspect(self, code: str, cursor_pos: int, detail_level: int = 0) -> Any:
            return code, cursor_pos, detail_level

    kernel, code = Kernel(), "%%workflow\nsleep"
    detach = attach(kernel, FACTS)
    assert kernel.do_inspect("x", 1, 1) == ("x", 1, 1)
    assert kernel.do_inspect(code, len(code))["found"]
    assert not kernel.do_inspect("%%workflow\nx", 12)["found"]
    ours = kernel.do_inspect
    detach()
    assert vars(kernel) == {}
    assert ours(code, len(code), 1) == (code, len(code), 1)

    detach = attach(kernel, FACTS)
    kernel.do_inspect = wrapped = functools.partial(kernel.do_inspect)
    detach()
    assert kernel.do_inspect is wrapped
    assert kernel.do_inspect(code, 5, 0) == (code, 5, 0)
