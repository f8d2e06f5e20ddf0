"""What a source does with made-up results: nothing real is called, and it always ends."""

from __future__ import annotations

import threading
from decimal import Decimal  # noqa: TC003 - a step's annotation is evaluated
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, field_validator

from tests.drafting.shop import CALLED, FUNCTIONS, Approval
from wf_notebook import api
from wf_notebook.config import Limits
from wf_notebook.definition.compile import compile_definition
from wf_notebook.definition.steps import Step, StepOptions
from wf_notebook.drafting import rehearsal
from wf_notebook.drafting.arguments import arguments_for
from wf_notebook.drafting.entries import entry_of
from wf_notebook.drafting.rehearsal import LIMITS, rehearse
from wf_notebook.errors import IsolationUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wf_notebook.drafting.verdict import Rehearsal


class Coded(BaseModel):
    """What no example can be made of: its schema doesn't say what it wants."""

    code: str

    @field_validator("code")
    @classmethod
    def odd(cls, code: str) -> str:
        assert code == "x-77-y"
        return code


def price(item: str) -> Decimal:
    raise AssertionError


def anything(x: Any) -> Any:
    raise AssertionError


def coded(x: str) -> Coded:
    raise AssertionError


STEPS = {f.__name__: Step(f, StepOptions()) for f in (*FUNCTIONS, price, anything, coded)}


@pytest.fixture(autouse=True)
def nothing_real_is_called() -> Iterator[None]:
    CALLED.clear()
    yield
    assert CALLED == []


def played(source: str, limits: Limits = LIMITS) -> Rehearsal:
    report = compile_definition(source, steps=STEPS, schemas=[Approval, Coded], cell=True)
    assert report.definition is not None, report.diagnostics
    return rehearse(report.definition, STEPS, [Approval, Coded], limits=limits)


def test_path() -> None:
    """It says what was asked for, in order, at which line, and how long the sleeps take."""
    found = played("""async def pay(order_id, limit=3):
    order = await steps.fetch_order(order_id)
    await sleep("30d")
    answer = await create_hook(schema="Approval", title=f"Pay {order.id}?", timeout="1h")
    if answer.ok:
        for _ in range(limit):
            await steps.charge(order.id, order.total)
    return await steps.notify("ops", "never paid")
""")
    assert found.status == "completed", found.said
    assert found.problem is None
    assert found.seconds == 30 * 24 * 3600
    assert "takes 30 d" in found.said
    assert found.lines == [
        "step fetch_order (line 2)",
        "sleep 30 d (line 3)",
        "hook Pay id? (line 4)",
        "step charge (line 7) ×3",
        "step notify (line 8)",
    ]


ENDS = {
    "it raises what it means to": (
        "async def f():\n    raise ValueError('no')\n",
        ("failed", None),
    ),
    "an assertion": (
        "async def f(order_id):\n    o = await steps.fetch_order(order_id)\n    assert o.total > 9\n",
        ("failed", None),
    ),
    "a field that is not there": (
        "async def f(order_id):\n    o = await steps.fetch_order(order_id)\n    return o.sum\n",
        ("failed", 3),
    ),
    "a field of what nobody has described": (
        "async def f():\n    x = await steps.anything(1)\n    return x['a'].upper()\n",
        ("failed", None),
    ),
    "a call that no step takes": (
        "async def f():\n    await steps.anything(1)\n    await steps.charge(1, 2, 3)\n",
        ("failed", 3),
    ),
    "a value that cannot be recorded": (
        "async def f():\n    await steps.anything(print)\n",
        ("failed", 2),
    ),
    "polling": (
        "async def f():\n    x = 1\n    while x:\n        await sleep('1h')\n",
        ("endless", 3),
    ),
    "spinning": ("async def f():\n    while True:\n        pass\n", ("endless", 2)),
    "a long loop that is bounded": (
        "async def f():\n    for _ in range(5_000):\n        await sleep('1h')\n",
        ("endless", None),
    ),
    "a hook that takes any number of payloads": (
        "async def f():\n    async for x in create_hook(token='t'):\n        print(x)\n",
        ("waits", None),
    ),
    "a lock that nobody lets go": (
        "async def f():\n    await asyncio.Event().wait()\n",
        ("failed", 2),
    ),
    "a result of which there is no example": (
        "async def f():\n    await steps.coded('x')\n",
        ("failed", None),
    ),
    "an answer of which there is no example": (
        "async def f():\n    await create_hook(schema='Coded', title='Code?')\n",
        ("waits", None),
    ),
    "an amount in decimals": (
        "async def f():\n    return 2 * await steps.price('x')\n",
        ("completed", None),
    ),
}


