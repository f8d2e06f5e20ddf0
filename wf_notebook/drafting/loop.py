"""Draft: ask a model for a source, check the answer, say what is wrong, and ask again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wf_notebook.definition.compile import compile_definition
from wf_notebook.definition.given import schemas_by_name
from wf_notebook.definition.model import CheckReport, Diagnostic
from wf_notebook.definition.outline import outline_of
from wf_notebook.definition.validate import DEFAULT_ENTRY
from wf_notebook.drafting.answer import source_in
from wf_notebook.drafting.catalogue import BUDGET, catalogue_of, chosen_steps
from wf_notebook.drafting.drafts import Draft, Round
from wf_notebook.drafting.models import ask, chosen_model, name_of
from wf_notebook.drafting.prompt import mending_prompt, request_prompt
from wf_notebook.drafting.rehearsal import rehearse as rehearsed
from wf_notebook.engine.loops import LoopThread
from wf_notebook.errors import DraftError, UsageError
from wf_notebook.views.pointing import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from wf_notebook.definition.given import Schemas, Steps
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.drafting.models import Model
    from wf_notebook.drafting.verdict import Rehearsal

__all__ = ["REPAIRS", "Commission", "carried_out", "draft", "draft_async", "on_a_loop"]

REPAIRS: Final = 3
_NAME: Final = 64  # characters of a workflow's name
_NO_SOURCE: Final = Diagnostic(1, 1, 1, 1, "WF604", "The answer holds no source.", "")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Commission:
    """What a model is asked to write, and how its answers are judged.

    Attributes:
        request: in the person's words.
        prompt: what is asked first.
        check: says of a source what is wrong with it, or what would run.
        steps: what it may call, by alias.
        rehearse: plays a definition through; None if that is not wanted.
        base, payloads: as in a `Draft`.
    """

    request: str
    prompt: str
    check: Callable[[str], CheckReport]
    steps: Mapping[str, Step]
    rehearse: Callable[[Definition], Rehearsal] | None = None
    base: str = ""
    payloads: bool = False


def draft(  # noqa: PLR0913 - keyword-only past the request
    request: str,
    *,
    steps: Steps | None = None,
    schemas: Schemas = (),
    name: str | None = None,
    model: Model | None = None,
    repairs: int = REPAIRS,
    budget: int = BUDGET,
    on_text: Callable[[str], object] | None = None,
    rehearse: bool = True,
) -> Draft:
    r"""Have a model write a source, and return it for review. Nothing of it is run.

    The source is checked; what is wrong is told to the model by line, so often as `repairs` says.
    One that may run is then rehearsed with stubs, in the confined guest; what looks like a mistake
    there is told, too. Where a loop is running, as in a notebook, `await draft_async(…)` keeps it
    free.

    Args:
        request: what the workflow shall do, in plain language.
        steps: what it may call: a list, or a map alias to step; None for all that are registered.
        schemas: models that its hooks may name.
        name: of the workflow and its entry; None to leave that to the model.
        model: as for `set_model`; None for the one that was set.
        repairs: how often the model may mend its answer.
        budget: about how many tokens the catalogue may take; see `step_catalogue`.
        on_text: called with what there is of an answer, each time there is more, on the thread
            `wf-draft`; a model that yields pieces is heard as it writes.
        rehearse: whether what may run is rehearsed.

    Returns:
        the best answer: one that may run, if there was one. `ok` says whether it is.

    Raises:
        DraftError: no model is set (WF601), it cannot be used (WF602), or it failed (WF603).
        RegistrationError: there are no steps, or name, steps or schemas cannot be used.
        UsageError: the request is empty.

    >>> from wf_notebook import draft, step
    >>> @step
    ... def greet(name: str) -> str: ...
    >>> def model(prompt):
    ...     return "```python\nasync def hello(name):\n    return await steps.greet(name)\n```"
    >>> made = draft("Greet somebody.", steps=[greet], model=model)
    >>> made.ok, made.name, made.rounds[0].summary
    (True, 'hello', 'nothing found')
    """
    return on_a_loop(
        draft_async(
            request, steps=steps, schemas=schemas, name=name, model=model, repairs=repairs,
            budget=budget, on_text=on_text, rehearse=rehearse,
        )
    )  # fmt: skip


async def draft_async(  # noqa: PLR0913 - as above
    request: str,
    *,
    steps: Steps | None = None,
    schemas: Schemas = (),
    name: str | None = None,
    model: Model | None = None,
    repairs: int = REPAIRS,
    budget: int = BUDGET,
    on_text: Callable[[str], object] | None = None,
    rehearse: bool = True,
) -> Draft:
    """Do what `draft()` does, on the running loop: it stays free, and `on_text` is called on it."""
    chosen = chosen_model(model)
    if not request.strip():
        raise UsageError("The request is empty.", hint="Say what the workflow shall do.")
    offered, models = chosen_steps(steps), schemas_by_name(schemas)
    check = partial(_checked, steps=offered, schemas=schemas, name=name)
    check("")  # what cannot be used is said before a model is asked
    catalogue = catalogue_of(offered, models, request=request, budget=budget)
    commission = Commission(
        request=request,
        prompt=request_prompt(catalogue, request, name),
        check=check,
        steps=offered,
        rehearse=partial(rehearsed, steps=offered, schemas=schemas) if rehearse else None,
    )
    return await carried_out(commission, chosen, repairs=repairs, on_text=on_text)


def on_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine comes to, on a loop of its own: the caller's, if any, is at work."""
    thread = LoopThread("wf-draft")
    try:
        return thread.submit(coroutine).result()
    finally:
        thread.close()


