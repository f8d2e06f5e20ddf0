"""What can be asked of a world, by `%wf` in a notebook and by `wf` in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wf_notebook.commands import offers
from wf_notebook.commands.answering import answer_hook
from wf_notebook.commands.base import Caller, Command
from wf_notebook.commands.collecting import gc
from wf_notebook.commands.doctor import examine
from wf_notebook.commands.find import find_hook, find_id, find_run, find_stream
from wf_notebook.commands.linting import lint
from wf_notebook.commands.receipts import COMMANDS as RECEIPTS
from wf_notebook.commands.repairing import repair
from wf_notebook.commands.reviews import COMMANDS, names_that_keep
from wf_notebook.commands.show import (
    Listing,
    calls_text,
    catalogue,
    catalogue_text,
    dumped,
    forget_text,
    hook_json,
    hooks_text,
    run_json,
    step_json,
    streams_json,
    streams_text,
    why_json,
)
from wf_notebook.commands.sql import sql
from wf_notebook.config import VIEWS
from wf_notebook.views.controls import read_json
from wf_notebook.views.listing import Chosen
from wf_notebook.views.text import render_run
from wf_notebook.views.text import table as columns
from wf_notebook.views.words import visible
from wf_notebook.world.damage import copies_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.api import World

_STATUSES = (
    "pending", "running", "suspended", "blocked", "completed", "failed", "cancelled", "forgotten",
)  # fmt: skip
_LISTED = 20
_RUN = click.argument("run_id", metavar="[RUN]", required=False, shell_complete=offers.any_run)
_LIVE = click.argument("run_id", metavar="[RUN]", required=False, shell_complete=offers.live_run)
_JSON = click.option("--json", "json_", is_flag=True, help="Print JSON.")
_LIMIT = click.option("-n", "--limit", type=click.IntRange(1), help="How many at most.")


def _labels(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> dict[str, str]:
    return dict(map(_label, given))


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        msg = f"{text!r} is not NAME=TEXT."
        raise click.BadParameter(msg)
    return name, value


@click.group(name="wf", help="Look at the runs of a world, and move them on.")
def table() -> None:
    """Hold the commands; each is added below."""


def _command(
    *examples: str, raw_after: int | None = None
) -> Callable[[Callable[..., None]], click.Command]:
    """Add a command to the table; its docstring is its help."""
    return table.command(cls=Command, examples=examples, raw_after=raw_after)


@_command("runs", "runs --status suspended", "runs --attribute customer=A-17 --limit 5 --json")
@click.option("--status", type=click.Choice(_STATUSES), help="Only runs that stand so.")
@click.option(
    "-a",
    "--attribute",
    "labels",
    multiple=True,
    metavar="NAME=TEXT",
    callback=_labels,
    shell_complete=offers.label,
    help="Only runs that are labelled so; may be given again.",
)
@click.option("-n", "--limit", type=click.IntRange(1), help="How many at first; 20 unless given.")
@click.option("--view", type=click.Choice(VIEWS), help="How they are shown; text in a terminal.")
@_JSON
@click.pass_obj
def runs(
    caller: Caller,
    status: str | None,
    labels: dict[str, str],
    limit: int | None,
    view: str | None,
    *,
    json_: bool,
) -> None:
    """List runs, newest first; in a notebook as a table that is kept up to date."""
    world = caller.look()
    chosen = Chosen(status, labels, limit)
    if json_:
        click.echo(dumped(Listing(world, chosen, limit=limit or _LISTED).json()))
    elif caller.shows(world, chosen, view):
        click.echo(_lock(world).lstrip(), nl=world.locked is not None)
    else:
        click.echo(Listing(world, chosen, limit=limit or _LISTED).text(caller.width) + _lock(world))


@_command("show", "show wrun_01K9", "show 01K9 --json")
@_RUN
@_JSON
@click.pass_obj
def show(caller: Caller, run_id: str | None, *, json_: bool) -> None:
    """Show a run: how it stands, its timeline, its open hooks. Values are never shown.

    RUN is an id or the beginning of one; without it, the latest run.
    """
    world = caller.look()
    run = find_run(world, run_id, caller)
    text = render_run(run.view(), titles=not caller.saved, width=caller.width)
    click.echo(dumped(run_json(run)) if json_ else text + _lock(world))


@_command("why", "why 01K9", "why 01K9 --json")
@_RUN
@_JSON
@click.pass_obj
def why(caller: Caller, run_id: str | None, *, json_: bool) -> None:
    """Say in a sentence what a run waits on and when it moves next."""
    run = find_run(caller.look(), run_id, caller)
    click.echo(dumped(why_json(run)) if json_ else run.why())


@_command("source", "source 01K9")
@_RUN
@click.pass_obj
def source(caller: Caller, run_id: str | None) -> None:
    """Print the source that a run executes, as stored with it."""
    click.echo(find_run(caller.look(), run_id, caller).source, nl=False)


@_command("steps", "steps 01K9", "steps 01K9 --limit 20 --json")
@_RUN
@_LIMIT
@_JSON
@click.pass_obj
def steps(caller: Caller, run_id: str | None, limit: int | None, *, json_: bool) -> None:
    """List the steps that this process offers; with RUN, that run's calls of steps, newest last."""
    if run_id is None:
        offered = catalogue_text(caller.width)
        click.echo(dumped(catalogue()) if json_ else offered)
        return
    world = caller.look()
    run = find_run(world, run_id, caller)
    calls = run.steps[-(limit or 0) :]
    now_us = world.host.clock.now_us()
    told = calls_text(run, calls, now_us, width=caller.width)
    click.echo(dumped([step_json(step) for step in calls]) if json_ else told)


