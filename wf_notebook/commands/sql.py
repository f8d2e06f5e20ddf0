"""How is a world asked with SQL, and where does the answer go?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wf_notebook.commands.base import Caller, Command
from wf_notebook.errors import UsageError
from wf_notebook.guest.durations import parse_duration
from wf_notebook.views.queried import guide_text, table_text
from wf_notebook.world.formats import FORMATS
from wf_notebook.world.tables import FRAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

_TABLE = "table"


def _seconds(_context: click.Context, _option: click.Parameter, given: str | None) -> float | None:
    try:
        return None if given is None else parse_duration(given)
    except (ValueError, TypeError) as problem:
        raise click.BadParameter(f'{problem} Write "90s" or "1h 30m".') from None


@click.command(
    cls=Command,
    examples=(
        "sql",
        "sql select name, status, seconds from runs order by seconds desc limit 10",
        "sql --format csv select alias, avg(attempts) from steps group by alias",
        "sql -o attempts.parquet from attempts",
        "sql select token, payload(run_id, last_received_seq) from hooks",
    ),
    raw_after=0,
)
@click.argument("query", nargs=-1, metavar="[SELECT …]")
@click.option("--format", "shape", type=click.Choice((_TABLE, *FORMATS)), help="How it is printed.")
@click.option("--json", "json_", is_flag=True, help="The same as --format json.")
@click.option(
    "-o", "--output", metavar="FILE", help="Write it: FILE.parquet (by Arrow), .csv or .json."
)
@click.option(
    "--timeout", metavar="DUR", callback=_seconds, help='Stop it after so long, such as "30s".'
)
@click.option("--out", metavar="NAME", help="In a notebook: bind the answer to NAME.")
@click.option("--frame", type=click.Choice(FRAMES), help="In a notebook: as a data frame.")
@click.pass_obj
def sql(  # noqa: PLR0913 - one for each option
    caller: Caller,
    query: Sequence[str],
    *,
    shape: str | None,
    json_: bool,
    output: str | None,
    timeout: float | None,
    out: str | None,
    frame: str | None,
) -> None:
    """Ask a world with SQL: one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE) over its views.

    Without a query: which views there are, and what each column means. Nothing in them is sealed;
    payload(run_id, seq) opens what an event holds, and the answer then stands in the output.

    In a notebook the rest of the line is the query as it stands, or the cell under %%wf sql; the
    answer is its value.
    """
    text = " ".join(query).strip()
    if not text:
        click.echo(guide_text())
        return
    found = caller.look().sql(text, timeout=timeout)
    if output is not None:
        found.save(output)
        click.echo(f"Wrote {len(found):,} row{'' if len(found) == 1 else 's'} to {output}.")
    value = found if frame is None else found.frame(frame)
    shape = "json" if json_ else shape
    if out is not None or frame is not None:
        if not caller.gives(value, out):
            raise UsageError("A shell keeps no values.", hint="Write a file: -o FILE.parquet.")
    elif shape in FORMATS:
        click.echo(found.text(shape))
    elif output is None and (shape == _TABLE or not caller.gives(value, None)):
        click.echo(table_text(found, width=caller.width))
