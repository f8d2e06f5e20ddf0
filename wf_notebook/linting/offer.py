"""What does a cell offer to its source: the steps and schemas it lists, else those it names?

The kernel decides this in `notebook/launch.py`, with the steps themselves; here it is decided with
what reading the notebook tells of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from wf_notebook.definition.functions import is_alias
from wf_notebook.definition.offers import bad_alias, no_steps
from wf_notebook.definition.validate import validate
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.guest.check import names_used
from wf_notebook.linting.meanings import Step, Unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.cells.line import CellLine
    from wf_notebook.linting.known import Known

__all__ = ["Offer", "offered"]

Offered: TypeAlias = "Step | Unread"


@dataclass(slots=True)
class Offer:
    """What a source is given.

    Attributes:
        steps: alias to the step that it stands for, or why that can't be told.
        schemas: names.
        errors: what is wrong with it, and with which words of the line.
        unread: why each used step or schema of which that is so can't be told, by name.
    """

    steps: dict[str, Offered] = field(default_factory=dict[str, Offered])
    schemas: tuple[str, ...] = ()
    errors: list[tuple[WorkflowError, str]] = field(default_factory=list[tuple[WorkflowError, str]])
    unread: dict[str, str] = field(default_factory=dict[str, str])

    def ids(self) -> Mapping[str, str] | None:
        """Return alias to step id, or None if one of them can't be told."""
        steps = {alias: step for alias, step in self.steps.items() if isinstance(step, Step)}
        certain = len(steps) == len(self.steps) and all(step.step_id for step in steps.values())
        return {alias: step.step_id for alias, step in steps.items()} if certain else None


def offered(known: Known, line: CellLine, source: str) -> Offer:
    """Return what a cell offers.

    Args:
        known: what the notebook has defined above the cell.
        line: of the cell.
        source: normalised.
    """
    used_steps, used_schemas = names_used(source)
    found = Offer()
    if line.steps is not None:
        _listed(found, known, line.steps)
    else:
        found.steps = _named(known, line, source, used_steps)
    for alias, step in found.steps.items():
        if isinstance(step, Unread) and (alias in used_steps or line.steps is not None):
            found.unread[alias] = step.why
    if not found.steps and not found.errors and not _may_have_others(known, line, source):
        found.errors.append((no_steps(), "--steps" if line.steps is not None else ""))
    _schemas(found, known, line, used_schemas)
    return found


def _listed(offer: Offer, known: Known, steps: Mapping[str, str]) -> None:
    for alias, text in steps.items():
        step = known.step(text)
        if step is None:
            names = ", ".join(sorted(known.steps())) or "none"
            msg = f"--steps: {text!r} is not a registered step."
            hint = f"Registered: {names}. Put @step above the function."
            offer.errors.append((UsageError(msg, hint=hint), text))
        elif not is_alias(alias):
            offer.errors.append((bad_alias(alias, text), alias))
        # What isn't registered is said once, and not once more for each use.
        offer.steps[alias] = step or Step()


def _named(known: Known, line: CellLine, source: str, used: frozenset[str]) -> dict[str, Offered]:
    """The registered steps that a source names; all of them if it is about to be refused."""
    found = {alias: step for alias in sorted(used) if (step := known.step(alias)) is not None}
    every = {**known.steps(), **found}
    wanting = _refused(line, source, every) if not used else len(found) < len(used)
    return every if wanting else found


def _refused(line: CellLine, source: str, steps: Mapping[str, Offered]) -> bool:
    return bool(validate(source, aliases=steps, name=line.name, cell=True).diagnostics)


def _may_have_others(known: Known, line: CellLine, source: str) -> bool:
    """Whether the kernel may have steps to offer, and then says what is wrong with the source."""
    return line.steps is None and bool(known.hidden) and _refused(line, source, {})


def _schemas(offer: Offer, known: Known, line: CellLine, used: frozenset[str]) -> None:
    names = sorted(used) if line.schemas is None else line.schemas
    models = {name: known.model(name) for name in names}
    offer.unread |= {n: model.why for n, model in models.items() if isinstance(model, Unread)}
    if line.schemas is None:
        offer.schemas = tuple(name for name, model in models.items() if model is not None)
        return
    offer.schemas = line.schemas
    for name, model in models.items():
        if model is None:
            msg = f"--schemas: {name!r} is not a pydantic model in this notebook."
            hint = "Define it in a cell above."
            offer.errors.append((UsageError(msg, hint=hint), name))
