"""How a run, a step, a hook or a stream ended, and why a run does not move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from wf_notebook.errors.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

HookReason: TypeAlias = Literal["unknown", "disposed", "ended", "elsewhere"]


class RunFailedError(WorkflowError):
    """A run ended in failure.

    Attributes:
        run_id: the run.
        code: `USER_ERROR`, `DEFINITION_MISMATCH`, `BUDGET_EXCEEDED`, `MAX_EVENTS_EXCEEDED`, …
        error: `{"type", "message", "cause", "parts", "frames"}`: the exception as data; frames are
            `[line, column, end_line, end_column, function]` within the source. The failure of a
            step also has the `step`'s position, its `alias`, `line` and `traceback`.
        line: the line of the source that failed, counting from 1, or None.
        origin: where the source came from (`label`, `line_offset`), for tracebacks.
        source: the stored source, for tracebacks; empty when it cannot be opened.
    """

    default_code = "USER_ERROR"

    def __init__(  # noqa: PLR0913 - an error is built once, by name
        self,
        message: str,
        *,
        run_id: str,
        code: str,
        error: Mapping[str, Any],
        line: int | None = None,
        origin: Mapping[str, Any] | None = None,
        source: str = "",
        hint: str | None = None,
    ):
        super().__init__(message, code=code, hint=hint)
        self.run_id = run_id
        self.error = dict(error)
        self.line = line
        self.origin = dict(origin or {})
        self.source = source


class RunCancelledError(WorkflowError):
    """The run was cancelled; `reason` is what the canceller said."""

    default_code = "WF211"

    def __init__(self, message: str, *, run_id: str, reason: str | None = None):
        super().__init__(message)
        self.run_id = run_id
        self.reason = reason


class RunNotFoundError(WorkflowError):
    """No run in this world has that id."""

    default_code = "WF212"
    default_hint = "List runs with %wf runs."


class RunForgottenError(RunNotFoundError):
    """The run was forgotten: all but its line in the list was erased; `run_id` names it."""

    default_code = "WF218"
    default_hint = "A copy of the world made before may still hold it."

    def __init__(self, run_id: str, *, hint: str | None = None):
        super().__init__(f"Run {run_id} was forgotten.", hint=hint)
        self.run_id = run_id


class RunUnfinishedError(WorkflowError):
    """The run has not ended, and cannot be forgotten; `run_id` names it."""

    default_code = "WF219"

    def __init__(self, message: str, *, run_id: str, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.run_id = run_id


class RunConflictError(WorkflowError):
    """An idempotency key already belongs to a run with another definition or other arguments.

    Attributes:
        run_id: that run.
        diff: from its source to the one that was refused, as a unified diff; "" if they are equal.
    """

    default_code = "WF213"

    def __init__(self, message: str, *, run_id: str, diff: str = "", hint: str | None = None):
        super().__init__(message, hint=hint)
        self.run_id = run_id
        self.diff = diff


class WaitingForHook(WorkflowError):  # noqa: N818 - a state, not a mistake; the name is public
    """The run waits for a person and the caller would wait for ever; `tokens` lists the hooks."""

    default_code = "WF214"

    def __init__(
        self, message: str, *, run_id: str, tokens: Sequence[str], hint: str | None = None
    ):
        super().__init__(message, hint=hint)
        self.run_id = run_id
        self.tokens = tuple(tokens)


class RunBlockedError(WorkflowError):
    """The run cannot go on until something is mended; the message says what."""

    default_code = "WF215"

    def __init__(self, message: str, *, run_id: str, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.run_id = run_id


class DivergenceError(RunBlockedError):
    """Replay asked for something else than the log recorded. Nothing was written."""

    default_code = "WF216"

    def __init__(
        self,
        message: str,
        *,
        run_id: str,
        report: Mapping[str, Any] | None = None,
        hint: str | None = None,
    ):
        super().__init__(message, run_id=run_id, hint=hint)
        self.report = dict(report or {})


class StepNotRegisteredError(RunBlockedError):
    """The run needs a step that this process has not defined."""

    default_code = "WF217"
    default_hint = (
        "Run the cell that defines it, or import its module; the run then goes on by itself."
    )


class HookNotFoundError(WorkflowError):
    """No open hook has that token.

    Attributes:
        reason: "unknown" (no hook ever had it), "disposed" (by its run, or by its own timeout),
            "ended" (its run has ended) or "elsewhere" (it is another run's).
    """

    default_code = "WF221"
    default_hint = "List open hooks with %wf hooks."

    def __init__(self, message: str, *, reason: HookReason, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.reason: HookReason = reason


class HookConflictError(WorkflowError):
    """Another live run owns the token; `run_id` names it."""

    default_code = "WF222"

    def __init__(self, message: str, *, run_id: str | None = None):
        super().__init__(message)
        self.run_id = run_id


class HookPayloadError(WorkflowError):
    """A payload does not fit the hook's schema; nothing was recorded.

    Attributes:
        errors: `[{"path": ["amount"], "message": "Input should be …"}, …]`.
    """

    default_code = "WF223"
    default_hint = "Correct the fields and resume again."

    def __init__(self, message: str, *, errors: Sequence[Mapping[str, Any]] = ()):
        super().__init__(message)
        self.errors = [dict(e) for e in errors]


class FatalError(WorkflowError):
    """Raise it in a step: the step fails now, without further attempts."""

    default_code = "WF231"

    def __str__(self) -> str:
        return self.message


class RetryableError(WorkflowError):
    """Raise it in a step to be tried again, after `retry_after` if given.

    Args:
        message: why.
        retry_after: seconds, a timedelta, or a duration such as "30s".
    """

    default_code = "WF232"

    def __init__(self, message: str = "", *, retry_after: float | str | timedelta | None = None):
        super().__init__(message)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message


class StreamClosedError(WorkflowError):
    """A stream takes no more: it was closed, or its attempt or run is over."""

    default_code = "WF233"
    default_hint = "Write before the stream is closed and before the step returns or has to stop."