def _checked(
    source: str, *, steps: Mapping[str, Step], schemas: Schemas, name: str | None
) -> CheckReport:
    report = compile_definition(source, steps=steps, schemas=schemas, name=name, cell=True)
    return narrowed(report)


def narrowed(report: CheckReport) -> CheckReport:
    """Return a report whose definition may call the steps that its source names, and no others.

    A source that names none keeps all: a run has at least one. An entry whose name is too long for
    that of a workflow makes a workflow called "workflow".
    """
    definition, used = report.definition, report.steps_used
    if definition is None:
        return report
    steps = tuple(b for b in definition.steps if b.alias in used) or definition.steps
    name = definition.name if len(definition.name) <= _NAME else DEFAULT_ENTRY
    return replace(report, definition=replace(definition, steps=steps, name=name))


# ----------------------------------------------------------------------------------- the rounds


@dataclass(slots=True)
class _State:
    """The rounds so far, and the best answer among them."""

    rounds: list[Round] = field(default_factory=list[Round])
    report: CheckReport | None = None
    rehearsal: Rehearsal | None = None
    best: Round | None = None

    def better(self, one: Round, report: CheckReport, rehearsal: Rehearsal | None) -> None:
        """Keep an answer, unless an earlier one may run and this one may not."""
        if self.report is not None and self.report.ok and not report.ok:
            return
        self.best, self.report, self.rehearsal = one, report, rehearsal


async def carried_out(
    commission: Commission,
    model: Model,
    *,
    repairs: int = REPAIRS,
    on_text: Callable[[str], object] | None = None,
) -> Draft:
    """Ask, check, and ask again, until nothing is found or `repairs` answers were mended.

    Raises:
        DraftError: the model cannot be used, or failed.
    """
    state = _State()
    prompt = commission.prompt
    for _ in range(1 + max(repairs, 0)):
        try:
            answer = await ask(model, prompt, on_text)
        except DraftError:
            if state.report is not None and state.report.ok:
                break  # there is one that may run
            raise
        one = await _judged(commission, prompt, answer, state)
        if not one.diagnostics:
            break
        findings = refused(one.diagnostics, source=one.source, origin={})
        prompt = mending_prompt(commission.prompt, one.source, findings)
    return _draft(commission, name_of(model), state)


async def _judged(commission: Commission, prompt: str, answer: str, state: _State) -> Round:
    source = source_in(answer)
    report, rehearsal = CheckReport((_NO_SOURCE,), None), None
    if source:
        report = commission.check(source)
    found = tuple(report.diagnostics)
    if report.definition is not None and commission.rehearse is not None:
        rehearsal = await asyncio.to_thread(commission.rehearse, report.definition)
        found = () if rehearsal.problem is None else (rehearsal.problem,)
        if any(source == earlier.source for earlier in state.rounds):
            found = ()  # it was told, and stands by it
    one = Round(prompt, answer, source, found)
    state.rounds.append(one)
    state.better(one, report, rehearsal)
    return one


def _draft(commission: Commission, model: str, state: _State) -> Draft:
    made = Draft(
        request=commission.request,
        model=model,
        rounds=tuple(state.rounds),
        base=commission.base,
        payloads=commission.payloads,
    )
    if state.best is None or state.report is None:
        return made
    made = replace(
        made,
        source=state.best.source,
        diagnostics=tuple(state.report.diagnostics),
        rehearsal=state.rehearsal,
        outline=outline_of(state.best.source),
    )
    definition = state.report.definition
    if definition is None:
        return made
    return replace(
        made,
        source=definition.source,
        name=definition.name,
        steps={b.alias: b.step_id for b in definition.steps},
        schemas=tuple(sorted(definition.schemas)),
        source_hash=definition.source_hash,
        outline=outline_of(definition.source, definition.entry),
        offers=tuple(_offer(b.alias, commission.steps) for b in definition.steps),
    )


def _offer(alias: str, steps: Mapping[str, Step]) -> str:
    """Write a step as `--steps` names it."""
    name = steps[alias].name if alias in steps else alias
    return alias if name == alias else f"{alias}={name}"
