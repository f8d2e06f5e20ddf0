"""DuckDB under a world: connections that are locked down, and what its errors come to.

The only module that imports DuckDB. A connection sees no files but its own, no extensions, and no
settings that change.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import duckdb

from wf_notebook.errors import WorldQueryError
from wf_notebook.world.connection import CONFIG
from wf_notebook.world.duckdb_errors import refusal, world_error
from wf_notebook.world.paths import MEMORY, WAL_SUFFIX, make_private
from wf_notebook.world.tables import INSTALL, Table
from wf_notebook.world.upkeep import REWRITTEN
from wf_notebook.world.views import OPENED, TAKES, advice, payload_macro, preparing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from wf_notebook.world.connection import Opener, Question, Statement

__all__ = ["ENGINE", "Connection", "copied"]

ENGINE: Final = duckdb.__version__
_STORAGE: Final = str(CONFIG["storage_compatibility_version"])
_SELECTS: Final = ("SELECT", "EXPLAIN")
_PAGE: Final = 10_000  # rows that are fetched at a time
_LACKS_PAYLOAD: Final = "Function with name payload"
_BEGIN: Final[Statement] = ("begin", [])
_COMMIT: Final[Statement] = ("commit", [])
_FATAL: Final = (duckdb.FatalException, duckdb.InternalException)  # after these: open it again


class _Pair(NamedTuple):
    """DuckDB's connections under one of ours.

    Attributes:
        reads: for questions.
        writes: for transactions. Without an optimizer, which takes a sixth of a small commit to find
            that there is nothing to be done about an insert.
    """

    reads: duckdb.DuckDBPyConnection
    writes: duckdb.DuckDBPyConnection

    def close(self) -> None:
        self.writes.close()
        self.reads.close()


class _Database:
    """The file under some connections, opened again after DuckDB has given it up.

    A checkpoint that finds no space is fatal to DuckDB: nothing is lost, but it answers nothing
    more until its last connection is closed.
    """

    def __init__(self, path: str, *, read_only: bool) -> None:
        self.path = path
        self.users: list[Connection] = []
        self._read_only = read_only
        self._given_up = False
        self._gate = threading.Lock()

    def connect(self) -> _Pair:
        """Open the file, or make it, locked down; raises WorldError."""
        try:
            if self._read_only:
                config = {**CONFIG, "lock_configuration": "true"}
                reads = duckdb.connect(self.path, read_only=True, config=config)
                return _Pair(reads, reads)
            reads = duckdb.connect(self.path, config=CONFIG)
            reads.execute("pragma disable_checkpoint_on_shutdown")
            writes = reads.cursor()
            writes.execute("pragma disable_optimizer")
            reads.execute("set lock_configuration = true")
        except duckdb.Error as error:
            raise refusal(error, self.path) from error
        return _Pair(reads, writes)

    def failed(self, error: BaseException) -> None:
        """Note an error of a connection."""
        if isinstance(error, _FATAL) and self.path != MEMORY:
            self._given_up = True

    def ready(self) -> None:
        """Open the file again if it was given up; raises WorldError, and may be asked again."""
        if self._given_up:
            self._open_again()

    def _open_again(self) -> None:
        with self._gate, contextlib.ExitStack() as stack:
            for user in self.users:
                stack.enter_context(user.in_use)
            if not self._given_up or not self.users:
                return  # another thread has done it, or all were closed
            for user in self.users:
                user.pair.close()
            first, *others = self.users
            first.pair = self.connect()
            for user in others:
                user.pair = first.another()
            for user in self.users:
                user.equip_again()
            self._given_up = False


class Connection:
    """One connection to a world file; used by one thread.

    Attributes:
        statements: how many were run.
        pair: DuckDB's own.
        in_use: held while they are working.
    """

    def __init__(self, pair: _Pair, database: _Database) -> None:
        self.statements = 0
        self.path = database.path
        self.pair = pair
        self.in_use = threading.Lock()
        self._database = database
        self._wal_is_private = self.path == MEMORY
        self._parsed: dict[str, duckdb.Statement] = {}
        self._gate = threading.Lock()
        self._may_stop = False
        self._opener: Opener | None = None
        self._opens = False
        database.users.append(self)

    @classmethod
    def open(cls, path: str, *, read_only: bool = False) -> Connection:
        """Open a file, or make it, locked down.

        Raises:
            WorldError: it does not open.
        """
        database = _Database(path, read_only=read_only)
        return cls(database.connect(), database)

    def cursor(self) -> Connection:
        """Return another connection to the same file, for another thread."""
        with self._working():
            return Connection(self.another(), self._database)

    def another(self) -> _Pair:
        """Return DuckDB's own for another connection, which is asked only."""
        reads = self.pair.reads.cursor()
        return _Pair(reads, reads)

    @contextlib.contextmanager
    def _working(self) -> Generator[None]:
        """Inside, the connection is open, and stays what it is."""
        self._database.ready()
        with self.in_use:
            try:
                yield
            except duckdb.Error as error:
                self._database.failed(error)
                raise

    def query(self, sql: str, parameters: list[object]) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raises:
            WorldError: it failed.
        """
        self.statements += 1
        try:
            with self._working():
                return self.pair.reads.execute(sql, parameters).fetchall()
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
            with self._working(), self._rolled_back():
                for sql, parameters in framed:
                    self.statements += 1
                    self.pair.writes.execute(self._statement(sql), parameters)
        except duckdb.Error as error:
            raise world_error(error, f"Writing to {self.path}") from error
        if not self._wal_is_private:
            make_private(self.path + WAL_SUFFIX)
            self._wal_is_private = True

    def _statement(self, sql: str) -> duckdb.Statement:
        """Parse a text once: there are few, and parsing takes a seventh of a small commit."""
        if sql not in self._parsed:
            (self._parsed[sql],) = self.pair.writes.extract_statements(sql)
        return self._parsed[sql]

    @contextlib.contextmanager
    def _rolled_back(self) -> Generator[None]:
        """What breaks inside leaves no transaction behind."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # there may be nothing left to roll back
                self.pair.writes.execute("rollback")
            raise

    def inside(self, sql: str, parameters: list[object]) -> list[tuple[Any, ...]]:
        """Run one statement for a query that is running on another connection.

        That one is in use, and so the file stays what it is; to open it again here would wait for it.

        Raises:
            WorldError: it failed.
        """
        try:
            return self.pair.reads.execute(sql, parameters).fetchall()
        except duckdb.Error as error:
            raise world_error(error, f"Reading {self.path}") from error

    def equip(self, opener: Opener) -> None:
        """Make the views on it, and `payload`, which calls `opener`.

        Without NumPy, which DuckDB takes for functions, there is no `payload`.

        Raises:
            WorldError: it failed.
        """
        self._opener = opener
        try:
            with self._working():
                self.equip_again()
        except duckdb.Error as error:
            raise world_error(error, f"Reading {self.path}") from error

    def equip_again(self) -> None:
        """Make on a connection that was opened again what there was on it."""
        if self._opener is None:
            return
        found = "select table_name from duckdb_tables() where not internal and not temporary"
        tables = [name for (name,) in self.pair.reads.execute(found).fetchall()]
        for statement in preparing(tables):
            self.pair.reads.execute(statement)
        untyped: Any = self.pair.reads
        try:
            untyped.create_function(OPENED, self._opener, list(TAKES), "VARCHAR", side_effects=True)
        except duckdb.InvalidInputException as error:
            if "numpy" not in str(error):
                raise
        else:
            self.pair.reads.execute(payload_macro())
            self._opens = True

    def select(self, question: Question, stopped: Callable[[], bool]) -> Table:
        """Run what must be one SELECT or EXPLAIN, in a transaction that cannot write.

        Args:
            question: the query.
            stopped: whether it was given up.

        Raises:
            WorldQueryError: it is something else, gives too many rows, was stopped, or DuckDB
                refuses it.
        """
        try:
            with self._working():
                return self._select(question, stopped)
        except (duckdb.Error, ImportError, ValueError, OverflowError) as error:
            if stopped():
                raise WorldQueryError("The query was stopped.", hint="Ask it again.") from None
            said = f"The query failed: {error}\n"  # its last line points at the place
            raise WorldQueryError(said, hint=self._advice(error)) from error

    def _advice(self, error: Exception) -> str:
        if _LACKS_PAYLOAD in str(error) and not self._opens:
            return f"payload() needs NumPy. {INSTALL}"
        return advice(str(error))

    def _select(self, question: Question, stopped: Callable[[], bool]) -> Table:
        self._check(question.text)
        given = question.parameters
        self.pair.reads.execute("begin transaction read only")
        try:
            with self._stoppable():
                if stopped():
                    raise ValueError
                named = dict(given) if isinstance(given, Mapping) else list(given)
                found = self.pair.reads.execute(question.text, named)
                columns = [(str(column[0]), str(column[1])) for column in found.description]
                rows = _rows(found, question.most, stopped)
        finally:
            self.pair.reads.execute("rollback")
        return Table(tuple(n for n, _ in columns), rows, tuple(kind for _, kind in columns))

    def _check(self, sql: str) -> None:
        kinds = [statement.type.name for statement in self.pair.reads.extract_statements(sql)]
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
                self.pair.reads.interrupt()

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
        """Let go of it. Idempotent."""
        if self in self._database.users:
            self._database.users.remove(self)
        self.pair.close()


