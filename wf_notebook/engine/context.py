"""What a step can know about the attempt it runs in."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wf_notebook.engine.writer import StreamWriter
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
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
    """

    run_id: str
    step_id: str
    attempt: int
    first_started: datetime
    outbox: Outbox = field(repr=False, compare=False)
    signal: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was asked to stop (cancelled, or over its timeout) or has returned.

        A synchronous step should look at it now and then and return; nothing can stop a thread
        from outside. An asynchronous step gets `asyncio.CancelledError` besides.
        """
        return self.signal.is_set()

    def stream(self, name: str = "default") -> StreamWriter:
        """Return what this attempt writes a stream of its run with; see `StreamWriter`.

        Readers follow it with `run.stream(name)` while the run goes on.

        Args:
            name: plain in the world: letters, digits, `_`, `-`, `.` and `:`, at most 64.

        Raises:
            UsageError: the name cannot be used; "stdout" is what the source prints.
        """
        return StreamWriter(name, self.outbox, self.signal)

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
