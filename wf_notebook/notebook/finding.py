"""Which step does a name mean in a notebook?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from wf_notebook.definition.steps import REGISTRY, Step

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
