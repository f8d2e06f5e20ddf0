"""Durable workflows you write in a notebook cell.

`%load_ext wf_notebook` gives a notebook the magics; the names below are their function twins.
They are loaded on first use, so that importing the package costs next to nothing: the guest, which
imports it in a child process, must not drag the rest in.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from wf_notebook.api import (
        Origin,
        World,
        check,
        current_world,
        get_run,
        open_world,
        start,
    )
    from wf_notebook.approvals import (
        approve,
        forget_revisions,
        get_revision,
        proposals,
        propose,
        revisions,
        start_revision,
    )
    from wf_notebook.commands.doctor import doctor
    from wf_notebook.definition.model import CheckReport, Definition, Diagnostic
    from wf_notebook.definition.steps import step
    from wf_notebook.drafting.catalogue import step_catalogue
    from wf_notebook.drafting.drafts import Draft
    from wf_notebook.drafting.loop import draft
    from wf_notebook.drafting.models import set_model
    from wf_notebook.drafting.repair import repair
    from wf_notebook.engine.context import StepContext, step_context
    from wf_notebook.engine.writer import StreamWriter
    from wf_notebook.errors import (
        ArgumentsError,
        DefinitionError,
        DivergenceError,
        DraftError,
        FatalError,
        HookConflictError,
        HookNotFoundError,
        HookPayloadError,
        NotApprovedError,
        PayloadError,
        PayloadsMissingError,
        ReceiptDiffersError,
        ReceiptError,
        ReceiptExistsError,
        RegistrationError,
        RetryableError,
        RevisionChangedError,
        RevisionDamagedError,
        RevisionNotFoundError,
        RunBlockedError,
        RunCancelledError,
        RunConflictError,
        RunFailedError,
        RunNotFoundError,
        StepNotRegisteredError,
        StreamClosedError,
        UsageError,
        WaitingForHook,
        WorkflowError,
        WorldDamagedError,
        WorldError,
        WorldFullError,
        WorldLockedError,
    )
    from wf_notebook.linting.finding import Finding
    from wf_notebook.linting.lint import lint
    from wf_notebook.receipts.reading import read_receipt
    from wf_notebook.receipts.shape import Receipt
    from wf_notebook.run import Run
    from wf_notebook.testing.replays import Replay, replay

__version__ = "0.1.0"

_HOME = {
    "wf_notebook.api": (
        "Origin", "World", "check", "current_world", "get_run", "open_world", "start",
    ),
    "wf_notebook.commands.doctor": ("doctor",),
    "wf_notebook.definition.model": ("CheckReport", "Definition", "Diagnostic"),
    "wf_notebook.definition.steps": ("step",),
    "wf_notebook.drafting.catalogue": ("step_catalogue",),
    "wf_notebook.drafting.drafts": ("Draft",),
    "wf_notebook.drafting.loop": ("draft",),
    "wf_notebook.drafting.models": ("set_model",),
    "wf_notebook.drafting.repair": ("repair",),
    "wf_notebook.engine.context": ("StepContext", "step_context"),
    "wf_notebook.engine.writer": ("StreamWriter",),
    "wf_notebook.approvals": (
        "approve", "forget_revisions", "get_revision", "propose", "proposals", "revisions",
        "start_revision",
    ),
    "wf_notebook.linting.finding": ("Finding",),
    "wf_notebook.linting.lint": ("lint",),
    "wf_notebook.receipts.reading": ("read_receipt",),
    "wf_notebook.receipts.shape": ("Receipt",),
    "wf_notebook.run": ("Run",),
    "wf_notebook.testing.replays": ("Replay", "replay"),
    "wf_notebook.errors": (
        "ArgumentsError", "DefinitionError", "DivergenceError", "DraftError", "FatalError",
        "HookConflictError", "HookNotFoundError", "HookPayloadError", "NotApprovedError",
        "PayloadError", "PayloadsMissingError", "ReceiptDiffersError", "ReceiptError",
        "ReceiptExistsError", "RevisionChangedError", "RevisionDamagedError", "RevisionNotFoundError",
        "RegistrationError", "RetryableError", "RunBlockedError", "RunCancelledError",
        "RunConflictError", "RunFailedError", "RunNotFoundError", "StepNotRegisteredError",
        "StreamClosedError", "UsageError", "WaitingForHook", "WorkflowError", "WorldDamagedError",
        "WorldError", "WorldFullError", "WorldLockedError",
    ),
}  # fmt: skip
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "ArgumentsError",
    "CheckReport",
    "Definition",
    "DefinitionError",
    "Diagnostic",
    "DivergenceError",
    "Draft",
    "DraftError",
    "FatalError",
    "Finding",
    "HookConflictError",
    "HookNotFoundError",
    "HookPayloadError",
    "NotApprovedError",
    "Origin",
    "PayloadError",
    "PayloadsMissingError",
    "Receipt",
    "ReceiptDiffersError",
    "ReceiptError",
    "ReceiptExistsError",
    "RegistrationError",
    "Replay",
    "RetryableError",
    "RevisionChangedError",
    "RevisionDamagedError",
    "RevisionNotFoundError",
    "Run",
    "RunBlockedError",
    "RunCancelledError",
    "RunConflictError",
    "RunFailedError",
    "RunNotFoundError",
    "StepContext",
    "StepNotRegisteredError",
    "StreamClosedError",
    "StreamWriter",
    "UsageError",
    "WaitingForHook",
    "WorkflowError",
    "World",
    "WorldDamagedError",
    "WorldError",
    "WorldFullError",
    "WorldLockedError",
    "approve",
    "check",
    "current_world",
    "doctor",
    "draft",
    "forget_revisions",
    "get_revision",
    "get_run",
    "lint",
    "open_world",
    "proposals",
    "propose",
    "read_receipt",
    "repair",
    "replay",
    "revisions",
    "set_model",
    "start",
    "start_revision",
    "step",
    "step_catalogue",
    "step_context",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    module = _WHERE.get(name)
    if module is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register magics, completion and settings: `%load_ext wf_notebook`."""
    from wf_notebook.notebook.session import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take everything back: `%unload_ext wf_notebook`."""
    from wf_notebook.notebook.session import unload

    unload(shell)
