"""An open world file: how it is made, loaded, written, checkpointed and let go; on `wf-world`."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from wf_notebook.errors import (
    WorldClosedError,
    WorldDamagedError,
    WorldError,
)
from wf_notebook.world import chain, damage, opening, salvage, schema
from wf_notebook.world.asking import Asking
from wf_notebook.world.commits import Committer
from wf_notebook.world.head import HeadFile, read_head
from wf_notebook.world.heads import Heads
from wf_notebook.world.migration import migrate
from wf_notebook.world.paths import MEMORY, path_error
from wf_notebook.world.reader import Reader, Roll, load_heads
from wf_notebook.world.recent import Recent
from wf_notebook.world.rows import Stored
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.chain import Place
    from wf_notebook.world.connection import Connect, Connection, Row
    from wf_notebook.world.keyring import Keyring
    from wf_notebook.world.opening import Identity
    from wf_notebook.world.writer import Commit

CHECKPOINT_BYTES: Final = 16 << 20  # of log, after which an idle moment is used for a checkpoint
BUSY_BYTES: Final = 64 << 20  # after which none is waited for

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
        asking: answers people's queries on `wf-sql`, once it is loaded.
        reader: reads through `queries`, once it is loaded.
        committer: writes through `writing`, once it is loaded.
        heads: of the unfinished runs.
        damage: what was found at opening and read around, or accepted; None for a whole world.
        keyring: the runs' keys, once it is loaded.
        recent: the chunks that were written last.
    """

    def __init__(self, path: str, connect: Connect, *, read_only: bool) -> None:
        self.path = path
        self.writing: Connection | None = None
        self.queries: Connection | None = None
        self.asking: Asking | None = None
        self.reader: Reader | None = None
        self.committer: Committer | None = None
        self.heads = Heads(self._run_exists)
        self.damage: WorldDamagedError | None = None
        self.keyring: Keyring | None = None
        self.recent = Recent()
        self._connect = connect
        self._read_only = read_only
        self._stays = read_only or path == MEMORY  # without its key a world is not touched, either
        self._now_us = 0
        self._engine = ""
        self._found: Identity | None = None
        self._place: Place | None = None  # where the log ends, until the committer knows
        self._marked: Place | None = None
        self._head: HeadFile | None = None
        self._head_is_whole = False
        self._put_off = 0  # bytes of log below which a checkpoint that failed isn't tried again
        self._apart: salvage.Apart | None = None
        self._stored = Stored()
        self._roll: Roll | None = None

    # --- opening -----------------------------------------------------------------------------

    def open(self, *, now_us: int, engine: str, accept_loss: bool = False) -> Identity:
        """Open the file that is there. A damaged one is left as it is, and copied aside.

        Args:
            now_us: what time it is.
            engine: the version of DuckDB.
            accept_loss: whether to go on with what is whole of a damaged one.

        Raises:
            WorldError: it does not open, or is not a world that this version reads.
            WorldDamagedError: it lacks something, or cannot be read.
        """
        self._now_us, self._engine = now_us, engine
        try:
            found = self._look()
        except WorldDamagedError as error:
            self.disconnect()
            if self._read_only:
                return self._read_around(error)
            found = self._mended(error, accept_loss=accept_loss)
        self._found = found
        return found

    def _look(self) -> Identity:
        """Connect, and hold the log against its marks and its head; nothing is changed."""
        self.writing = self._connect(self.path, read_only=self._read_only)
        query = self.writing.query
        found = opening.identify(query, self.path)
        if found.version < chain.FIRST_WITH_MARKS:
            return found
        head = read_head(self.path)
        log = chain.look(query, self.path, None if head is None else head.place.commit_no)
        lack = None if head is None else damage.differs(self.path, found.world_id, log, head)
        if lack is not None:
            raise WorldDamagedError(lack)
        self._place, self._marked = log.end, log.marked
        self._head_is_whole = head is not None
        return found

    def _read_around(self, error: WorldDamagedError) -> Identity:
        """Open for reading what is whole: the file, and as much of its log as can be replayed."""
        try:
            length = salvage.replayable(self.path, self._connect)
            if length is None:
                raise damage.reported(error, "Nothing of it can be read.", ways=damage.RESTORE)
            place = self.path
            if length < opening.wal_bytes(self.path):
                self._apart = salvage.Apart(self.path)
                place = self._apart.lay_out(length)
        except OSError as problem:
            raise damage.reported(error, _untried(problem), ways=damage.RESTORE) from error
        self._note(error)
        self.writing = self._connect(place, read_only=True)
        return opening.identify(self.writing.query, self.path)

    def _note(self, error: WorldDamagedError) -> None:
        """Say once that the world is damaged."""
        if self.damage is None:
            self.damage = error
            what = error.message.rstrip(".")
            _log.warning("%s. Only what is whole is shown.", what)

    def _mended(self, error: WorldDamagedError, *, accept_loss: bool) -> Identity:
        """Copy the world aside, which must succeed; go on with what is whole, if that is wanted."""
        copies = self._set_aside(error)
        try:
            if not salvage.opens_without_log(self.path, self._connect):
                raise damage.reported(error, copies, ways=damage.RESTORE)
            if not accept_loss:
                raise damage.reported(error, copies, ways=damage.ALL_WAYS)
            length = salvage.replayable(self.path, self._connect) or 0
            if not salvage.can_go_on(self.path, self._connect, length):
                raise damage.reported(error, copies, ways=damage.LOOK)
            if length < opening.wal_bytes(self.path):
                salvage.shorten(self.path, length)
        except OSError as problem:
            raise damage.reported(error, _untried(problem), ways=damage.LOOK) from error
        self.damage = WorldDamagedError(f"{error.message} {copies}", hint="")
        self.writing = self._connect(self.path)
        found = opening.identify(self.writing.query, self.path)
        if found.version >= chain.FIRST_WITH_MARKS:
            self._place = chain.beginning(found.world_id, chain.last_commit(self.writing.query))
            self.mark(self._place)
        return found

    def _set_aside(self, error: WorldDamagedError) -> str:
        """Copy the world aside; returns a sentence that says where."""
        try:
            return f"A copy is in {damage.set_aside(self.path, self._now_us)}."
        except OSError as problem:
            copies = f"It could not be copied aside: {problem.strerror}."
            raise damage.reported(error, copies, ways=damage.LOOK) from error

    def _settle(self, found: Identity) -> None:
        """Make of what was opened a world of our version, with a head that is not behind."""
        writing = _loaded(self.writing)
        if found.version < schema.VERSION:
            migrate(writing, self.path, found, now_us=self._now_us, engine=self._engine)
            log = chain.look(writing.query, self.path, None)
            self._place, self._marked = log.end, log.marked
        self._head = HeadFile(self.path, found.world_id)
        try:
            if self._head_is_whole:
                self._head.resume(_loaded(self._place))
            else:
                self._head.begin(_loaded(self._place))
        except OSError as error:
            raise path_error(error, f"{self._head.path} cannot be written") from error

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
            found = opening.fill(self.writing, key_id(master), created_us=now_us, engine=engine)
            self._place = chain.beginning(found.world_id)
            return found
        try:
            opening.remove_draft(self.path)
            self._fill(
                self._connect(opening.draft_path(self.path)), master, now_us=now_us, engine=engine
            )
            opening.publish(self.path)
        except OSError as error:
            raise path_error(error, f"{self.path} cannot be made") from error
        finally:
            with contextlib.suppress(OSError):
                opening.remove_draft(self.path)
        return self.open(now_us=now_us, engine=engine)

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
        self._stays |= keyring.is_locked
        if self._found is not None and not self._stays:
            self._settle(self._found)
        writing = _loaded(self.writing)
        try:
            self._stored = load_heads(self.heads, writing.query)
        except WorldDamagedError as error:
            if not self._read_only:
                self.disconnect()
                copies = self._set_aside(error)
                raise damage.reported(error, copies, ways=damage.LOOK) from error
            self._note(error)
        if self._place is not None and not self._read_only:
            self.committer = Committer(
                writing,
                self.heads,
                keyring,
                place=self._place,
                head=self._head,
                stored=self._stored,
                recent=self.recent,
            )
            self._roll = Roll(self._ask)
        self._read_through(writing, keyring)

    # --- open --------------------------------------------------------------------------------

    def _read_through(self, writing: Connection, keyring: Keyring) -> None:
        self.queries = writing.cursor()
        self.reader = Reader(self.queries.query, keyring, self._stored.begun)
        self.asking = Asking(writing, keyring)

    def disconnect(self) -> None:
        """Let go of the file, so that another one can take its place."""
        for connection in (self.asking, self.queries, self.writing):
            if connection is not None:
                connection.close()
        self.asking = self.queries = self.writing = self.reader = None

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
    def loaded_asking(self) -> Asking:
        """What answers queries in a world that was opened."""
        return _loaded(self.asking)

    def commit(self, group: Sequence[Commit]) -> None:
        """Write a group of appends and resolve their futures."""
        self.loaded_committer.commit(group)
        self._checkpoint(max(BUSY_BYTES, self._put_off))

    def idle(self) -> None:
        """Use a quiet moment for a checkpoint, if the log has grown; hold no chunks any longer."""
        self.recent.clear()
        self._checkpoint(max(CHECKPOINT_BYTES, self._put_off))

    def mark(self, place: Place) -> None:
        """Note where the log ends; an opening computes the chain from there on.

        Whoever changes rows that were written has to note it anew, in the end or in the same
        transaction: what the chain was made of is gone then.

        Raises:
            WorldError: it cannot be written.
        """
        writing = _loaded(self.writing)
        writing.write([chain.mark(place)])
        self._marked = place

    def close(self) -> None:
        """Move the log into the file if there is room, and let go of it."""
        self.recent.clear()
        self._checkpoint(1)
        self.disconnect()
        if self._head is not None:
            self._head.close()
        if self._apart is not None:
            self._apart.close()

    def _checkpoint(self, least: int) -> None:
        """Move the log into the file if it is that long, and only if it is sure what it holds."""
        committer, writing = self.committer, self.writing
        if committer is None or committer.broken or writing is None or self._stays:
            return
        length = 0
        try:
            length = opening.wal_bytes(self.path)
            if length < least:
                return
            if opening.has_room(self.path):
                self._move(writing, committer.place)
                self._put_off = 0
            else:
                self._put_off = length + CHECKPOINT_BYTES
        except (WorldError, OSError) as error:
            self._put_off = length + CHECKPOINT_BYTES
            _log.warning("No checkpoint of %s: %s", self.path, error)

    def _move(self, writing: Connection, place: Place) -> None:
        """The head is durable before the log is gone that could speak for it."""
        if place != self._marked:
            self.mark(place)
        if self._head is not None:
            self._head.sync()
        writing.checkpoint()

    def move_log(self) -> None:
        """Move the log into the file now, however short it is.

        Raises:
            WorldError, OSError: it cannot be; the log still holds everything.
        """
        self._move(self.loaded_writing, self.loaded_committer.place)

    def _run_exists(self, run_id: str) -> bool:
        return _loaded(self._roll).has(run_id)

    def _ask(self, sql: str, parameters: list[object]) -> list[Row]:
        """Ask through the connection that there is now."""
        return _loaded(self.writing).query(sql, parameters)


def _untried(problem: OSError) -> str:
    return f"What of it is whole could not be tried: {problem.strerror}."


def _loaded(found: T | None) -> T:
    if found is None:
        raise WorldClosedError("The world is not open.")
    return found
