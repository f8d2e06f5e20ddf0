"""Which answers are still owed, so that nobody waits for a world that was closed."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import InvalidStateError
from typing import TYPE_CHECKING, Any, TypeVar

from wf_notebook.threads import Pending

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from wf_notebook.errors import WorldClosedError

T = TypeVar("T")


class Promises:
    """The futures that an open world has handed out and not resolved yet; for any thread."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._owed: set[Future[Any]] = set()
        self._over: Callable[[], WorldClosedError] | None = None

    def give(self, future: Future[T]) -> Future[T]:
        """Return a future that will be resolved, if need be by the end.

        Raises:
            WorldClosedError: that was the end.
        """
        with self._gate:
            if self._over is not None:
                raise self._over()
            self._owed.add(future)
        future.add_done_callback(self._owed.discard)
        return future

    def follow(self, source: Future[T]) -> Future[T]:
        """Return a future that is resolved as another one is, and whose cancelling cancels that.

        Raises:
            WorldClosedError: that was the end.
        """
        future: Future[T] = self.give(Pending())
        future.add_done_callback(lambda done: done.cancelled() and source.cancel())
        source.add_done_callback(lambda done: _copy(done, future))
        return future

    def end(self, error: Callable[[], WorldClosedError]) -> None:
        """Resolve what is still owed with an error, and promise nothing more."""
        with self._gate:
            self._over = error
            owed = list(self._owed)
        for future in owed:
            with contextlib.suppress(InvalidStateError):  # resolved or cancelled just now
                future.set_exception(error())


def _copy(source: Future[T], to: Future[T]) -> None:
    with contextlib.suppress(InvalidStateError):  # cancelled, or the world was closed
        if source.cancelled():
            to.cancel()
        elif (error := source.exception()) is not None:
            to.set_exception(error)
        else:
            to.set_result(source.result())
