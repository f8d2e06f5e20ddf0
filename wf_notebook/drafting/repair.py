"""Repair: have a model mend the source of a run that failed, and show what it would change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wf_notebook.definition.compile import recompiled
from wf_notebook.definition.given import steps_by_alias
from wf_notebook.drafting.catalogue import BUDGET, catalogue_of
from wf_notebook.drafting.happened import failure_text, outline_of_run
from wf_notebook.drafting.loop import REPAIRS, Commission, carried_out, narrowed, on_a_loop
from wf_notebook.drafting.models import chosen_model
from wf_notebook.drafting.prompt import failure_prompt
from wf_notebook.drafting.rehearsal import rehearse as rehearsed
from wf_notebook.errors import RegistrationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.definition.given import Steps
    from wf_notebook.definition.model import CheckReport, Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.drafting.drafts import Draft
    from wf_notebook.drafting.models import Model
    from wf_notebook.run import Run

__all__ = ["mended", "repair", "repair_async"]


def repair(  # noqa: PLR0913 - keyword-only past the run
    run: Run,
    request: str = "",
    *,
    steps: Steps = (),
    model: Model | None = None,
    payloads: bool = False,
    repairs: int = REPAIRS,
    budget: int = BUDGET,
    on_text: Callable[[str], object] | None = None,
    rehearse: bool = True,
) -> Draft:
    """Have a model mend the source of a run that failed. The run stays as it is; nothing is run.

    The model is shown the source, what was raised at which line, and what the run had asked for:
    types, names, lines and counts. What a run holds sealed (messages of errors, arguments,
    results, payloads) is shown only if `payloads` says so.

    Args:
        run: a run that failed.
        request: what else to say to the model; may be empty.
        steps: what the mended source may call beside the run's own steps.
        model, repairs, budget, on_text, rehearse: as for `draft`.
        payloads: whether values of the run may be shown to the model.

    Returns:
        a draft; its `diff` leads from the source that ran to it.

    Raises:
        UsageError: the run has not failed.
        RegistrationError: none of its steps is registered here, or `steps` cannot be used.
        DraftError: as for `draft`.
    """
    return on_a_loop(
        repair_async(
            run, request, steps=steps, model=model, payloads=payloads, repairs=repairs,
            budget=budget, on_text=on_text, rehearse=rehearse,
        )
    )  # fmt: skip


async def repair_async(  # noqa: PLR0913 - as above
    run: Run,
    request: str = "",
    *,
    steps: Steps = (),
    model: Model | None = None,
    payloads: bool = False,
    repairs: int = REPAIRS,
    budget: int = BUDGET,
    on_text: Callable[[str], object] | None = None,
    rehearse: bool = True,
) -> Draft:
    """Do what `repair()` does, on the running loop."""
    chosen = chosen_model(model)
    state = run.state
    if state.status != "failed":
        msg = f"Run {run.id} has not failed: it is {run.status}."
        raise UsageError(msg, hint="Only a failed run can be repaired; edit the cell instead.")
    definition = run.definition
    added = steps_by_alias(steps) if steps else {}
    offered = _known(run, definition) | added
    catalogue = catalogue_of(
        offered, definition.schemas, request=f"{request}\n{definition.source}", budget=budget
    )
    prompt = failure_prompt(
        catalogue,
        definition.source,
        failure=failure_text(state, definition.source, payloads=payloads),
        happened=outline_of_run(state, run.events() if payloads else ()),
        request=request,
    )
    commission = Commission(
        request=request or f"Mend {definition.name}, which failed as run {run.id}.",
        prompt=prompt,
        check=partial(_checked, definition, added),
        steps=offered,
        rehearse=partial(rehearsed, steps=offered) if rehearse else None,
        base=definition.source,
        payloads=payloads,
    )
    return await carried_out(commission, chosen, repairs=repairs, on_text=on_text)


def mended(run: Run, made: Draft, *, steps: Steps = ()) -> Definition | None:
    """Return what would run if a repaired draft were approved, or None if it may not run.

    Args:
        run: the run that failed.
        made: what `repair()` returned for it.
        steps: as they were given to `repair()`.
    """
    if not made.ok:
        return None
    added = steps_by_alias(steps) if steps else {}
    return _checked(run.definition, added, made.source).definition


def _checked(definition: Definition, added: Mapping[str, Step], source: str) -> CheckReport:
    return narrowed(recompiled(definition, source, steps=added))


def _known(run: Run, definition: Definition) -> dict[str, Step]:
    """Return the run's steps that this process has, by the aliases of the run."""
    registry = run.host.runner.steps
    found = ((b.alias, registry.get(b.step_id)) for b in definition.steps)
    known = {alias: step for alias, step in found if step is not None}
    if not known:
        msg = f"None of the steps of run {run.id} is registered here."
        raise RegistrationError(msg, code="WF151", hint="Define them first, then try again.")
    return known
