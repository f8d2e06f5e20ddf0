"""What a prompt says of one step: how it is called, what it does, takes and gives."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.drafting.fences import fenced
from wf_notebook.drafting.samples import sample

if TYPE_CHECKING:
    from wf_notebook.definition.steps import Step

__all__ = ["StepEntry", "entry_of"]

_LINE: Final = 300  # characters of a signature or a first line
_DOC: Final = 2_000
_BY_NAME: Final = ("POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY")


@dataclass(frozen=True, slots=True)
class StepEntry:
    """A step as a prompt shows it.

    Attributes:
        alias: what the source calls it.
        step_id: `step//<module>//<qualname>`.
        signature: under that alias.
        doc: its docstring.
        parameters, returns: JSON Schemas.
        retries: further attempts after the first; timeout: seconds of each, or None.
        example: a call.
    """

    alias: str
    step_id: str
    signature: str
    doc: str
    parameters: Mapping[str, Any]
    returns: Mapping[str, Any]
    retries: int
    timeout: float | None
    example: str

    @property
    def text(self) -> str:
        """All of it, as a block of a prompt."""
        lines = [
            _cut(self.signature, _LINE),
            *_cut(self.doc, _DOC).splitlines(),
            f"arguments: {_json(self.parameters)}",
            f"result: {_json(self.returns) if self.returns else 'not declared'}",
            f"run by the host: {self._runs}",
            f"example: {_cut(self.example, _LINE)}",
        ]
        return fenced("\n".join(lines), f"data step {self.alias}")

    @property
    def brief(self) -> str:
        """How it is called and its first line, as a block of a prompt."""
        first = self.doc.partition("\n")[0]
        lines = [_cut(self.signature, _LINE), *([_cut(first, _LINE)] if first else [])]
        return fenced("\n".join(lines), f"data step {self.alias}")

    @property
    def tool(self) -> dict[str, Any]:
        """All of it, in the words of the Model Context Protocol."""
        return {
            "name": self.alias,
            "description": f"{self.doc}\n\nRun by the host: {self._runs}.".strip(),
            "inputSchema": dict(self.parameters),
            "outputSchema": dict(self.returns),
            "signature": self.signature,
            "example": self.example,
        }

    @property
    def _runs(self) -> str:
        again = {0: "one attempt", 1: "1 retry"}.get(self.retries, f"{self.retries} retries")
        limit = "" if self.timeout is None else f", each attempt at most {self.timeout:g} s"
        return f"{again}{limit}"


def entry_of(alias: str, step: Step) -> StepEntry:
    """Return what a prompt says of a step.

    Raises:
        RegistrationError: an annotation of it means nothing here.
    """
    schema = step.schema()
    return StepEntry(
        alias=alias,
        step_id=step.step_id,
        signature=f"{alias}{inspect.signature(step)}",
        doc=schema["doc"],
        parameters=schema["parameters"],
        returns=schema["return"],
        retries=step.options.retries,
        timeout=step.options.timeout,
        example=_example(alias, step, schema["parameters"]),
    )


def _example(alias: str, step: Step, parameters: Mapping[str, Any]) -> str:
    """Write a call with the arguments that it needs."""
    kinds = {parameter.name: parameter.kind for parameter in step.parameters}
    values = {
        name: sample(parameters["properties"][name], name=name).value
        for name in parameters["required"]
    }
    arguments = [
        f"{name}={value!r}" if kinds[name] in _BY_NAME else repr(value)
        for name, value in values.items()
    ]
    return f"await steps.{alias}({', '.join(arguments)})"


def _json(schema: Mapping[str, Any]) -> str:
    return json.dumps(_untitled(schema), ensure_ascii=False, separators=(",", ":"))


def _untitled(part: object) -> Any:
    """Leave out the titles that pydantic makes of names: they say nothing new."""
    if isinstance(part, list):
        return [_untitled(item) for item in cast("list[object]", part)]
    if not isinstance(part, Mapping):
        return part
    return {
        key: _untitled(value)
        for key, value in cast("Mapping[str, object]", part).items()
        if key != "title" or not isinstance(value, str)
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most:,} more characters)"
