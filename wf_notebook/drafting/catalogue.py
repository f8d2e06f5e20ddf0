"""What a model is told before it is asked: the rules, two examples, the steps and the schemas."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.definition.functions import is_alias
from wf_notebook.definition.given import schemas_by_name, steps_by_alias
from wf_notebook.definition.steps import REGISTRY
from wf_notebook.drafting.entries import entry_of
from wf_notebook.drafting.examples import EXAMPLES
from wf_notebook.drafting.fences import WHAT_FENCES_MEAN, fenced
from wf_notebook.drafting.ranking import fit, tokens
from wf_notebook.drafting.rules import language_rules
from wf_notebook.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.definition.given import Schemas, Steps
    from wf_notebook.definition.steps import Step
    from wf_notebook.drafting.ranking import Fit

__all__ = ["BUDGET", "Catalogue", "catalogue_of", "chosen_steps", "step_catalogue"]

BUDGET: Final = 12_000
"""Tokens that a catalogue may take, unless the caller says."""

_LEAST: Final = 500  # tokens that steps get in any case

_WHAT: Final = (
    "You write workflows for wf_notebook: Python sources that a durable engine runs. Each event is "
    "recorded; after a crash the source is replayed from the record, so it must be deterministic. "
    "The source is checked against the rules below before a person reviews and runs it."
)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything a model is told before a request; as text, `str(catalogue)`.

    Attributes:
        steps: what is shown of which step, and which are left out.
        schemas: JSON Schemas by name, of people's answers.
        budget: tokens that it may take.
    """

    steps: Fit
    schemas: Mapping[str, Mapping[str, Any]]
    budget: int

    def __str__(self) -> str:
        return "\n\n".join([_fixed(), *self._steps(), *self._schemas()]) + "\n"

    @property
    def aliases(self) -> tuple[str, ...]:
        """What is shown, in order."""
        return tuple(entry.alias for entry in (*self.steps.full, *self.steps.brief))

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object; steps as tools of the Model Context Protocol.

        `{"rules": [text], "examples": [{"request", "given", "source"}], "tools": [{"name",
        "description", "inputSchema", "outputSchema", "signature", "example"}], "brief": [{"name",
        "signature"}], "left_out": [alias], "schemas": {name: JSON Schema}}`.
        """
        return {
            "rules": list(language_rules()),
            "examples": [
                {"request": e.request, "given": list(e.given), "source": e.source} for e in EXAMPLES
            ],
            "tools": [entry.tool for entry in self.steps.full],
            "brief": [{"name": e.alias, "signature": e.signature} for e in self.steps.brief],
            "left_out": list(self.steps.left_out),
            "schemas": {name: dict(schema) for name, schema in self.schemas.items()},
        }

    def _steps(self) -> list[str]:
        blocks = [entry.text for entry in self.steps.full]
        blocks += [entry.brief for entry in self.steps.brief]
        note = [self.steps.note] if self.steps.note else []
        return ["# Steps", *blocks, *note]

    def _schemas(self) -> list[str]:
        if not self.schemas:
            return ["# Schemas\n\nThere are none: leave `schema=` out of create_hook."]
        return ["# Schemas", *(_schema(name, found) for name, found in self.schemas.items())]


def _fixed() -> str:
    rules = "\n".join(f"- {rule}" for rule in language_rules())
    examples = "\n\n".join(example.text for example in EXAMPLES)
    return f"{_WHAT}\n{WHAT_FENCES_MEAN}\n\n# Rules\n\n{rules}\n\n# Examples\n\n{examples}"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return fenced(text, f"data schema {name}")


def step_catalogue(
    steps: Steps | None = None,
    *,
    schemas: Schemas = None,
    request: str = "",
    budget: int = BUDGET,
) -> Catalogue:
    """Return what a model is told of the language and of steps: paste it anywhere, or `draft()`.

    Args:
        steps: a list, or a map alias to step; None for all that are registered.
        schemas: models that hooks may name, a list or a map.
        request: what the steps will be wanted for: those that fit it less are cut first.
        budget: about how many tokens it may take; rules and examples take 3,000 of them, and are
            never cut.

    Raises:
        RegistrationError: there are no steps, or steps or schemas cannot be used.

    >>> from wf_notebook import step, step_catalogue
    >>> @step(retries=2)
    ... def charge(order_id: str, amount: int) -> str:
    ...     "Charge a customer."
    >>> print(step_catalogue([charge]).steps.full[0].text)
    ```data step charge
    charge(order_id: 'str', amount: 'int') -> 'str'
    Charge a customer.
    arguments: {"type":"object","properties":{"order_id":{"type":"string"},"amount":...
    result: {"type":"string"}
    run by the host: 2 retries
    example: await steps.charge(order_id='order_id', amount=1)
    ```
    """
    return catalogue_of(
        chosen_steps(steps), schemas_by_name(schemas), request=request, budget=budget
    )


def catalogue_of(
    steps: Mapping[str, Step],
    schemas: Mapping[str, Mapping[str, Any]],
    *,
    request: str,
    budget: int,
) -> Catalogue:
    """Return the catalogue of steps by alias and JSON Schemas by name."""
    whole = [entry_of(alias, found) for alias, found in steps.items()]
    fixed = tokens(_fixed()) + sum(tokens(_schema(n, s)) for n, s in schemas.items())
    return Catalogue(fit(whole, request, max(_LEAST, budget - fixed)), schemas, budget)


def chosen_steps(steps: Steps | None) -> dict[str, Step]:
    """Return steps by alias: those that were chosen, else all that are registered and usable.

    Raises:
        RegistrationError: there are none, or a chosen one cannot be used.
    """
    if steps is not None:
        return steps_by_alias(steps)
    named = ((name, REGISTRY.by_name(name)) for name in REGISTRY.names())
    return steps_by_alias({n: s for n, s in named if s is not None and is_alias(n) and _usable(s)})


def _usable(step: Step) -> bool:
    """Whether it can be offered: one that can't must not keep the others from being shown."""
    try:
        step.prepare()
    except RegistrationError:
        return False
    return True
