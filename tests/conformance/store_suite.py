"""The words of the suite for stores, for tests that append by hand."""

from wf_notebook.testing.conformance.appends import (
    add,
    all_of,
    created,
    event,
    hook,
    log,
    received,
    refused,
    step,
    wait,
)

__all__ = [
    "add", "all_of", "created", "event", "hook", "log", "received", "refused", "step", "wait",
]  # fmt: skip
