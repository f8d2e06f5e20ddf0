"""How a world gets another master key: the new one is kept first, then every run's key is re-wrapped.

Until the world is sealed with the new key, it opens with the old one; a provider that gives keys by
their id serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wf_notebook.errors import WorldKeyError
from wf_notebook.world.keys import GivenKey, KeyKeeper
from wf_notebook.world.vault import key_id, new_key

if TYPE_CHECKING:
    from wf_notebook.world.keys import KeyProvider, KeySource


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of a world's keys.

    Attributes:
        old, new: ids of the two master keys.
        old_place: where the old one was looked for, and still is for other worlds.
        place: where the new one is kept; "" if only whoever gave it has it.
    """

    old: str
    new: str
    old_place: str
    place: str

    def __str__(self) -> str:
        kept = f"kept in {self.place}" if self.place else "which only you have: give it from now on"
        return (
            f"The world is sealed with the key {self.new} now, {kept}. Back it up."
            f" The key {self.old} ({self.old_place}) opens nothing in this file any more. Copies of"
            " it and other worlds may still need it, and which cannot be known from here: delete it"
            " when you have none."
        )


def successor(provider: KeyProvider, new: KeySource | None, *, old: str) -> tuple[bytes, Rotation]:
    """Return the next master key of a world, which is kept by then if the provider can keep keys.

    Args:
        provider: gives the world's key.
        new: 32 bytes, their hex or base64, or a function that returns that; None for a random key.
        old: id of the world's key.

    Raises:
        WorldKeyError: it is no key, is the old one, or a random one would be kept nowhere.
    """
    keeper = provider if isinstance(provider, KeyKeeper) else None
    if new is None and keeper is None:
        raise WorldKeyError(
            f"The world's key comes from {provider.where(old)}, where a new one cannot be kept.",
            hint="Make a key yourself and call world.rotate_key(new=...); give it from then on.",
        )
    key = new_key() if new is None else GivenKey(new, "new=").master_key(None)
    if key_id(key) == old:
        raise WorldKeyError("new= is the key that the world has.", hint="Give another one.")
    place = "" if keeper is None else keeper.keep(key)
    return key, Rotation(old, key_id(key), provider.where(old), place)
