"""The command that forgets the runs which ended long ago."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from wf_notebook.collecting import ENDED, Collected, collected
from wf_notebook.commands.base import Caller, Command
from wf_notebook.commands.reviews import names_that_keep
from wf_notebook.commands.show import dumped
from wf_notebook.errors import UsageError
from wf_notebook.views.words import visible
from wf_notebook.world.damage import copies_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.api import World

__all__ = ["gc"]

_UNITS = ("bytes", "KiB", "MiB", "GiB")


class _Several(click.Choice[str]):
    """Words of a choice, with commas between them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return them as a tuple."""
        words = value.split(",") if isinstance(value, str) else value
        return tuple(super(_Several, self).convert(word, param, ctx) for word in words)


@click.command(
    cls=Command,
    examples=(
        "gc --older 30d --dry-run",
        "gc --older 30d --status completed,cancelled --keep 10",
        "gc --keep 100 --yes",
    ),
)
@click.option("--older", metavar="DUR", help='Only runs that ended longer ago than that: "30d".')
@click.option(
    "--status",
    "statuses",
    type=_Several(ENDED),
    default=ENDED,
    metavar="WORD,…",
    help="Only runs that ended so: completed, failed, cancelled; all of these unless given.",
)
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="The newest N of each name stay, however old.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "json_", is_flag=True, help="Print JSON; it takes --dry-run or --yes.")
@click.pass_obj
def gc(  # noqa: PLR0913 - as many options
    caller: Caller,
    /,
    *,
    older: str | None,
    statuses: Sequence[str],
    keep: int,
    dry_run: bool,
    yes: bool,
    json_: bool,
) -> None:
    """Forget the runs that ended long ago, as `forget` does, and rewrite the file once.

    It takes --older or --keep. Never a run that has not ended; nor one that may yet be asked for,
    because its parent or a child of it goes on.
    """
    if json_ and not (dry_run or yes):
        raise UsageError("With --json nobody is asked.", hint="Add --dry-run, or --yes.")
    world = caller.look() if dry_run else caller.change()
    found = world.gc(older, statuses=statuses, keep=keep, dry_run=True)
    if not json_:
        click.echo("\n".join(_to_be_forgotten(found)))
    if found.runs and not dry_run:
        if not yes and caller.ask("Type yes to forget: ").strip().lower() != "yes":
            click.echo("Nothing was forgotten.")
            return
        kept_by = names_that_keep(world, found.run_ids)
        world.forget(*found.run_ids)  # those that were shown, and no others
        found = collected(found, world.path)
        if not json_:
            click.echo("\n".join(_forgotten(found, world, caller, kept_by)))
    if json_:
        click.echo(dumped(_object(found)))


def _to_be_forgotten(found: Collected) -> list[str]:
    """What a person reads first: how many, of which names, and what stays all the same."""
    spared = _spared(found)
    if not found.runs:
        return ["There is nothing to forget.", *spared]
    names = Counter(visible(row.name) for row in found.runs)
    statuses = Counter(row.status for row in found.runs)
    told = ", ".join(f"{count} {status}" for status, count in statuses.items())
    return [
        f"To be forgotten: {_runs(len(found.runs))} ({told})",
        *(f"  {name} ×{count}" for name, count in names.most_common()),
        *spared,
        "This erases source, arguments, results, payloads, streams and labels, for good.",
    ]


def _spared(found: Collected) -> list[str]:
    if not found.spared:
        return []
    return [f"As old, but wanted by runs that go on: {_runs(len(found.spared))}."]


def _forgotten(found: Collected, world: World, caller: Caller, kept_by: Sequence[str]) -> list[str]:
    before, after = _size(found.bytes_before), _size(found.bytes_after)
    return [
        f"Forgot {_runs(len(found.runs))}. The file was rewritten: {after}, {before} before.",
        *(f"{folder} may still hold them: delete it when you don't need it."
          for folder in copies_of(world.path)),
        *(f"What was proposed or approved as {visible(name)} still holds the source: "
          f"{caller.word} forget-revisions {visible(name)}." for name in kept_by),
    ]  # fmt: skip


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _size(count: int) -> str:
    """Write a number of bytes as people say it.

    >>> _size(900), _size(12_300_000)
    ('900 bytes', '11.7 MiB')
    """
    size = float(count)
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:  # noqa: PLR2004 - what a unit is of the one before
            return f"{size:.3g} {unit}"
        size /= 1024
    raise AssertionError(count)


def _object(found: Collected) -> dict[str, Any]:
    return {
        "done": found.done,
        "forgotten" if found.done else "to_be_forgotten": found.run_ids,
        "spared": list(found.spared),
        "bytes_before": found.bytes_before,
        "bytes_after": found.bytes_after,
    }
