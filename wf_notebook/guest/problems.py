"""Which exceptions a source can name: its own copies, so that nothing of ours is needed inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FatalError", "HookConflictError", "RetryableError", "StepError", "step_error"]


class FatalError(Exception):
    """Raise it to fail for good; a step that raised one is caught by this name too."""


class RetryableError(Exception):
    """Raised in a step it asks for another attempt; in a source it is an error like others."""

    def __init__(self, message: str = "", *, retry_after: Any = None):
        super().__init__(message)
        self.retry_after = retry_after


class StepError(Exception):
    """A step failed.

    Attributes:
        type: the name of the exception's type in the step, such as "ValueError".
        message: its text.
        cause: what it was raised from, a StepError, or None; also its `__cause__`.
        parts: the StepErrors of an exception group; else empty.
        step: the alias under which the source called the step; empty in causes and parts.
        position: which of the run's commands the call was, from 1; 0 in causes and parts.
    """

    def __init__(
        self,
        message: str = "",
        *,
        type: str = "",  # noqa: A002 - the attribute's public name
        cause: StepError | None = None,
        parts: Sequence[StepError] = (),
        step: str = "",
        position: int = 0,
    ):
        super().__init__(message)
        self.position = position
        self.type = type or "StepError"
        self.message = message
        self.cause = self.__cause__ = cause
        self.parts = tuple(parts)
        self.step = step

    def __str__(self) -> str:
        return self.message if self.type == "StepError" else f"{self.type}: {self.message}"


class _FatalStepError(StepError, FatalError):
    """A step raised FatalError."""


_FatalStepError.__name__ = _FatalStepError.__qualname__ = "StepError"


class HookConflictError(Exception):
    """Another live run owns the token.

    Attributes:
        run_id: that run.
        token: the token.
    """

    def __init__(self, message: str = "", *, run_id: str | None = None, token: str = ""):
        super().__init__(message)
        self.run_id = run_id
        self.token = token


for _error in (FatalError, RetryableError, StepError, _FatalStepError, HookConflictError):
    _error.__module__ = "wf_notebook"  # where a host program finds the ones it may raise


def step_error(error: Mapping[str, Any], step: str = "", position: int = 0) -> StepError:
    """Return the exception for a failure `{type, message, cause, parts}` that the host recorded.

    >>> step_error({"type": "ValueError", "message": "bad", "cause": None, "parts": []})
    StepError('bad')
    """
    cause = error.get("cause")
    kind = _FatalStepError if error["type"] == "FatalError" else StepError
    return kind(
        error["message"],
        type=error["type"],
        cause=step_error(cause) if cause else None,
        parts=[step_error(part) for part in error.get("parts") or ()],
        step=step,
        position=position,
    )
