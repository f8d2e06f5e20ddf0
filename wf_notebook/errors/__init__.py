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
│   ├── HistoryVersionError    WF242
│   ├── PayloadsMissingError   WF244  it was made without payloads, and cannot be replayed
│   └── ReceiptError           WF243  a notebook is not the receipt that was exported
│       └── ReceiptDiffersError  WF246  it is, but its world has recorded something else
├── ReceiptExistsError         WF245  something else lies where a receipt should be written
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
│   └── NotebookFileError      WF510  a file is not a notebook that can be read
├── DraftError                 WF601  a draft cannot be asked for: no model, no answer (WF602, WF603)
└── ApprovalError              WF610
    ├── NotApprovedError       WF611  a source has to be approved before it runs
    ├── RevisionNotFoundError  WF612
    ├── RevisionChangedError   WF613  the steps are no longer those that were approved
    └── RevisionDamagedError   WF614  a record of a review was altered, or cannot be opened
"""

from __future__ import annotations

from wf_notebook.errors.asking import (
    ArgumentsError,
    DefinitionError,
    DraftError,
    NotebookFileError,
    PayloadError,
    RegistrationError,
    UsageError,
)
from wf_notebook.errors.base import (
    WorkflowError,
)
from wf_notebook.errors.guests import (
    GuestBudgetError,
    GuestDiedError,
    GuestProtocolError,
    IsolationError,
    IsolationUnavailable,
)
from wf_notebook.errors.kept import (
    ApprovalError,
    HistoryError,
    HistoryVersionError,
    NotApprovedError,
    PayloadsMissingError,
    ReceiptDiffersError,
    ReceiptError,
    ReceiptExistsError,
    RevisionChangedError,
    RevisionDamagedError,
    RevisionNotFoundError,
    WorldClosedError,
    WorldDamagedError,
    WorldError,
    WorldFullError,
    WorldKeyError,
    WorldLockedError,
    WorldPathError,
    WorldQueryError,
    WorldVersionError,
)
from wf_notebook.errors.runs import (
    DivergenceError,
    FatalError,
    HookConflictError,
    HookNotFoundError,
    HookPayloadError,
    RetryableError,
    RunBlockedError,
    RunCancelledError,
    RunConflictError,
    RunFailedError,
    RunForgottenError,
    RunNotFoundError,
    RunUnfinishedError,
    StepNotRegisteredError,
    StreamClosedError,
    WaitingForHook,
)

__all__ = [
    "ApprovalError",
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
    "NotApprovedError",
    "NotebookFileError",
    "PayloadError",
    "PayloadsMissingError",
    "ReceiptDiffersError",
    "ReceiptError",
    "ReceiptExistsError",
    "RegistrationError",
    "RetryableError",
    "RevisionChangedError",
    "RevisionDamagedError",
    "RevisionNotFoundError",
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

# A traceback names the error as people import it.
for _name in __all__:
    globals()[_name].__module__ = __name__
