"""Whether a source still does what a run of it did: histories, saved and replayed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, assert_never

from wf_notebook import history as histories
from wf_notebook.config import Limits
from wf_notebook.definition.compile import recompiled
from wf_notebook.definition.values import from_tree
from wf_notebook.engine.feed import STOPPED, replay, restored, stopped
from wf_notebook.engine.loops import LoopThread
from wf_notebook.engine.replay import (
    Completed,
    Diverged,
    Failed,
    Suspended,
    in_words,
    judge_end,
)
from wf_notebook.errors import DefinitionError, DivergenceError, HistoryError, UsageError
from wf_notebook.isolation.choose import choose
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.config import IsolationMode
    from wf_notebook.definition.given import Steps
    from wf_notebook.definition.model import Definition
    from wf_notebook.engine.replay import Outcome
    from wf_notebook.isolation.protocol import Isolation
    from wf_notebook.run import Run
    from wf_notebook.world.events import Event

__all__ = ["ReplayReport", "Replayer", "load_history", "replay_history", "save_history"]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """How a source did against the log of a run.

    Attributes:
        run_id: the run whose log it was.
        status: "completed", "failed", "suspended", or "diverged": it did something else.
        result: what the entry returned, if completed.
        code, error: of a failure: its code, and the exception as data (`type`, `message`, …).
        asks: what the source asks for beyond the log, in words: what the run would do next.
        divergence: where it parted from the log, or None: the `line` of the source (of the stored
            one, if the edited one asks for nothing), what was `recorded`, what was `asked` instead
            and the `last_events` before it, in words and without values.
    """

    run_id: str
    status: Literal["completed", "failed", "suspended", "diverged"]
    result: Any = None
    code: str | None = None
    error: Mapping[str, Any] | None = None
    asks: tuple[str, ...] = ()
    divergence: Diverged | None = None

    def raise_for_divergence(self) -> ReplayReport:
        """Return the report, unless the source diverged.

        Raises:
            DivergenceError: it did; the message names the line, `report` has the rest.
        """
        if self.divergence is None:
            return self
        raise DivergenceError(
            self.divergence.message,
            run_id=self.run_id,
            report=self.divergence.report(),
            hint="Runs in flight would be blocked there: keep what they did, then add what is new.",
        )


def save_history(run: Run, path: str | os.PathLike[str]) -> None:
    """Write the history of a run to a file, as JSON, for tests.

    The file is not sealed: source, arguments, results and payloads stand in it as plain text. Save
    runs of made-up data.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(run.history(), indent=1, allow_nan=False)
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write(text + "\n")


