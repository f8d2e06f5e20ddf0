"""Do runs, histories and receipts still replay: with their own source, or with an edited one?"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from wf_notebook import history
from wf_notebook.definition.compile import names_used
from wf_notebook.definition.steps import REGISTRY
from wf_notebook.errors import (
    DefinitionError,
    HistoryError,
    PayloadsMissingError,
    ReceiptDiffersError,
    RunNotFoundError,
    WorkflowError,
)
from wf_notebook.run import Run
from wf_notebook.testing.histories import Replayer
from wf_notebook.testing.targets import files_at, loaded
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wf_notebook.api import World
    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.model import Definition
    from wf_notebook.definition.steps import Step
    from wf_notebook.history import History
    from wf_notebook.receipts.shape import Receipt
    from wf_notebook.testing.histories import ReplayReport

__all__ = ["Replay", "one", "replay", "replays"]

Outcome = Literal["replays", "diverged", "stopped", "checked", "refused"]
# What a replay comes to where the guest was stopped: it says nothing about the source.
_STOPPED: Final = frozenset({"BUDGET_EXCEEDED", "GUEST_DIED", "GUEST_PROTOCOL"})


@dataclass(frozen=True, slots=True, repr=False)
class Replay:
    """What came of replaying one run.

    Attributes:
        target: what was named: a path, or the run's id.
        outcome: "replays"; "diverged"; "stopped": the guest used too much, or died; "checked": the
            file is as it was written, but was not replayed; "refused": it is not, or the edited
            source may not run.
        run_id, name: the run; "" if that is unknown.
        events: how many events it has.
        report: how the source did; None if it was not replayed.
        source: the text that was replayed.
        world: what the world says of a receipt: "signed" if this world has made it; else "".
        said: of one that was not replayed: why, in a sentence.
        error: of one that was refused, or lacks payloads: the error.
    """

    target: str
    outcome: Outcome
    run_id: str = ""
    name: str = ""
    events: int = 0
    report: ReplayReport | None = None
    source: str = ""
    world: str = ""
    said: str = ""
    error: WorkflowError | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """Return it without the run's result: what a cell shows is saved."""
        return f"<Replay {self.target}: {self.outcome}>"

    def raise_unless_replayed(self) -> Replay:
        """Return it, if it replays.

        Raises:
            DivergenceError: it diverged.
            HistoryError, DefinitionError: it was refused, or is without payloads.
            WorkflowError: the guest was stopped, or it was only checked.
        """
        if self.report is not None:
            self.report.raise_for_divergence()
        if self.error is not None:
            raise self.error
        if self.outcome != "replays":
            raise WorkflowError(f"{self.target} was not replayed: {self.said}")
        return self

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object, without values."""
        parted = None if self.report is None else self.report.divergence
        return {
            "target": self.target,
            "outcome": self.outcome,
            "run_id": self.run_id,
            "name": self.name,
            "events": self.events,
            "status": None if self.report is None else self.report.status,
            "asks": [] if self.report is None else list(self.report.asks),
            "divergence": None
            if parted is None
            else {**parted.report(), "source_line": self.line_at(parted.line)},
            "world": self.world,
            "said": self.said,
            "code": None if self.error is None else self.error.code,
        }

    def line_at(self, number: int | None) -> str:
        """Return a line of the source, or "" where it has none of that number."""
        lines = self.source.splitlines()
        return lines[number - 1] if number is not None and 0 < number <= len(lines) else ""


def replay(
    *targets: str | os.PathLike[str] | Run,
    source: str | None = None,
    world: World | None = None,
    check: bool = False,
    isolation: IsolationMode | None = None,
) -> list[Replay]:
    """Replay runs, or files of them: no step is executed and nothing is written.

    Args:
        targets: runs; paths of receipts (`Run.to_notebook`), of histories (`save_history`), or of
            folders that hold some.
        source: an edited source to hold against them; None for each run's own. A step that it
            names and the run did not have is looked up among the registered ones.
        world: what receipts are held against: it says whether it has made them, and replays those
            that were exported without payloads.
        check: whether files are only to be checked, and nothing replayed.
        isolation: "strict", "process" or "inline"; None for the best there is.

    Raises:
        UsageError: a path names nothing, or something else.

    >>> from wf_notebook import open_world
    >>> from wf_notebook.testing import stub_steps
    >>> source = '''
    ... async def workflow(order_id):
    ...     "use workflow"
    ...     return await steps.charge(order_id)
    ... '''
    >>> stubs = stub_steps({"charge": "paid"})
    >>> with open_world(":memory:", steps=stubs) as world:
    ...     run = world.start(source, ("A-17",), steps=stubs).wait_for("terminal", timeout=60)
    ...     [same] = replay(run)
    ...     [edited] = replay(run, source=source.replace("return ", ""))
    >>> same.outcome, edited.outcome, edited.report.divergence.recorded
    ('replays', 'diverged', "the run's result")
    """
    found = [part for target in targets for part in _parts(target)]
    return list(replays(found, source=source, world=world, check=check, isolation=isolation))


def _parts(target: str | os.PathLike[str] | Run) -> Iterable[str | Run]:
    return (target,) if isinstance(target, Run) else files_at(os.fspath(target))[0]


def replays(
    targets: Iterable[str | Run],
    *,
    source: str | None = None,
    world: World | None = None,
    check: bool = False,
    isolation: IsolationMode | None = None,
) -> Iterator[Replay]:
    """Give what comes of each run or file, one after the other; see `replay`."""
    with Replayer(isolation) as replayer:
        for target in targets:
            yield one(target, replayer, source=source, world=world, check=check)


def one(
    target: str | Run,
    replayer: Replayer,
    *,
    source: str | None = None,
    world: World | None = None,
    check: bool = False,
) -> Replay:
    """Replay one run or file; see `replay`."""
    if isinstance(target, Run):
        return _replayed(target.id, history.read(target.history()), replayer, source)
    try:
        saved, receipt = loaded(target)
        proven = None if receipt is None or world is None else _proven(receipt, world)
    except HistoryError as error:
        return Replay(target, "refused", said=error.message, error=error)
    except OSError as error:
        said = f"it cannot be read: {error.strerror}"
        return Replay(target, "refused", said=said, error=WorkflowError(f"{target}: {said}."))
    signed = "" if proven is None else "signed"
    if check:
        return _checked(target, saved, signed, "nothing was to be replayed")
    if proven is not None and not saved.payloads:
        saved = proven
    if not saved.payloads:
        asked = "no world was asked" if world is None else "this world does not hold the run"
        missing = PayloadsMissingError(f"{target} holds no payloads, and {asked}.")
        return _checked(target, saved, signed, f"it holds no payloads, and {asked}", missing)
    return _replayed(target, saved, replayer, source, world=signed)


def _checked(
    target: str, saved: History, world: str, said: str, error: WorkflowError | None = None
) -> Replay:
    return Replay(
        target, "checked", saved.run_id, saved.definition.name, len(saved.events),
        world=world, said=said, error=error,
    )  # fmt: skip


def _replayed(
    target: str, saved: History, replayer: Replayer, source: str | None, *, world: str = ""
) -> Replay:
    definition = saved.definition
    text = definition.source if source is None else source
    found = Replay(
        target,
        "replays",
        saved.run_id,
        definition.name,
        len(saved.events),
        source=text,
        world=world,
    )
    steps = {} if source is None else _new_steps(definition, source)
    try:
        report = replayer.replay(saved, source, steps=steps)
    except DefinitionError as error:
        said = "the edited source may not run"
        return replace(found, outcome="refused", said=said, error=error)
    if report.divergence is not None:
        return replace(found, outcome="diverged", report=report)
    if report.code in _STOPPED and saved.state.code != report.code:
        said = f"the guest was stopped: {report.code}"
        return replace(found, outcome="stopped", report=report, said=said)
    return replace(found, report=report)


def _new_steps(definition: Definition, source: str) -> dict[str, Step]:
    """Return the registered steps that an edited source names, and its run did not have."""
    aliases, _ = names_used(source)
    new = (alias for alias in aliases if definition.binding(alias) is None)
    return {alias: step for alias in new if (step := REGISTRY.by_name(alias)) is not None}


def _proven(receipt: Receipt, world: World) -> History | None:
    """Return the run as a world holds it, if it is what a receipt says; None if it holds none.

    Raises:
        ReceiptDiffersError: the world has recorded something else, or has not made the receipt.
    """
    try:
        run = world.get(receipt.run_id)
    except RunNotFoundError:
        return None
    definition, events = run.definition, run.events()[: receipt.state.seq]
    here = history.write(run.id, definition, events, payloads=receipt.payloads)
    there = history.write(
        receipt.run_id, receipt.definition, receipt.events, payloads=receipt.payloads
    )
    if here != there:
        msg = f"The log of run {run.id} in this world is not the one in the receipt."
        raise ReceiptDiffersError(msg)
    host = run.host
    signature = host.wait(host.store.sign(run.id, receipt.chain))
    if not hmac.compare_digest(signature, receipt.signature):
        msg = (
            f"Its log is that of run {run.id} in this world, but this world has not made the "
            "receipt: facts, approval and card beside the log may be forged."
        )
        raise ReceiptDiffersError(msg)
    return history.History(run.id, definition, events, fold(events))
