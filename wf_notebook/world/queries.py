"""Who answers people's queries, one after another, and how is one of them stopped?

They have a thread of their own, `wf-sql`: a slow one delays neither commits nor what the engine
reads.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from wf_notebook.errors import WorldClosedError, WorldError, WorldQueryError
from wf_notebook.threads import Worker, failed

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wf_notebook.world.connection import Question
    from wf_notebook.world.tables import Table
    from wf_notebook.world.worldfile import WorldFile

T = TypeVar("T")

NUDGE_SECONDS: Final = 0.1  # an interrupt that comes just before a query begins is lost


class Queries:
    """The queries of one open world.

    Args:
        file: the world.
    """

    def __init__(self, file: WorldFile) -> None:
        self._file = file
        self._thread = Worker("wf-sql")
        self._gate = threading.Lock()
        self._running: Question | None = None
        self._stopped = set[str]()
        self._closing = False

    def ask(self, question: Question) -> Future[Table]:
        """Answer a query; the future fails with what `Asking.select` raises."""
        return self.submit(lambda: self._answer(question))

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do something between two queries."""
        try:
            return self._thread.do(work)
        except RuntimeError:  # it has ended
            return failed(_closed())

    def _answer(self, question: Question) -> Table:
        """Runs on `wf-sql`."""

        def stopped() -> bool:
            return self._closing or question.name in self._stopped

        try:
            with self._gate:
                self._running = question
            if stopped():
                raise WorldQueryError("The query was stopped.", hint="Ask it again.")
            return self._file.loaded_asking.select(question, stopped)
        except WorldError:
            if self._closing:
                raise _closed() from None
            raise
        finally:
            with self._gate:
                self._running = None
                self._stopped.discard(question.name)

    def stop(self, name: str) -> None:
        """Stop the query of that name, if it is asked and not answered.

        Once may not be enough: whoever wants it to end repeats it until it has.
        """
        with self._gate:
            self._stopped.add(name)
            if self._running is not None and self._running.name == name:
                self._interrupt()

    def interrupt(self) -> None:
        """Stop the query that is running, if any."""
        with self._gate:
            if self._running is not None:
                self._interrupt()

    def _interrupt(self) -> None:
        if self._file.asking is not None:
            self._file.asking.interrupt()

    def close(self) -> None:
        """Answer no more: what runs is stopped, what waits is told."""
        self._closing = True
        done = self.submit(lambda: None)
        self._thread.close(wait=False)
        while not done.done():
            self.interrupt()
            with suppress(TimeoutError):
                done.exception(NUDGE_SECONDS)
        self._thread.close()


def _closed() -> WorldClosedError:
    return WorldClosedError("The world is closed.")
