"""An open world file: how it is made, loaded, written, checkpointed and let go; on `wf-world`."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from wf_notebook.errors import WorldClosedError, WorldError, WorldPathError
from wf_notebook.world import opening
from wf_notebook.world.commits import Committer
from wf_notebook.world.heads import Heads
from wf_notebook.world.paths import MEMORY
from wf_notebook.world.reader import Reader, exists, last_commit, load_heads
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.connection import Connect, Connection
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.opening import Identity
    from wf_notebook.world.writer import Commit

CHECKPOINT_BYTES: Final = 16 << 20  # of log, after which an idle moment is used for a checkpoint

T = TypeVar("T")

_log = logging.getLogger("wf_notebook.world")


class WorldFile:
    """The file, its heads and its connections.

    Args:
        path: its real path, or ":memory:".
        connect: opens a database file.
        read_only: whether nothing may be changed.

    Attributes:
        writing: the connection of `wf-world`, once it is open.
        queries: the connection of `wf-read`, once it is loaded.
        reader: reads through `queries`, once it is loaded.
        committer: writes through `writing`, once it is loaded.
        heads: of the unfinished runs.
        keyring: the runs' keys, once it is loaded.
    """

    def __init__(self, path: str, connect: Connect, *, read_only: bool) -> None:
        self.path = path
        self.writing: Connection | None = None
        self.queries: Connection | None = None
        self.reader: Reader | None = None
        self.committer: Committer | None = None
        self.heads = Heads(self._run_exists)
        self.keyring: Keyring | None = None
        self._connect = connect
        self._read_only = read_only

    def open(self) -> Identity:
        """Open the file that is there.

        Raises:
            WorldError: it does not open, or is not a world that this version reads.
        """
        if self.writing is None:
            self.writing = self._connect(self.path, read_only=self._read_only)
        return opening.identify(self.writing.query, self.path)

    def make(self, master: bytes, *, now_us: int, engine: str) -> Identity:
        """Make a new world and open it; it is made aside, so that it is whole or not there.

        Args:
            master: its key.
            now_us: the time of its creation.
            engine: the version of DuckDB.

        Raises:
            WorldError: it cannot be made.
        """
        if self.path == MEMORY:
            self.writing = self._connect(MEMORY)
            opening.fill(self.writing, key_id(master), created_us=now_us, engine=engine)
            return self.open()
        try:
            opening.remove_draft(self.path)
            self._fill(
                self._connect(opening.draft_path(self.path)), master, now_us=now_us, engine=engine
            )
            opening.publish(self.path)
        except OSError as error:
            raise WorldPathError(f"{self.path} cannot be made: {error.strerror}.") from error
        finally:
            with contextlib.suppress(OSError):
                opening.remove_draft(self.path)
        return self.open()

    def _fill(self, draft: Connection, master: bytes, *, now_us: int, engine: str) -> None:
        try:
            opening.fill(draft, key_id(master), created_us=now_us, engine=engine)
            draft.checkpoint()
        finally:
            draft.close()

    def load(self, keyring: Keyring) -> None:
        """Read the heads of the unfinished runs; after that the world can be used.

        Raises:
            WorldDamagedError: a log is not one that could have been written.
        """
        self.keyring = keyring
        writing = _loaded(self.writing)
        blobs = load_heads(self.heads, writing.query)
        self.committer = Committer(
            writing, self.heads, keyring, commit_no=last_commit(writing.query), blobs=blobs
        )
        self._read_through(writing, keyring)

    def _read_through(self, writing: Connection, keyring: Keyring) -> None:
        self.queries = writing.cursor()
        self.reader = Reader(self.queries.query, keyring)

    def disconnect(self) -> None:
        """Let go of the file, so that another one can take its place."""
        for connection in (self.queries, self.writing):
            if connection is not None:
                connection.close()
        self.queries = self.writing = self.reader = None

    def reconnect(self) -> None:
        """Go on with the file that is there now, if the last one was let go of.

        Raises:
            WorldError: it does not open; nothing can be written or read until the world is.
        """
        committer = self.loaded_committer
        if self.writing is not None:
            return
        try:
            self.writing = self._connect(self.path)
        except WorldError as error:
            committer.broken = error
            raise
        self._read_through(self.writing, self.loaded_keyring)
        committer.move(self.writing)

    @property
    def loaded_committer(self) -> Committer:
        """The committer of a world that was opened."""
        return _loaded(self.committer)

    @property
    def loaded_keyring(self) -> Keyring:
        """The runs' keys in a world that was opened."""
        return _loaded(self.keyring)

    @property
    def loaded_writing(self) -> Connection:
        """The connection of `wf-world` in a world that was opened."""
        return _loaded(self.writing)

    @property
    def loaded_reader(self) -> Reader:
        """The reader of a world that was opened."""
        return _loaded(self.reader)

    @property
    def loaded_queries(self) -> Connection:
        """The queries' connection of a world that was opened."""
        return _loaded(self.queries)

    def commit(self, group: Sequence[Commit]) -> None:
        """Write a group of appends and resolve their futures."""
        self.loaded_committer.commit(group)

    def idle(self) -> None:
        """Use a quiet moment for a checkpoint, if the log has grown."""
        self._checkpoint(CHECKPOINT_BYTES)

    def close(self) -> None:
        """Move the log into the file if there is room, and let go of it."""
        self._checkpoint(1)
        self.disconnect()

    def _checkpoint(self, least: int) -> None:
        """Move the log into the file if it is that long, and only if it is sure what it holds."""
        committer, writing = self.committer, self.writing
        if committer is None or committer.broken or writing is None:
            return
        if self._read_only or self.path == MEMORY:
            return
        try:
            if opening.wal_bytes(self.path) >= least and opening.has_room(self.path):
                writing.checkpoint()
        except (WorldError, OSError) as error:
            _log.warning("No checkpoint of %s: %s", self.path, error)

    def _run_exists(self, run_id: str) -> bool:
        return exists(run_id, _loaded(self.writing).query)


def _loaded(found: T | None) -> T:
    if found is None:
        raise WorldClosedError("The world is not open.")
    return found
