"""Where the master key of a world comes from: given, the environment, a key file, the keyring.

Key files lie in the user's config folder, away from notebooks, one for each key, named by its id.
A key is only ever made for a new world: an existing one whose key is missing stays locked.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import stat
import string
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias, runtime_checkable

from wf_notebook.errors import WorldKeyError
from wf_notebook.world.paths import MEMORY, make_folder, within
from wf_notebook.world.vault import KEY_BYTES, key_id, new_key

Key: TypeAlias = bytes | str
KeySource: TypeAlias = Key | Callable[[], Key]

_SUFFIX: Final = ".key"


class KeyProvider(Protocol):
    """Gives the master key of a world."""

    def master_key(self, wanted: str | None) -> bytes | None:
        """Return the key of a world, 32 bytes.

        Args:
            wanted: the id of the world's key; None for a new world, which shall have any key.

        Returns:
            The key, which may be another one than is wanted, or None if there is none.

        Raises:
            WorldKeyError: what there is is not a key.
        """
        ...

    def where(self, wanted: str) -> str:
        """Say in a few words where the key with that id is looked for."""
        ...


@runtime_checkable
class KeyKeeper(KeyProvider, Protocol):
    """A provider that can also keep a key, so that it gives it from then on."""

    def keep(self, key: bytes) -> str:
        """Keep a key, for good when this returns; says in a few words where.

        Raises:
            WorldKeyError: it cannot.
        """
        ...


class GivenKey:
    """A key that was given, or that a function gives.

    Args:
        source: 32 bytes, their hex or base64, or a function that returns that.
        name: what to call it in an error.
    """

    def __init__(self, source: KeySource, name: str = "key=") -> None:
        self._source = source
        self._name = name

    def master_key(self, wanted: str | None) -> bytes:  # noqa: ARG002 - there is only one
        """Return the key."""
        source = self._source
        return parse_key(source() if callable(source) else source, self._name)

    def where(self, wanted: str) -> str:  # noqa: ARG002 - there is only one
        """Say where it is looked for."""
        return self._name


class NewKey:
    """A random key, for a world that is gone when it is closed."""

    def master_key(self, wanted: str | None) -> bytes | None:
        """Return a new key, for a new world."""
        return new_key() if wanted is None else None

    def where(self, wanted: str) -> str:  # noqa: ARG002 - nowhere
        """Say where it is looked for."""
        return "memory"


class KeyFolder:
    """Key files, `<key id>.key`, hex; made with mode 0600 in a folder of mode 0700.

    Args:
        folder: where they lie.
        outside: folders that it may not lie in, because they are shared or copied with notebooks.
    """

    def __init__(self, folder: str, *, outside: Sequence[str] = ()) -> None:
        self._folder = folder
        self._outside = outside

    def master_key(self, wanted: str | None) -> bytes | None:
        """Return the key that is wanted; for a new world the user's newest, else a new one."""
        name = wanted or self._newest()
        if name is not None:
            return self._read(name)
        if wanted is not None:
            return None
        key = new_key()
        self.keep(key)
        return key

    def where(self, wanted: str) -> str:
        """Say where it is looked for."""
        return self._path(wanted)

    def keep(self, key: bytes) -> str:
        """Write a key file, unless it is there; returns where."""
        name = key_id(key)
        if self._read(name) is None:
            self._write(key)
        return self._path(name)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name + _SUFFIX)

    def _newest(self) -> str | None:
        try:
            files = [entry for entry in os.scandir(self._folder) if entry.name.endswith(_SUFFIX)]
        except OSError:
            return None
        newest = max(files, key=lambda entry: (entry.stat().st_mtime_ns, entry.name), default=None)
        return None if newest is None else newest.name.removesuffix(_SUFFIX)

    def _read(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                self._need_safe(file.fileno(), path)
                key = parse_key(file.read(), path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise WorldKeyError(f"The key file {path} cannot be read: {error.strerror}.") from error
        if key_id(key) != name:
            raise WorldKeyError(f"The key file {path} holds another key than its name says.")
        return key

    def _need_safe(self, descriptor: int, path: str) -> None:
        self._need_outside()
        if os.name == "posix" and os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise WorldKeyError(
                f"The key file {path} may be read by others.",
                hint=f"chmod 600 {path}; if somebody may have read it, wf rotate-key after that.",
            )

    def _need_outside(self) -> None:
        here = os.path.realpath(self._folder)
        for folder in self._outside:
            if within(here, folder):
                raise WorldKeyError(
                    f"The key files lie in {here}, within {folder}: who gets a copy of the"
                    " notebooks there would get the key with them.",
                    hint="Set XDG_CONFIG_HOME to another folder and move them, or set"
                    " WF_NOTEBOOK_KEY.",
                )

    def _write(self, key: bytes) -> None:
        path = self._path(key_id(key))
        self._need_outside()
        try:
            make_folder(self._folder)
            # Written aside and renamed: a key file is whole or not there.
            descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(path + ".new", path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(path + ".new")
            raise WorldKeyError(
                f"No key file can be written in {self._folder}: {error.strerror}.",
                hint="Set WF_NOTEBOOK_KEY, or pass key= to open_world().",
            ) from error


class FirstKey:
    """Keys in several places: looked for in one after the other, made and kept in the first.

    Args:
        keepers: the places, at least one.
    """

    def __init__(self, keepers: Sequence[KeyKeeper]) -> None:
        self._keepers = keepers

    def master_key(self, wanted: str | None) -> bytes | None:
        """Return the first key that is found; the next place is asked only if there is none."""
        found = (keeper.master_key(wanted) for keeper in self._keepers)
        return next((key for key in found if key is not None), None)

    def where(self, wanted: str) -> str:
        """Say where it is looked for."""
        return ", then ".join(keeper.where(wanted) for keeper in self._keepers)

    def keep(self, key: bytes) -> str:
        """Keep a key in the first place."""
        return self._keepers[0].keep(key)


def resolve_key(
    path: str,
    key: KeySource | KeyProvider | None = None,
    *,
    env_key: str | None,
    keepers: Sequence[KeyKeeper],
) -> KeyProvider:
    """Return what gives the key of a world: `key`, else the environment's, else what is kept.

    Args:
        path: the world; one in memory gets a random key unless one is given.
        key: 32 bytes, their hex or base64, a function that returns that, or a provider.
        env_key: what `WF_NOTEBOOK_KEY` says, or None.
        keepers: where keys are kept on this machine, in the order in which they are looked for.
    """
    if isinstance(key, bytes | str):
        return GivenKey(key)
    if key is not None:
        return GivenKey(key) if callable(key) else key
    if path == MEMORY:
        return NewKey()
    if env_key is not None:
        return GivenKey(env_key, "WF_NOTEBOOK_KEY")
    return FirstKey(keepers)


def key_folder(config_folder: str, *, notebooks: Sequence[str], home: str) -> KeyFolder:
    """Return the user's key files, which no folder of notebooks may contain.

    Args:
        config_folder: the user's; key files lie in its folder `keys`.
        notebooks: folders of notebooks and worlds.
        home: the user's home: that notebooks lie right there doesn't make it a folder to be shared.
    """
    whole = os.path.realpath(home)
    near = [os.path.realpath(folder) for folder in notebooks]
    return KeyFolder(
        os.path.join(config_folder, "keys"),
        outside=[folder for folder in near if not within(whole, folder)],
    )


def key_for_new(provider: KeyProvider) -> bytes:
    """Return the key of a new world.

    Raises:
        WorldKeyError: there is none, or what there is is not a key.
    """
    key = provider.master_key(None)
    if key is None:
        raise WorldKeyError("There is no key for a new world.", hint="Pass key= to open_world().")
    return key


def missing_key(
    path: str, wanted: str, provider: KeyProvider, *, given: bytes | None
) -> WorldKeyError:
    """Return why a world stays locked.

    Args:
        path: the world.
        wanted: the id of its key.
        provider: where it was looked for.
        given: what was found there instead, or None.
    """
    found = "it is not there" if given is None else f"the one there is {key_id(given)}"
    return WorldKeyError(
        f"{path} is sealed with the key {wanted}; looked in {provider.where(wanted)}, {found}.",
        hint="Pass that key to open_world(key=...), set WF_NOTEBOOK_KEY, or restore the key file.",
    )


def parse_key(key: Key, name: str) -> bytes:
    """Return the 32 bytes of a key.

    Args:
        key: 32 bytes, or their hex or base64.
        name: what to call it in an error, which never quotes it.

    Raises:
        WorldKeyError: it is something else.

    >>> parse_key("00" * 32, "key=") == bytes(32)
    True
    """
    found = key if isinstance(key, bytes) else _decode(key.strip())
    if found is None or len(found) != KEY_BYTES:
        raise WorldKeyError(
            f"{name} is not a key.",
            hint="A key is 32 bytes, written as 64 hex digits or as base64.",
        )
    return found


def _decode(text: str) -> bytes | None:
    if len(text) == 2 * KEY_BYTES and set(text) <= set(string.hexdigits):
        return bytes.fromhex(text)
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return None
