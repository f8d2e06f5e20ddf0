"""How an open world forgets runs and changes its master key: one commit, then the file anew.

Everything here runs on `wf-world` while `wf-read` waits. With the commit it is done, for whoever
looks; the rewriting takes away the bytes. What cuts that off is made up for at the next opening.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wf_notebook.errors import WorldError, WorldFullError
from wf_notebook.world import reviews, rewriting, upkeep
from wf_notebook.world.paths import MEMORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.connection import Copy
    from wf_notebook.world.vault import Vault
    from wf_notebook.world.worldfile import WorldFile

_log = logging.getLogger("wf_notebook.world")


class Renewal:
    """Changes a world as a whole.

    Args:
        file: an open world.
        copy: copies a database into a new file.
    """

    def __init__(self, file: WorldFile, copy: Copy) -> None:
        self._file = file
        self._copy = copy

    def forget(self, run_ids: Sequence[str], *, now_us: int) -> None:
        """Erase runs.

        Raises:
            RunNotFoundError, RunUnfinishedError: one cannot be forgotten; nothing was changed.
            WorldFullError: there is no room to rewrite the file; nothing was changed.
            WorldError: they are gone, but the file could not be rewritten.
        """
        file = self._file
        lines = upkeep.to_forget(run_ids, file.loaded_writing.query)
        if lines:
            self._need_room()
            file.loaded_committer.change(
                lambda commit_no: upkeep.forgetting(lines, commit_no=commit_no, now_us=now_us)
            )
            file.loaded_keyring.drop(run_ids)
            file.recent.drop(run_ids)
        self._rewrite()

    def forget_reviews(self, name: str, *, now_us: int) -> None:
        """Erase the records of all reviews of a name.

        Raises:
            WorldFullError: there is no room to rewrite the file; nothing was changed.
            WorldError: they are gone, but the file could not be rewritten.
        """
        file = self._file
        if reviews.any_whole(file.loaded_writing.query, name):
            self._need_room()
            file.loaded_committer.change(
                lambda commit_no: reviews.erasing(name, commit_no=commit_no, now_us=now_us)
            )
        self._rewrite()

    def turn_key(self, new: Vault, *, now_us: int) -> None:
        """Wrap all runs' keys with another master key.

        Raises:
            WorldKeyError: the world is locked.
            WorldDamagedError: a run's key does not open; nothing was changed.
            WorldFullError: there is no room to rewrite the file; nothing was changed.
            WorldError: it was done, but the file could not be rewritten.
        """
        file, query = self._file, self._file.loaded_writing.query
        old = file.loaded_keyring.vault
        self._need_room()
        file.loaded_committer.change(
            lambda commit_no: upkeep.turning(old, new, query, commit_no=commit_no, now_us=now_us)
        )
        file.loaded_keyring.turn(new)
        self._rewrite()

    def make_up_for_it(self) -> None:
        """Rewrite the file if a process could not; a world that has no room for it opens, too."""
        if not self._due:
            return
        try:
            self._need_room()
            self._rewrite()
        except WorldError as error:
            if self._file.writing is None:
                raise
            _log.warning("%s", error)

    @property
    def _due(self) -> bool:
        return self._file.path != MEMORY and upkeep.due(self._file.loaded_writing.query)

    def _need_room(self) -> None:
        if self._file.path != MEMORY:
            rewriting.need_room(self._file.path)

    def _rewrite(self) -> None:
        """Make the file anew if it may hold bytes of what was deleted."""
        if not self._due:
            return
        file = self._file
        try:
            file.move_log()
            file.disconnect()
            rewriting.rewrite(file.path, self._copy)
        except (WorldError, OSError) as error:
            raise _not_rewritten(file.path, error) from error
        finally:
            file.reconnect()


def _not_rewritten(path: str, error: Exception) -> WorldError:
    kind = WorldFullError if isinstance(error, WorldFullError) else WorldError
    return kind(
        f"It is done, but deleted bytes are still in {path}, which could not be rewritten: {error}",
        hint="That is made up for when you ask again, or when the world is opened again.",
    )
