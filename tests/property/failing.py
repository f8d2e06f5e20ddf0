"""A store whose n-th call fails: before it has had any effect, or after."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from wf_notebook.errors import WorldFullError

if TYPE_CHECKING:
    from wf_notebook.world.store import EventStore

CALLS = frozenset(
    {"commit", "read", "definition", "unfinished", "token_owner", "hook_history", "children"}
)


class FailingCalls:
    """Another store, one of whose calls fails (an `EventStore`).

    Args:
        store: what the calls go to.
        n: which call fails, from 1; 0 for none.
        written: whether it has had its effect all the same.

    Attributes:
        count: how many calls were made.
    """

    def __init__(self, store: EventStore, n: int = 0, *, written: bool = False) -> None:
        self._store = store
        self._n = n
        self._written = written
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return found if name not in CALLS else lambda *given, **more: self._call(found, given, more)

    def _call(self, call: Any, given: Any, more: Any) -> Future[Any]:
        self.count += 1
        if self.count != self._n:
            future: Future[Any] = call(*given, **more)
            return future
        if self._written:
            call(*given, **more).result(timeout=60)
        failed: Future[Any] = Future()
        failed.set_exception(WorldFullError("The disk is full."))
        return failed
