"""Steps, a model and sources that the tests of this folder share."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from wf_notebook.definition.steps import Step, step
from wf_notebook.errors import WorldFullError
from wf_notebook.world.memory import MemoryStore

if TYPE_CHECKING:
    from wf_notebook.api import World
    from wf_notebook.run import Run
    from wf_notebook.world.store import Append


@step
async def double(x: int) -> int:
    return 2 * x


@step
def slow_add(a: int, b: int = 1) -> int:
    return a + b


class Approval(BaseModel):
    ok: bool
    amount: int = Field(ge=0, le=100)


def flow(body: str, arguments: str = "") -> str:
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    return f'async def workflow({arguments}):\n    "use workflow"\n{lines}\n'


def go(world: World, body: str, *steps: Step[..., Any], **options: Any) -> Run:
    registry = world.host.runner.steps
    for one in steps or (double,):
        registry.register(one)
    return world.start(flow(body), steps=list(steps or (double,)), **options)


def types(run: Run) -> list[str]:
    return [event.type for event in run.events()]


ASK = """
hook = create_hook(token="approve", schema="Approval", title="May I?")
answer = await hook
return [answer.ok, answer.amount]
"""


def ask(world: World, **options: Any) -> Run:
    run = go(world, ASK, schemas=[Approval], **options)
    return run.wait_for("hook")


class FailingStore(MemoryStore):
    """Fails its n-th commit, before or after it is written."""

    def __init__(self, n: int, *, written: bool) -> None:
        super().__init__()
        self._left = n
        self._written = written

    def commit(self, append: Append) -> Future[Any]:
        self._left -= 1
        if self._left:
            return super().commit(append)
        if self._written:
            super().commit(append).result()
        failed: Future[Any] = Future()
        failed.set_exception(WorldFullError("The disk is full."))
        return failed
