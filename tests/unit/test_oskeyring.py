"""The system's keyring, in the place of which a backend of our own stands."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordSetError

from wf_notebook import open_world
from wf_notebook.errors import WorldKeyError
from wf_notebook.world.oskeyring import SERVICE, KeyringKey, SpareKeyring, available
from wf_notebook.world.rotation import successor
from wf_notebook.world.vault import key_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = bytes(range(200, 232))


class Fake(KeyringBackend):
    """Keeps passwords in a dict."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class Shut(KeyringBackend):
    """Answers nothing, and says what it was given."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(f"locked: {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise PasswordSetError(f"cannot keep {password}")


@pytest.fixture
def fake() -> Iterator[Fake]:
    yield use(Fake())
    keyring.set_keyring(keyring.backends.fail.Keyring())


def use(backend: KeyringBackend) -> KeyringBackend:
    keyring.set_keyring(backend)
    return backend


def test_a_key_is_kept_under_its_id(fake: Fake) -> None:
    """Made for a new world only, and found again."""
    provider = KeyringKey()
    assert provider.master_key("0123456789abcdef") is None
    assert fake.kept == {}
    key = provider.master_key(None)
    assert key is not None
    assert provider.master_key(None) == key
    assert provider.master_key(key_id(key)) == key
    assert fake.kept[SERVICE, key_id(key)] == key.hex()
    assert key_id(key) in provider.where(key_id(key))


def test_a_rotation_keeps_the_new_key_and_the_old_one(fake: Fake) -> None:
    """The new one is for new worlds from then on."""
    provider = KeyringKey()
    old = provider.master_key(None)
    assert old is not None
    key, rotation = successor(provider, None, old=key_id(old))
    assert rotation.place == provider.where(rotation.new)
    assert provider.master_key(None) == key
    assert provider.master_key(key_id(old)) == old


@pytest.mark.parametrize("text", ["junk", KEY.hex()])
def test_what_is_not_that_key_is_refused_without_being_quoted(fake: Fake, text: str) -> None:
    """It may have been put there by hand."""
    fake.kept[SERVICE, "0123456789abcdef"] = text
    with pytest.raises(WorldKeyError) as caught:
        KeyringKey().master_key("0123456789abcdef")
    assert text not in str(caught.value)


def test_a_keyring_that_keeps_nothing_is_found_out(fake: Fake) -> None:
    """A world sealed with a key that is gone at once would be lost."""
    use(keyring.backends.null.Keyring())
    with pytest.raises(WorldKeyError, match="does not keep"):
        KeyringKey().master_key(None)


@pytest.mark.parametrize("backend", [Shut, keyring.backends.fail.Keyring])
def test_a_keyring_that_does_not_answer_is_an_error_without_its_words(
    fake: Fake, backend: type[KeyringBackend]
) -> None:
    """They may quote what it was given. As the last place to look in, it just has no key."""
    use(backend())
    for asked in (
        lambda: KeyringKey().master_key("0123456789abcdef"),
        lambda: KeyringKey().master_key(None),
        lambda: KeyringKey().keep(KEY),
    ):
        with pytest.raises(WorldKeyError, match="does not answer") as caught:
            asked()
        assert KEY.hex() not in str(caught.value)
        assert caught.value.__cause__ is None
    assert SpareKeyring().master_key("0123456789abcdef") is None


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is looked for when it is needed."""
    monkeypatch.setitem(sys.modules, "keyring.errors", None)
    with pytest.raises(WorldKeyError, match="pip install"):
        KeyringKey().master_key(None)
    assert available()


def test_key_files_come_first_unless_it_is_said_otherwise(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`WF_NOTEBOOK_KEYRING=1` keeps new keys in the keyring; a world finds its key in either."""
    one, two = str(tmp_path / "one.duckdb"), str(tmp_path / "two.duckdb")
    with open_world(one) as world:
        assert ".key" in world.key_place
    assert fake.kept == {}
    monkeypatch.setenv("WF_NOTEBOOK_KEYRING", "1")
    with open_world(two) as world:
        assert "keyring" in world.key_place
    assert len(fake.kept) == 2
    with open_world(one) as world:
        assert world.locked is None
    monkeypatch.delenv("WF_NOTEBOOK_KEYRING")
    with open_world(two) as world:
        assert world.locked is None
        assert world.rotate_key().place.endswith(".key")
    use(Shut())
    with open_world(two) as world:
        assert world.locked is None
    with open_world(tmp_path / "three.duckdb", key=KEY):
        pass
    with open_world(tmp_path / "three.duckdb") as world:
        assert world.locked is not None
        assert "keyring" in world.locked
