"""How payloads are sealed: AES-256-GCM under a key of their run, which the master key wraps.

What is sealed is bound to its place: world, run, item, field and codec version are authenticated
with it, so that a blob that was moved or altered does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from json.encoder import encode_basestring_ascii as quoted
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wf_notebook.errors import WorldDamagedError
from wf_notebook.world import codec

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


def new_key() -> bytes:
    """Return a new master key."""
    return secrets.token_bytes(KEY_BYTES)


def key_id(key: bytes) -> str:
    """Return the short name of a master key; it says nothing about the key.

    >>> key_id(bytes(32))
    '93cdd4254a5e2889'
    """
    return hmac.digest(key, b"wf_notebook key id", "sha256")[:8].hex()


class RunKey:
    """The data key of one run.

    Args:
        world_id, run_id: authenticated with everything that it seals.
        key: 32 bytes.
    """

    __slots__ = ("_aead", "_blob_key", "_run_id", "_sign_key", "_world_id")

    def __init__(self, world_id: str, run_id: str, key: bytes) -> None:
        self._world_id = world_id
        self._run_id = run_id
        self._aead = AESGCM(key)
        self._blob_key = hmac.digest(key, b"wf_notebook blob id", "sha256")
        self._sign_key = hmac.digest(key, b"wf_notebook signature", "sha256")

    def seal(self, plain: bytes, *, item: str, field: str) -> bytes:
        """Return the bytes sealed; `item` and `field` say what they are."""
        return _seal(self._aead, plain, self._place(item, field))

    def open(self, sealed: bytes, *, item: str, field: str) -> bytes:
        """Return the bytes that were sealed for this place.

        Raises:
            WorldDamagedError: they were altered, or sealed for another place.
        """
        what = f"{field} of {item} in run {self._run_id}"
        return _open(self._aead, sealed, self._place(item, field), what)

    def blob_id(self, plain: bytes) -> str:
        """Return the name of a large value: equal for equal values of one run, else a riddle."""
        return hmac.digest(self._blob_key, plain, hashlib.sha256).hex()

    def sign(self, text: str) -> str:
        """Return hex digits that nobody without this key could have made for the text."""
        return hmac.digest(self._sign_key, text.encode(), hashlib.sha256).hex()

    def _place(self, item: str, field: str) -> bytes:
        return _place(self._world_id, self._run_id, item, field)


class Vault:
    """What the master key opens in one world.

    Args:
        world_id: authenticated with every wrapped key.
        master: 32 bytes.
    """

    def __init__(self, world_id: str, master: bytes) -> None:
        self.key_id = key_id(master)
        self._world_id = world_id
        self._aead = AESGCM(master)

    def new_run(self, run_id: str) -> tuple[RunKey, bytes]:
        """Return a new key for a run, and the same wrapped, for storing."""
        key = secrets.token_bytes(KEY_BYTES)
        return RunKey(self._world_id, run_id, key), self._wrapped(run_id, key)

    def open_run(self, run_id: str, wrapped: bytes) -> RunKey:
        """Return the run's key.

        Raises:
            WorldDamagedError: it was altered, or is another run's.
        """
        return RunKey(self._world_id, run_id, self._unwrapped(run_id, wrapped))

    def rewrapped(self, run_id: str, wrapped: bytes, new: Vault) -> bytes:
        """Return the run's key as another master key of the same world wraps it.

        Raises:
            WorldDamagedError: it was altered, or is another run's.
        """
        return new._wrapped(run_id, self._unwrapped(run_id, wrapped))

    def _wrapped(self, run_id: str, key: bytes) -> bytes:
        return _seal(self._aead, key, _place(self._world_id, run_id, self.key_id, "key"))

    def _unwrapped(self, run_id: str, wrapped: bytes) -> bytes:
        place = _place(self._world_id, run_id, self.key_id, "key")
        return _open(self._aead, wrapped, place, f"key of run {run_id}")


def _place(*parts: str) -> bytes:
    # the text of a JSON list; a log of ten thousand events needs as many
    return f"[{', '.join(map(quoted, parts))}, {codec.VERSION}]".encode("ascii")


def _seal(aead: AESGCM, plain: bytes, place: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + aead.encrypt(nonce, plain, place)


def _open(aead: AESGCM, sealed: bytes, place: bytes, what: str) -> bytes:
    try:
        return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
    except (InvalidTag, ValueError):
        raise WorldDamagedError(
            f"The {what} does not open: it was altered or moved.",
            hint="Restore the world file from a copy.",
        ) from None
