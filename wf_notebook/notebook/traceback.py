"""How does one of our errors look under a cell: which lines, with which carets?

IPython asks an exception for `_render_traceback_` before it formats one itself. The session gives
that method to `WorkflowError` while the extension is loaded and takes it away again. It is not
`set_custom_exc`, of which a shell has only one, and which would be the user's; and it is not in
`wf_notebook.errors`, which must not know IPython.
"""

from __future__ import annotations

import linecache
import os
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

from wf_notebook.errors import DefinitionError, RunConflictError, RunFailedError, WorkflowError
from wf_notebook.views.failures import failed
from wf_notebook.views.pointing import printable, refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_ATTRIBUTE: Final = "_render_traceback_"
# Frames of the machinery between the cell and us; the reader has not written them.
_MACHINERY: Final = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("IPython", "ipykernel", "asyncio", "concurrent", "click")
)
_MAGIC_CALLS: Final = ("get_ipython().run_", "await get_ipython().run_cell_magic(")


class Formatter(Protocol):
    """IPython's `InteractiveTB`, as far as it is used here."""

    def structured_traceback(
        self, etype: type, evalue: BaseException, etb: TracebackType, tb_offset: int
    ) -> list[str]:
        """The lines of a traceback, the exception's own line last."""
        ...


def attach(formatter: Formatter) -> None:
    """Let our errors render themselves in this shell."""

    def _render_traceback_(self: WorkflowError) -> list[str]:
        return render(self, formatter)

    setattr(WorkflowError, _ATTRIBUTE, _render_traceback_)


def detach() -> None:
    """Take away what `attach` gave. Idempotent."""
    if _ATTRIBUTE in vars(WorkflowError):
        delattr(WorkflowError, _ATTRIBUTE)


def render(error: WorkflowError, formatter: Formatter) -> list[str]:
    """Return the lines that a shell prints: the user's own frames, the source, one last line."""
    shown = _stand_in(error)
    frames = user_frames(error.__traceback__)
    if frames is None:
        lines = [f"{type(error).__name__}: {shown}"]
    else:
        lines = formatter.structured_traceback(type(shown), shown, frames, 0)
    return [*lines[:-1], *source_lines(error), lines[-1]]


def _stand_in(error: WorkflowError) -> Exception:
    """An error of the same name with one line and no chain: the chain is our own machinery."""
    text = str(error)
    if isinstance(error, DefinitionError):
        text = text.splitlines()[0].rstrip(":")
    named = {"__module__": type(error).__module__}
    kind: type[Exception] = type(type(error).__name__, (Exception,), named)
    return kind(text)


def user_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without our frames, IPython's, and the calls that magics turn into."""
    kept: list[TracebackType] = []
    while trace is not None:
        if not _hidden(trace):
            kept.append(trace)
        trace = trace.tb_next
    found: TracebackType | None = None
    for one in reversed(kept):
        found = TracebackType(found, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return found


def _hidden(trace: TracebackType) -> bool:
    name = trace.tb_frame.f_code.co_filename
    if name.startswith(_PACKAGE) or any(part in name for part in _MACHINERY):
        return True
    return linecache.getline(name, trace.tb_lineno).lstrip().startswith(_MAGIC_CALLS)


def source_lines(error: WorkflowError) -> list[str]:
    """Return the lines that point into the source of a workflow; none for other errors."""
    if isinstance(error, DefinitionError):
        return refused(error.diagnostics, source=error.source, origin=origin_of(error))
    if isinstance(error, RunFailedError):
        return failed(error.error, source=error.source, origin=error.origin)
    if isinstance(error, RunConflictError) and error.diff:
        return ["\n".join(printable(line) for line in error.diff.splitlines()) + "\n"]
    return []


def origin_of(error: WorkflowError) -> Mapping[str, Any]:
    """Return where an error's source came from: `label` and `line_offset`; empty if unknown."""
    found: Mapping[str, Any] | None = getattr(error, "origin", None)
    return found or {}
