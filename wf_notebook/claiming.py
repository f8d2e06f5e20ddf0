"""How this process opens a world file: with which key, and as whom in its lock file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from wf_notebook import config
from wf_notebook.world import oskeyring
from wf_notebook.world.duckdb import DuckDBStore
from wf_notebook.world.keys import key_folder, resolve_key
from wf_notebook.world.paths import notebook_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.world.keys import KeyKeeper, KeyProvider, KeySource


def claim_of(
    path: str, key: KeySource | KeyProvider | None, *, read_only: bool, accept_loss: bool
) -> Callable[[Mapping[str, Any]], DuckDBStore]:
    """Return what opens the file, with words for its lock file."""
    provider = resolve_key(
        path, key, env_key=config.master_key_from_environment(), keepers=_keepers(path)
    )
    owner = {"notebook": config.notebook_path() or "", "kernel": os.getpid()}

    def claim(words: Mapping[str, Any]) -> DuckDBStore:
        return DuckDBStore.open(
            path,
            key_provider=provider,
            read_only=read_only,
            owner={**owner, **words},
            accept_loss=accept_loss,
        )

    return claim


def _keepers(path: str) -> list[KeyKeeper]:
    """Return where this user's keys are kept: in files, in the system's keyring, or both."""
    notebook = config.notebook_path()
    near = [notebook_folder(path)]
    near += [] if notebook is None else [os.path.dirname(os.path.abspath(notebook))]
    files = key_folder(config.user_config_folder(), notebooks=near, home=os.path.expanduser("~"))
    if config.keyring_first():
        return [oskeyring.KeyringKey(), files]
    return [files, oskeyring.SpareKeyring()] if oskeyring.available() else [files]
