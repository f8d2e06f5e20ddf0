"""Which function does what a magic or a command does, where there are no magics?

In marimo, in scripts and in tests: names of `wf_notebook`, methods and attributes with their class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

TWINS: Final[Mapping[str, str]] = {
    "%%workflow": "start",
    "%%workflow --check": "check",
    "%%workflow --wait": "Run.result",
    "%wf": "current_world",
    "%%wf": "World.sql",
    "runs": "World.runs",
    "show": "Run.view",
    "why": "Run.why",
    "source": "Run.source",
    "steps": "Run.steps",
    "stream": "Run.stream",
    "hooks": "World.hooks",
    "resume": "World.resume",
    "answer": "Run.form",
    "wake": "Run.wake",
    "adopt": "Run.adopt",
    "cancel": "Run.cancel",
    "forget": "World.forget",
    "gc": "World.gc",
    "rotate-key": "World.rotate_key",
    "sql": "World.sql",
    "export": "Run.to_notebook",
    "replay": "replay",
    "repair": "repair",
    "approve": "approve",
    "revisions": "revisions",
    "forget-revisions": "forget_revisions",
    "doctor": "doctor",
    "lint": "lint",
    "%%workflow --revision": "start_revision",
    "%%workflow_draft": "draft",
    "%workflow_prompt": "step_catalogue",
}