@pytest.mark.parametrize(("source", "expected"), ENDS.values(), ids=ENDS)
def test_ends(source: str, expected: tuple[str, int | None]) -> None:
    """It tells mistakes of the source from what only the made-up values have caused."""
    small = Limits(
        activation_cpu_seconds=1,
        commands_per_activation=1_000,
        events_per_run=300,
        live_guests=1,
    )
    found = played(source, small)
    problem = found.problem
    assert (found.status, problem and problem.line) == expected, found.said
    assert problem is None or problem.code == "WF605"


def test_long_paths_are_cut() -> None:
    """Of very many different things the first are listed, and how many more there are."""
    calls = "".join(f"    await steps.price('{n}')\n" for n in range(50))
    found = played(f"async def f():\n{calls}")
    assert len(found.acts) == 50
    assert found.lines[0] == "step price (line 2)"
    assert found.lines[-1] == "… and 10 more"


def test_what_cannot_be_rehearsed() -> None:
    """Parameters without names, and steps that are not here, are told; nothing is run."""
    assert "could not be called" in played("async def f(x, /):\n    pass\n").said
    report = compile_definition("async def f(): pass", steps=STEPS, cell=True)
    assert report.definition is not None
    found = rehearse(report.definition, {})
    assert found.status == "skipped"
    assert "anything" in found.said


def test_real_time_is_bounded() -> None:
    """When its time is up, the rehearsal says so and leaves the run."""
    report = compile_definition(
        "async def f():\n    while True:\n        await sleep('1h')\n", steps=STEPS, cell=True
    )
    assert report.definition is not None
    found = rehearse(report.definition, STEPS, seconds=0)
    assert found.status == "endless"


def test_only_where_confined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where strict isolation does not hold, nothing that a model wrote is run."""

    def refuse(*_: object, **__: object) -> None:
        raise IsolationUnavailable("strict isolation is not to be had here.")

    monkeypatch.setattr(rehearsal, "prepare", refuse)
    found = played("async def f():\n    await steps.anything(1)\n")
    assert found.status == "skipped"
    assert "strict isolation does not hold" in found.said
    assert found.acts == ()


def test_in_strict_isolation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal asks for strict isolation, whatever the machine's default is."""
    asked: list[object] = []
    host = rehearsal.Host

    def made(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["isolation"])
        return host(*args, **kwargs)

    monkeypatch.setattr(rehearsal, "Host", made)
    played("async def f():\n    await steps.anything(1)\n")
    assert asked == ["strict"]


def test_leaves_nothing() -> None:
    """No world is opened that others would find, and no thread stays."""
    before = threading.active_count()
    seen: list[object] = []
    stop: Callable[[], None] = api.on_open(seen.append)
    try:
        assert played("async def f():\n    await steps.anything(1)\n").status == "completed"
    finally:
        stop()
    assert seen == api.open_worlds() == []
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("parameters", "body", "expected"),
    [
        ("order_id", "await steps.fetch_order(order_id)", {"order_id": "order_id"}),
        ("n: int, s: str, b: bool", "pass", {"n": 1, "s": "s", "b": True}),
        ("ids", "[await steps.fetch_order(i) for i in ids]", {"ids": ["i"]}),
        ("amount", "await steps.charge('x', amount=amount)", {"amount": 1}),
        ("order", "order['total'] + order.get('tax')", {"order": {"total": 1, "tax": 1}}),
        ("a, b=3, *rest, c, d=4, **more", "pass", {"a": {}, "c": {}}),
        ("rows", "[r['id'] for r in rows]", {"rows": [{"id": 1}]}),
        ("x: list[int]", "pass", {"x": ["text"]}),
    ],
)
def test_arguments(parameters: str, body: str, expected: dict[str, Any]) -> None:
    """Arguments are made of annotations, of the steps they go to, and of what is read of them."""
    entries = {alias: entry_of(alias, step) for alias, step in STEPS.items()}
    source = f"async def f({parameters}):\n    {body}\n"
    assert arguments_for(source, "f", entries)[0] == expected
