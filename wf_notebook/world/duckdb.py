"""The world in a DuckDB file: one file, one owner, one thread that writes.

DuckDB is only ever called on the threads `wf-world`, `wf-read` and `wf-sql`, never on the one that runs
cells: an interrupt there must not hit it.
"""

from __future__ import annotations

import atexit
import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from wf_notebook.clock import SystemClock, iso
from wf_notebook.errors import (
    PayloadError,
    WorldClosedError,
    WorldError,
    WorldKeyError,
    WorldPathError,
)
from wf_notebook.threads import Worker, failed, resolved
from wf_notebook.world.codec import unpack_chunk
from wf_notebook.world.connection import ROWS, Question
from wf_notebook.world.database import ENGINE, Connection, copied
from wf_notebook.world.keyring import Keyring
from wf_notebook.world.keys import NewKey, key_for_new, missing_key
from wf_notebook.world.lock import acquire
from wf_notebook.world.paths import (
    MEMORY,
    exists,
    prepare,
    unmake,
    world_path,
)
from wf_notebook.world.queries import Queries
from wf_notebook.world.renewal import Renewal
from wf_notebook.world.reviews import keeping
from wf_notebook.world.rows import packed
from wf_notebook.world.store import Chunk
from wf_notebook.world.vault import Vault, key_id
from wf_notebook.world.worldfile import WorldFile
from wf_notebook.world.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from os import PathLike

    from wf_notebook.clock import Clock
    from wf_notebook.errors import WorldDamagedError
    from wf_notebook.guest.values import Tree
    from wf_notebook.world.events import Event
    from wf_notebook.world.keys import KeyProvider
    from wf_notebook.world.lock import OwnerLock
    from wf_notebook.world.reader import Reader
    from wf_notebook.world.store import Append, Review, RunRow
    from wf_notebook.world.tables import Table

__all__ = ["DuckDBStore"]

T = TypeVar("T")


