"""What may stand at the cursor, where a shell completes a command? Runs, tokens, names of the world.

It only reads, and is silent where there is nothing to be read: no world, several, a locked or a busy
one. Each function is a `shell_complete` of click's.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Final, TypeAlias

from click.shell_completion import CompletionItem

from wf_notebook.commands.find import find_run
from wf_notebook.errors import WorkflowError
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import click

    from wf_notebook.api import World
    from wf_notebook.commands.base import Caller

Offer: TypeAlias = "tuple[str, str]"  # a word, and what is said of it
Asked: TypeAlias = "Callable[[World, click.Context], Iterable[Offer]]"
Completer: TypeAlias = "Callable[[click.Context, click.Parameter, str], list[CompletionItem]]"

_RECENT: Final = 100
_PREFIX: Final = "wrun_"
_FORGOTTEN: Final = "forgotten"


def _completer(asked: Asked) -> Completer:
    """Return what completes a word by what it asks of the world."""

    def complete(
        context: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        caller: Caller = context.obj
        logging.disable()  # whoever presses Tab has a line half written
        try:
            with warnings.catch_warnings(action="ignore"):
                offers = list(asked(caller.look(), context))
        except (WorkflowError, OSError):
            return []
        beginnings = (begun, _PREFIX + begun)
        found = ((w, told) for w, told in offers if w.startswith(beginnings) and w == visible(w))
        return [CompletionItem(word, help=visible(told)) for word, told in found]

    return complete


def _runs(world: World, *, ended: bool | None = None) -> list[Offer]:
    if ended is False:
        return [(run.id, f"{run.name} {run.status}") for run in world.unfinished()[:_RECENT]]
    rows = (row for row in world.rows(limit=_RECENT) if row.status != _FORGOTTEN)
    return [(r.run_id, f"{r.name} {r.status}") for r in rows if not ended or r.ended_us is not None]


def _run_streams(world: World, context: click.Context) -> list[Offer]:
    run = find_run(world, context.params.get("run_id"), context.obj)
    return [(found.name, f"{found.chunks} chunks") for found in run.streams]


def _sleeps(world: World) -> list[Offer]:
    """The sleeps of every run: click has not read which one is meant when `--wait` comes last."""
    live = (
        (run, wait) for run in world.unfinished()[:_RECENT] for wait in run.state.waits.values()
    )
    return [(wait.id, f"{wait.kind} of {run.name}") for run, wait in live if wait.open]


def _reviewed(world: World, *, numbered: bool) -> list[Offer]:
    from wf_notebook import approvals as book

    lines = book.revisions(world=world)
    names = {line.name: "" for line in (*lines, *book.proposals(world=world))}
    every = [(f"{line.name}@{line.number}", "approved") for line in lines]
    return [*names.items(), *(every if numbered else ())]


def _proposed(world: World) -> list[Offer]:
    from wf_notebook import approvals as book

    return [(line.source_hash[:12], line.name) for line in book.proposals(world=world)]


any_run = _completer(lambda world, _: _runs(world))
live_run = _completer(lambda world, _: _runs(world, ended=False))
ended_run = _completer(lambda world, _: _runs(world, ended=True))
token = _completer(lambda world, _: [(hook.token, run.name) for run, hook in world.hooks()])
stream = _completer(_run_streams)
sleep = _completer(lambda world, _: _sleeps(world))
label = _completer(
    lambda world, _: sorted(
        {(f"{k}={v}", "") for row in world.rows(limit=_RECENT) for k, v in row.attributes.items()}
    )
)
revision = _completer(lambda world, _: _reviewed(world, numbered=True))
reviewed_name = _completer(lambda world, _: _reviewed(world, numbered=False))
proposal = _completer(lambda world, _: _proposed(world))
