"""What a step can know about the attempt it runs in."""

from __future__ import annotations

import threading
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wf_notebook.engine.writer import StreamWriter
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from wf_notebook.engine.streams import Outbox

__all__ = ["CURRENT", "StepContext", "step_context"]


@dataclass(frozen=True, slots=True)
class StepContext:
    """The attempt that is running.

    Attributes:
        run_id: the run that called the step.
        step_id: the id of this call: the same for all its attempts and after a crash, so it
            serves as an idempotency key towards other systems.
        attempt: 1, 2, 3 …
        first_started: when the first attempt started, aware, UTC.
        again: whether an attempt was made before: it failed, or its process died in it.
        root_id: the run at the top: `run_id`, unless that run was itself started by a step.
        world_id: the world that the run lives in.
        signal: set when this attempt is asked to stop; a synchronous step that waits can wait for
            it: `step_context().signal.wait(5)`.
    """

    run_id: str
    step_id: str
    attempt: int
    first_started: datetime
    again: bool
    root_id: str
    world_id: str
    label: Callable[[Mapping[str, str | None]], None] = field(repr=False, compare=False)
    outbox: Outbox = field(repr=False, compare=False)
    signal: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    started: Counter[str] = field(default_factory=Counter[str], repr=False, compare=False)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was asked to stop (cancelled, or over its timeout) or has returned.

        A synchronous step should look at it now and then, or wait for `signal`, and return; nothing
        can stop a thread from outside. An asynchronous step gets `asyncio.CancelledError` besides.
        """
        return self.signal.is_set()

    def set_attributes(self, attributes: Mapping[str, str | None]) -> None:
        """Label the run: plain texts that it can be found by, such as how far it has come.

        They are recorded by the time the step's outcome is; nothing is, once the run has ended.

        Args:
            attributes: name to text, or to None to take that attribute away.

        Raises:
            UsageError: the run would have more than 32, or one is longer than 256 characters.
        """
        self.label(dict(attributes))

    def child_key(self, what: str) -> str:
        """Return the key of the run that this step starts next with that source and arguments.

        The same in every attempt of the step: an attempt that is made again finds the children
        that an earlier one has started.
        """
        self.started[what] += 1
        return f"{self.step_id}/{what}/{self.started[what]}"

    def stream(self, name: str = "default") -> StreamWriter:
        """Return what this attempt writes a stream of its run with; see `StreamWriter`.

        Readers follow it with `run.stream(name)` while the run goes on.

        Args:
            name: plain in the world: letters, digits, `_`, `-`, `.` and `:`, at most 64.

        Raises:
            UsageError: the name cannot be used; "stdout" is what the source prints.
        """
        return StreamWriter(name, self.outbox, self.signal, again=self.again)

    def stop(self) -> None:
        """Say that the attempt has to stop, or has returned; for the engine."""
        self.signal.set()
        self.outbox.look_again()


CURRENT: Final[ContextVar[StepContext]] = ContextVar("wf_notebook.step_context")


def step_context() -> StepContext:
    """Return the context of the attempt that the caller runs in.

    Raises:
        UsageError: the caller is not a step that a run called.
    """
    try:
        return CURRENT.get()
    except LookupError:
        msg = "step_context() was called outside a step that a run called."
        raise UsageError(msg, hint="Call it in the body of a @step function.") from None
