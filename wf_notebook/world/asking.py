"""How are people's queries answered: on a connection with the views, where payloads can be opened?"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from wf_notebook.errors import WorkflowError, WorldQueryError
from wf_notebook.world.reader import Payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.world.connection import Connection, Question, Row
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.tables import Table


class Asking:
    """Two connections: one answers queries, on one thread; the other serves what these call.

    Nothing is made on them before the first query.

    Args:
        writing: a connection to the world.
        keyring: opens what is sealed.
    """

    def __init__(self, writing: Connection, keyring: Keyring) -> None:
        self._keyring = keyring
        self._connection = writing.cursor()
        self._inner = writing.cursor()
        self._inner_free = threading.Lock()  # a query may call from several threads of DuckDB's
        self._equipped = False
        self._failure: WorkflowError | None = None

    def select(self, question: Question, stopped: Callable[[], bool]) -> Table:
        """Answer a query.

        Raises:
            WorldQueryError: it is not one SELECT or EXPLAIN, was refused or stopped, or gives too
                many rows.
            WorldKeyError, WorldDamagedError: a payload that it opens does not open.
        """
        if not self._equipped:
            self._connection.equip(self._opened)
            self._equipped = True
        self._failure = None
        try:
            return self._connection.select(question, stopped)
        except WorldQueryError:
            if self._failure is not None:
                raise self._failure from None  # what DuckDB only quotes
            raise

    def _opened(
        self, run_id: str, event_id: str, sealed: bytes, key_id: str, wrapped: bytes
    ) -> str:
        """Return the sealed part of an event as JSON text; DuckDB calls it, on any thread."""
        stored: list[Row] = [(key_id, wrapped)] if wrapped else []

        def found(_sql: str, _parameters: list[object]) -> list[Row]:
            return stored

        try:
            key = self._keyring.get(run_id, found)
            tree = Payloads(run_id, key, self._query).opened(event_id, sealed)
        except WorkflowError as error:
            self._failure = self._failure or error
            raise
        return json.dumps(tree, ensure_ascii=False)

    def _query(self, sql: str, parameters: list[object]) -> list[tuple[Any, ...]]:
        with self._inner_free:
            return self._inner.inside(sql, parameters)

    def interrupt(self) -> None:
        """Stop the query that another thread is running."""
        self._connection.interrupt()

    def close(self) -> None:
        """Let go of both connections."""
        self._inner.close()
        self._connection.close()
