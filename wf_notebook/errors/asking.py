"""What was asked for, and cannot be done so: a source, steps, values, words, a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wf_notebook.errors.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


class UsageError(WorkflowError):
    """A magic or command was called with words it doesn't know."""

    default_code = "WF500"


class NotebookFileError(UsageError):
    """A file is not a notebook that can be read.

    Attributes:
        line: where in the file, from 1; 0 if that can't be told.
    """

    default_code = "WF510"

    def __init__(self, message: str, *, hint: str | None = None, line: int = 0):
        super().__init__(message, hint=hint)
        self.line = line


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
