"""Which slot an attempt holds, from the moment it is taken to the moment the attempt returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.definition.steps import Step, StepRegistry
    from wf_notebook.engine.attempts import Attempts, Call
    from wf_notebook.engine.slots import Slots


class Starter:
    """Slots for attempts, and the steps that take them (a `turn.Starter`)."""

    def __init__(self, steps: StepRegistry, slots: Slots, attempts: Attempts) -> None:
        self._steps = steps
        self._attempts = attempts
        self.slots = slots
        self._holding: dict[str, str] = {}  # an attempt's correlation id to its step's id

    def step(self, step_id: str) -> Step | None:
        """The registered step, or None."""
        return self._steps.get(step_id)

    def take(self, run_id: str, step: Step) -> bool:
        """Take a slot for an attempt."""
        return self.slots.take(run_id, step.step_id, step.options.concurrency)

    def give(self, step: Step) -> None:
        """Give back a slot that was taken."""
        self.slots.give(step.step_id)

    def in_flight(self, key: str) -> bool:
        """Whether an attempt of that step has not returned yet."""
        return self._attempts.running(key)

    def start(self, call: Call) -> None:
        """Make an attempt, with the slot that was taken for it."""
        self._holding[call.key] = call.step.step_id
        self._attempts.start(call)

    def landed(self, key: str) -> None:
        """Give back the slot of an attempt that has returned."""
        self.slots.give(self._holding.pop(key))

    def forget(self, key: str) -> None:
        """Give back the slot of an attempt that was to be made and isn't, if there is one."""
        if key in self._holding:
            self.landed(key)

    def give_back(self, calls: Sequence[Call]) -> None:
        """Give back the slots of attempts that were not made after all."""
        for call in calls:
            self.give(call.step)
