"""Whether a world lies on a network file system, where a lock may not hold between two machines."""

from __future__ import annotations

import os
import re
from typing import Final

_TABLE: Final = "/proc/mounts"
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_NETWORK: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.cephfs", "fuse.glusterfs", "fuse.rclone",
    "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip


def network_file_system(path: str, *, table: str | None = None) -> str | None:
    r"""Return the kind of network file system that a path lies on; None if it is none, or unknown.

    Args:
        path: a real path.
        table: the system's table of mounts; None to read Linux's. Elsewhere nothing is known.

    >>> network_file_system("/home/ada/w", table="/dev/a / ext4 rw 0 0\nnas:/h /home nfs4 rw 0 0")
    'nfs4'
    """
    mounts = _mounts() if table is None else table
    found: tuple[int, str] = (-1, "")
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) > 2:  # noqa: PLR2004 - what is mounted, where, and its kind
            place = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[1])
            if _within(path, place) and len(place) >= found[0]:  # the last one there is on top
                found = (len(place), fields[2])
    return found[1] if found[1] in _NETWORK else None


def warning(path: str, kind: str) -> str:
    """Return what is said of a world on such a file system."""
    return (
        f"{path} lies on a network file system ({kind}), where its lock may not hold between two"
        " machines. Open it from one machine only, or keep it on a local disk."
    )


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)


def _mounts() -> str:
    try:
        with open(_TABLE, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
