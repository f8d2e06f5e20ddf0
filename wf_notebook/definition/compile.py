"""What a source is as a definition: normalised, checked, bound to its steps, and identified."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wf_notebook.definition.given import schemas_by_name, steps_by_alias
from wf_notebook.definition.model import CheckReport, Definition
from wf_notebook.definition.texts import checked_name, checked_text, normalise
from wf_notebook.definition.validate import validate
from wf_notebook.guest import check as guest_check
from wf_notebook.guest.language import LANGUAGE_VERSION

if TYPE_CHECKING:
    from wf_notebook.definition.given import Schemas, Steps

__all__ = ["compile_definition", "names_used", "normalise", "recompiled"]


def compile_definition(
    source: str,
    *,
    steps: Steps,
    schemas: Schemas = None,
    export_name: str | None = None,
    name: str | None = None,
    cell: bool = False,
) -> CheckReport:
    """Check a source and return its definition, or every problem there is. Writes nothing.

    Args:
        source: the text.
        steps: what it may call: a list, or a map alias to step.
        schemas: what its hooks may name: a list of models, or a map name to type.
        export_name: the entry, if it isn't "workflow", NAME, or the only `async def`.
        name: the NAME in the workflow id; else the entry's name.
        cell: whether a `%%workflow` line stands for the directive.

    Raises:
        RegistrationError: the arguments can't be used, whatever the source is.
    """
    text = checked_text(source)
    bound = steps_by_alias(steps)
    models = schemas_by_name(schemas)
    checked_name(name)
    findings = validate(
        *(text,), aliases=bound, schemas=models, export_name=export_name, name=name, cell=cell
    )
    definition = None
    if findings.entry is not None and not findings.diagnostics:
        definition = Definition(
            source=text,
            name=name or findings.entry,
            entry=findings.entry,
            steps=tuple(step.binding(alias) for alias, step in sorted(bound.items())),
            schemas=models,
            language=LANGUAGE_VERSION,
        )
    return CheckReport(findings.diagnostics, definition, findings.steps_used, findings.schemas_used)


def recompiled(definition: Definition, source: str, *, steps: Steps = ()) -> CheckReport:
    """Check an edited source with what a stored definition was given: what would run in its place.

    The directive may be missing, as in a cell. Name, steps and schemas stay as they were stored.

    Args:
        definition: the stored one.
        source: the edited text.
        steps: given as well, or instead of a stored one of the same alias.

    Raises:
        RegistrationError: the source isn't text, or `steps` cannot be used.
    """
    text = checked_text(source)
    given = steps_by_alias(steps) if steps else {}
    bindings = {binding.alias: binding for binding in definition.steps}
    bindings |= {alias: step.binding(alias) for alias, step in given.items()}
    findings = validate(
        text, aliases=bindings, schemas=definition.schemas, name=definition.entry, cell=True
    )
    edited = None
    if findings.entry is not None and not findings.diagnostics:
        edited = replace(
            definition,
            source=text,
            entry=findings.entry,
            steps=tuple(bindings[alias] for alias in sorted(bindings)),
            language=LANGUAGE_VERSION,
        )
    return CheckReport(findings.diagnostics, edited, findings.steps_used, findings.schemas_used)


def names_used(source: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the aliases and schema names that a source names literally, sorted each.

    Nothing is required of the source: a cell's steps and schemas are chosen before it is checked.

    >>> names_used('async def f(): return steps.pay(1), create_hook(schema="Approval")')
    (('pay',), ('Approval',))
    """
    aliases, schemas = guest_check.names_used(normalise(source))
    return tuple(sorted(aliases)), tuple(sorted(schemas))
