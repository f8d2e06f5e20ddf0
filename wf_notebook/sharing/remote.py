"""A world that another process owns, as a store: what is read is asked of the owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from wf_notebook.errors import PayloadError, WorldClosedError, WorldError
from wf_notebook.guest.values import Unencodable, decode, encode
from wf_notebook.sharing import protocol
from wf_notebook.threads import failed, resolved, run_on
from wf_notebook.world.connection import ROWS
from wf_notebook.world.tables import Table

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from wf_notebook.guest.values import Tree
    from wf_notebook.sharing.line import Line, Reply
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import Append, Chunk, Review, RunRow

T = TypeVar("T")


class RemoteStore:
    """An `EventStore` that reads what the owner reads, and writes nothing itself.

    Args:
        line: to the owner.
        loop: the engine's, where the line lives.
    """

    def __init__(self, line: Line, loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._loop = loop

    @property
    def world_id(self) -> str:
        """The world's id."""
        return self._line.world_id

    @property
    def commits(self) -> int:
        """None: the owner makes them."""
        return 0

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        """Refuse: only the owner appends."""
        return failed(WorldError(f"Run {append.run_id} is moved by the owner of its world."))

    @property
    def sealed(self) -> bool:
        """Whether the owner has the key, and what is secret is encrypted."""
        return self._line.sealed

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        """The run's events; see `EventStore.read`."""
        ask = protocol.Read(run=run_id, after=after, until=until)
        return self._ask(ask, lambda reply: protocol.events(reply.items))

    def outline(self, run_id: str) -> Future[Sequence[Event]]:
        """The run's events without their sealed part; see `EventStore.outline`."""
        ask = protocol.Outline(run=run_id)
        return self._ask(ask, lambda reply: protocol.events(reply.items))

    def forget(self, run_ids: Sequence[str], *, now_us: int) -> Future[None]:  # noqa: ARG002 - the owner has a clock
        """Have the owner erase runs; see `EventStore.forget`."""
        return self._ask(protocol.Forget(runs=list(run_ids)), _nothing)

    def short_logs(
        self,
        run_ids: Sequence[str],  # noqa: ARG002 - none
        *,
        plain: bool = False,  # noqa: ARG002 - none
    ) -> Future[Mapping[str, Sequence[Event]]]:
        """None: whoever moves runs reads many at once, and that is the owner."""
        return resolved({})

    def definition(self, run_id: str) -> Future[Mapping[str, Tree]]:
        """The definition of a run; see `EventStore.definition`."""
        return self._ask(protocol.ReadDefinition(run=run_id), _value)

    def definitions(self, run_ids: Sequence[str]) -> Future[Mapping[str, Mapping[str, Tree]]]:  # noqa: ARG002 - none
        """None: each is asked for by itself."""
        return resolved({})

    def sign(self, run_id: str, text: str) -> Future[str]:
        """Have the owner sign a text; see `EventStore.sign`."""
        return self._ask(protocol.Sign(run=run_id, text=text), _value)

    def unfinished(self) -> Future[Sequence[RunRow]]:
        """Runs without a terminal event, oldest first."""
        return self._ask(protocol.Unfinished(), lambda reply: protocol.run_rows(reply.items))

    def runs(
        self, *, status: str | None = None, workflow_id: str | None = None, limit: int | None = 50
    ) -> Future[Sequence[RunRow]]:
        """Runs, newest first."""
        ask = protocol.Runs(status=status, workflow_id=workflow_id, limit=limit)
        return self._ask(ask, lambda reply: protocol.run_rows(reply.items))

    def token_owner(self, token: str) -> Future[tuple[str, str] | None]:
        """`(run_id, correlation_id)` of the open hook with that token, or None."""
        return self._ask(protocol.TokenOwner(token=token), _pair)

    def hook_history(self, token: str) -> Future[Sequence[Mapping[str, Any]]]:
        """Past and present hooks with that token, newest first."""
        return self._ask(protocol.HookHistory(token=token), lambda reply: reply.items)

    def children(self, run_id: str) -> Future[Sequence[str]]:
        """Ids of the runs that steps of a run have started, oldest first."""
        return self._ask(protocol.Children(run=run_id), lambda reply: reply.items)

    def chunks(
        self, run_id: str, stream: str, start: int = 0, *, limit: int | None = None
    ) -> Future[Sequence[Chunk]]:
        """The stream's chunks from index `start`, or the last `-start`; at most `limit`."""
        ask = protocol.Chunks(run=run_id, stream=stream, start=start, limit=limit)
        return self._ask(ask, lambda reply: protocol.chunks(reply.items))

    def streams(self, run_id: str) -> Future[Mapping[str, int]]:
        """Name to next index of each stream of a run that has chunks."""
        return self._ask(protocol.Streams(run=run_id), _value)

    def keep(self, review: Review) -> Future[Review]:
        """Have the owner write a review; see `EventStore.keep`."""
        return self._ask(protocol.keep(review), lambda reply: protocol.reviews(reply.items)[0])

    def reviews(
        self, *, kind: str | None = None, name: str | None = None, source_hash: str | None = None
    ) -> Future[Sequence[Review]]:
        """Reviews, newest first; see `EventStore.reviews`."""
        ask = protocol.Reviews(kind=kind, name=name, source_hash=source_hash)
        return self._ask(ask, lambda reply: protocol.reviews(reply.items))

    def forget_reviews(self, name: str, *, now_us: int) -> Future[None]:  # noqa: ARG002 - the owner has a clock
        """Have the owner erase the records of a name; see `EventStore.forget_reviews`."""
        return self._ask(protocol.ForgetReviews(name=name), _nothing)

    def sql(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        most: int = ROWS,
        name: str = "",
    ) -> Future[Table]:
        """Answer one SELECT or EXPLAIN; fails as it does at the owner's. See `Queried.sql`."""
        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        try:
            tree = encode(given)
        except Unencodable as error:
            return failed(PayloadError(f"A parameter of the query: {error}.", path=error.path))
        return self._ask(protocol.Sql(query=query, parameters=tree, most=most, name=name), _table)

    def stop(self, name: str) -> None:
        """Have the owner stop a query."""
        self._ask(protocol.StopSql(name=name), _nothing)

    def close(self) -> None:
        """Nothing: the line is closed by whoever follows."""

    def _ask(self, ask: protocol.Ask, read: Callable[[Reply], T]) -> Future[T]:
        async def answer() -> T:
            return read(await self._line.ask(ask))

        try:
            return run_on(self._loop, answer())
        except RuntimeError:  # the loop has ended
            return failed(WorldClosedError("The world was closed."))


def _nothing(_reply: Reply) -> None:
    """There is no more to an answer than that it was given."""


def _value(reply: Reply) -> Any:
    return reply.value


def _pair(reply: Reply) -> tuple[str, str] | None:
    found = cast("list[str] | None", reply.value)
    return None if found is None else (found[0], found[1])


def _table(reply: Reply) -> Table:
    head = protocol.table_head(reply.value)
    rows = [cast("tuple[Any, ...]", decode(row)) for row in reply.items]
    return Table(tuple(head.columns), rows, tuple(head.types))
