"""How does the owner of a world answer the queries of others, and stop them when they have gone?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, assert_never, cast

from wf_notebook.errors import PayloadError, WorldError, WorldQueryError
from wf_notebook.guest.values import Unencodable, decode, encode, is_tree
from wf_notebook.sharing import protocol
from wf_notebook.sharing.frames import pack
from wf_notebook.sharing.line import Reply
from wf_notebook.world.queries import NUDGE_SECONDS
from wf_notebook.world.store import Queried

if TYPE_CHECKING:
    from concurrent.futures import Future

    from wf_notebook.engine.host import Host
    from wf_notebook.world.tables import Table

ROWS: Final = 200_000  # that pass between two processes in answer to one query
BYTES: Final = 64 << 20


class Enquiries:
    """The queries that others have asked. Lives on the engine's loop.

    Args:
        host: the engine at work on the world.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._asked: dict[str, Future[Table]] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    async def answer(self, ask: protocol.Sql | protocol.StopSql) -> Reply:
        """Answer a query, or stop one.

        Raises:
            WorldQueryError: it was refused or stopped, or its answer is too large to pass.
            WorldError: a payload that it opens does not open.
        """
        match ask:
            case protocol.Sql():
                return await self._sql(ask)
            case protocol.StopSql(name=name):
                self._stop(name)
                return Reply()
            case _:
                assert_never(ask)

    async def _sql(self, ask: protocol.Sql) -> Reply:
        store = self._store()
        if not is_tree(ask.parameters):
            raise PayloadError("These are no parameters of a query.", path="parameters")
        given = cast("Any", decode(ask.parameters)) or ()
        found = store.sql(ask.query, given, most=min(ask.most, ROWS), name=ask.name)
        self._asked[ask.name] = found
        try:
            table = await asyncio.wrap_future(found)
            rows = await asyncio.to_thread(_crossing, table)
        except asyncio.CancelledError:  # who asked has hung up
            self._stop(ask.name)
            raise
        finally:
            if found.done():
                self._asked.pop(ask.name, None)
        return Reply({"columns": list(table.columns), "types": list(table.types)}, rows)

    def _store(self) -> Queried:
        store = self._host.store
        if not isinstance(store, Queried):
            raise WorldError("This world is not a DuckDB file, so there is no SQL over it.")
        return store

    def _stop(self, name: str) -> None:
        found = self._asked.pop(name, None)
        if found is not None:
            task = asyncio.ensure_future(self._stopped(name, found))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _stopped(self, name: str, found: Future[Table]) -> None:
        while not found.done():
            self._store().stop(name)
            await asyncio.sleep(NUDGE_SECONDS)


def _crossing(table: Table) -> list[Any]:
    """Return the rows as trees; off the loop, which would stand still meanwhile."""
    trees: list[Any] = []
    size = 0
    for row in table.rows:
        try:
            trees.append(encode(row))
        except Unencodable as error:
            raise WorldQueryError(
                f"A value of the answer does not pass between two processes: {error}.",
                hint="Cast it in the query, for instance to varchar.",
            ) from None
        size += len(pack(trees[-1]))
        if size > BYTES:
            raise WorldQueryError(
                f"The answer has more than {BYTES >> 20} MiB, too much to pass between two processes.",
                hint="Choose fewer columns, aggregate, or ask in the notebook that owns the world.",
            )
    return trees
