"""Propose sources, approve them, and run exactly what was approved: the function twins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from wf_notebook import api, approving, config
from wf_notebook.approving import Proposal, as_of_now
from wf_notebook.definition.compile import recompiled
from wf_notebook.definition.given import steps_by_alias
from wf_notebook.engine.host import Origin
from wf_notebook.errors import RevisionChangedError
from wf_notebook.launching import Arguments, launched, prepare

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from wf_notebook.api import World
    from wf_notebook.approving import Revision
    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.run import Run
    from wf_notebook.world.store import Review

T = TypeVar("T")

__all__ = [
    "approve",
    "forget_revisions",
    "get_revision",
    "proposals",
    "propose",
    "revisions",
    "start_revision",
]


def propose(  # noqa: PLR0913 - keyword-only past the source
    source: str,
    *,
    steps: Iterable[Step[..., Any]] | Mapping[str, Step[..., Any]],
    schemas: Iterable[Any] | Mapping[str, Any] | None = None,
    export_name: str | None = None,
    name: str | None = None,
    cell: bool = False,
    draft: Mapping[str, Any] | None = None,
    world: World | None = None,
) -> Review:
    """Keep a source for review, with its bindings and its steps as they are. Nothing runs.

    Args:
        source, steps, schemas, export_name, name, cell: as for `check`.
        draft: what a model was asked and has answered, as a JSON object, if it wrote the source.
        world: where; the current one unless given.

    Returns:
        its line: `name`, `number` and `source_hash`, by which it can be approved.

    Raises:
        DefinitionError: the source has problems.
        RegistrationError: `steps` or `schemas` cannot be used.
        WorldError: it could not be written.
    """
    bound = steps_by_alias(steps)
    report = api.check(
        source, steps=bound, schemas=schemas, export_name=export_name, name=name, cell=cell
    )
    definition = api.accepted(report, source, Origin())
    return propose_definition(definition, bound, draft=draft, world=world)


def propose_definition(
    definition: Definition,
    steps: Mapping[str, Step[..., Any]],
    *,
    draft: Mapping[str, Any] | None = None,
    world: World | None = None,
) -> Review:
    """Keep a definition for review, with the steps that its aliases stand for; see `propose`."""
    chosen = world or api.current_world()
    proposal = Proposal.made(definition, steps, draft=draft, notebook=chosen.host.notebook)
    return _done(chosen, approving.propose(chosen.host, proposal))


def approve(
    source_hash: str, *, note: str = "", by: str | None = None, world: World | None = None
) -> Revision:
    """Approve what was proposed: its next revision may run, and can be run by its number.

    Args:
        source_hash: of the proposal; its first 8 digits or more will do if no other begins so.
        note: kept with it.
        by: who approves; this system's user unless given.
        world: where; the current one unless given.

    Raises:
        RevisionNotFoundError: nothing that was proposed has that hash.
        RevisionDamagedError: the proposal does not open.
        WorldError: it could not be written.

    >>> from wf_notebook import open_world, step
    >>> @step
    ... def ship(order_id: str) -> str:
    ...     return f"shipped {order_id}"
    >>> source = '''
    ... async def ship_it(order_id):
    ...     "use workflow"
    ...     return await steps.ship(order_id)
    ... '''
    >>> with open_world(":memory:") as world:
    ...     line = propose(source, steps=[ship], world=world)
    ...     revision = approve(line.source_hash, note="looks right", by="ada", world=world)
    ...     run = start_revision("ship_it", 1, ("A-17",), world=world)
    ...     print(revision, run.result(timeout=60))
    ship_it@1 shipped A-17
    """
    chosen = world or api.current_world()
    who = config.user_name() if by is None else by
    review, _ = _done(chosen, approving.proposed(chosen.host, source_hash))
    return _done(chosen, approving.approve(chosen.host, review, by=who, note=note))


def revisions(name: str | None = None, *, world: World | None = None) -> list[Review]:
    """Return a line for each approved revision, newest first, of one workflow or of all."""
    chosen = world or api.current_world()
    return _done(chosen, approving.revisions(chosen.host, name))


def proposals(name: str | None = None, *, world: World | None = None) -> list[Review]:
    """Return a line for each source that was proposed and not approved since, newest first."""
    chosen = world or api.current_world()
    return _done(chosen, approving.waiting(chosen.host, name))


def get_revision(name: str, number: int | None = None, *, world: World | None = None) -> Revision:
    """Return what was approved under a name, the newest revision unless a number is given.

    Raises:
        RevisionNotFoundError: there is none.
        RevisionDamagedError: it was erased, altered, or the key of the world is missing.
    """
    chosen = world or api.current_world()
    return _done(chosen, approving.revision(chosen.host, name, number))


def start_revision(  # noqa: PLR0913 - keyword-only past the arguments
    name: str,
    number: int | None = None,
    args: Sequence[object] = (),
    kwargs: Mapping[str, object] | None = None,
    *,
    id: str | None = None,  # noqa: A002 - as for `start`
    attributes: Mapping[str, str] | None = None,
    world: World | None = None,
    isolation: IsolationMode | None = None,
    origin: Origin | None = None,
    attach: bool = False,
) -> Run:
    """Start a run of an approved revision, exactly as it was approved.

    Its source, bindings and schemas are those of the record; only arguments are given.

    Args:
        name: the workflow's name.
        number: which revision; the newest unless given.
        args, kwargs, id, attributes, world, isolation, origin, attach: as for `start`.

    Raises:
        RevisionNotFoundError: there is none.
        RevisionDamagedError: its record was altered or erased.
        RevisionChangedError: a step, its code or what is told of it is no longer what was approved.
        ArgumentsError, PayloadError, RunConflictError, WorldError: as for `start`.
    """
    chosen = world or api.current_world()
    host = chosen.host
    revision = get_revision(name, number, world=chosen)
    steps = _steps_of(revision, chosen)
    launch = prepare(
        host,
        revision.proposal.definition,
        Arguments(args, kwargs or {}),
        key=id,
        attributes=attributes or {},
        isolation=isolation,
        origin=origin or Origin(host.notebook),
        schemas=(),
    )
    launch = replace(launch, extra={**launch.extra, "approval": revision.reference})
    return launched(host, launch, steps, attach=attach)


def forget_revisions(name: str, *, world: World | None = None) -> None:
    """Erase what was proposed and approved under a name, for good, but for a line of each.

    Sources, notes and drafts go; numbers stay used. Runs of it keep what they execute until they
    are forgotten themselves. The file is rewritten, as by `World.forget`.

    Raises:
        WorldFullError: there is no room to rewrite the file; nothing was erased.
        WorldError: they are erased, but the file could not be rewritten yet.
    """
    host = (world or api.current_world()).host
    host.wait(host.store.forget_reviews(name, now_us=host.clock.now_us()))


def _steps_of(revision: Revision, world: World) -> dict[str, Step]:
    """The steps of a revision as they are here, if they are what was approved."""
    definition = revision.proposal.definition
    registry = world.host.runner.steps
    now = as_of_now(definition, registry.get)
    reasons = revision.differs(now)
    if reasons:
        raise RevisionChangedError(
            f"{revision} cannot run as it was approved: {'; '.join(reasons)}.",
            reasons=reasons,
            hint="Restore the steps, or review the source with those of now and approve it anew.",
        )
    steps = {b.alias: step for b in definition.steps if (step := registry.get(b.step_id))}
    report = recompiled(definition, definition.source, steps=steps)
    api.accepted(report, definition.source, Origin())
    return steps


def _done(world: World, work: Coroutine[Any, Any, T]) -> T:
    return world.host.wait(world.host.submit(work))
