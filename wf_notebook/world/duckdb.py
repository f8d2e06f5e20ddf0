"""The world in a DuckDB file: one file, one owner, one thread that writes.

DuckDB is only ever called on the threads `wf-world` and `wf-read`, never on the one that runs
cells: an interrupt there must not hit it. It is locked down: no files but its own, no extensions,
no settings that change.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Final, TypeVar

import duckdb

from wf_notebook.clock import SystemClock, iso
from wf_notebook.errors import (
    PayloadError,
    WorldClosedError,
    WorldError,
    WorldKeyError,
    WorldPathError,
    WorldQueryError,
)
from wf_notebook.world.connection import CONFIG, Table
from wf_notebook.world.duckdb_errors import refusal, world_error
from wf_notebook.world.keyring import Keyring
from wf_notebook.world.keys import key_for_new, missing_key
from wf_notebook.world.lock import acquire
from wf_notebook.world.paths import MEMORY, exists, make_private, prepare, world_path
from wf_notebook.world.rows import packed
from wf_notebook.world.vault import Vault, key_id
from wf_notebook.world.worldfile import WorldFile
from wf_notebook.world.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from os import PathLike

    from wf_notebook.clock import Clock
    from wf_notebook.guest.values import Tree
    from wf_notebook.world.connection import Statement
    from wf_notebook.world.events import Event
    from wf_notebook.world.keys import KeyProvider
    from wf_notebook.world.lock import OwnerLock
    from wf_notebook.world.reader import Reader
    from wf_notebook.world.store import Append, Chunk, RunRow

__all__ = ["DuckDBStore", "Table"]

T = TypeVar("T")

_NUDGE_SECONDS: Final = 0.1
_SELECTS: Final = ("SELECT", "EXPLAIN")
_BEGIN: Final[Statement] = ("begin", [])
_COMMIT: Final[Statement] = ("commit", [])


class Connection:
    """One connection to a world file; used by one thread.

    Attributes:
        statements: how many were run.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: str) -> None:
        self.statements = 0
        self.path = path
        self._connection = connection
        self._wal_is_private = path == MEMORY
        self._gate = threading.Lock()
        self._may_stop = False

    @classmethod
    def open(cls, path: str, *, read_only: bool = False) -> Connection:
        """Open a file, or make it, locked down.

        Raises:
            WorldError: it does not open.
        """
        try:
            if read_only:
                config = {**CONFIG, "lock_configuration": "true"}
                return cls(duckdb.connect(path, read_only=True, config=config), path)
            connection = duckdb.connect(path, config=CONFIG)
            connection.execute("pragma disable_checkpoint_on_shutdown")
            connection.execute("set lock_configuration = true")
        except duckdb.Error as error:
            raise refusal(error, path) from error
        return cls(connection, path)

    def cursor(self) -> Connection:
        """Return another connection to the same file, for another thread."""
        return Connection(self._connection.cursor(), self.path)

    def query(self, sql: str, parameters: list[object]) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raises:
            WorldError: it failed.
        """
        self.statements += 1
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise world_error(error, f"Reading {self.path}") from error

    def write(self, statements: Sequence[Statement]) -> None:
        """Run statements in one transaction, which is durable when this returns.

        Raises:
            WorldError: it failed, and was rolled back.
        """
        several = len(statements) > 1
        framed = [_BEGIN, *statements, _COMMIT] if several else statements
        try:
            for sql, parameters in framed:
                self.statements += 1
                self._connection.execute(sql, parameters)
        except BaseException as error:
            with contextlib.suppress(duckdb.Error):  # there may be nothing left to roll back
                self._connection.execute("rollback")
            if isinstance(error, duckdb.Error):
                raise world_error(error, f"Writing to {self.path}") from error
            raise
        if not self._wal_is_private:
            make_private(self.path + ".wal")
            self._wal_is_private = True

    def select(self, sql: str) -> Table:
        """Run what must be one SELECT or EXPLAIN, in a transaction that cannot write.

        Raises:
            WorldQueryError: it is something else, or DuckDB refuses it.
        """
        try:
            self._check(sql)
            self._connection.execute("begin transaction read only")
            try:
                with self._stoppable():
                    found = self._connection.execute(sql)
                    columns = tuple(str(column[0]) for column in found.description)
                    return Table(columns, found.fetchall())
            finally:
                self._connection.execute("rollback")
        except (duckdb.Error, ImportError, ValueError, OverflowError) as error:
            raise WorldQueryError(
                f"The query failed: {error}", hint="Tables and views: show tables."
            ) from error

    def _check(self, sql: str) -> None:
        kinds = [statement.type.name for statement in self._connection.extract_statements(sql)]
        if len(kinds) != 1 or kinds[0] not in _SELECTS:
            found = ", ".join(kinds) or "nothing"
            raise WorldQueryError(
                f"A query is exactly one SELECT or EXPLAIN; this is {found}.",
                hint="What a world holds is changed by its runs only.",
            )

    def checkpoint(self) -> None:
        """Move the log into the file.

        Raises:
            WorldError: it failed; the log still holds everything.
        """
        self.query("checkpoint", [])
        self._wal_is_private = self.path == MEMORY  # the next one is a new file

    def interrupt(self) -> None:
        """Stop the query that another thread is running on it."""
        with self._gate:
            if self._may_stop:
                self._connection.interrupt()

    @contextlib.contextmanager
    def _stoppable(self) -> Generator[None]:
        """An interrupt may hit what is inside; outside it might hit a rollback."""
        self._may_stop = True
        try:
            yield
        finally:
            with self._gate:
                self._may_stop = False

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


class DuckDBStore:
    """An `EventStore` in a DuckDB file; see `open`.

    Attributes:
        path: the real path, or ":memory:".
        read_only: whether nothing can be appended.
        world_id: random, made with the world.
        key_id: the name of the master key that the world is sealed with.
        locked: why payloads can neither be opened nor written, or None.
    """

    def __init__(self, path: str, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.world_id = ""
        self.key_id = ""
        self.locked: WorldKeyError | None = None
        self._lock: OwnerLock | None = None
        self._pid = os.getpid()
        self._closing = False
        self._file = WorldFile(path, Connection.open, read_only=read_only)
        self._writer = Writer(self._file.commit, self._file.idle)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="wf-read")

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        key_provider: KeyProvider,
        read_only: bool = False,
        owner: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> DuckDBStore:
        """Open a world, or make it if there is no file.

        Args:
            path: a local file, or ":memory:".
            key_provider: gives the master key; a world whose key it lacks opens `locked`: lists
                and queries work, payloads don't.
            read_only: no file is made or changed; not while somebody owns the world.
            owner: JSON for the lock file, such as `notebook` and `kernel`.
            clock: for the times of its creation and of the lock.

        Raises:
            WorldPathError: not a path of a local file, or not a world of ours.
            WorldLockedError: somebody else has it open, or this process has.
            WorldDamagedError, WorldVersionError: it cannot be read; it was left as it is.
            WorldKeyError: what should be a key isn't one.
        """
        place = world_path(path)
        now_us = (clock or SystemClock()).now_us()
        if read_only and not exists(place):
            raise WorldPathError(f"There is no world at {place} to be read.")
        store = cls(place, read_only=read_only)
        try:
            store._own({"pid": os.getpid(), "since": iso(now_us), **(owner or {})})
            store._open(key_provider, now_us)
        except BaseException:
            store.close()
            raise
        atexit.register(store.close)
        return store

    # --- what the engine asks ----------------------------------------------------------------

    @property
    def commits(self) -> int:
        """Group commits since it was opened."""
        return self._file.committer.commits if self._file.committer else 0

    @property
    def sealed(self) -> bool:
        """Whether the key is here: what is secret is always encrypted."""
        return self.locked is None

    @property
    def statements(self) -> int:
        """Statements that the writing thread ran since it was opened, BEGIN and COMMIT included."""
        return self._file.writing.statements if self._file.writing else 0

    def commit(self, append: Append) -> Future[tuple[Event, ...]]:
        """Write an append; see `EventStore.commit`."""
        if self.read_only:
            return _failed(WorldError(f"{self.path} was opened for reading only."))
        try:
            item = packed(append)
        except PayloadError as error:
            return _failed(error)
        return self._writer.commit(item)

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        """The run's events; see `EventStore.read`."""
        return self._read(lambda reader: reader.events(run_id, after, until))

    def definition(self, run_id: str) -> Future[Mapping[str, Tree]]:
        """The definition of a run; see `EventStore.definition`."""
        return self._read(lambda reader: reader.definition(run_id))

    def unfinished(self) -> Future[Sequence[RunRow]]:
        """Runs without a terminal event, oldest first."""
        return self._read(lambda reader: reader.unfinished())

    def runs(
        self, *, status: str | None = None, workflow_id: str | None = None, limit: int | None = 50
    ) -> Future[Sequence[RunRow]]:
        """Runs, newest first."""
        return self._read(lambda reader: reader.runs(status, workflow_id, limit))

    def token_owner(self, token: str) -> Future[tuple[str, str] | None]:
        """`(run_id, correlation_id)` of the open hook with that token, or None."""
        return self._writer.call(lambda: self._file.heads.tokens.get(token))

    def hook_history(self, token: str) -> Future[Sequence[Mapping[str, Any]]]:
        """Past and present hooks with that token, newest first."""
        return self._read(lambda reader: reader.hook_history(token))

    def children(self, run_id: str) -> Future[Sequence[str]]:
        """Ids of the runs that steps of a run have started, oldest first."""
        return self._read(lambda reader: reader.children(run_id))

    def chunks(
        self, run_id: str, stream: str, start: int = 0, *, limit: int | None = None
    ) -> Future[Sequence[Chunk]]:
        """The stream's chunks from index `start`, or the last `-start`; at most `limit`."""
        return self._read(lambda reader: reader.chunks(run_id, stream, start, limit))

    def streams(self, run_id: str) -> Future[Mapping[str, int]]:
        """Name to next index of each stream of a run that has chunks."""
        return self._read(lambda reader: reader.streams(run_id))

    def sql(self, query: str) -> Future[Table]:
        """Answer one SELECT or EXPLAIN over the tables and views.

        The future fails with WorldQueryError when it is something else or DuckDB refuses it.
        """
        return self._submit(lambda: self._file.loaded_queries.select(query))

    def interrupt(self) -> None:
        """Stop the query that is running."""
        if self._file.queries is not None:
            self._file.queries.interrupt()

    def close(self) -> None:
        """Write what was handed in, stop queries, move the log into the file, and let go of it.

        Idempotent. In a child made by fork it does nothing: the world is the parent's.
        """
        if os.getpid() != self._pid:
            return
        self._closing = True
        self._stop_reading()
        self._writer.close(self._let_go)
        atexit.unregister(self.close)

    def _stop_reading(self) -> None:
        """Wait for `wf-read` to end; a query that began while it was told to is told again."""
        done = self._submit(lambda: None)
        self._reading.shutdown(wait=False)
        while not done.done():
            self.interrupt()
            wait([done], timeout=_NUDGE_SECONDS)
        self._reading.shutdown()

    def _own(self, owner: Mapping[str, Any]) -> None:
        if self.path == MEMORY:
            return
        if not self.read_only:
            prepare(self.path)
        self._lock = acquire(self.path, owner, shared=self.read_only)

    def _open(self, provider: KeyProvider, now_us: int) -> None:
        file, writer = self._file, self._writer
        # Keys are asked for on the caller's thread: a provider may want to ask the user.
        if exists(self.path):
            found = writer.call(file.open).result()
            master = provider.master_key(found.key_id)
        else:
            master = key_for_new(provider)
            engine = duckdb.__version__
            found = writer.call(lambda: file.make(master, now_us=now_us, engine=engine)).result()
        self.world_id, self.key_id = found.world_id, found.key_id
        vault = None
        if master is not None and key_id(master) == found.key_id:
            vault = Vault(found.world_id, master)
        else:
            self.locked = missing_key(self.path, found.key_id, provider, given=master)
        writer.call(lambda: file.load(Keyring(vault, self.locked))).result()

    def _read(self, answer: Callable[[Reader], T]) -> Future[T]:
        return self._submit(lambda: answer(self._file.loaded_reader))

    def _submit(self, answer: Callable[[], T]) -> Future[T]:
        try:
            return self._reading.submit(self._answer, answer)
        except RuntimeError:  # the executor was shut down
            return _failed(WorldClosedError("The world is closed."))

    def _answer(self, answer: Callable[[], T]) -> T:
        """Runs on `wf-read`."""
        try:
            if not self._closing:
                return answer()
        except WorldError:
            if not self._closing:
                raise
        raise WorldClosedError("The world is closed.")

    def _let_go(self) -> None:
        try:
            self._file.close()
        finally:
            if self._lock is not None:
                self._lock.release()


def _failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future
