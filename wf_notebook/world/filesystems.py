"""Which file system a world lies on: one of this machine, or one whose locks may not hold.

A world has one owner, and locks keep it so. Over a network, or through a program of somebody's, two
machines may both get the lock; their writes would then destroy each other.
"""

from __future__ import annotations

import os
import re
import warnings
from typing import Final

from wf_notebook.world.paths import MEMORY

DOUBTS: Final = "another machine may open it as well, and its locks and syncs may not hold"
_MOUNTS: Final = "/proc/self/mounts"
_OCTAL: Final = re.compile(r"\\([0-7]{3})")  # how that table writes a space
_SHARED: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "fuse", "gfs2", "glusterfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2",
    "smb", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip
_OF_PROGRAMS: Final = "fuse."  # sshfs, s3fs, rclone, vmhgfs-fuse …

_warned: Final = set[str]()


def warn_if_shared(path: str, *, stacklevel: int) -> None:
    """Warn, once for each world in a process, if its file system's locks may not hold.

    Args:
        path: the world's real path, or ":memory:".
        stacklevel: whose line the warning shows, as for `warnings.warn` in the caller.
    """
    kind = shared_kind(path)
    if kind is None or path in _warned:
        return
    _warned.add(path)
    message = (
        f"The world {path} lies on {kind}: {DOUBTS}. Keep it on a local disk: open_world(path)."
    )
    warnings.warn(message, stacklevel=stacklevel + 1)


def shared_kind(path: str) -> str | None:
    """Return the type of the file system under a path if it is one of those, else None."""
    kind = kind_of(path)
    shared = kind is not None and (kind in _SHARED or kind.startswith(_OF_PROGRAMS))
    return kind if shared else None


def kind_of(path: str) -> str | None:
    """Return the type of the file system under a path, or None where no table tells it."""
    if path == MEMORY:
        return None
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            return _kind_in(file.read(), os.path.realpath(path))
    except OSError:  # not Linux
        return None


def _kind_in(table: str, path: str) -> str | None:
    r"""Return the type of the mount that a path lies in, by the system's table of mounts.

    >>> table = "/dev/sda / ext4 rw 0 0\nfiler:/ /mnt/my\\040files nfs4 rw 0 0\n"
    >>> _kind_in(table, "/mnt/my files/w.duckdb"), _kind_in(table, "/mnt/w.duckdb")
    ('nfs4', 'ext4')
    """
    found, longest = None, -1
    for line in table.splitlines():
        _, folder, kind, *_ = line.split(" ")
        where = _OCTAL.sub(lambda code: chr(int(code[1], 8)), folder)
        # Of two mounts on one folder the later one is seen.
        inside = (path + "/").startswith(where.rstrip("/") + "/")
        if inside and len(where) >= longest:
            found, longest = kind, len(where)
    return found
