from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from wf_notebook import open_world
from wf_notebook.world import filesystems
from wf_notebook.world.filesystems import kind_of, shared_kind

TABLE = r"""
proc /proc proc rw,nosuid 0 0
/dev/vda / ext4 rw,relatime 0 0
filer:/export /home nfs4 rw,vers=4.2 0 0
/dev/vdb /home/ada/local xfs rw 0 0
//server/share /mnt/with\040space cifs rw 0 0
ada@host: /mnt/ssh fuse.sshfs rw 0 0
host /mnt/vm 9p rw 0 0
tmpfs /mnt/vm/tmp tmpfs rw 0 0
/dev/vdc /mnt/twice ext4 rw 0 0
server:/ /mnt/twice nfs rw 0 0
""".lstrip()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of mounts of a machine that has all kinds."""
    path = tmp_path / "mounts"
    path.write_text(TABLE)
    monkeypatch.setattr(filesystems, "_MOUNTS", str(path))
    monkeypatch.setattr(filesystems, "_warned", set[str]())
    return path


@pytest.mark.parametrize(
    ("path", "kind", "shared"),
    [
        ("/srv/w.duckdb", "ext4", False),
        ("/home/ada/w.duckdb", "nfs4", True),
        ("/home", "nfs4", True),
        ("/homes/w.duckdb", "ext4", False),
        ("/home/ada/local/w.duckdb", "xfs", False),
        ("/mnt/with space/w.duckdb", "cifs", True),
        ("/mnt/ssh/a/b/w.duckdb", "fuse.sshfs", True),
        ("/mnt/vm/w.duckdb", "9p", True),
        ("/mnt/vm/tmp/w.duckdb", "tmpfs", False),
        ("/mnt/twice/w.duckdb", "nfs", True),
        (":memory:", None, False),
    ],
)
def test_the_innermost_and_last_mount_counts(
    table: Path, path: str, kind: str | None, *, shared: bool
) -> None:
    """As the system resolves a path; names that only begin alike are others."""
    assert kind_of(path) == kind
    assert shared_kind(path) == (kind if shared else None)


def test_a_system_without_such_a_table_says_nothing(table: Path) -> None:
    """What is not known is not warned about."""
    table.unlink()
    assert kind_of("/home/w.duckdb") is None
    assert shared_kind("/home/w.duckdb") is None


def test_this_machine_has_such_a_table(tmp_path: Path) -> None:
    """On Linux; elsewhere none."""
    assert bool(kind_of(str(tmp_path))) == Path("/proc/self/mounts").exists()


def test_a_world_on_a_network_is_warned_about_once(table: Path, tmp_path: Path) -> None:
    """At its first opening, on the line of the caller, with the kind and a way out."""
    table.write_text(f"{TABLE}server:/ {tmp_path} nfs rw 0 0\n")
    for name in ("a", "b"):
        with pytest.warns(UserWarning, match=f"{name}.duckdb lies on nfs.*local disk") as caught:
            open_world(tmp_path / f"{name}.duckdb").close()
        assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_world(tmp_path / "a.duckdb").close()


def test_a_local_world_is_not_warned_about(tmp_path: Path) -> None:
    """Warnings are errors here."""
    open_world(tmp_path / "w.duckdb").close()
    open_world(":memory:").close()
