"""What a definition is: the source, the steps it may ask for, and the identity of both."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.values import Tree

__all__ = ["CheckReport", "Definition", "Diagnostic", "Parameter", "StepBinding", "source_hash"]


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One problem in a source.

    Attributes:
        line, column: where it begins; lines count from 1 within the source, columns from 1.
        end_line, end_column: where it ends; the end column is exclusive.
        code: `WF1nn`, listed in the README.
        message: what is wrong.
        hint: what to write instead; may be empty.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a step, as the guest needs it to bind a call.

    Attributes:
        name: the parameter's name.
        kind: inspect's name: "POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL",
            "KEYWORD_ONLY" or "VAR_KEYWORD".
        required: whether it has no default.
    """

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, slots=True)
class StepBinding:
    """An alias of a run and the step it stands for.

    Attributes:
        alias: the name in the source, `steps.<alias>`.
        step_id: `step//<module>//<qualname>`.
        parameters: names and kinds, so that calls bind where the function isn't.
        digest: sha256 of the implementation's source text; recorded, not part of the identity.
    """

    alias: str
    step_id: str
    parameters: tuple[Parameter, ...]
    digest: str


def source_hash(source: str, steps: Mapping[str, str]) -> str:
    r"""Return the hash of a source over its bindings (alias to step id), hex.

    >>> source_hash("async def workflow(): pass\n", {"a": "step//m//a"})
    '8362954758bd20d7f04303bef98c1f2ef6e57f309be66f7acf2c8b2d11f7d25d'
    """
    bindings = json.dumps(dict(steps), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = f"{source}\n{bindings}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Definition:
    """What one run executes: stored with it, and replayed from there.

    Attributes:
        source: normalised text (LF, one final newline).
        name: the name in the workflow id: the cell's NAME, else the entry's.
        entry: the `async def` that is called.
        steps: bindings, sorted by alias.
        schemas: name to JSON Schema, for `create_hook(schema="Name")`.
        language: the guest's language version.
    """

    source: str
    name: str
    entry: str
    steps: tuple[StepBinding, ...]
    schemas: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])
    language: int = 1

    @property
    def source_hash(self) -> str:
        """sha256 over source and bindings, hex."""
        return source_hash(self.source, {b.alias: b.step_id for b in self.steps})

    @property
    def workflow_id(self) -> str:
        """`workflow//dynamic/<first 32 hex digits of the hash>//<name>`."""
        return f"workflow//dynamic/{self.source_hash[:32]}//{self.name}"

    def binding(self, alias: str) -> StepBinding | None:
        """The step that an alias stands for, or None."""
        return next((b for b in self.steps if b.alias == alias), None)

    def to_record(self) -> dict[str, Tree]:
        """Return it as a JSON object, for storing."""
        return {
            "source": self.source,
            "name": self.name,
            "entry": self.entry,
            "language": self.language,
            "schemas": cast("Tree", dict(self.schemas)),
            "steps": [
                {
                    "alias": b.alias,
                    "step_id": b.step_id,
                    "digest": b.digest,
                    "parameters": [[p.name, p.kind, p.required] for p in b.parameters],
                }
                for b in self.steps
            ],
            "source_hash": self.source_hash,
            "workflow_id": self.workflow_id,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Definition:
        """Read back what `to_record` wrote.

        Raises:
            ValueError: hash or id, recomputed, are not the recorded ones.
            KeyError, TypeError: the record is not one of ours.
        """
        found = cls(
            source=record["source"],
            name=record["name"],
            entry=record["entry"],
            language=record["language"],
            schemas=record["schemas"],
            steps=tuple(_binding(step) for step in record["steps"]),
        )
        if (found.source_hash, found.workflow_id) != (
            record["source_hash"],
            record["workflow_id"],
        ):
            msg = "the stored definition does not have the hash it was stored under"
            raise ValueError(msg)
        return found


def _binding(record: Mapping[str, Any]) -> StepBinding:
    return StepBinding(
        alias=record["alias"],
        step_id=record["step_id"],
        digest=record["digest"],
        parameters=tuple(Parameter(name, kind, req) for name, kind, req in record["parameters"]),
    )


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check()` found.

    Attributes:
        diagnostics: every problem, in source order; empty when the source may run.
        definition: what would run, or None if there are problems.
        steps_used: aliases that the source names, sorted.
        schemas_used: schema names that the source names literally, sorted.
    """

    diagnostics: Sequence[Diagnostic]
    definition: Definition | None
    steps_used: tuple[str, ...] = ()
    schemas_used: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the source may run."""
        return not self.diagnostics

    @property
    def workflow_id(self) -> str | None:
        """The id its runs would have, or None if there are problems."""
        return None if self.definition is None else self.definition.workflow_id