def load_history(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the history in a file, checked: its hash and id are recomputed. Nothing is run.

    Raises:
        HistoryError: it is no history, or not as it was saved.
        HistoryVersionError: another version saved it.
        OSError: it cannot be read.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        data = file.read()
    try:
        document: dict[str, Any] = json.loads(data)
    except (ValueError, RecursionError):
        raise HistoryError(f"{name} is not JSON.") from None
    try:
        histories.read(document)
    except HistoryError as error:
        raise type(error)(f"{name}: {error.message}") from None
    return document


def replay_history(
    history: Mapping[str, Any],
    source: str | None = None,
    *,
    steps: Steps = (),
    at: int | None = None,
    isolation: IsolationMode | None = None,
) -> ReplayReport:
    """Run a source against the log of a run; no step runs and nothing is written.

    The source is given the outcomes that were recorded, and must ask for what was recorded. If the
    log is that of a run that has ended, it must also end so: another result is a divergence, too.

    Args:
        history: of a run: `run.history()`, or `load_history(path)`.
        source: an edited source; None for the stored one. The steps and schemas are the stored
            ones; the directive may be missing, as in a cell.
        steps: for an edited source that names other steps: given beside the stored ones.
        at: only the first so many events, for the run as it stood then; None for all.
        isolation: "strict", "process" or "inline"; None for the best there is.

    Raises:
        HistoryError: the history is not as it was saved.
        PayloadsMissingError: it was made without the run's values.
        DefinitionError: the edited source has problems.
        UsageError: there are not so many events, or `steps` are given without a source.

    >>> from wf_notebook import open_world
    >>> from wf_notebook.testing import stub_steps
    >>> source = '''
    ... async def workflow(order_id):
    ...     "use workflow"
    ...     await steps.reserve(order_id)
    ...     return await steps.charge(order_id)
    ... '''
    >>> stubs = stub_steps({"reserve": None, "charge": "paid"})
    >>> with open_world(":memory:", steps=stubs) as world:
    ...     run = world.start(source, ("A-17",), steps=stubs)
    ...     history = run.wait_for("terminal", timeout=60).history()
    >>> replay_history(history).result
    'paid'
    >>> report = replay_history(history, source.replace("await steps.reserve(order_id)", "pass"))
    >>> report.status, report.divergence.line
    ('diverged', 5)
    """
    with Replayer(isolation) as replayer:
        return replayer.replay(histories.read(history), source, steps=steps, at=at)


class Replayer:
    """Replays several histories, one after the other, on one thread and in one isolation.

    The thread is one of its own: the caller's, if it has a loop, is at work. A context manager.

    Args:
        isolation: "strict", "process" or "inline"; None for the best there is.
    """

    def __init__(self, isolation: IsolationMode | None = None) -> None:
        self._isolation = isolation
        self._limits = Limits()
        self._thread: LoopThread | None = None
        self._place: Isolation | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def replay(
        self,
        saved: histories.History,
        source: str | None = None,
        *,
        steps: Steps = (),
        at: int | None = None,
    ) -> ReplayReport:
        """Run a source against the log of a run; see `replay_history`."""
        definition = _definition(saved.need_payloads().definition, source, steps)
        log = saved.events[: _checked_end(at, len(saved.events))]
        if self._thread is None:
            self._thread = LoopThread("wf-replay")
        outcome = self._thread.submit(self._outcome(definition, log)).result()
        return _report(saved.run_id, judge_end(outcome, fold(log), log=log))

    async def _outcome(self, definition: Definition, log: Sequence[Event]) -> Outcome:
        if self._place is None:
            self._place = await choose(self._isolation, self._limits)
        guest = None
        try:
            guest = await self._place.spawn()
            outcome, _ = await replay(guest, definition, log, limits=self._limits)
            return restored(outcome, log)
        except STOPPED as error:
            return stopped(error)
        finally:
            if guest is not None:
                await guest.close()

    def close(self) -> None:
        """End the thread and whatever runs sources."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        try:
            if self._place is not None:
                thread.submit(self._place.close()).result()
                self._place = None
        finally:
            thread.close()


def _definition(stored: Definition, source: str | None, steps: Steps) -> Definition:
    if source is None:
        if steps:
            msg = "The stored source names no other steps than the stored ones."
            raise UsageError(msg, hint="Give steps= together with an edited source.")
        return stored
    report = recompiled(stored, source, steps=steps)
    if report.definition is None:
        raise DefinitionError(report.diagnostics, source=source)
    return report.definition


def _checked_end(at: int | None, count: int) -> int:
    if at is None or 1 <= at <= count:
        return count if at is None else at
    msg = f"The history has {count} events; it cannot be replayed as of event {at}."
    raise UsageError(msg, hint=f"Give at=1 to {count}.")


def _report(run_id: str, outcome: Outcome) -> ReplayReport:
    if isinstance(outcome, Diverged):
        return ReplayReport(run_id, "diverged", divergence=outcome)
    asks = tuple(in_words(command) for command in outcome.commands)
    match outcome:
        case Suspended():
            return ReplayReport(run_id, "suspended", asks=asks)
        case Completed(result=result):
            return ReplayReport(run_id, "completed", from_tree(result), asks=asks)
        case Failed(code=code, error=error):
            return ReplayReport(run_id, "failed", code=code, error=error, asks=asks)
        case _:
            assert_never(outcome)
