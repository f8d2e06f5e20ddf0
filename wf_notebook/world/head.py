"""How far a world's log goes, in a small file beside it: what a log cannot say of itself.

A log that has lost its end looks like a shorter log. The head knows its last commit: it is written
after the commit and before anybody is told of it, so it is never ahead of the log. Two slots are
written in turns, each with a digest of its own: a slot that was torn leaves the one before it.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wf_notebook.world.chain import Place
from wf_notebook.world.paths import HEAD_SUFFIX, sync_file, sync_folder

if TYPE_CHECKING:
    from io import FileIO

_VERSION: Final = 1
_MAGIC: Final = b"WFHEAD\r\n"  # line ends: a copy that was made as text is recognised, too
_SLOT: Final = struct.Struct(">8sH24sQ32s")  # magic, version, world, commit_no, chain
_DIGEST: Final = 32
_SLOT_BYTES: Final = 512  # a sector of its own: one write tears one slot
_SLOTS: Final = 2

_log = logging.getLogger("wf_notebook.world")


@dataclass(frozen=True, slots=True)
class Head:
    """What a head file says.

    Attributes:
        world_id: whose it is.
        place: of the last commit.
    """

    world_id: str
    place: Place


def read_head(world: str) -> Head | None:
    """Return what the head beside a world says; None if there is none, or nothing can be read.

    Args:
        world: the world's real path.
    """
    try:
        with open(world + HEAD_SUFFIX, "rb") as file:
            data = file.read(_SLOT_BYTES * _SLOTS)
    except OSError:
        return None
    found = [_unpacked(data[start:]) for start in range(0, len(data), _SLOT_BYTES)]
    whole = [head for head in found if head is not None]
    return max(whole, key=lambda head: head.place.commit_no, default=None)


class HeadFile:
    """The head of a world that is written to; used by one thread.

    Args:
        world: the world's real path.
        world_id: its id.
    """

    def __init__(self, world: str, world_id: str) -> None:
        self.path = world + HEAD_SUFFIX
        self._world_id = world_id
        self._file: FileIO | None = None

    def begin(self, place: Place) -> None:
        """Write it anew, whatever was there.

        Raises:
            OSError: it cannot be written.
        """
        self.close()
        slots = {place.commit_no % _SLOTS: self._packed(place)}
        data = b"".join(slots.get(n, b"").ljust(_SLOT_BYTES, b"\0") for n in range(_SLOTS))
        # Written aside and renamed: what was there is there until the new one is.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + ".new")
        descriptor = os.open(self.path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        sync_file(self.path + ".new")
        os.replace(self.path + ".new", self.path)
        sync_folder(self.path)
        self.resume(place)

    def resume(self, place: Place) -> None:
        """Go on with the one that is there, which is whole.

        Raises:
            OSError: it cannot be written.
        """
        self.close()
        self._file = open(self.path, "r+b", buffering=0)  # noqa: SIM115 - kept open
        self.note(place)

    def note(self, place: Place) -> None:
        """Say that a commit is written. A head that falls behind is said, and no obstacle."""
        if self._file is None:
            return
        try:
            self._file.seek(place.commit_no % _SLOTS * _SLOT_BYTES)
            self._file.write(self._packed(place))
        except OSError as error:
            _log.warning("%s falls behind its log: %s", self.path, error)
            self.close()

    def sync(self) -> None:
        """Make durable what was noted.

        Raises:
            OSError: it cannot be.
        """
        if self._file is not None:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let go of it. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _packed(self, place: Place) -> bytes:
        body = _SLOT.pack(
            _MAGIC, _VERSION, self._world_id.encode(), place.commit_no, place.chain
        )  # fmt: skip
        return body + hashlib.sha256(body).digest()


def _unpacked(slot: bytes) -> Head | None:
    body, digest = slot[: _SLOT.size], slot[_SLOT.size : _SLOT.size + _DIGEST]
    if hashlib.sha256(body).digest() != digest:
        return None
    magic, version, world_id, commit_no, chain = _SLOT.unpack(body)
    if (magic, version) != (_MAGIC, _VERSION):
        return None
    return Head(world_id.rstrip(b"\0").decode("ascii", "replace"), Place(commit_no, chain))
