"""Which world file does a person at a shell mean?"""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING, Final

from wf_notebook import config
from wf_notebook.errors import UsageError
from wf_notebook.world.paths import FOLDER, default_path

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOTEBOOK: Final = ".ipynb"
_NAME_IT: Final = "Name one with --world PATH."


def chosen_world(path: str | None) -> str:
    """Return the world that is meant: the one named, else the only one there is.

    Args:
        path: a world file, or a notebook, which stands for its own world; None for the one that
            `WF_NOTEBOOK_WORLD` names, else the only one in `.wf_notebook`.

    Raises:
        UsageError: it isn't there, or it isn't certain which is meant.
    """
    if path is None:
        set_ = config.world_path()
        return found_world() if set_ is None else _there(set_, "Check WF_NOTEBOOK_WORLD.")
    if not path.endswith(_NOTEBOOK):
        return _there(path, "Check --world.")
    if not os.path.exists(path):
        raise UsageError(f"There is no notebook {path}.", hint="Check the path.")
    own = default_path(path, os.getcwd())
    return _there(os.path.relpath(own), f"{path} has run nothing yet, or in another world.")


def _there(path: str, hint: str) -> str:
    if not os.path.exists(path):
        raise UsageError(f"There is no world {path}.", hint=hint)
    return path


def found_world() -> str:
    """Return the only world beside the notebooks of this folder.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = worlds_in(os.curdir)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"There are several worlds: {', '.join(found)}.", hint=_NAME_IT)
    above = _above()
    if above:
        hint = f"There is one further up: --world {above[0]}, or go to its notebook's folder."
    else:
        hint = "Go to the notebook's folder, or name one with --world PATH."
    raise UsageError(f"There is no world in {os.getcwd()}.", hint=hint)


def worlds_in(folder: str) -> list[str]:
    """Return the worlds beside the notebooks of a folder, by name."""
    pattern = os.path.join(glob.escape(folder), FOLDER, "*.duckdb")
    return sorted(os.path.normpath(path) for path in glob.glob(pattern))


def _above() -> Sequence[str]:
    """The worlds of the nearest folder above this one that has any."""
    folder, below = os.path.dirname(os.getcwd()), os.getcwd()
    while folder != below:
        if found := worlds_in(folder):
            return [os.path.relpath(path) for path in found]
        folder, below = os.path.dirname(folder), folder
    return ()
