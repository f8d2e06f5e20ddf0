"""How a run comes about: its launch is prepared in full, then created, or an existing one found."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.approving import Proposal, need, refuse_draft
from wf_notebook.definition.entry import check_call
from wf_notebook.definition.values import to_tree
from wf_notebook.engine.attributes import checked
from wf_notebook.engine.host import Host, Launch, Origin
from wf_notebook.errors import RunConflictError, RunForgottenError
from wf_notebook.guest.values import canonical
from wf_notebook.ids import keyed_run_id
from wf_notebook.run import Run
from wf_notebook.views.words import difference
from wf_notebook.world.store import RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.activity import Activity
    from wf_notebook.engine.context import StepContext
    from wf_notebook.guest.values import Tree


_TAKEN_UP: Final = frozenset({"pending", "running", "completed"})  # as a list of runs has it


@dataclass(frozen=True, slots=True)
class Arguments:
    """What an entry is called with."""

    args: Sequence[object]
    kwargs: Mapping[str, object]

    def trees(self) -> tuple[list[Tree], dict[str, Tree]]:
        """Return them as they cross into the guest.

        Raises:
            PayloadError: one of them cannot.
        """
        args = [to_tree(value, f"args[{index}]") for index, value in enumerate(self.args)]
        kwargs = {key: to_tree(value, f"kwargs[{key!r}]") for key, value in self.kwargs.items()}
        return args, kwargs


def prepare(  # noqa: PLR0913 - keyword-only past what is called with what
    host: Host,
    definition: Definition,
    arguments: Arguments,
    *,
    key: str | None,
    attributes: Mapping[str, str],
    isolation: IsolationMode | None,
    origin: Origin,
    schemas: Iterable[Any] | Mapping[str, Any],
    caller: StepContext | None = None,
) -> Launch:
    """Return a run that is ready to be created; everything that can be refused is refused here.

    Where the caller is a step of this world, it is a child of that step's run.

    Raises:
        ArgumentsError, PayloadError: the entry doesn't take these arguments.
        UsageError: the attributes are too many or too long.
        IsolationUnavailable: this machine doesn't have it; or a model wrote the source, strict
            isolation is not to be had, and nobody has chosen another one by name.
    """
    check_call(definition, arguments.args, arguments.kwargs)
    args, kwargs = arguments.trees()
    mode = host.mode(isolation)
    if (isolation or host.isolation) is None and mode != "strict":
        host.wait(host.submit(refuse_draft(host, definition, mode)))
    extra: dict[str, Any] = {"attributes": checked(attributes)}
    if key is not None:
        extra["key"] = key
    if host.execution.id and caller is None:
        extra["execution"] = host.execution.id
    if caller is not None and caller.world_id == host.store.world_id:
        extra |= _ancestors(caller)
        key = key or _child_key(caller, definition, [args, kwargs])
    return Launch(
        run_id=_run_id(host, key),
        definition=definition,
        args=args,
        kwargs=kwargs,
        isolation=mode,
        origin=origin,
        extra=extra,
        models=_models(schemas),
    )


def _ancestors(caller: StepContext) -> dict[str, Any]:
    parent = {"run_id": caller.run_id, "step_id": caller.step_id}
    return {"parent": parent, "root": caller.root_id}


def _child_key(caller: StepContext, definition: Definition, arguments: Tree) -> str:
    """Return what a child is found by when the attempt that started it is made again."""
    text = f"{definition.workflow_id}\0{canonical(arguments)}"
    return caller.child_key(hashlib.sha256(text.encode()).hexdigest())


def _run_id(host: Host, key: str | None) -> str:
    if key is not None:
        return keyed_run_id(host.store.world_id, key)
    return host.ids.run_id(host.clock.now_us())


def _models(schemas: Iterable[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Return the models by name; `check` has made sure that they can be used."""
    if isinstance(schemas, Mapping):
        return dict(cast("Mapping[str, Any]", schemas))
    models: list[Any] = list(schemas)
    return {model.__name__: model for model in models}