@_command("stream", "stream 01K9 tokens", "stream 01K9 log --start -20", "stream 01K9 --json")
@_RUN
@click.argument("name", required=False, shell_complete=offers.stream)
@click.option("--start", type=int, default=0, help="Index of the first chunk; -20 for the last 20.")
@click.option("--json", "json_", is_flag=True, help="Print JSON: which streams there are.")
@click.pass_obj
def stream(
    caller: Caller, run_id: str | None, name: str | None, start: int, *, json_: bool
) -> None:
    """Print what the steps of a run have written; without NAME its only stream, or their list.

    Text is printed as it was written, bytes as a size, other values as JSON, a line each. What the
    source prints is the stream stdout.
    """
    from wf_notebook.views.tails import joined

    run = find_run(caller.look(), run_id, caller)
    chosen = find_stream(run, name)
    if json_:
        click.echo(dumped(streams_json(run)))
    elif chosen is None:
        click.echo(streams_text(run, caller.width))
    else:
        click.echo(joined(run.stream(chosen, start).read(), fresh=True).removesuffix("\n"))


@_command("hooks", "hooks --limit 5", "hooks --json")
@_LIMIT
@_JSON
@click.pass_obj
def hooks(caller: Caller, limit: int | None, *, json_: bool) -> None:
    """List the open hooks: what people are asked for."""
    world = caller.look()
    found = world.hooks()[:limit]
    if json_:
        click.echo(dumped([hook_json(run, hook) for run, hook in found]))
    else:
        now_us = world.host.clock.now_us()
        text = hooks_text(found, now_us, titles=not caller.saved, width=caller.width)
        click.echo(text + _lock(world))


@_command(
    'resume approve-A-17 {"ok": true, "amount": 5}',
    "resume --resume-id click-1 approve-A-17 null",
    raw_after=1,
)
@click.argument("token", shell_complete=offers.token)
@click.argument("payload", nargs=-1, metavar="[JSON]")
@click.option("--resume-id", help="The same id is recorded once, however often it is sent.")
@click.pass_obj
def resume(caller: Caller, token: str, payload: Sequence[str], resume_id: str | None) -> None:
    """Hand a payload to the open hook with that TOKEN.

    In a notebook the rest of the line is the JSON as it stands, quotes and all. Without it the
    payload is null.
    """
    text = " ".join(payload).strip()
    value = read_json(text, "The payload") if text else None
    caller.change().resume(token, value, resume_id)
    click.echo(f"Resumed the hook {visible(token)}.")