def _rows(found: Any, most: int, stopped: Callable[[], bool]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    while len(rows) <= most and (page := found.fetchmany(min(_PAGE, most + 1))):
        if stopped():
            raise ValueError
        rows += page
    if len(rows) > most:
        raise WorldQueryError(
            f"The query gives more than {most:,} rows, which is the most that one may give here.",
            hint="Aggregate in the query, or add LIMIT and OFFSET.",
        )
    return rows


def copied(path: str, target: str) -> None:
    """Copy a world that nobody has open into a new file; see `connection.Copy`."""
    config = {k: v for k, v in CONFIG.items() if k != "enable_external_access"}
    try:
        with contextlib.closing(duckdb.connect(MEMORY, config=config)) as connection:
            for statement in _copying(path, target):
                connection.execute(statement)
    except duckdb.Error as error:
        raise world_error(error, f"Copying {path}") from error


def _copying(path: str, target: str) -> list[str]:
    """Return the statements that copy a world, with no right to any other file."""
    logs = [target + ending for ending in (".wal", ".wal.checkpoint", ".wal.recovery")]
    files = ", ".join(map(_quoted, [path, path + ".wal", path + ".tmp", target, *logs]))
    return [
        f"set temp_directory = {_quoted(path + '.tmp')}",
        f"set allowed_paths = [{files}]",
        "set enable_external_access = false",
        "set lock_configuration = true",
        f"attach {_quoted(path)} as source (read_only)",
        f"attach {_quoted(target)} as target (storage_version {_quoted(_STORAGE)})",
        "copy from database source to target",
        REWRITTEN,
        "checkpoint target",
        "detach source",
        "detach target",
    ]


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
