"""Run one attempt of a step: on the steps' loop or on a thread, within its timeout."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from wf_notebook.clock import SECOND_US
from wf_notebook.engine.context import CURRENT, StepContext
from wf_notebook.engine.decide import AttemptFailed, AttributesSet, StepEnded, Succeeded
from wf_notebook.engine.failures import as_data
from wf_notebook.engine.loops import LoopThread
from wf_notebook.errors import FatalError, PayloadError, RetryableError
from wf_notebook.guest.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.definition.steps import Step
    from wf_notebook.engine.attributes import Attributes
    from wf_notebook.engine.decide import Item
    from wf_notebook.engine.streams import Outbox
    from wf_notebook.guest.values import Tree

Bound: TypeAlias = "tuple[tuple[Any, ...], dict[str, Any]]"


@dataclass(frozen=True, slots=True)
class Call:
    """An attempt to be made.

    Attributes:
        key: the step's correlation id.
        step: the registered step.
        args: the bound arguments, as a tree.
        bound: the same as the function takes them; None where that is found out in the attempt.
        first_started_us: when the first attempt started.
        again: whether an attempt was made before.
        root_id: the run at the top of the run that calls.
        attributes: that run's.
    """

    run_id: str
    key: str
    attempt: int
    step: Step
    args: dict[str, Tree]
    bound: Bound | None
    first_started_us: int
    again: bool
    root_id: str
    attributes: Attributes

    def arguments(self) -> Bound:
        """Return what the function is called with; raises whatever a validator does."""
        return self.step.bind(self.args) if self.bound is None else self.bound


@dataclass(slots=True)
class _Flight:
    """An attempt that is being made."""

    call: Call
    context: StepContext
    task: asyncio.Task[Succeeded | AttemptFailed] | None = None
    timer: asyncio.TimerHandle | None = None
    timed_out: bool = False


class Attempts:
    """Makes attempts and reports each once it has really returned.

    Called on the engine's loop; `report(run_id, ended)` and `post(run_id, item)`, for what an
    attempt has to say meanwhile, are called there, too. `outbox(run_id)` is what the attempts of a
    run write into.
    """

    def __init__(
        self,
        report: Callable[[str, StepEnded], None],
        post: Callable[[str, Item], None],
        outbox: Callable[[str], Outbox],
        *,
        world_id: str,
    ) -> None:
        self._report = report
        self._post = post
        self._outbox = outbox
        self._world_id = world_id
        self._engine_loop = asyncio.get_running_loop()
        self._steps = LoopThread("wf-steps")
        self._flights: dict[str, _Flight] = {}

    @property
    def steps_thread(self) -> int | None:
        """The ident of the thread on which async steps run, or None before the first."""
        return self._steps.ident

    def start(self, call: Call) -> None:
        """Begin an attempt; one that the machine has no thread for has failed."""
        flight = _Flight(call, self._context(call))
        self._flights[call.key] = flight
        try:
            self._begin(flight)
        except RuntimeError as error:
            self._ended(flight, _failure(flight, error))

    def _begin(self, flight: _Flight) -> None:
        step = flight.call.step
        if step.is_async:
            self._steps.loop.call_soon_threadsafe(self._spawn, flight)
            return
        self._steps.loop.call_soon_threadsafe(self._arm, flight)
        run = contextvars.copy_context().run
        threading.Thread(
            target=run, args=(self._work, flight), name=f"wf-step-{step.name}", daemon=True
        ).start()

    def _context(self, call: Call) -> StepContext:
        """Return what the step can ask about this attempt, and for its run."""

        def label(changes: Mapping[str, str | None]) -> None:
            item = AttributesSet(changes, call.key)
            call.attributes.change(changes, lambda: self._say(call.run_id, item))

        return StepContext(
            call.run_id,
            call.key,
            call.attempt,
            datetime.fromtimestamp(call.first_started_us / SECOND_US, UTC),
            call.again,
            call.root_id,
            self._world_id,
            label,
            self._outbox(call.run_id),
        )

    def _say(self, run_id: str, item: Item) -> None:
        """Tell the engine, from whatever thread; what a closed world is told is lost with it."""
        with contextlib.suppress(RuntimeError):
            self._engine_loop.call_soon_threadsafe(self._post, run_id, item)

    def running(self, key: str) -> bool:
        """Whether an attempt of that step has not returned yet."""
        return key in self._flights

    def cancel(self, key: str) -> None:
        """Ask an attempt to stop; it is reported when it has returned."""
        flight = self._flights.get(key)
        if flight is not None:
            flight.context.stop()
            self._steps.loop.call_soon_threadsafe(_cancel_task, flight)

    def stop(self) -> None:
        """Ask all attempts to stop."""
        for key in list(self._flights):
            self.cancel(key)

    def close(self) -> None:
        """End the steps' loop; not on the engine's. Threads end when their steps return."""
        self._steps.close()

    # --- async steps, on the steps' loop

    def _spawn(self, flight: _Flight) -> None:
        name = f"wf-step-{flight.call.step.name}"
        flight.task = self._steps.loop.create_task(self._run(flight), name=name)
        self._arm(flight)
        # a callback, because a task cancelled before its first step never enters its coroutine
        flight.task.add_done_callback(lambda task: self._ended(flight, _outcome_of(flight, task)))

    async def _run(self, flight: _Flight) -> Succeeded | AttemptFailed:
        CURRENT.set(flight.context)
        step = flight.call.step
        try:
            args, kwargs = flight.call.arguments()
            outcome = Succeeded(step.encode(await step.function(*args, **kwargs)))
        except BaseException as error:  # noqa: BLE001 - also SystemExit: nothing may end our loop
            return _failure(flight, error)
        return _in_time(flight, outcome)

    def _arm(self, flight: _Flight) -> None:
        timeout = flight.call.step.options.timeout
        if timeout is not None:
            flight.timer = self._steps.loop.call_later(timeout, _time_out, flight)

    # --- synchronous steps, on a thread each

    def _work(self, flight: _Flight) -> None:
        CURRENT.set(flight.context)
        step = flight.call.step
        try:
            args, kwargs = flight.call.arguments()
            outcome = _in_time(flight, Succeeded(step.encode(step.function(*args, **kwargs))))
        except BaseException as error:  # noqa: BLE001 - also SystemExit: it is this step's end only
            outcome = _failure(flight, error)
        self._ended(flight, outcome)

    def _ended(self, flight: _Flight, outcome: Succeeded | AttemptFailed) -> None:
        flight.context.stop()  # a thread that it left behind writes no more
        call = flight.call
        ended = StepEnded(call.key, call.attempt, outcome, call.step.options)
        try:
            self._engine_loop.call_soon_threadsafe(self._landed, call.run_id, ended)
        except RuntimeError:
            return  # the world was closed meanwhile; the attempt runs again when it is opened

    def _landed(self, run_id: str, ended: StepEnded) -> None:
        self._flights.pop(ended.step, None)
        self._report(run_id, ended)


def _outcome_of(
    flight: _Flight, task: asyncio.Task[Succeeded | AttemptFailed]
) -> Succeeded | AttemptFailed:
    if flight.timer is not None:
        flight.timer.cancel()
    return _failure(flight, asyncio.CancelledError()) if task.cancelled() else task.result()


def _in_time(flight: _Flight, outcome: Succeeded) -> Succeeded | AttemptFailed:
    """Discard a result that came after the timeout."""
    return _failure(flight, TimeoutError()) if flight.timed_out else outcome


def _cancel_task(flight: _Flight) -> None:
    if flight.task is not None:
        flight.task.cancel()


def _time_out(flight: _Flight) -> None:
    flight.timed_out = True
    flight.context.stop()
    _cancel_task(flight)


def _failure(flight: _Flight, error: BaseException) -> AttemptFailed:
    step = flight.call.step
    if flight.timed_out:
        late = f"step '{step.name}' took longer than its timeout of {step.options.timeout:g} s"
        return AttemptFailed(as_data(TimeoutError(late)))
    match error:
        case RetryableError(retry_after=after) if after is not None:
            return _retryable(error, after)
        case FatalError() | PayloadError():
            # a value that cannot cross will not cross next time: more attempts would only repeat
            # the step's effects
            return AttemptFailed(as_data(error), fatal=True)
        case _:
            return AttemptFailed(as_data(error))


def _retryable(error: RetryableError, after: object) -> AttemptFailed:
    """An attempt that says when to try again; if it says so wrongly, that is its failure."""
    try:
        return AttemptFailed(as_data(error), retry_after=parse_duration(after))
    except (ValueError, TypeError) as reason:
        wrong = ValueError(f"RetryableError(retry_after={after!r}): {reason}")
        wrong.__cause__ = error
        return AttemptFailed(as_data(wrong))
