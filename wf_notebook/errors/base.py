"""The root of the errors: a message, a code, and what to do."""

from __future__ import annotations

from typing import ClassVar


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
