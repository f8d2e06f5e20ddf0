"""What a source is given: steps by alias, and the JSON Schemas of its hooks by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from wf_notebook.definition.functions import is_alias
from wf_notebook.definition.offers import bad_alias, no_steps
from wf_notebook.definition.steps import Step
from wf_notebook.definition.values import UNUSABLE, adapter_of
from wf_notebook.errors import RegistrationError

__all__ = ["Schemas", "Steps", "schemas_by_name", "steps_by_alias"]

Steps: TypeAlias = Iterable[Step] | Mapping[str, Step]
Schemas: TypeAlias = Iterable[Any] | Mapping[str, Any] | None


def steps_by_alias(steps: Steps) -> dict[str, Step]:
    """Return steps by alias: those of a list under their own names.

    Raises:
        RegistrationError: there are none (WF151), one is no step (WF152), two share an alias
            (WF153), an alias is no name (WF154), or an annotation means nothing (WF150).
    """
    pairs = _steps(steps)
    if not pairs:
        raise no_steps()
    found: dict[str, Step] = {}
    for name, step in pairs:
        alias = _checked_alias(name, step)
        if alias in found:
            raise _duplicate(alias, found[alias], step)
        step.prepare()
        found[alias] = step
    return found


def _steps(steps: object) -> list[tuple[object, Step]]:
    found: list[tuple[object, Step]] = []
    for alias, value in _pairs(steps, "name", _no_step):
        if not isinstance(value, Step):
            raise _no_step(value, "Decorate the function with @step.")
        found.append((alias, cast("Step", value)))
    return found


def _pairs(
    given: object, name: str, refuse: Callable[[object, str], RegistrationError]
) -> list[tuple[object, object]]:
    """Return names and values of a map, or of a list whose items know their names."""
    if isinstance(given, Mapping):
        return list(cast("Mapping[object, object]", given).items())
    if not isinstance(given, Iterable) or isinstance(given, str | type):
        raise refuse(given, "Give a list, or a map of names.")
    return [(getattr(v, name, None), v) for v in cast("Iterable[object]", given)]


def _no_step(value: object, hint: str) -> RegistrationError:
    name = getattr(value, "__name__", None)
    what = f"`{name}`" if isinstance(name, str) else f"A {type(value).__name__}"
    return RegistrationError(f"{what} is not a step.", code="WF152", hint=hint)


def _checked_alias(alias: object, step: Step) -> str:
    if is_alias(alias):
        return alias
    raise bad_alias(alias, step.step_id)


def _duplicate(alias: str, first: Step, second: Step) -> RegistrationError:
    return RegistrationError(
        f"Two steps are called `{alias}`: {first.step_id} and {second.step_id}.",
        code="WF153",
        hint=f"Name each once, or give them aliases: {{'{alias}': …, 'other': …}}.",
    )


# --------------------------------------------------------------------------------------- schemas


def schemas_by_name(schemas: Schemas) -> dict[str, dict[str, Any]]:
    """Return JSON Schemas by name, from models or other types that pydantic knows.

    Raises:
        RegistrationError: one is no such type, or has no usable name (WF155).
    """
    if schemas is None:
        return {}
    pairs = _pairs(schemas, "__name__", _no_schema)
    found: dict[str, dict[str, Any]] = {}
    for name, model in pairs:
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            raise _no_schema(model, f"{name!r} is no name for it: give a map {{'Name': type}}.")
        if name in found:
            raise _no_schema(model, f"the name {name} is taken: give a map {{'Name': type}}.")
        found[name] = _json_schema(model)
    return found


def _json_schema(model: object) -> dict[str, Any]:
    if type(model) in (str, bytes, bool, int, float, list, dict, tuple):
        raise _no_schema(model, "it is a value, no type.")
    try:
        schema = adapter_of(model).json_schema()
        json.dumps(schema)
    except (*UNUSABLE, TypeError, ValueError) as error:
        raise _no_schema(model, str(error).partition("\n")[0].rstrip(".") + ".") from None
    return schema


def _no_schema(value: object, why: str) -> RegistrationError:
    name = getattr(value, "__name__", None) or f"A {type(value).__name__}"
    return RegistrationError(
        f"{name:.100} cannot be the schema of a hook: {why}",
        code="WF155",
        hint="Use a pydantic model whose fields a form can show.",
    )
