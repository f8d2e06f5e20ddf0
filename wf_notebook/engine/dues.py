"""What of the unfinished runs moves by itself: open waits, retries, and attempts in flight.

It follows the events, so it knows what is open in the folded states without looking at any. A timer
calls when something is due; a sweep finds what no timer has called for, and attempts that are made
nowhere. While nothing is due a sweep costs the same whether five runs sleep or five thousand.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.engine.waker import Waker
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState


class Dues:
    """The open waits and attempts of a world's unfinished runs. Lives on the engine's loop.

    Args:
        waker: the timer.
        wait_over: called with run and wait when a wait is due.
        attempt_due: called with run and step when a step's next attempt may start.
    """

    def __init__(
        self,
        waker: Waker,
        *,
        wait_over: Callable[[str, str], None],
        attempt_due: Callable[[str, str], None],
    ) -> None:
        self._waker = waker
        self._wait_over = wait_over
        self._attempt_due = attempt_due
        self._running: dict[str, str] = {}  # a step whose attempt has no outcome, to its run

    def take_up(self, state: RunState) -> None:
        """Set what is open in a run that was read from its log."""
        for wait in state.open_waits:
            self._set_wait(state.run_id, wait.id, wait.due_us)
        for step in state.open_steps:
            if step.retry_at_us is not None:
                self._set_retry(state.run_id, step.id, step.retry_at_us)
            elif step.status == "running":
                self._running[step.id] = state.run_id

    def follow(self, event: Event) -> None:
        """Take in an event that is durable."""
        run_id, key = event.run_id, str(event.correlation_id)
        match event.type:
            case "wait_created":
                self._set_wait(run_id, key, event.meta["due_us"])
            case "wait_completed" | "wait_cancelled":
                self._waker.drop((run_id, key))
            case "step_started":
                self._waker.drop((run_id, key))
                self._running[key] = run_id
            case "step_retrying":
                self._running.pop(key, None)
                self._set_retry(run_id, key, event.meta["retry_at_us"])
            case "step_completed" | "step_failed" | "step_cancelled":
                self._running.pop(key, None)
                self._waker.drop((run_id, key))
            case _:
                pass

    def let_go(self, state: RunState) -> None:
        """Forget a run."""
        for key in (*state.waits, *state.steps):
            self._running.pop(key, None)
            self._waker.drop((state.run_id, key))

    def sweep(self, busy: Callable[[str], bool], in_flight: Callable[[str], bool]) -> None:
        """Call for what is due and was not dealt with, and for attempts that are made nowhere.

        Args:
            busy: says of a run that it moves anyway.
            in_flight: says of a step whether an attempt of it is being made.
        """
        self._waker.look(busy)
        for key, run_id in list(self._running.items()):
            if not in_flight(key) and not busy(run_id):
                self._attempt_due(run_id, key)

    def _set_wait(self, run_id: str, wait_id: str, due_us: int) -> None:
        self._waker.set((run_id, wait_id), due_us, partial(self._wait_over, run_id, wait_id))

    def _set_retry(self, run_id: str, step_id: str, due_us: int) -> None:
        self._waker.set((run_id, step_id), due_us, partial(self._attempt_due, run_id, step_id))
