"""The commands that export runs as notebooks, and replay what was recorded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import click

from wf_notebook.commands.base import Caller, Command
from wf_notebook.commands.find import find_run
from wf_notebook.commands.outcome import COMPLETED, DIVERGED, FAILED, gravest
from wf_notebook.commands.show import dumped
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.views.words import events_of, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.api import World
    from wf_notebook.run import Run
    from wf_notebook.testing.replays import Replay

__all__ = ["COMMANDS"]

_NOTEBOOK: Final = ".ipynb"
_CODES: Final = {"replays": COMPLETED, "diverged": DIVERGED}


def _command(*examples: str) -> Callable[[Callable[..., object]], click.Command]:
    return click.command(cls=Command, examples=examples)


@_command("export", "export refund.ipynb", "export 01K9 refund.ipynb --payloads")
@click.argument("run_id", metavar="[RUN]", required=False)
@click.argument("path", required=False)
@click.option("--payloads", is_flag=True, help="With arguments, results, payloads: as plain text.")
@click.option("--force", is_flag=True, help="Replace whatever lies there.")
@click.pass_obj
def export(
    caller: Caller, run_id: str | None, path: str | None, *, payloads: bool, force: bool
) -> None:
    """Write a run as a notebook that tells what ran, and can prove it: source, log, approval.

    Arguments, results and payloads stay out unless --payloads is given. A run that goes on is told
    as far as it has come. `replay` checks the notebook later, here or elsewhere.
    """
    if path is None and run_id is not None and run_id.endswith(_NOTEBOOK):
        run_id, path = None, run_id
    run = find_run(caller.look(), run_id, caller)
    place = _place(run, path)
    try:
        receipt = run.to_notebook(place, payloads=payloads, force=force)
    except OSError as error:
        msg = f"{place} cannot be written: {error.strerror}."
        raise UsageError(msg, hint="Choose another PATH.") from None
    events = events_of(receipt.state.seq, None)
    values = "with payloads as plain text" if payloads else "without payloads"
    click.echo(f"Wrote {place}: {run.name} ({run.id}), {receipt.status}, {events}, {values}.")
    click.echo(f"Chain {receipt.chain}: noted elsewhere, it tells this receipt from any other.")


def _place(run: Run, path: str | None) -> str:
    from wf_notebook.receipts.files import default_name

    name = default_name(run.name, run.id)
    if path is None:
        return name
    return os.path.join(path, name) if os.path.isdir(path) else path


@_command(
    "replay",
    "replay refund.ipynb tests/histories",
    "replay 01K9 --source orders.ipynb#refund",
)
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option("--source", metavar="FILE", help="An edited source: a .py, or notebook.ipynb#NAME.")
@click.option("--check", is_flag=True, help="Only check that files are as written; replay nothing.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_obj
def replay(
    caller: Caller, targets: Sequence[str], source: str | None, *, check: bool, json_: bool
) -> int:
    """Replay what was recorded; no step is executed. Says where a source parts from a log.

    TARGET is a run (an id or its beginning), a receipt (.ipynb), a history (.json), or a folder of
    them; without one, the latest run. A receipt without payloads is replayed from the world that
    holds its run; elsewhere it can only be checked, which is told, and is not success.
    """
    from wf_notebook.testing.edits import source_text
    from wf_notebook.testing.replays import replays
    from wf_notebook.testing.told import told

    text = None if source is None else source_text(source)
    place = _Place(caller)
    chosen = [part for word in targets or (None,) for part in place.parts(word)]
    world = place.beside() if any(isinstance(part, str) for part in chosen) else None
    found: list[Replay] = []
    for one in replays(chosen, source=text, world=world, check=check):
        found.append(one)
        if not json_:
            click.echo("\n".join(told(one)))
    if json_:
        click.echo(dumped([one.to_json() for one in found]))
    else:
        place.tell()
    passed = {**_CODES, "checked": COMPLETED if check else FAILED}
    return gravest(passed.get(one.outcome, FAILED) for one in found)


class _Place:
    """Where the words of a line are looked up: among files, else in the world."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._passed_over = 0
        self._no_world = ""

    def parts(self, word: str | None) -> Sequence[str | Run]:
        """Return the files or the run that a word means; the latest run for None."""
        from wf_notebook.testing.targets import SUFFIXES, files_at

        if word is not None and (os.path.exists(word) or word.endswith(SUFFIXES) or os.sep in word):
            files, others = files_at(word)
            self._passed_over += others
            return files
        return [find_run(self._caller.look(), word, self._caller)]

    def beside(self) -> World | None:
        """Return the world that files are held against; None where there is none at hand.

        Raises:
            WorkflowError: one was named, and cannot be opened.
        """
        try:
            world = self._caller.look()
        except WorkflowError as error:
            if self._caller.world_named():
                raise
            self._no_world = error.message
            return None
        if world.locked is not None:
            self._no_world = world.locked
            return None
        return world

    def tell(self) -> None:
        """Say what was not looked at."""
        if self._passed_over:
            files = "1 file was" if self._passed_over == 1 else f"{self._passed_over} files were"
            click.echo(f"{files} passed over: neither a history nor a receipt.")
        if self._no_world:
            click.echo(f"No world was asked: {visible(self._no_world)}")


COMMANDS: Final[Sequence[click.Command]] = (export, replay)
