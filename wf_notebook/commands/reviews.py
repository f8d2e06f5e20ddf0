"""The commands about what was proposed and approved."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Any, Final

import click

from wf_notebook.clock import iso
from wf_notebook.commands import offers
from wf_notebook.commands.base import Caller, Command
from wf_notebook.commands.show import dumped
from wf_notebook.definition.revision_names import revision_named
from wf_notebook.views.text import table as columns
from wf_notebook.views.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wf_notebook.api import World
    from wf_notebook.approving import Revision
    from wf_notebook.world.store import Review

__all__ = ["COMMANDS", "names_that_keep"]

_SHORT: Final = 12
_LEAST_NAME: Final = 20


def _command(*examples: str) -> Callable[[Callable[..., None]], click.Command]:
    return click.command(cls=Command, examples=examples)


@_command("approve 5e884898da28", 'approve 5e884898da28 --note "limits checked"')
@click.argument("source_hash", metavar="HASH", shell_complete=offers.proposal)
@click.option("--note", default="", help="Kept with the approval.")
@click.option("--by", help="Who approves; else this system's user.")
@click.pass_obj
def approve(caller: Caller, source_hash: str, note: str, by: str | None) -> None:
    """Approve what was proposed: a draft, or a cell that was refused because nobody had approved it.

    Approved are the source, the steps it is bound to, their code and schemas, all as proposed. HASH
    may be shortened to 8 digits.
    """
    from wf_notebook import approvals as book

    revision = book.approve(source_hash, note=note, by=by, world=caller.change())
    click.echo(f"Approved {revision}, sha256:{revision.source_hash}, by {revision.approved_by}.")


@_command("revisions", "revisions refund", "revisions refund@3 --json")
@click.argument("name", required=False, shell_complete=offers.revision)
@click.option("-n", "--limit", type=click.IntRange(1), help="How many of each at most.")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.pass_obj
def revisions(caller: Caller, name: str | None, limit: int | None, *, json_: bool) -> None:
    """List what was approved, and what waits to be; with NAME@NUMBER show one, source and all."""
    from wf_notebook import approvals as book

    world = caller.look()
    if name is not None and "@" in name:
        revision = book.get_revision(*revision_named(name), world=world)
        click.echo(dumped(_as_json(revision)) if json_ else _in_full(revision))
        return
    approved = book.revisions(name, world=world)[:limit]
    waiting = book.proposals(name, world=world)[:limit]
    lines = [(line, "approved") for line in approved] + [(line, "proposed") for line in waiting]
    click.echo(dumped([_line(*one) for one in lines]) if json_ else _listed(lines, caller))


@_command("forget-revisions refund", "forget-revisions refund --yes")
@click.argument("name", shell_complete=offers.reviewed_name)
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def forget_revisions(caller: Caller, name: str, *, yes: bool) -> None:
    """Erase what was proposed and approved under NAME, for good, and rewrite the world's file.

    A line of each stays: name, number, hash and time. Runs of it keep their own source until they
    are forgotten.
    """
    from wf_notebook import approvals as book

    world = caller.change()
    count = len(book.revisions(name, world=world)) + len(book.proposals(name, world=world))
    if not count:
        click.echo(f"Nothing was proposed or approved under the name {visible(name)}.")
        return
    if not yes:
        records = "1 record" if count == 1 else f"{count} records"
        click.echo(f"To be erased: {records} of {visible(name)}.")
        if caller.ask("Type yes to erase: ").strip().lower() != "yes":
            click.echo("Nothing was erased.")
            return
    book.forget_revisions(name, world=world)
    click.echo(f"Erased what was proposed and approved under the name {visible(name)}.")


COMMANDS: Final[Sequence[click.Command]] = (approve, revisions, forget_revisions)


def names_that_keep(world: World, run_ids: Sequence[str]) -> list[str]:
    """Return the names under which the source of one of these runs is still kept for review."""
    from wf_notebook import approvals as book

    rows = world.rows(limit=None)
    hashes = {row.source_hash for row in rows if row.run_id in run_ids}
    kept = (*book.revisions(world=world), *book.proposals(world=world))
    return sorted({line.name for line in kept if line.source_hash in hashes and not line.lack})


# --- as text -------------------------------------------------------------------------------------


def _listed(lines: Sequence[tuple[Review, str]], caller: Caller) -> str:
    if not lines:
        return "Nothing was proposed or approved in this world yet."
    rows = [
        (
            f"{line.name}@{line.number}" if word == "approved" else line.name,
            word,
            line.source_hash[:_SHORT],
            iso(line.time_us),
            line.lack or _said(line),
        )
        for line, word in lines
    ]
    hint = f"\nApprove one with {caller.word} approve HASH." if lines[-1][1] == "proposed" else ""
    return "\n".join(columns(rows, caller.width, least={0: _LEAST_NAME, 2: _SHORT})) + hint


def _said(line: Review) -> str:
    record: dict[str, Any] = dict(line.record or {})
    who, note = record.get("by"), record.get("note")
    if who is None:
        return "drafted by a model" if record.get("draft") else ""
    return visible(f"by {who}{f': {note}' if note else ''}")


def _in_full(revision: Revision) -> str:
    definition = revision.proposal.definition
    rows = [
        ("approved", f"{iso(revision.approved_us)} by {revision.approved_by}"),
        ("hash", f"sha256:{revision.source_hash}"),
        *([("note", revision.note)] if revision.note else []),
        *((f"step {b.alias}", f"{b.step_id} ({b.digest[:_SHORT]})") for b in definition.steps),
        *((f"schema {name}", "") for name in definition.schemas),
        *([("drafted", "by a model")] if revision.proposal.draft else []),
    ]
    told = columns([(visible(a), visible(b)) for a, b in rows])
    return "\n".join([str(revision), *told, "", indent(definition.source.rstrip("\n"), "    ")])


def _line(line: Review, word: str) -> dict[str, Any]:
    return {
        "name": line.name,
        "number": line.number,
        "state": word,
        "source_hash": line.source_hash,
        "time": iso(line.time_us),
        "lack": line.lack,
    }


def _as_json(revision: Revision) -> dict[str, Any]:
    return {
        "name": revision.name,
        "revision": revision.number,
        "source_hash": revision.source_hash,
        "approved_at": iso(revision.approved_us),
        "approved_by": revision.approved_by,
        "note": revision.note,
        **revision.proposal.record(),
    }
