"""What is wrong with what was kept: a history, a receipt, a world, a review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wf_notebook.errors.base import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class HistoryError(WorkflowError):
    """A saved history is not what was saved: it was changed, or is something else."""

    default_code = "WF241"
    default_hint = "Save it anew with save_history(run, path)."


class HistoryVersionError(HistoryError):
    """A history was saved by a version that writes it in another shape."""

    default_code = "WF242"
    default_hint = "Read it with the version that saved it."


class ReceiptError(HistoryError):
    """A notebook is not the receipt that was exported: something in it was changed, or is missing."""

    default_code = "WF243"
    default_hint = "Export the run anew where its world is, or restore the file."


class PayloadsMissingError(HistoryError):
    """A history or a receipt was made without payloads: it can be checked, but not replayed."""

    default_code = "WF244"
    default_hint = "Export the run with its payloads, or replay it where its world is."


class ReceiptExistsError(WorkflowError):
    """Something else lies where a receipt should be written; it was left as it is.

    Attributes:
        path: where.
    """

    default_code = "WF245"

    def __init__(self, message: str, *, path: str, hint: str | None = None):
        super().__init__(message, hint=hint)
        self.path = path


class ReceiptDiffersError(ReceiptError):
    """A receipt is whole in itself, but its world has recorded something else."""

    default_code = "WF246"
    default_hint = "Export the run anew from this world."


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


class ApprovalError(WorkflowError):
    """Something about what was approved, and what was not."""

    default_code = "WF610"


class NotApprovedError(ApprovalError):
    """The source has to be approved before it runs. Nothing ran; it is kept as a proposal.

    Attributes:
        name: the workflow's name.
        source_hash: what would be approved, hex.
        reasons: what was not approved, a phrase each.
        diff: from the last source of that name that was approved, as a unified diff; "" if none.
    """

    default_code = "WF611"

    def __init__(
        self,
        message: str,
        *,
        name: str,
        source_hash: str,
        reasons: Sequence[str],
        diff: str = "",
        hint: str | None = None,
    ):
        super().__init__(message, hint=hint)
        self.name = name
        self.source_hash = source_hash
        self.reasons = tuple(reasons)
        self.diff = diff


class RevisionNotFoundError(ApprovalError):
    """Nothing was approved, or proposed, under that name, number or hash."""

    default_code = "WF612"


class RevisionChangedError(ApprovalError):
    """What a revision was approved with is no longer there as it was.

    Attributes:
        reasons: what has changed, a phrase each.
    """

    default_code = "WF613"

    def __init__(self, message: str, *, reasons: Sequence[str], hint: str | None = None):
        super().__init__(message, hint=hint)
        self.reasons = tuple(reasons)


class RevisionDamagedError(ApprovalError):
    """The record of a review does not open: altered, moved, erased, or without its key."""

    default_code = "WF614"
