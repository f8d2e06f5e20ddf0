"""The command that has a model mend the source of a run that failed."""

from __future__ import annotations

from typing import Final

import click

from wf_notebook.commands import offers
from wf_notebook.commands.base import Caller, Command
from wf_notebook.commands.find import find_run
from wf_notebook.views.words import visible

__all__ = ["repair"]

_EXAMPLES: Final = ("repair", "repair 01K9 --model anthropic:MODEL --payloads")


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("run_id", metavar="[RUN]", required=False, shell_complete=offers.ended_run)
@click.option("-m", "--model", help="provider:model; else the one that is set.")
@click.option("--payloads", is_flag=True, help="Show the model what the run holds sealed, too.")
@click.option("--repairs", type=click.IntRange(0), help="How often the model may mend its answer.")
@click.pass_obj
def repair(
    caller: Caller, run_id: str | None, model: str | None, repairs: int | None, *, payloads: bool
) -> None:
    """Have a model mend the source of a run that failed, for review. Nothing is run.

    The model is shown the source, the error's type and line, and what the run had asked for; without
    --payloads no message, argument, result or payload.
    """
    from wf_notebook.approvals import propose_definition
    from wf_notebook.drafting.loop import REPAIRS
    from wf_notebook.drafting.models import chosen_model, name_of
    from wf_notebook.drafting.repair import mended
    from wf_notebook.drafting.repair import repair as repaired

    world = caller.change()
    run = find_run(world, run_id, caller)
    chosen = chosen_model(model or caller.drafter or None)
    click.echo(f"Asking {visible(name_of(chosen))} to mend {run.name} ({run.id}) …")
    made = repaired(
        run, model=chosen, payloads=payloads, repairs=REPAIRS if repairs is None else repairs
    )
    kept = ""
    definition = mended(run, made)
    if definition is not None:
        steps = world.host.runner.steps
        known = {b.alias: s for b in definition.steps if (s := steps.get(b.step_id)) is not None}
        record = made.to_record()
        kept = propose_definition(definition, known, draft=record, world=world).source_hash
    caller.land(made, kept)
