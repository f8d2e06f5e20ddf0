from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.sharing import flows
from wf_notebook import open_world
from wf_notebook.world import mounts
from wf_notebook.world.mounts import network_file_system

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """\
/dev/vda / ext4 rw 0 0
nas:/home /home nfs4 rw 0 0
/dev/vdb /home/ada/local ext4 rw 0 0
//box/share /mnt/our\\040share cifs rw 0 0
me@box: /srv/box fuse.sshfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/w", None),
        ("/homeless/w", None),
        ("/home/w", "nfs4"),
        ("/home/ada/w", "nfs4"),
        ("/home/ada/local/w", None),
        ("/home/ada/locally/w", "nfs4"),
        ("/mnt/our share/w", "cifs"),
        ("/srv/box/deep/w", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_counts(path: str, kind: str | None) -> None:
    """A local disk within a network's, names that only begin alike, spaces in names."""
    assert network_file_system(path, table=TABLE) == kind


def test_without_a_table_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems have none."""
    monkeypatch.setattr(mounts, "_TABLE", "/nowhere")
    assert network_file_system("/home/w") is None


def test_who_owns_such_a_world_is_warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, when it is opened; a local one says nothing."""
    table = tmp_path / "mounts"
    table.write_text(f"nas:/x {os.path.realpath(tmp_path / 'far')} nfs4 rw 0 0\n")
    monkeypatch.setattr(mounts, "_TABLE", str(table))
    with open_world(tmp_path / "near" / "w.duckdb", key=flows.KEY):
        assert caplog.records == []
    with open_world(tmp_path / "far" / "w.duckdb", key=flows.KEY):
        (record,) = caplog.records
    assert "network file system (nfs4)" in record.getMessage()