@_command("answer", "answer approve-A-17")
@click.argument("token", required=False, shell_complete=offers.token)
@click.pass_obj
def answer(caller: Caller, token: str | None) -> None:
    """Answer a hook field by field; without TOKEN, the only open one."""
    run, hook = find_hook(caller.change(), token, caller)
    answer_hook(run, hook, ask=caller.ask, say=click.echo, saved=caller.saved)


@_command("wake", "wake 01K9 --wait wait_0A3F")
@_LIVE
@click.option(
    "--wait",
    help="Only the sleep with that id; else all of the run's sleeps.",
    shell_complete=offers.sleep,
)
@click.pass_obj
def wake(caller: Caller, run_id: str | None, wait: str | None) -> None:
    """End the sleeps of a run early."""
    run = find_run(caller.change(), run_id, caller)
    woken = run.wake(wait)
    click.echo(f"Woke {run.name} ({run.id})." if woken else f"Nothing sleeps in {run.id}.")


@_command("adopt 01K9")
@_LIVE
@click.pass_obj
def adopt(caller: Caller, run_id: str | None) -> None:
    """Take a run over that another notebook has started, to go on with the steps of this one.

    In a shell: give it free; any process may then go on with it.
    """
    run = find_run(caller.change(), run_id, caller)
    done = run.adopt()
    whose = f"belongs to {run.notebook} now" if run.notebook else "may go on anywhere now"
    click.echo(f"{run.name} ({run.id}) {whose}." if done else f"{run.id} had already ended.")


@_command("cancel", 'cancel 01K9 --reason "wrong order"')
@_LIVE
@click.option("--reason", help="Recorded with the run.")
@click.pass_obj
def cancel(caller: Caller, run_id: str | None, reason: str | None) -> None:
    """Cancel a run; steps in flight are asked to stop."""
    run = find_run(caller.change(), run_id, caller)
    done = run.cancel(reason)
    click.echo(f"Cancelled {run.name} ({run.id})." if done else f"{run.id} had already ended.")


@_command("forget 01K9", "forget 01K9 01K8 --yes")
@click.argument(
    "run_ids", metavar="RUN...", nargs=-1, required=True, shell_complete=offers.ended_run
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def forget(caller: Caller, run_ids: Sequence[str], *, yes: bool) -> None:
    """Erase runs that have ended, for good, and rewrite the world's file without them.

    What is erased: source, arguments, results, payloads, streams, labels and the run's key. What
    stays: a line with id, name, hash and times. Copies and backups of the world that were made
    before stay readable with the master key.
    """
    world = caller.change()
    found = list(dict.fromkeys(find_id(world, word, caller) for word in run_ids))
    if not yes:
        click.echo("\n".join(forget_text(world, found)))
        if caller.ask("Type yes to forget: ").strip().lower() != "yes":
            click.echo("Nothing was forgotten.")
            return
    world.forget(*found)
    click.echo(f"Forgot {', '.join(found)}. The file was rewritten; copies made before were not.")
    for folder in copies_of(world.path):
        click.echo(f"{folder} may still hold them: delete it when you don't need it.")
    for name in names_that_keep(world, found):
        erase = f"{caller.word} forget-revisions {name}"
        click.echo(f"What was proposed or approved as {name} still holds the source: {erase}.")


@_command("rotate-key")
@click.pass_obj
def rotate_key(caller: Caller) -> None:
    """Seal the world with a new master key; the old one opens nothing in its file any more.

    The new key is kept where the old one is, and before anything is changed.
    """
    click.echo(str(caller.change().rotate_key()))


@_command("doctor", "doctor --json")
@_JSON
@click.pass_obj
def doctor(caller: Caller, *, json_: bool) -> None:
    """Say what is installed, whether strict isolation holds, and whose world this is.

    A confined guest tries to break out; the world's owner, its file system and the place of its key
    are named.
    """
    found = examine(caller.look)
    click.echo(dumped(dict(found)) if json_ else "\n".join(columns(found)))


for _one in (*COMMANDS, *RECEIPTS, gc, repair, sql, lint):
    table.add_command(_one)


def _lock(world: World) -> str:
    """What is missing, as a last line, where the world is locked."""
    return "" if world.locked is None else f"\nLocked: {world.locked}"
