from __future__ import annotations

import base64
import errno
import os
import stat
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from wf_notebook.errors import WorldDamagedError, WorldKeyError
from wf_notebook.world.keyring import Keyring
from wf_notebook.world.keys import (
    FirstKey,
    GivenKey,
    KeyFolder,
    NewKey,
    key_folder,
    parse_key,
    resolve_key,
)
from wf_notebook.world.vault import Vault, key_id

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(200, 232))


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper(),
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode(),
        f" {KEY.hex()}\n",
        KEY,
    ],
)
def test_a_key_may_be_written_in_several_ways(text: bytes | str) -> None:
    """Bytes, hex, and either base64."""
    assert parse_key(text, "key=") == KEY


@pytest.mark.parametrize(
    "text", ["", "secret", "zz" * 32, KEY.hex()[:-2], "ü" * 64, b"short", bytes(33)]
)
def test_what_is_no_key_is_refused_without_being_quoted(text: bytes | str) -> None:
    """The error names where it came from and what a key looks like, never what was there."""
    with pytest.raises(WorldKeyError, match="key=") as caught:
        parse_key(text, "key=")
    assert "32 bytes" in caught.value.hint
    if text:
        assert str(text) not in str(caught.value)


def test_the_order_is_given_environment_file(tmp_path: Path) -> None:
    """The first source that is there decides."""
    keepers = [KeyFolder(str(tmp_path))]
    env = bytes(32).hex()
    given = resolve_key("w.duckdb", KEY, env_key=env, keepers=keepers)
    assert given.master_key("any") == KEY
    called = resolve_key("w.duckdb", KEY.hex, env_key=env, keepers=keepers)
    assert called.master_key(None) == KEY
    from_env = resolve_key("w.duckdb", env_key=env, keepers=keepers)
    assert from_env.master_key("any") == bytes(32)
    made = resolve_key("w.duckdb", env_key=None, keepers=keepers).master_key(None)
    assert made == keepers[0].master_key(None)
    assert isinstance(resolve_key(":memory:", env_key=env, keepers=keepers), NewKey)
    provider = KeyFolder(str(tmp_path))
    assert resolve_key("w", provider, env_key=env, keepers=keepers) is provider


def test_a_malformed_key_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    """Not the file, which would have been next."""
    provider = resolve_key("w", env_key="oops", keepers=[KeyFolder(str(tmp_path))])
    with pytest.raises(WorldKeyError, match="WF_NOTEBOOK_KEY"):
        provider.master_key(None)


def test_a_key_file_is_made_for_a_new_world_only(tmp_path: Path) -> None:
    """An existing world whose key is missing stays locked: no new key would open it."""
    provider = KeyFolder(str(tmp_path / "config" / "keys"))
    assert provider.master_key("0123456789abcdef") is None
    assert not (tmp_path / "config").exists()
    key = provider.master_key(None)
    assert key is not None
    assert provider.master_key(None) == key
    assert provider.master_key(key_id(key)) == key
    assert os.listdir(tmp_path / "config" / "keys") == [f"{key_id(key)}.key"]
    assert provider.where(key_id(key)).endswith(f"{key_id(key)}.key")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_key_files_are_private(tmp_path: Path) -> None:
    """0600 in a folder of 0700."""
    folder = tmp_path / "config" / "keys"
    KeyFolder(str(folder)).master_key(None)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_a_new_world_takes_the_newest_key(tmp_path: Path) -> None:
    """One who has put a second key there wants it used from now on."""
    for number, key in enumerate((KEY, bytes(32))):
        file = tmp_path / f"{key_id(key)}.key"
        file.write_text(key.hex())
        file.chmod(0o600)
        os.utime(file, (number, number))
    assert KeyFolder(str(tmp_path)).master_key(None) == bytes(32)
    assert KeyFolder(str(tmp_path)).master_key(key_id(KEY)) == KEY


def test_a_key_file_that_holds_something_else_is_an_error(tmp_path: Path) -> None:
    """A damaged or renamed key file is named, not used."""
    file = tmp_path / "0123456789abcdef.key"
    file.write_text("junk")
    file.chmod(0o600)
    with pytest.raises(WorldKeyError, match="0123456789abcdef"):
        KeyFolder(str(tmp_path)).master_key("0123456789abcdef")
    file.write_text(KEY.hex())
    with pytest.raises(WorldKeyError, match="another key"):
        KeyFolder(str(tmp_path)).master_key("0123456789abcdef")


