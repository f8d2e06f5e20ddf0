"""What a draft is: a source that a model wrote, how it came about, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wf_notebook.definition.cells import workflow_cell
from wf_notebook.views.drafted import DraftView, draft_card, draft_text
from wf_notebook.views.pointing import refused
from wf_notebook.views.words import difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.definition.model import Diagnostic
    from wf_notebook.definition.outline import Outline
    from wf_notebook.drafting.verdict import Rehearsal
    from wf_notebook.guest.values import Tree

__all__ = ["Draft", "Round"]


@dataclass(frozen=True, slots=True)
class Round:
    """One answer of a model.

    Attributes:
        prompt, answer: as they were.
        source: what the answer held, or "".
        diagnostics: what is wrong with it; WF605 if only its rehearsal found something.
    """

    prompt: str
    answer: str
    source: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def summary(self) -> str:
        """What came of it, in a few words."""
        if not self.source:
            return "no source in the answer"
        codes = ", ".join(dict.fromkeys(d.code for d in self.diagnostics))
        return f"{len(self.diagnostics)} found: {codes}" if codes else "nothing found"


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A source that a model wrote. Nothing of it has run, but for its rehearsal with stubs.

    Attributes:
        request: what was asked for.
        model: who was asked.
        source: the text, or "".
        name: of the workflow, or "".
        diagnostics: what the check finds in it; empty if it may run.
        rounds: every answer, oldest first.
        steps: what it may call: alias to step id; no more than the source names.
        schemas: names of the schemas that its hooks may name.
        source_hash: sha256 over source and steps, hex; "" if it may not run.
        outline: what it may ask for, or None.
        rehearsal: what it did with made-up results, or None.
        base: the source that ran, if this is to mend one; else "".
        payloads: whether the prompts held values of a run.
        offers: steps as the option `--steps` names them.
    """

    request: str
    model: str
    source: str = ""
    name: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    rounds: tuple[Round, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict[str, str])
    schemas: tuple[str, ...] = ()
    source_hash: str = ""
    outline: Outline | None = None
    rehearsal: Rehearsal | None = None
    base: str = ""
    payloads: bool = False
    offers: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the source may run, once somebody has read it."""
        return bool(self.source) and not self.diagnostics

    @property
    def diff(self) -> str:
        """What it changes in the source that ran, as a unified diff; "" if there is none."""
        if not self.base or not self.source:
            return ""
        return difference(self.base, self.source, ("the run", "the draft"))

    def cell(self) -> str:
        """Return it as a cell: the line `%%workflow`, and the source.

        The line names the steps and expects the hash: the cell runs as it was drafted, or not
        at all. It has no arguments: whoever runs it writes them behind ` -- `.
        """
        return workflow_cell(
            self.source,
            name=self.name,
            steps=self.offers,
            schemas=self.schemas,
            source_hash=self.source_hash,
        )

    def to_record(self) -> dict[str, Tree]:
        """Return it as a JSON object, for keeping.

        Prompts and answers stand in it, unless the prompts held values of a run.
        """
        return {
            "request": self.request,
            "model": self.model,
            "name": self.name,
            "source": self.source,
            "source_hash": self.source_hash,
            "steps": dict(self.steps),
            "schemas": list(self.schemas),
            "diagnostics": [_diagnostic(d) for d in self.diagnostics],
            "rounds": [self._round(one) for one in self.rounds],
            "outline": None if self.outline is None else self.outline.to_record(),
            "rehearsal": None if self.rehearsal is None else self.rehearsal.to_record(),
            "base": self.base,
            "payloads": self.payloads,
        }

    def _round(self, one: Round) -> dict[str, Tree]:
        kept: dict[str, Tree] = {
            "source": one.source,
            "diagnostics": [_diagnostic(d) for d in one.diagnostics],
        }
        return kept if self.payloads else {"prompt": one.prompt, "answer": one.answer, **kept}

    # ------------------------------------------------------------------------------ shown

    def view(self) -> DraftView:
        """Return what a person sees of it."""
        problem = self.rehearsal.problem if self.rehearsal else None
        acts = self.rehearsal.acts if self.rehearsal else ()
        status = "valid" if self.ok else "refused" if self.source else "no source"
        return DraftView(
            name=self.name,
            status=status,
            request=self.request,
            model=self.model,
            calls=list(self.steps.items()) if self.ok else [],
            outline=self.outline,
            reached={act.line for act in acts if act.line is not None},
            rehearsed=[self.rehearsal.said, *self.rehearsal.lines] if self.rehearsal else (),
            warning="" if problem is None else "\n".join(_blocks([problem], self.source)),
            problems=_blocks(self.diagnostics, self.source) if self.source else (),
            rounds=[f"{n}. {one.summary}" for n, one in enumerate(self.rounds, start=1)],
            answer=self.rounds[-1].answer if self.rounds and not self.source else "",
            source=self.source,
            diff=self.diff,
        )

    def __repr__(self) -> str:
        """One line: a source is read in the card, or as `source`."""
        status = "ok" if self.ok else f"{len(self.diagnostics)} problems"
        return f"<Draft {self.name or '?'}: {status}, {len(self.rounds)} rounds, {self.model}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        view = self.view()
        return {"text/plain": draft_text(view), "text/html": draft_card(view)}


def _blocks(diagnostics: Sequence[Diagnostic], source: str) -> list[str]:
    return refused(diagnostics, source=source, origin={"label": "Draft"})


def _diagnostic(d: Diagnostic) -> dict[str, Any]:
    return {
        "line": d.line,
        "column": d.column,
        "end_line": d.end_line,
        "end_column": d.end_column,
        "code": d.code,
        "message": d.message,
        "hint": d.hint,
    }
