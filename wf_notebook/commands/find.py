"""Which run or hook does a word mean?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wf_notebook.errors import HookNotFoundError, RunNotFoundError, UsageError
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from wf_notebook.api import World
    from wf_notebook.commands.base import Caller
    from wf_notebook.run import Run
    from wf_notebook.world.state import Hook

_PREFIX: Final = "wrun_"
_LISTED: Final = 5


def find_run(world: World, word: str | None, caller: Caller) -> Run:
    """Return the run with that id, or the only one whose id begins so, or the latest.

    Args:
        world: where to look.
        word: an id or the beginning of one (`wrun_` may be left out), or None for the latest run
            of the caller's notebook.
        caller: who asks.

    Raises:
        RunNotFoundError: there is none.
        UsageError: several begin so.
    """
    return _latest(world, caller) if word is None else world.get(find_id(world, word, caller))


def find_id(world: World, word: str, caller: Caller) -> str:
    """Return the id of the run with that id, or of the only one whose id begins so.

    Raises:
        RunNotFoundError: there is none.
        UsageError: several begin so.
    """
    word = word.rstrip("…")  # as a narrow terminal has shown it
    rows = world.rows(limit=None)
    ids = [row.run_id for row in rows if row.run_id == word]
    ids = ids or [row.run_id for row in rows if _begins(row.run_id, word)]
    if len(ids) > 1:
        listed = ", ".join(ids[:_LISTED]) + (", …" if len(ids) > _LISTED else "")
        msg = f"{len(ids)} runs begin with '{visible(word)}': {listed}."
        raise UsageError(msg, hint="Give more of the id.")
    if not ids:
        msg = f"There is no run '{visible(word)}' in this world."
        if word.endswith(".ipynb"):
            raise UsageError(msg, hint=f"A notebook's world is meant by --world {word}.")
        raise RunNotFoundError(msg, hint=f"List runs with {caller.word} runs.")
    return ids[0]


def _begins(run_id: str, word: str) -> bool:
    return run_id.upper().startswith((word.upper(), f"{_PREFIX}{word}".upper()))


def _latest(world: World, caller: Caller) -> Run:
    for row in world.rows(limit=None):
        if caller.notebook is None or row.origin == caller.notebook:
            return world.get(row.run_id)
    where = "This world has no run yet" if caller.notebook is None else "This notebook has no run"
    raise RunNotFoundError(f"{where}.", hint=f"List runs with {caller.word} runs.")


def find_stream(run: Run, name: str | None) -> str | None:
    """Return the stream with that name, or the only one; None if no one is meant.

    Raises:
        UsageError: the run has no stream of that name.
    """
    names = [found.name for found in run.streams]
    if name is None:
        return names[0] if len(names) == 1 else None
    if name in names:
        return name
    there = f"It has {', '.join(map(visible, names))}." if names else "It has none yet."
    raise UsageError(f"Run {run.id} has no stream '{visible(name)}'.", hint=there)


def find_hook(world: World, token: str | None, caller: Caller) -> tuple[Run, Hook]:
    """Return the open hook with that token, or the only open one.

    Raises:
        HookNotFoundError: there is none.
        UsageError: no token was given and several are open.
    """
    found = [pair for pair in world.hooks() if token in (None, pair[1].token)]
    if len(found) == 1:
        return found[0]
    if not found:
        msg = "No hook is open." if token is None else f"No open hook has the token '{token}'."
        raise HookNotFoundError(msg, reason="unknown", hint=f"List them with {caller.word} hooks.")
    tokens = ", ".join(visible(hook.token) for _, hook in found)
    raise UsageError(f"Several hooks are open: {tokens}.", hint="Name one of them.")
