"""What is installed here, which world is this, who owns it, and where is its key?"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from wf_notebook import config
from wf_notebook.errors import WorldError, WorldLockedError
from wf_notebook.world.filesystems import DOUBTS, kind_of, shared_kind
from wf_notebook.world.lock import named
from wf_notebook.world.paths import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.api import World

_PACKAGES: Final = (
    "wf-notebook", "duckdb", "ipython", "ipykernel", "ipywidgets", "anywidget", "jupyterlab",
    "nbclient", "pydantic", "pyarrow", "pandas", "polars", "numpy",
)  # fmt: skip
_CLICKS: Final = (
    ((7, 4), "clicks arrive while a cell awaits"),
    ((7, 0), "clicks arrive while a cell awaits only in JupyterLab 4.4 or newer (subshells)"),
    ((0, 0), "clicks wait until the cell that awaits has ended: answer with %wf answer"),
)


def doctor(world: World | None = None) -> list[tuple[str, str]]:
    """Return what is installed and what holds here, as pairs of a word and a text.

    Args:
        world: which one to tell of; None for the one opened last. None is opened for it.
    """
    return examine(_last if world is None else lambda: world)


def _last() -> World:
    from wf_notebook import api

    found = api.open_worlds()
    if not found:
        raise WorldError("No world is open.", hint="Open one with open_world(...).")
    return found[-1]


def examine(look: Callable[[], World]) -> list[tuple[str, str]]:
    """Return what was found, as pairs of a word and a text; `look` gives the world."""
    found = [("python", f"{platform.python_version()} on {platform.platform(terse=True)}")]
    found += [(name, _version(name) or "not installed") for name in _PACKAGES]
    found.append(("clicks", clicks(_version("ipykernel"))))
    found.append(("strict", _strict()))
    return [*found, *_world(look)]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def clicks(ipykernel: str | None) -> str:
    """Say whether clicks arrive while a cell waits, by the kernel's version.

    >>> clicks("7.4.0")
    'clicks arrive while a cell awaits'
    >>> clicks(None)
    'there is no kernel: answer with wf answer'
    """
    if ipykernel is None:
        return "there is no kernel: answer with wf answer"
    parts = [int(part) for part in ipykernel.split(".")[:2] if part.isdigit()]
    return next(text for least, text in _CLICKS if tuple(parts) >= least)


def _world(look: Callable[[], World]) -> Sequence[tuple[str, str]]:
    try:
        world = look()
    except WorldLockedError as error:
        owner = ", ".join(f"{key} {value}" for key, value in error.owner.items())
        return [("world", str(error)), ("owner", owner or "unknown")]
    except WorldError as error:
        return [("world", str(error))]
    return [
        ("world", world.path),
        ("file system", file_system(world.path)),
        ("owner", _owner(world)),
        ("key", world.key_place),
        ("isolation", f"{world.host.mode(None)} unless a run says otherwise"),
    ]


def _owner(world: World) -> str:
    if world.owned:
        return "this process"
    return named(world.owner) if world.owner else "nobody: opened to read only"


def file_system(path: str) -> str:
    """Say what a world lies on, and whether that keeps other machines from opening it, too.

    >>> file_system(":memory:")
    'memory: gone when it is closed'
    """
    if path == MEMORY:
        return "memory: gone when it is closed"
    shared, kind = shared_kind(path), kind_of(path)
    return f"{shared}: {DOUBTS}" if shared else kind or "not told by this system"


def _strict() -> str:
    """Say whether the strict claim holds on this machine, by trying."""
    from wf_notebook.engine.loops import LoopThread
    from wf_notebook.isolation.choose import prove

    loop = LoopThread("wf-doctor")  # the caller's thread may have one that runs
    try:
        found = loop.submit(prove(config.Limits())).result()
    finally:
        loop.close()
    return f"{'holds' if found.holds else 'does not hold'} here: {found}"