class DuckDBStore:
    """An `EventStore` in a DuckDB file; see `open`.

    Attributes:
        path: the real path, or ":memory:".
        read_only: whether nothing can be appended.
        world_id: random, made with the world.
        key_id: the name of the master key that the world is sealed with.
        key_provider: where that key was looked for.
        locked: why payloads can neither be opened nor written, or None.
    """

    def __init__(self, path: str, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.world_id = ""
        self.key_id = ""
        self.locked: WorldKeyError | None = None
        self.key_provider: KeyProvider = NewKey()
        self._lock: OwnerLock | None = None
        self._made: list[str] = []
        self._pid = os.getpid()
        self._closing = False
        self._file = WorldFile(path, Connection.open, read_only=read_only)
        self._renewal = Renewal(self._file, copied)
        self._reading = Worker("wf-read")
        self._queries = Queries(self._file)
        # Last, for its thread runs then: an interrupt before would leave it behind.
        self._writer = Writer(self._file.commit, self._file.idle)

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        key_provider: KeyProvider,
        read_only: bool = False,
        owner: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        accept_loss: bool = False,
    ) -> DuckDBStore:
        """Open a world, or make it if there is no file.

        Args:
            path: a local file, or ":memory:".
            key_provider: gives the master key; a world whose key it lacks opens `locked`: lists
                and queries work, payloads don't.
            read_only: no file is made or changed; not while somebody owns the world. Of a damaged
                one, what is whole.
            owner: JSON for the lock file, such as `notebook` and `kernel`.
            clock: for the times of its creation and of the lock.
            accept_loss: go on with what is whole of a damaged world; it is copied aside first.

        Raises:
            WorldPathError: not a path of a local file, or not a world of ours.
            WorldFullError: there is no room for it; nothing of it is left.
            WorldLockedError: somebody else has it open, or this process has.
            WorldDamagedError: it cannot be read, or its log is not what was written; it was left as
                it is, and copied aside.
            WorldVersionError: a later version wrote it; it was left as it is.
            WorldKeyError: what should be a key isn't one.
        """
        place = world_path(path)
        now_us = (clock or SystemClock()).now_us()
        if read_only and not exists(place):
            raise WorldPathError(
                f"There is no world at {place} to be read.",
                hint="Give the path of one that is there.",
            )
        store = cls(place, read_only=read_only)
        try:
            store._own({"pid": os.getpid(), "since": iso(now_us), **(owner or {})})
            store._open(key_provider, now_us, accept_loss=accept_loss)
            atexit.register(store.close)
        except BaseException:
            store.close()
            unmake(store._made)
            raise
        return store

    # --- what the engine asks ----------------------------------------------------------------

    @property
    def damage(self) -> WorldDamagedError | None:
        """What was found damaged at opening, and read around or accepted; None for a whole world."""
        return self._file.damage

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
            return failed(self._not_written())
        if self.locked is not None:
            return failed(self.locked)
        try:
            item = packed(append)
        except PayloadError as error:
            return failed(error)
        return self._writer.commit(item)

    def read(
        self, run_id: str, after: int = 0, until: int | None = None
    ) -> Future[Sequence[Event]]:
        """The run's events; see `EventStore.read`."""
        return self._read(lambda reader: reader.events(run_id, after, until))

    def outline(self, run_id: str) -> Future[Sequence[Event]]:
        """The run's events without their sealed part; see `EventStore.outline`."""
        return self._read(lambda reader: reader.outline(run_id))

    def short_logs(
        self, run_ids: Sequence[str], *, plain: bool = False
    ) -> Future[Mapping[str, Sequence[Event]]]:
        """The short ones of some logs; see `EventStore.short_logs`."""
        return self._read(lambda reader: reader.short_logs(run_ids, plain=plain))

    def definition(self, run_id: str) -> Future[Mapping[str, Tree]]:
        """The definition of a run; see `EventStore.definition`."""
        return self._read(lambda reader: reader.definition(run_id))

    def definitions(self, run_ids: Sequence[str]) -> Future[Mapping[str, Mapping[str, Tree]]]:
        """The definitions of some runs; see `EventStore.definitions`."""
        return self._read(lambda reader: reader.definitions(run_ids))

    def sign(self, run_id: str, text: str) -> Future[str]:
        """The signature of a text under the run's key; see `EventStore.sign`."""
        return self._read(lambda reader: reader.sign(run_id, text))

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
        if not self._closing and os.getpid() == self._pid:
            found = self._file.recent.chunks(run_id, stream, start, limit)
            if found is not None:
                return resolved([Chunk(stream, index, unpack_chunk(data)) for index, data in found])
        return self._read(lambda reader: reader.chunks(run_id, stream, start, limit))

    def streams(self, run_id: str) -> Future[Mapping[str, int]]:
        """Name to next index of each stream of a run that has chunks."""
        return self._read(lambda reader: reader.streams(run_id))

    def forget(self, run_ids: Sequence[str], *, now_us: int) -> Future[None]:
        """Erase runs that have ended, then rewrite the file; see `EventStore.forget`.

        The future fails with `WorldFullError` if there is no room for that; nothing was changed.
        """
        return self._apart(lambda: self._renewal.forget(run_ids, now_us=now_us))

    def keep(self, review: Review) -> Future[Review]:
        """Write a review; see `EventStore.keep`."""
        if self.read_only:
            return failed(self._not_written())
        return self._writer.call(lambda: self._keep(review))

    def _keep(self, review: Review) -> Review:
        file = self._file
        kept, change = keeping(review, file.loaded_writing.query, file.loaded_keyring)
        if change is not None:
            file.loaded_committer.change(change)
        return kept

    def reviews(
        self, *, kind: str | None = None, name: str | None = None, source_hash: str | None = None
    ) -> Future[Sequence[Review]]:
        """Reviews, newest first; see `EventStore.reviews`."""
        return self._read(lambda reader: reader.reviews(kind, name, source_hash))

    def forget_reviews(self, name: str, *, now_us: int) -> Future[None]:
        """Erase the records of a name, then rewrite the file; see `EventStore.forget_reviews`."""
        return self._apart(lambda: self._renewal.forget_reviews(name, now_us=now_us))

    def turn_key(self, master: bytes, *, now_us: int) -> Future[None]:
        """Wrap all runs' keys with another master key, then rewrite the file.

        The future fails with a `WorldError`; see `Renewal.turn_key`.
        """
        vault = Vault(self.world_id, master)

        def turn() -> None:
            try:
                self._renewal.turn_key(vault, now_us=now_us)
            finally:
                self.key_id = self._file.loaded_keyring.vault.key_id

        return self._apart(turn)

    def need_key(self) -> None:
        """Make sure that the master key may be changed.

        Raises:
            WorldKeyError: the world is locked.
            WorldError: it was opened for reading only.
        """
        if self.locked is not None:
            raise self.locked
        if self.read_only:
            raise self._not_written()

    def _not_written(self) -> WorldError:
        return WorldError(f"{self.path} was opened for reading only.")

    def _apart(self, change: Callable[[], None]) -> Future[None]:
        """Change the file as a whole: on `wf-world`, while `wf-read` and `wf-sql` wait for it."""
        if self.read_only:
            return failed(self._not_written())
        changed = partial(self._writer.call, change)
        return self._submit(lambda: self._queries.submit(lambda: changed().result()).result())

    def sql(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        most: int = ROWS,
        name: str = "",
    ) -> Future[Table]:
        """Answer one SELECT or EXPLAIN over the views; see `Queried.sql`."""
        if os.getpid() != self._pid:  # in a child made by fork there is no thread that would answer
            return failed(WorldClosedError("The world is the parent process's."))
        return self._queries.ask(Question(query, parameters, most, name))

    def stop(self, name: str) -> None:
        """Stop the query of that name; see `Queried.stop`."""
        self._queries.stop(name)

    def close(self) -> None:
        """Write what was handed in, stop queries, move the log into the file, and let go of it.

        Idempotent. In a child made by fork it does nothing: the world is the parent's.
        """
        if os.getpid() != self._pid:
            return
        self._closing = True
        self._queries.close()
        self._stop_reading()
        self._writer.close(self._let_go)
        atexit.unregister(self.close)

    def _stop_reading(self) -> None:
        """Wait for `wf-read` to end; what is read meanwhile is told that the world is closed."""
        self._reading.close()

    def _own(self, owner: Mapping[str, Any]) -> None:
        if self.path != MEMORY:
            self._writer.call(lambda: self._take(owner)).result()

    def _take(self, owner: Mapping[str, Any]) -> None:
        """Runs on `wf-world`, which no interrupt hits: between locking and knowing of it, say."""
        if not self.read_only:
            self._made = prepare(self.path)
        self._lock = acquire(self.path, owner, shared=self.read_only)

    def _open(self, provider: KeyProvider, now_us: int, *, accept_loss: bool) -> None:
        file, writer, engine = self._file, self._writer, ENGINE
        self.key_provider = provider
        # Keys are asked for on the caller's thread: a provider may want to ask the user.
        if exists(self.path):
            opened = partial(file.open, now_us=now_us, engine=engine, accept_loss=accept_loss)
            found = writer.call(opened).result()
            master = provider.master_key(found.key_id)
        else:
            master = key_for_new(provider)
            found = writer.call(lambda: file.make(master, now_us=now_us, engine=engine)).result()
        self.world_id, self.key_id = found.world_id, found.key_id
        vault = None
        if master is not None and key_id(master) == found.key_id:
            vault = Vault(found.world_id, master)
        else:
            self.locked = missing_key(self.path, found.key_id, provider, given=master)
        writer.call(lambda: file.load(Keyring(vault, self.locked))).result()
        if not self.read_only and self.locked is None:
            writer.call(self._renewal.make_up_for_it).result()

    def _read(self, answer: Callable[[Reader], T]) -> Future[T]:
        return self._submit(lambda: answer(self._file.loaded_reader))

    def _submit(self, answer: Callable[[], T]) -> Future[T]:
        if os.getpid() != self._pid:  # in a child made by fork there is no thread that would read
            return failed(WorldClosedError("The world is the parent process's."))
        try:
            return self._reading.do(partial(self._answer, answer))
        except RuntimeError:  # it has ended
            return failed(WorldClosedError("The world is closed."))

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