def launched(host: Host, launch: Launch, steps: Mapping[str, Step], *, attach: bool) -> Run:
    """Create the run, or return the one that its key, or `attach`, stands for.

    In an execution that continues another one, a run that that one has made of the same launch will
    always do.

    Args:
        host: the engine of its world.
        launch: the run, ready to be created.
        steps: what its source may call: they are approved with it, where that is asked for.
        attach: whether an unfinished run of the same will do.

    Raises:
        NotApprovedError: it has to be approved before it may run.
        RunConflictError: the key belongs to a run with another source or other arguments.
        RunForgottenError: the key belongs to a run that was forgotten.
        WorldError: it could not be written.
    """
    earlier = _taken_up(host, launch)
    if earlier is not None:
        return earlier
    if attach:
        host.settle()
        found = host.wait(host.submit(_alike(host, launch)))
        if found is not None:
            act = host.wait(host.activity(found.run_id))  # with its definition: forms need it
            return Run(host, act, attached=True)
    if host.approval != "off":  # else no start waits for the engine just to hear that
        notebook = launch.origin.notebook
        proposal = partial(Proposal.made, launch.definition, steps, notebook=notebook)
        approval = host.wait(host.submit(need(host, proposal)))
        if approval is not None:
            launch = replace(launch, extra={"approval": approval, **launch.extra})
    try:
        return Run(host, host.wait(host.start(launch)))
    except RejectedError as error:
        if error.reason != "run_exists":
            raise
    return _existing(host, launch)


def _same_arguments(act: Activity, launch: Launch) -> bool:
    if act.locked is not None:
        raise act.locked
    before = canonical([list(act.args), dict(act.kwargs)])
    return before == canonical([list(launch.args), dict(launch.kwargs)])


def _taken_up(host: Host, launch: Launch) -> Run | None:
    """Return the run that the execution which is continued has made of this launch, if there is one.

    Also one that has completed: else the steps of a cell that was over would run again. What has
    failed or was cancelled is started anew.
    """
    if not host.execution.continues or "key" in launch.extra or "execution" not in launch.extra:
        return None
    host.settle()
    workflow_id = launch.definition.workflow_id
    rows = host.wait(host.store.runs(workflow_id=workflow_id, limit=None))
    for row in reversed(rows):  # the first launch has made the first run
        if row.run_id in host.taken_up or row.status not in _TAKEN_UP:
            continue
        if row.source_hash != launch.definition.source_hash:
            continue
        act = host.wait(host.activity(row.run_id))
        if _is_of_execution(act, host) and _same_arguments(act, launch):
            host.taken_up.add(row.run_id)
            return Run(host, act, attached=True)
    return None


def _is_of_execution(act: Activity, host: Host) -> bool:
    execution = host.execution
    marked = act.state.created.get("execution") == execution.id
    return marked or act.run_id == execution.continues


async def _alike(host: Host, launch: Launch) -> Activity | None:
    """Return the newest unfinished run of the same definition, arguments and notebook."""
    wanted = (launch.definition.workflow_id, launch.definition.source_hash)
    for act in reversed(await host.runner.live()):
        created = act.state.created
        here = act.state.notebook == launch.origin.notebook
        same = (created.get("workflow_id"), created.get("source_hash")) == wanted
        if here and same and _same_arguments(act, launch):
            return act
    return None


def _existing(host: Host, launch: Launch) -> Run:
    try:
        act = host.wait(host.activity(launch.run_id))
    except RunForgottenError:
        # what it did outside was done: an idempotency key keeps that from being done twice
        hint = "Its id stays used. To do again what it did, choose another one."
        raise RunForgottenError(launch.run_id, hint=hint) from None
    run = Run(host, act, attached=True)
    diff = ""
    if run.source_hash != launch.definition.source_hash:
        other = _difference(run.definition, launch.definition)
        diff = difference(run.definition.source, launch.definition.source, ("the run", "here"))
    elif not _same_arguments(act, launch):
        other = "other arguments"
    else:
        return run
    msg = f"The id '{launch.extra['key']}' belongs to run {run.id}, which has {other}."
    hint = "Use another id, or the source and arguments of that run."
    raise RunConflictError(msg, run_id=run.id, diff=diff, hint=hint)


def _difference(old: Definition, new: Definition) -> str:
    before, after = old.source.splitlines(), new.source.splitlines()
    for number, (a, b) in enumerate(zip(before, after, strict=False), start=1):
        if a != b:
            return f"another source: line {number} is `{a.strip()}` there and `{b.strip()}` here"
    if len(before) != len(after):
        return f"another source: {len(before)} lines there and {len(after)} here"
    return "other steps under the same source"
