"""Whether a run may go on in this process: the right language, and its own steps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wf_notebook.engine.activity import Blocked
from wf_notebook.guest.language import LANGUAGE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.world.state import RunState


def held(
    state: RunState, definition: Definition, *, notebook: str, step: Callable[[str], Step | None]
) -> Blocked | None:
    """Return why a run must not move here, or None.

    Steps of a notebook are `step//__main__//…` in every notebook, so one that is registered here
    may be another function of the same name.

    Args:
        state: the run.
        definition: what it executes.
        notebook: the one that this process serves, or "".
        step: finds a registered step by its id.
    """
    if definition.language != LANGUAGE_VERSION:
        return _of_another_version(definition)
    if state.notebook in ("", notebook):
        return None
    other = changed(definition, step)
    return _of_another_notebook(state, other) if other else None


def changed(definition: Definition, step: Callable[[str], Step | None]) -> tuple[str, ...]:
    """Return the aliases whose steps, as registered here, have other code than the run's."""
    found = ((b, step(b.step_id)) for b in definition.steps)
    return tuple(b.alias for b, known in found if known is not None and known.digest != b.digest)


def _of_another_version(definition: Definition) -> Blocked:
    message = (
        f"It was written in version {definition.language} of the language;"
        f" this is version {LANGUAGE_VERSION}."
    )
    hint = "Go on with the wf_notebook that started it, or start it anew with %%workflow --new."
    return Blocked("version", message, hint)


def _of_another_notebook(state: RunState, aliases: tuple[str, ...]) -> Blocked:
    names = ", ".join(f"'{alias}'" for alias in aliases)
    message = f"It belongs to the notebook {state.notebook}, where other code stands for {names}."
    hint = f"Go on there, or take it over with the steps of this notebook: %wf adopt {state.run_id}"
    return Blocked("origin", message, hint)
