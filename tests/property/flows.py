"""Workflows as people write them, and what each must come to, given what its steps and hooks got."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from tests.property.driving import STEPS, made
from wf_notebook import step, step_context
from wf_notebook.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Callable

Did = dict[int, Any]  # a step's argument to what it came to: its result, or "failed"
Got = list[Any]  # the payloads of a run's hook, in order


class Approval(BaseModel):
    ok: bool
    amount: int = 0


class Acts:
    """What the next attempts do, and what the last ones did.

    Attributes:
        next: "fail", "fatal" or "ok", one for each attempt; then "ok".
        outcomes: what each attempt came to: id of the step and number to the words above.
        at_gate: ids of the slow steps that wait.
        heard: called when one has come to the gate.
    """

    def __init__(self) -> None:
        self.begin(lambda: None)

    def begin(self, heard: Callable[[], None]) -> None:
        """Forget everything; `heard` is told from now on."""
        self.next: list[str] = []
        self.outcomes: dict[tuple[str, int], str] = {}
        self.heard = heard
        self.open_for_good = False
        self.new_process()

    def new_process(self) -> None:
        """Forget the gate: the process that stood at it is gone."""
        self.at_gate: set[str] = set()
        self._gate: asyncio.Event | None = None

    def attempt(self) -> None:
        """Do what is planned for this attempt, in a step."""
        made()
        context = step_context()
        outcome = self.next.pop(0) if self.next else "ok"
        self.outcomes[context.step_id, context.attempt] = outcome
        if outcome == "fail":
            raise RuntimeError("planned")
        if outcome == "fatal":
            raise FatalError("planned")

    async def pause(self) -> None:
        """Wait at the gate, in a step."""
        if self.open_for_good:
            return
        gate, standing = self._gate or asyncio.Event(), self.at_gate
        self._gate = gate
        standing.add(me := step_context().step_id)
        self.heard()
        try:
            await gate.wait()
        finally:  # of this process: a collected coroutine of an earlier one has the same step ids
            standing.discard(me)

    def open(self) -> None:
        """Let the slow attempts pass; on their own loop."""
        if self._gate is not None:
            self._gate.set()
        self._gate = None
        self.at_gate.clear()


ACTS = Acts()


@step(retries=3)
async def work(x: int) -> int:
    ACTS.attempt()
    return 2 * x


@step(retries=1)
def plain(x: int) -> int:
    ACTS.attempt()
    return 2 * x


@step(retries=3)
async def slow(x: int) -> int:
    await ACTS.pause()
    ACTS.attempt()
    return 2 * x


OFFERED = [work, plain, slow]
ALL_STEPS = [*OFFERED, *STEPS]
RETRIES = {"work": 3, "plain": 1, "slow": 3}

PRELUDE = """\
async def attempt(step):
    try:
        return await step
    except StepError:
        return "failed"


async def nap(seconds):
    await sleep(seconds)
    return "rested"


async def workflow(n):
    "use workflow"
"""


@dataclass(frozen=True)
class Flow:
    """A workflow over a number that is its own.

    Attributes:
        body: of `async def workflow(n)`.
        ends: what it may return, given its number, what its steps did and its hook got.
        payloads: that its hook takes, to be chosen from.
        wrong: one that it doesn't, or None if it takes any.
        strict: whether it fails with its step.
    """

    body: str
    ends: Callable[[int, Did, Got], list[Any]]
    payloads: tuple[Any, ...] = (1, 0, 2)
    wrong: Any = None
    strict: bool = False

    @property
    def source(self) -> str:
        lines = self.body.strip("\n").splitlines()
        return PRELUDE + "\n".join(f"    {line}" for line in lines) + "\n"


def _approved(n: int, did: Did, got: Got) -> list[Any]:
    return [did[n] if got[0]["ok"] else "refused"]


def _until_zero(_n: int, _did: Did, got: Got) -> list[Any]:
    return [sum(got[: got.index(0)])] if 0 in got else []


FLOWS = {
    "chain": Flow(
        """
a = await attempt(steps.work(n))
await sleep("1h")
print("slept", n)
b = await attempt(steps.plain(n + 1))
return [a, b]
""",
        lambda n, did, _: [[did[n], did[n + 1]]],
    ),
    "strict": Flow(
        """
await sleep(5)
return await steps.plain(n)
""",
        lambda n, did, _: [did[n]],
        strict=True,
    ),
    "approval": Flow(
        """
approval = await create_hook(token=f"a{n}", schema="Approval", title="Approve?")
print("answered")
return await attempt(steps.work(n)) if approval.ok else "refused"
""",
        _approved,
        payloads=({"ok": True}, {"ok": False}, {"ok": True, "amount": 3}),
        wrong={"ok": "perhaps"},
    ),
    "payloads": Flow(
        """
out = []
async with create_hook(token=f"p{n}") as hook:
    async for payload in hook:
        out.append(payload)
        if len(out) == 2:
            break
await sleep(60)
return out
""",
        lambda _n, _did, got: [got[:2]],
    ),
    "timeout": Flow(
        """
try:
    async with asyncio.timeout(60):
        return await create_hook(token=f"t{n}")
except TimeoutError:
    return "late"
""",
        lambda _n, _did, got: [*got[:1], "late"],
    ),
    "gather": Flow(
        """
return await asyncio.gather(attempt(steps.work(n)), attempt(steps.slow(n + 1)), nap(30))
""",
        lambda n, did, _: [[did[n], did[n + 1], "rested"]],
    ),
    "race": Flow(
        """
first = asyncio.create_task(attempt(steps.slow(n)))
tasks = [first, asyncio.create_task(nap(90))]
done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
for task in left:
    task.cancel()
return [task.result() for task in tasks if task in done]
""",
        lambda n, did, _: [[did.get(n)], ["rested"], [did.get(n), "rested"]],
    ),
    "shared": Flow(
        """
hook = create_hook(token="shared")
if await hook.conflict():
    return "taken"
return await hook
""",
        lambda _n, _did, got: [*got[:1], "taken"],
    ),
    "loop": Flow(
        """
total = 0
async for payload in create_hook(token=f"l{n}"):
    if payload == 0:
        return total
    total += payload
    await attempt(steps.work(100 * n + total))
""",
        _until_zero,
    ),
}
