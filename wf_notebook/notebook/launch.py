"""What does a `%%workflow` cell do, once its line is understood?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from wf_notebook import api
from wf_notebook.approvals import get_revision, start_revision
from wf_notebook.cells.line import checked_wait, evaluate, expected_hash
from wf_notebook.definition.functions import is_alias
from wf_notebook.definition.steps import REGISTRY, Step
from wf_notebook.definition.texts import normalise
from wf_notebook.errors import DefinitionError, NotApprovedError, RegistrationError, UsageError
from wf_notebook.guest.check import names_used
from wf_notebook.notebook.finding import find_step, is_model, listed_model, listed_step
from wf_notebook.views.pointing import refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydantic import BaseModel

    from wf_notebook.api import Origin, World
    from wf_notebook.cells.line import CellLine
    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.model import CheckReport
    from wf_notebook.run import Run

Names = dict[str, Any]


class Notebook(Protocol):
    """What a cell needs of its session."""

    @property
    def names(self) -> Names:
        """The user's namespace."""
        ...

    def world(self) -> World:
        """The session's world, opened if need be."""
        ...

    def origin(self) -> Origin:
        """Where the running cell's source comes from."""
        ...

    def isolation(self) -> IsolationMode | None:
        """Where sources run, unless the cell says."""
        ...

    def say(self, text: str) -> None:
        """Print a line under the cell."""
        ...

    def show(self, run: Run, view: str | None) -> None:
        """Show a run under the cell."""
        ...

    def skip(self, run: Run) -> None:
        """Show nothing of a run under the cell."""
        ...

    def refuse(self, world: World, source_hash: str) -> None:
        """Show what was refused because nobody has approved it."""
        ...

    def adopt(self, run: Run) -> None:
        """Take a run as one that this execution started or took up."""
        ...

    def settled(self, run: Run) -> Awaitable[None]:
        """Wait until nothing more will happen to a run by itself."""
        ...


class Detached(KeyboardInterrupt):
    """A cell that waited for a run was interrupted; the run goes on."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a cell offers to its source.

    Attributes:
        steps: alias to step.
        schemas: name to model.
    """

    steps: Mapping[str, Step]
    schemas: Mapping[str, type[BaseModel]]


def launch(notebook: Notebook, line: CellLine, source: str) -> Run | CheckReport | Awaitable[Any]:
    """Check a cell, start its run or attach to it, and show it.

    Returns:
        the run; for a waiting cell an awaitable of the run's result; with `--check` the report.

    Raises:
        DefinitionError: the source has problems; `origin` says in which cell.
        WorkflowError: whatever else stands in the way; nothing was written then.
    """
    checked_wait(line)
    if line.check:
        return _checked(notebook, line, source, offered(notebook.names, line, source))
    run = _run_of(notebook, line, source)
    notebook.adopt(run)
    if line.out is not None:
        notebook.names[line.out] = run
    if line.quiet:
        notebook.skip(run)
    else:
        notebook.show(run, line.view)
    if line.awaited:
        return wait_here(run, line, notebook.settled)
    if line.wait:
        return cast("Run", run.result(line.timeout))
    return run


# --- what is offered -----------------------------------------------------------------------------


def offered(names: Names, line: CellLine, source: str) -> Offer:
    """Return the steps and schemas that a cell offers: those it lists, else those it names.

    Raises:
        UsageError: a listed name is no registered step, or no model.
    """
    used_steps, used_schemas = names_used(source)
    if line.steps is not None:
        steps = {alias: listed_step(names, text) for alias, text in line.steps.items()}
    else:
        steps = _steps_named(names, used_steps, source)
    if line.schemas is not None:
        return Offer(steps, {name: listed_model(names, name) for name in line.schemas})
    found = ((name, names.get(name)) for name in sorted(used_schemas))
    return Offer(steps, {name: model for name, model in found if is_model(model)})


def _steps_named(names: Names, used: frozenset[str], source: str) -> dict[str, Step]:
    """The registered steps that a source names; all of them if it is about to be refused.

    Then the refusal can say which steps there are: the source names one that isn't, or it names
    none and has problems of its own, which are worth more than being told that it has no steps.
    """
    found = {alias: step for alias in sorted(used) if (step := find_step(names, alias)) is not None}
    named = {name: REGISTRY.by_name(name) for name in REGISTRY.names()}
    usable = {
        name: step
        for name, step in named.items()
        if step is not None and is_alias(name) and _usable(step)
    }
    every = {**usable, **found}
    if len(found) < len(used) or (not used and every and not _may_run(source, every)):
        return every
    return found


def _usable(step: Step) -> bool:
    """Whether a step can be offered: one that can't must not hide what is wrong with the source."""
    try:
        step.prepare()
    except RegistrationError:
        return False
    return True


def _may_run(source: str, steps: Mapping[str, Step]) -> bool:
    return api.check(source, steps=steps, cell=True).ok


# --- checking ------------------------------------------------------------------------------------


def _check(line: CellLine, source: str, offer: Offer) -> CheckReport:
    return api.check(source, steps=offer.steps, schemas=offer.schemas, name=line.name, cell=True)


def _checked(notebook: Notebook, line: CellLine, source: str, offer: Offer) -> CheckReport:
    report = _check(line, source, offer)
    if line.out is not None:
        notebook.names[line.out] = report
    if not line.quiet:
        notebook.say(report_text(report, source, notebook.origin()))
    return report


