"""What is wrong with the guest, or with the isolation that was asked for."""

from __future__ import annotations

from wf_notebook.errors.base import WorkflowError


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
