"""What does a `%%workflow_draft` cell do, and what does `%workflow_prompt` print?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, cast

from wf_notebook.approvals import propose
from wf_notebook.definition.steps import REGISTRY
from wf_notebook.drafting.catalogue import BUDGET, step_catalogue
from wf_notebook.drafting.loop import draft_async, on_a_loop
from wf_notebook.drafting.models import chosen_model, name_of
from wf_notebook.errors import UsageError
from wf_notebook.notebook.finding import listed_model, listed_step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Mapping

    from wf_notebook.api import World
    from wf_notebook.definition.steps import Step
    from wf_notebook.drafting.drafts import Draft
    from wf_notebook.drafting.models import Model
    from wf_notebook.notebook.draftargs import DraftLine, PromptLine
    from wf_notebook.notebook.progress import Progress


class Notebook(Protocol):
    """What a drafting cell needs of its session."""

    @property
    def names(self) -> dict[str, Any]:
        """The user's namespace."""
        ...

    @property
    def drafter(self) -> tuple[str, int]:
        """The model that is set, or "", and how often it may mend its answer."""
        ...

    def world(self) -> World:
        """The session's world, opened if need be."""
        ...

    def progress(self, model: str) -> Progress:
        """A place under the cell that shows how far the model is."""
        ...

    def next_cell(self, text: str) -> None:
        """Put a text into the next cell."""
        ...

    def show_draft(self, made: Draft, source_hash: str) -> None:
        """Show a draft under the cell, to be approved under its hash if it has one."""
        ...


def draft(notebook: Notebook, line: DraftLine, request: str) -> Draft | Awaitable[Draft]:
    """Have a model write what a cell asks for; put it into the next cell, and show it for review.

    Returns:
        the draft; for a cell that may await, an awaitable of it.

    Raises:
        DraftError: there is no model, or it cannot be asked or gives no text.
        UsageError: a step, a schema, the model's name or the request is no use.
    """
    model = chosen_model(_model(notebook.names, line.model or notebook.drafter[0]))
    schemas = [listed_model(notebook.names, name) for name in line.schemas]
    progress = notebook.progress(name_of(model))
    repairs = notebook.drafter[1] if line.repairs is None else line.repairs
    asked = draft_async(
        request.strip(),
        steps=_steps(notebook.names, line.steps),
        schemas=schemas,
        name=line.name,
        model=model,
        repairs=repairs,
        on_text=progress.grow,
    )
    if line.awaited:
        return _awaited(notebook, line, schemas, progress, asked)
    with progress:
        made = on_a_loop(asked)
    return _landed(notebook, line, schemas, made)


async def _awaited(
    notebook: Notebook,
    line: DraftLine,
    schemas: list[Any],
    progress: Progress,
    asked: Coroutine[Any, Any, Draft],
) -> Draft:
    with progress:
        made = await asked
    return _landed(notebook, line, schemas, made)


def _landed(notebook: Notebook, line: DraftLine, schemas: list[Any], made: Draft) -> Draft:
    """Keep a draft as a proposal; show it, and put it into the next cell."""
    if line.out is not None:
        notebook.names[line.out] = made
    if not made.ok:
        notebook.show_draft(made, "")
        return made
    kept = propose(
        made.source,
        steps={alias: cast("Step", REGISTRY.get(i)) for alias, i in made.steps.items()},
        schemas=schemas,
        name=made.name,
        cell=True,
        draft=made.to_record(),
        world=notebook.world(),
    )
    notebook.show_draft(made, kept.source_hash)
    notebook.next_cell(made.cell())
    return made


def prompt(names: Mapping[str, Any], line: PromptLine) -> str:
    """Return what `%workflow_prompt` prints.

    Raises:
        UsageError, RegistrationError: a step or a schema is no use, or there are no steps.
    """
    found = step_catalogue(
        _steps(names, line.steps),
        schemas=[listed_model(names, name) for name in line.schemas],
        budget=BUDGET if line.budget is None else line.budget,
    )
    if line.format == "json":
        return json.dumps(found.to_json(), indent=2, ensure_ascii=False)
    return str(found)


def _steps(names: Mapping[str, Any], given: Mapping[str, str] | None) -> dict[str, Step] | None:
    if given is None:
        return None
    return {alias: listed_step(names, text) for alias, text in given.items()}


def _model(names: Mapping[str, Any], text: str) -> Model | None:
    """What `--model` or the setting means: nothing, provider:model, or a function of the notebook."""
    if not text or ":" in text:
        return text or None
    found = names.get(text)
    if not callable(found):
        msg = f"--model: {text!r} is neither provider:model nor a function in this notebook."
        raise UsageError(msg, hint="Run the cell that defines it first.")
    return cast("Model", found)
