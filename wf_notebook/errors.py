"""Every error that wf_notebook raises: one tree, a code and a way out for each.

WorkflowError
├── DefinitionError            WF100  the source was refused; `diagnostics` lists every problem
├── RegistrationError          WF150  the steps or schemas offered to a source are not usable
├── PayloadError               WF201  a value cannot cross the boundary
├── ArgumentsError             WF202  the entry cannot be called with these arguments
├── RunFailedError             the run's failure code (USER_ERROR, BUDGET_EXCEEDED, …)
├── RunCancelledError          WF211
├── RunNotFoundError           WF212
│   └── RunForgottenError      WF218
├── RunUnfinishedError         WF219  it lives, and what was asked is for runs that have ended
├── RunConflictError           WF213  an idempotency key was used for another definition or arguments
├── WaitingForHook             WF214  only a person can move the run on
├── RunBlockedError            WF215
│   ├── DivergenceError        WF216  the source no longer does what the log says it did
│   └── StepNotRegisteredError WF217
├── HookNotFoundError          WF221
├── HookConflictError          WF222
├── HookPayloadError           WF223  field errors; nothing was recorded
├── FatalError                 WF231  raised by a step: do not retry
├── RetryableError             WF232  raised by a step: retry after a delay
├── StreamClosedError          WF233  a stream takes no more
├── HistoryError               WF241  a saved history is not what was saved
│   └── HistoryVersionError    WF242
├── WorldError                 WF300
│   ├── WorldLockedError       WF301
│   ├── WorldDamagedError      WF302
│   ├── WorldFullError         WF303
│   ├── WorldPathError         WF304
│   ├── WorldKeyError          WF305
│   ├── WorldVersionError      WF306
│   ├── WorldClosedError       WF307
│   └── WorldQueryError        WF308
├── IsolationError             WF400
│   ├── IsolationUnavailable   WF401
│   ├── GuestDiedError         WF402
│   ├── GuestBudgetError       WF403
│   └── GuestProtocolError     WF404
├── UsageError                 WF500  a magic or command was called with words it doesn't know
└── DraftError                 WF601  a draft cannot be asked for: no model, no answer (WF602, WF603)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

__all__ = [
    "ArgumentsError",
    "DefinitionError",
    "DivergenceError",
    "DraftError",
    "FatalError",
    "GuestBudgetError",
    "GuestDiedError",
    "GuestProtocolError",
    "HistoryError",
    "HistoryVersionError",
    "HookConflictError",
    "HookNotFoundError",
    "HookPayloadError",
    "IsolationError",
    "IsolationUnavailable",
    "PayloadError",
    "RegistrationError",
    "RetryableError",
    "RunBlockedError",
    "RunCancelledError",
    "RunConflictError",
    "RunFailedError",
    "RunForgottenError",
    "RunNotFoundError",
    "RunUnfinishedError",
    "StepNotRegisteredError",
    "StreamClosedError",
    "UsageError",
    "WaitingForHook",
    "WorkflowError",
    "WorldClosedError",
    "WorldDamagedError",
    "WorldError",
    "WorldFullError",
    "WorldKeyError",
    "WorldLockedError",
    "WorldPathError",
    "WorldQueryError",
    "WorldVersionError",
]


HookReason: TypeAlias = Literal["unknown", "disposed", "ended", "elsewhere"]


class WorkflowError(Exception):
    """The root of the tree.

    Attributes:
        code: a stable code, `WFnnn`, listed in the README.
        hint: what to do about it, one sentence; may be empty.

    >>> raise_me = WorkflowError("The run is gone.", hint="List runs with %wf runs.")
    >>> str(raise_me)
    'WF000 The run is gone. List runs with %wf runs.'
    """

    default_code: ClassVar[str] = "WF000"
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str = "", *, code: str | None = None, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = self.default_hint if hint is None else hint

    def __str__(self) -> str:
        return " ".join(part for part in (self.code, self.message, self.hint) if part)


class DefinitionError(WorkflowError):
    """The source was refused before anything was written.

    Attributes:
        diagnostics: every problem found, in source order (`Diagnostic` records).
        source: the text that was refused.
        origin: where the source came from (`label`, `line_offset`), for tracebacks.
    """

    default_code = "WF100"

    def __init__(
        self,
        diagnostics: Sequence[Any],
        *,
        source: str = "",
        origin: Mapping[str, Any] | None = None,
    ):
        self.diagnostics = tuple(diagnostics)
        self.source = source
        self.origin = dict(origin or {})
        lines = [
            f"line {d.line}, column {d.column}: {d.code} {d.message}"
            + (f" {d.hint}" if d.hint else "")
            for d in self.diagnostics
        ]
        count = f"{len(lines)} problem" + ("s" if len(lines) != 1 else "")
        super().__init__(f"The source was refused ({count}):\n  " + "\n  ".join(lines))


class RegistrationError(WorkflowError):
    """The steps or schemas offered to a source are not usable."""

    default_code = "WF150"


class PayloadError(WorkflowError):
    """A value cannot cross the boundary; `path` says where inside it the trouble is."""

    default_code = "WF201"
    default_hint = (
        "Pass JSON-like data, dates, Decimal, UUID, bytes, dataclasses or pydantic models."
    )

    def __init__(self, message: str, *, path: str = "", **kwargs: Any):
        super().__init__(message, **kwargs)
        self.path = path


class ArgumentsError(WorkflowError):
    """The entry cannot be called with the arguments that `start()` was given."""

    default_code = "WF202"
    default_hint = (
        "Pass them as start(source, args, kwargs) or after ` -- ` on the %%workflow line."
    )


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


class HistoryError(WorkflowError):
    """A saved history is not what was saved: it was changed, or is something else."""

    default_code = "WF241"
    default_hint = "Save it anew with save_history(run, path)."


class HistoryVersionError(HistoryError):
    """A history was saved by a version that writes it in another shape."""

    default_code = "WF242"
    default_hint = "Read it with the version that saved it."


class WorldError(WorkflowError):
    """Something is wrong with the world file."""

    default_code = "WF300"


class WorldLockedError(WorldError):
    """Another process owns the world; `owner` is what its lock says (pid, notebook, since)."""

    default_code = "WF301"

    def __init__(
        self, message: str, *, owner: Mapping[str, Any] | None = None, hint: str | None = None
    ):
        super().__init__(message, hint=hint)
        self.owner = dict(owner or {})


class WorldDamagedError(WorldError):
    """The world file cannot be read as it should; it was left as it is."""

    default_code = "WF302"


class WorldFullError(WorldError):
    """The disk is full; everything acknowledged before is kept."""

    default_code = "WF303"
    default_hint = "Free some space; the run then goes on."


class WorldPathError(WorldError):
    """The path cannot be a world: not a local file."""

    default_code = "WF304"


class WorldKeyError(WorldError):
    """The key that opens this world is missing or is another one."""

    default_code = "WF305"


class WorldVersionError(WorldError):
    """The world was written by another version; it was left as it is."""

    default_code = "WF306"


class WorldClosedError(WorldError):
    """The world was closed."""

    default_code = "WF307"
    default_hint = "Open it again with open_world(...)."


class WorldQueryError(WorldError):
    """`sql()` takes exactly one SELECT or EXPLAIN, or DuckDB refused it."""

    default_code = "WF308"


class IsolationError(WorkflowError):
    """The guest could not do its work."""

    default_code = "WF400"


class IsolationUnavailable(IsolationError):  # noqa: N818 - reads as what it says
    """The isolation asked for is not available on this machine."""

    default_code = "WF401"


class GuestDiedError(IsolationError):
    """The guest process ended in the middle of its work."""

    default_code = "WF402"


class GuestBudgetError(IsolationError):
    """The guest used more time, memory or commands than it may; `line` is where it was."""

    default_code = "WF403"

    def __init__(self, message: str, *, line: int | None = None, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.line = line


class GuestProtocolError(IsolationError):
    """The guest sent something that is not a message; it was stopped."""

    default_code = "WF404"


class UsageError(WorkflowError):
    """A magic or command was called with words it doesn't know."""

    default_code = "WF500"


class DraftError(WorkflowError):
    """No draft could be asked for: the model is not set, cannot be used (WF602), or failed (WF603).

    Attributes:
        model: what was asked, by name; "" if there is none.
    """

    default_code = "WF601"
    default_hint = (
        "Choose one with set_model(function) or set_model('provider:model'), or pass model=…."
    )

    def __init__(
        self, message: str, *, model: str = "", code: str | None = None, hint: str | None = None
    ):
        super().__init__(message, code=code, hint=hint)
        self.model = model
