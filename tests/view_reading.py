"""A run as a view reads it, from a log that the test writes."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from wf_notebook.definition.compile import compile_definition
from wf_notebook.definition.steps import Step, StepOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.view_runs import Log
    from wf_notebook.definition.model import Definition
    from wf_notebook.views.model import Facts
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState

SOURCE = """\
async def refund(order):
    return await steps.charge(order)
"""


def charge(order: str) -> str:
    raise AssertionError(order)


def definition_of(source: str = SOURCE) -> Definition:
    report = compile_definition(source, steps={"charge": Step(charge, StepOptions())}, cell=True)
    assert report.definition is not None
    return report.definition


class PretendSource:
    """A `views.reading.Source`.

    Attributes:
        reads: which events were read, each time.
        error: what reading fails with, if set.
        looked: how often children were looked for.
    """

    def __init__(self, log: Log, source: str = SOURCE) -> None:
        self.log = log
        self.source = source
        self.reads: list[tuple[int, int | None]] = []
        self.error: Exception | None = None
        self.looked = 0

    @property
    def state(self) -> RunState:
        return self.log.state

    @property
    def facts(self) -> Facts:
        return self.log.facts()

    def events(self, after: int, until: int | None = None, /) -> Future[Sequence[Event]]:
        self.reads.append((after, until))
        return self._answer(self.log.events[after:until])

    def definition(self) -> Future[Definition]:
        return self._answer(definition_of(self.source))

    def find_children(self) -> Future[None]:
        self.looked += 1
        return self._answer(None)

    def _answer(self, result: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.error is None:
            future.set_result(result)
        else:
            future.set_exception(self.error)
        return future