def report_text(report: CheckReport, source: str, origin: Origin) -> str:
    """Return what `--check` shows: what would run, or every problem."""
    if report.definition is None:
        count = len(report.diagnostics)
        blocks = refused(report.diagnostics, source=source, origin=origin.to_json())
        return "\n".join([f"✕ refused, {count} problem{'s' if count > 1 else ''}", "", *blocks])
    found = report.definition
    steps = (f"{b.alias} = {b.step_id}" for b in found.steps)
    return "\n".join(
        [
            f"✓ {found.name} would run",
            f"  sha256:{found.source_hash}",
            f"  {found.workflow_id}",
            *(f"  step   {text}" for text in steps),
            *(f"  schema {name}" for name in found.schemas),
        ]
    )


def _expected(line: CellLine, source: str, offer: Offer) -> None:
    """Refuse a cell that isn't the one that was reviewed."""
    report = _check(line, source, offer)
    if report.definition is None:
        raise DefinitionError(report.diagnostics, source=source)
    expected_hash(line, report.definition.source_hash)


# --- starting ------------------------------------------------------------------------------------


def _run_of(notebook: Notebook, line: CellLine, source: str) -> Run:
    try:
        if line.revision is not None:
            return _revised(notebook, line, source, line.revision)
        return _started(notebook, line, source, offered(notebook.names, line, source))
    except DefinitionError as error:
        error.origin = notebook.origin().to_json()
        raise
    except NotApprovedError as error:
        if not line.quiet:
            notebook.refuse(notebook.world(), error.source_hash)
        raise


def _revised(
    notebook: Notebook, line: CellLine, source: str, revision: tuple[str, int | None]
) -> Run:
    """Start what was approved; the cell's text must not say something else."""
    args, kwargs = evaluate(line.arguments, notebook.names)
    world = notebook.world()
    found = get_revision(*revision, world=world)
    own = "\n".join(text for text in source.splitlines() if not text.lstrip().startswith("#"))
    if own.strip() and normalise(source) != found.source:
        msg = f"The cell's text is another one than that of {found}, which --revision would run."
        hint = f"Write a comment instead of it; %wf revisions {found} shows what was approved."
        raise UsageError(msg, hint=hint)
    return start_revision(
        *(found.name, found.number, args, kwargs),
        id=line.key,
        world=world,
        isolation=_isolation(notebook, line),
        origin=notebook.origin(),
        attach=line.key is None and not line.new,
    )


def _isolation(notebook: Notebook, line: CellLine) -> IsolationMode | None:
    return cast("IsolationMode | None", line.isolation) or notebook.isolation()


def _started(notebook: Notebook, line: CellLine, source: str, offer: Offer) -> Run:
    args, kwargs = evaluate(line.arguments, notebook.names)
    if line.expect is not None:
        _expected(line, source, offer)
    world = notebook.world()
    origin = notebook.origin()
    if line.replace and not world.host.execution.continues:
        _replaced(notebook, world, origin, _check(line, source, offer))
    run = api.start(
        source,
        args,
        kwargs,
        steps=offer.steps,
        schemas=offer.schemas,
        name=line.name,
        id=line.key,
        world=world,
        isolation=_isolation(notebook, line),
        cell=True,
        origin=origin,
        attach=line.key is None and not line.new and not line.replace,
    )
    if run.attached:
        notebook.say(_attached(run, line))
    return run


def _attached(run: Run, line: CellLine) -> str:
    if run.id in run.host.taken_up:
        return f"Goes on with run {run.id} ({run.status}) of the execution that is continued."
    if line.key is not None:
        return f"The id {line.key!r} belongs to run {run.id} ({run.status}): attached to it."
    return (
        f"Attached to the unfinished run {run.id} of this cell. "
        "--new starts another one, --replace cancels it first."
    )


def _replaced(notebook: Notebook, world: World, origin: Origin, report: CheckReport) -> None:
    """Cancel this cell's unfinished runs: those of this notebook and this name.

    The new run may need a token that the old one holds, so this comes first; but only once it is
    certain that the new source may run.
    """
    if report.definition is None:
        return  # it is about to be refused
    for run in world.unfinished():
        here = run.notebook == origin.notebook
        if here and run.name == report.definition.name:
            run.cancel("replaced")
            notebook.say(f"Cancelled the unfinished run {run.id}.")


# --- waiting -------------------------------------------------------------------------------------


async def wait_here(run: Run, line: CellLine, settled: Callable[[Run], Awaitable[None]]) -> Any:
    """Wait for a run in its own cell.

    With `--wait` the cell's value is the run's result. A cell that waits because all do (headless
    runs) leaves result and error to the cell that asks for them; only if it binds the run to no
    name will nobody else hear of a failure.

    Raises:
        Detached: the cell was interrupted.
        TimeoutError: `--timeout` has passed; the run goes on.
    """
    try:
        async with asyncio.timeout(line.timeout):
            await settled(run)
    except TimeoutError:
        msg = f"Run {run.id} took longer than {line.timeout:g} s. It goes on: {run.why()}."
        raise TimeoutError(msg) from None
    except asyncio.CancelledError:
        msg = f"Detached from run {run.id}, which goes on. `await` it to wait again."
        raise Detached(msg) from None
    if line.wait:
        value = await run
        return None if line.quiet else value
    if line.out is None and run.status == "failed":
        await run
    return run
