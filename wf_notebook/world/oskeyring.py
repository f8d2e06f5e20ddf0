"""Master keys in the system's keyring (macOS Keychain, Secret Service, Windows Credential Locker).

Through the package `keyring`, an extra: `pip install 'wf-notebook[keyring]'`. Each key is a password
of the service "wf_notebook" under its id; under "newest" stands the id of the one for new worlds.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeVar

from wf_notebook.errors import WorldKeyError
from wf_notebook.world.keys import parse_key
from wf_notebook.world.vault import key_id, new_key

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SERVICE: Final = "wf_notebook"
_log = logging.getLogger("wf_notebook.world")
_NEWEST: Final = "newest"
_HINT: Final = "Unlock it, or pass key= to open_world(), or set WF_NOTEBOOK_KEY."


class KeyringKey:
    """Keys in the system's keyring; a `KeyKeeper`."""

    def master_key(self, wanted: str | None) -> bytes | None:
        """Return the key that is wanted; for a new world the newest one, else a new one.

        Raises:
            WorldKeyError: there is no keyring, or it does not answer, or holds something else.
        """
        if wanted is not None:
            return self._found(wanted)
        newest = _asked(_get, _NEWEST)
        return (self._found(newest) if newest else None) or self._made()

    def _found(self, name: str) -> bytes | None:
        text = _asked(_get, name)
        if text is None:
            return None
        key = parse_key(text, self.where(name))
        if key_id(key) != name:
            raise WorldKeyError(f"In {self.where(name)} there is another key than its name says.")
        return key

    def where(self, wanted: str) -> str:
        """Say where it is looked for."""
        return f"the system's keyring ({SERVICE}, {wanted})"

    def keep(self, key: bytes) -> str:
        """Put a key there, for new worlds, too; returns where.

        Raises:
            WorldKeyError: it cannot be kept there.
        """
        name = key_id(key)
        _asked(_set, name, key.hex())
        if _asked(_get, name) != key.hex():  # some backends take everything and keep nothing
            raise WorldKeyError("The system's keyring does not keep what it is given.", hint=_HINT)
        _asked(_set, _NEWEST, name)
        return self.where(name)

    def _made(self) -> bytes:
        key = new_key()
        self.keep(key)
        return key


class SpareKeyring(KeyringKey):
    """The keyring as the place where a key is looked for last: one that is silent has none."""

    def master_key(self, wanted: str | None) -> bytes | None:
        """Return the key that is wanted, or None; a world without its key opens locked."""
        try:
            return super().master_key(wanted)
        except WorldKeyError as error:
            _log.warning("%s", error)
            return None


def available() -> bool:
    """Whether the package is there; whether it finds a keyring is known only when it is asked."""
    return find_spec("keyring") is not None


def _asked(question: Callable[..., T], *words: str) -> T:
    """Ask the keyring. What it says in an error is left out: it may quote what it was given."""
    try:
        from keyring.errors import KeyringError
    except ImportError:
        raise WorldKeyError(
            "The package keyring is not installed.", hint="pip install 'wf-notebook[keyring]'"
        ) from None
    try:
        return question(*words)
    except KeyringError as error:
        name = type(error).__name__
        raise WorldKeyError(f"The system's keyring does not answer: {name}.", hint=_HINT) from None


def _get(name: str) -> str | None:
    import keyring

    return keyring.get_password(SERVICE, name)


def _set(name: str, text: str) -> None:
    import keyring

    keyring.set_password(SERVICE, name, text)