def test_a_config_folder_that_cannot_be_made_names_the_way_out(tmp_path: Path) -> None:
    """The environment or an argument will do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(WorldKeyError, match="WF_NOTEBOOK_KEY"):
        KeyFolder(str(tmp_path / "file" / "keys")).master_key(None)


def test_no_half_of_a_key_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk there is no key, and nothing of one."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorldKeyError, match="No space"):
        KeyFolder(str(tmp_path / "keys")).master_key(None)
    assert os.listdir(tmp_path / "keys") == []


def test_a_key_in_memory_is_made_once() -> None:
    """It cannot be had a second time."""
    assert NewKey().master_key("0123456789abcdef") is None
    assert NewKey().master_key(None) != NewKey().master_key(None)
    assert GivenKey(KEY).where("x") == "key="
    assert NewKey().where("x") == "memory"


# --- where a key file may lie, and who may read it ------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With the way out; for its user alone it opens."""
    folder = KeyFolder(str(tmp_path))
    key = folder.master_key(None)
    assert key is not None
    (file,) = tmp_path.iterdir()
    file.chmod(mode)
    with pytest.raises(WorldKeyError, match="chmod 600") as caught:
        folder.master_key(key_id(key))
    assert key.hex() not in str(caught.value)
    file.chmod(0o400)
    assert folder.master_key(key_id(key)) == key


def test_key_files_do_not_lie_with_the_notebooks(tmp_path: Path) -> None:
    """Neither written nor read there, also through a link; the home folder is no such folder."""
    project, home = tmp_path / "project", tmp_path / "home"
    inside = project / "config"
    inside.mkdir(parents=True)
    home.mkdir()
    (home / "link").symlink_to(inside)
    KeyFolder(str(inside / "keys")).keep(KEY)
    for config in (inside, home / "link"):
        folder = key_folder(str(config), notebooks=[str(project)], home=str(home))
        for asked in (
            lambda f=folder: f.master_key(key_id(KEY)),
            lambda f=folder: f.keep(bytes(32)),
        ):
            with pytest.raises(WorldKeyError, match="lie in"):
                asked()
    config = home / "config"
    for notebooks in ([str(home)], [str(tmp_path)], [str(project)], []):
        folder = key_folder(str(config), notebooks=notebooks, home=str(home))
        assert folder.keep(KEY) == str(config / "keys" / f"{key_id(KEY)}.key")


def test_a_kept_key_is_written_once(tmp_path: Path) -> None:
    """And is what new worlds get."""
    folder = KeyFolder(str(tmp_path / "keys"))
    first = folder.master_key(None)
    assert folder.keep(KEY) == folder.keep(KEY)
    os.utime(folder.where(key_id(KEY)), (1 << 32, 1 << 32))
    assert folder.master_key(None) == KEY
    assert first is not None
    assert folder.master_key(key_id(first)) == first


def test_the_next_place_is_asked_only_for_what_is_not_in_the_first(tmp_path: Path) -> None:
    """A new key is made in the first one."""
    one, two = KeyFolder(str(tmp_path / "one")), KeyFolder(str(tmp_path / "two"))
    two.keep(KEY)
    both = FirstKey([one, two])
    assert both.master_key(key_id(KEY)) == KEY
    assert both.master_key("0123456789abcdef") is None
    made = both.master_key(None)
    assert made not in (None, KEY)
    assert one.master_key(None) == made
    assert both.keep(bytes(32)) == one.where(key_id(bytes(32)))
    assert both.where("x") == f"{one.where('x')}, then {two.where('x')}"


# --- nothing shows a key ------------------------------------------------------------------------


def test_no_key_is_in_what_is_printed(tmp_path: Path) -> None:
    """Whatever holds one says nothing of it."""
    vault = Vault("w", KEY)
    run_key, wrapped = vault.new_run("r")
    holders = [GivenKey(KEY), GivenKey(KEY.hex()), vault, run_key, Keyring(vault, None)]
    holders += [KeyFolder(str(tmp_path)), FirstKey([KeyFolder(str(tmp_path))])]
    for holder in holders:
        for text in (repr(holder), str(holder)):
            assert KEY.hex() not in text
            assert repr(KEY)[2:-1] not in text
    with pytest.raises(WorldDamagedError) as caught:
        vault.open_run("other", wrapped)
    assert KEY.hex() not in "".join(traceback.format_exception(caught.value))
