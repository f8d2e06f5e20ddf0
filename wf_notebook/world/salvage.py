"""What of a damaged log can be replayed: its longest beginning that gives a log without a gap.

It is tried on the world itself, under another name in a folder of its own: DuckDB looks for the log
beside the file that it opens, whatever links lead there. The world's own files are not touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Self

from wf_notebook.errors import WorldError
from wf_notebook.world.chain import FIRST_WITH_MARKS, UnevenLogError, walk
from wf_notebook.world.heads import Heads
from wf_notebook.world.opening import identify, wal_bytes
from wf_notebook.world.paths import WAL_SUFFIX, sync_file, sync_folder
from wf_notebook.world.reader import load_heads

if TYPE_CHECKING:
    from wf_notebook.world.connection import Connect, Query


class Apart:
    """A world under another name, with as much of its log as one likes; for reading.

    Beside the world it is a second name of the same file; where that cannot be, a copy elsewhere.

    Args:
        path: the world.

    Raises:
        OSError: there can be neither.
    """

    def __init__(self, path: str) -> None:
        self._log = path + WAL_SUFFIX
        self._folder = self._path = ""
        folder, name = os.path.split(path)
        try:
            self._use(tempfile.mkdtemp(prefix=f"{name}.part-", dir=folder), name)
            os.link(path, self._path)
        except OSError:
            self.close()
            self._use(tempfile.mkdtemp(prefix="wf-notebook-"), name)
            try:
                shutil.copyfile(path, self._path)
            except OSError:
                self.close()
                raise

    def _use(self, folder: str, name: str) -> None:
        self._folder, self._path = folder, os.path.join(folder, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lay_out(self, length: int) -> str:
        """Give it so many bytes of the log; returns the path to open."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path + WAL_SUFFIX)
        if length:
            _copy_beginning(self._log, self._path + WAL_SUFFIX, length)
        return self._path

    def close(self) -> None:
        """Remove it. Idempotent."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def opens_without_log(path: str, connect: Connect) -> bool:
    """Whether at least the file of a world is whole.

    Raises:
        OSError: it cannot be tried.
    """
    with Apart(path) as apart:
        return _is_even(apart.lay_out(0), connect)


def replayable(path: str, connect: Connect) -> int | None:
    """Return how many bytes of a world's log can be replayed; None if not even the file opens.

    Raises:
        OSError: it cannot be tried.
    """
    high = wal_bytes(path)
    with Apart(path) as apart:
        if _is_even(apart.lay_out(high), connect):
            return high
        if not _is_even(apart.lay_out(0), connect):
            return None
        low = 0
        while high - low > 1:  # even with `low`, not with `high`
            middle = (low + high) // 2
            if _is_even(apart.lay_out(middle), connect):
                low = middle
            else:
                high = middle
        return low


def can_go_on(path: str, connect: Connect, length: int) -> bool:
    """Whether all that opening needs of a world can be read, with so many bytes of its log.

    Raises:
        OSError: it cannot be tried.
    """
    with Apart(path) as apart:
        connection = connect(apart.lay_out(length), read_only=True)
        try:
            _walk(connection.query, path)
            load_heads(Heads(lambda _run_id: False), connection.query)
        except WorldError:
            return False
        finally:
            connection.close()
    return True


def _is_even(path: str, connect: Connect) -> bool:
    """Whether a world opens, and its log has no gap: what cannot be read is no fault of its log."""
    try:
        connection = connect(path, read_only=True)
    except WorldError:
        return False
    try:
        _walk(connection.query, path)
    except UnevenLogError:
        return False
    except WorldError:
        return True
    finally:
        connection.close()
    return True


def _walk(query: Query, path: str) -> None:
    if identify(query, path).version >= FIRST_WITH_MARKS:
        for _ in walk(query, path):
            pass


def shorten(path: str, length: int) -> None:
    """Cut a world's log off, at once or not at all.

    Raises:
        OSError: it cannot be.
    """
    log = path + WAL_SUFFIX
    if length:
        _copy_beginning(log, log + ".new", length)
        sync_file(log + ".new")
        os.replace(log + ".new", log)
    else:
        os.unlink(log)
    sync_folder(log)


def _copy_beginning(source: str, target: str, length: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as part, open(source, "rb") as whole:
        part.write(whole.read(length))
