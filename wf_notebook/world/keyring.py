"""The data keys of runs: made with a run, kept wrapped in the world, unwrapped once when needed."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from wf_notebook.errors import WorldDamagedError, WorldKeyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wf_notebook.world.connection import Query
    from wf_notebook.world.vault import RunKey, Vault

_KEPT: Final = 1024
_SEVERAL: Final = """
    select run_id, key_id, wrapped from run_keys
    where run_id in (select unnest(?::varchar[]))
"""


class Keyring:
    """The data keys of runs; used by the writer and the reader.

    Args:
        vault: what unwraps them, or None while the world is locked.
        locked: why it is locked.
    """

    def __init__(self, vault: Vault | None, locked: WorldKeyError | None) -> None:
        self._vault = vault
        self._locked = locked
        self._lock = Lock()
        self._keys: OrderedDict[str, RunKey] = OrderedDict()

    @property
    def is_locked(self) -> bool:
        """Whether it opens nothing, and nothing can be written."""
        return self._vault is None

    @property
    def vault(self) -> Vault:
        """What seals and opens.

        Raises:
            WorldKeyError: the world is locked.
        """
        if self._vault is None:
            locked = self._locked or WorldKeyError("The world is locked.")
            raise WorldKeyError(locked.message, hint=locked.hint)
        return self._vault

    def new(self, run_id: str) -> tuple[RunKey, bytes]:
        """Make the key of a new run; returns it, and wrapped for storing."""
        key, wrapped = self.vault.new_run(run_id)
        return self._keep(run_id, key), wrapped

    def get(self, run_id: str, query: Query) -> RunKey:
        """Return the key of a stored run.

        Raises:
            WorldKeyError: the world is locked.
            WorldDamagedError: it is not there, or does not open.
        """
        vault = self.vault
        with self._lock:
            if run_id in self._keys:
                self._keys.move_to_end(run_id)
                return self._keys[run_id]
        found = query("select key_id, wrapped from run_keys where run_id = ?", [run_id])
        if not found:
            raise WorldDamagedError(
                f"The key of run {run_id} is gone.", hint="Restore the world file from a copy."
            )
        ((key_id, wrapped),) = found
        return self._keep(run_id, self._opened(vault, run_id, key_id, wrapped))

    def several(self, run_ids: Sequence[str], query: Query) -> dict[str, RunKey]:
        """Return the keys of some stored runs, of those whose key opens.

        Raises:
            WorldKeyError: the world is locked.
        """
        vault = self.vault
        keys: dict[str, RunKey] = {}
        for run_id, key_id, wrapped in query(_SEVERAL, [list(run_ids)]):
            with suppress(WorldDamagedError):
                keys[run_id] = self._keep(run_id, self._opened(vault, run_id, key_id, wrapped))
        return keys

    def _opened(self, vault: Vault, run_id: str, key_id: str, wrapped: bytes) -> RunKey:
        if key_id != vault.key_id:
            raise WorldDamagedError(
                f"Run {run_id} is sealed with the key {key_id}, its world with {vault.key_id}.",
                hint="Restore the world file from a copy.",
            )
        return vault.open_run(run_id, wrapped)

    def turn(self, vault: Vault) -> None:
        """Unwrap with another master key from now on; the runs' own keys stay as they are."""
        self._vault = vault

    def drop(self, run_ids: Iterable[str]) -> None:
        """Forget the keys of runs that are gone."""
        with self._lock:
            for run_id in run_ids:
                self._keys.pop(run_id, None)

    def _keep(self, run_id: str, key: RunKey) -> RunKey:
        with self._lock:
            self._keys[run_id] = key
            if len(self._keys) > _KEPT:
                self._keys.popitem(last=False)
        return key
