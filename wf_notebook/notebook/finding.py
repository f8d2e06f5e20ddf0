"""Which step, or which model, does a name mean in a notebook?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard, cast

from pydantic import BaseModel

from wf_notebook.definition.steps import REGISTRY, Step
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_step(names: Mapping[str, Any], text: str) -> Step | None:
    """Return the step that a (dotted) name means in a namespace, or the registered one of that name.

    >>> find_step({}, "orders.charge") is None
    True
    """
    first, *rest = text.split(".")
    value: Any = names.get(first)
    for part in rest:
        value = getattr(value, part, None)
    if isinstance(value, Step):
        return cast("Step", value)
    return REGISTRY.by_name(text)


def listed_step(names: Mapping[str, Any], text: str) -> Step:
    """Return the step that an item of `--steps` means.

    Raises:
        UsageError: it is no registered step.
    """
    found = find_step(names, text)
    if found is None:
        known = ", ".join(sorted(REGISTRY.names())) or "none"
        msg = f"--steps: {text!r} is not a registered step."
        raise UsageError(msg, hint=f"Registered: {known}. Put @step above the function.")
    return found


def listed_model(names: Mapping[str, Any], name: str) -> type[BaseModel]:
    """Return the model that an item of `--schemas` means.

    Raises:
        UsageError: it is no model.
    """
    found = names.get(name)
    if not is_model(found):
        msg = f"--schemas: {name!r} is not a pydantic model in this notebook."
        raise UsageError(msg, hint="Run the cell that defines it first.")
    return found


def is_model(value: object) -> TypeGuard[type[BaseModel]]:
    """Whether a value is a pydantic model class."""
    return isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel
