"""What a suite of promises is: methods that hold for a store that somebody makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wf_notebook.world.store import EventStore


class Suite:
    """Methods `test_…`, each about a store of its own, with plain asserts; pytest collects them.

    Attributes:
        store: fresh and empty; made when it is first asked for, and closed after the promise.
    """

    _store: EventStore | None = None

    def make(self) -> EventStore:
        """Return a fresh, empty store; to be written by whoever has one."""
        raise NotImplementedError

    @property
    def store(self) -> EventStore:
        """The store that the promise is about."""
        if self._store is None:
            self._store = self.make()
        return self._store

    def teardown_method(self) -> None:
        """Close the store; pytest calls it after each promise."""
        if self._store is not None:
            self._store.close()
            self._store = None

    @classmethod
    def promises(cls) -> list[str]:
        """Return the names of all promises, sorted."""
        return sorted(name for name in dir(cls) if name.startswith("test_"))

    @classmethod
    def broken(cls, *names: str) -> dict[str, Exception]:
        """Try the promises of these names, else all, without pytest; return what the broken raise."""
        tried = {name: cls._tried(name) for name in names or cls.promises()}
        return {name: error for name, error in tried.items() if error is not None}

    @classmethod
    def _tried(cls, name: str) -> Exception | None:
        suite = cls()
        try:
            try:
                getattr(suite, name)()
            finally:
                suite.teardown_method()
        except Exception as error:  # noqa: BLE001 - it is the answer
            return error
        return None
