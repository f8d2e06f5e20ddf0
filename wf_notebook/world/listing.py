"""What a list of runs says about a run: the plain part of its creation, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from wf_notebook.world.store import RunRow

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_row(run_id: str, meta: Mapping[str, Any], created_us: int) -> RunRow:
    """Return the row of a run that was just created.

    Args:
        run_id: the run.
        meta: of its `run_created` event: `workflow_id`, `name`, `source_hash`, `origin` (text, or
            an object that names a `notebook`) and `attributes`; what is missing is empty.
        created_us: when, microseconds UTC.

    >>> run_row("wrun_1", {"name": "refund", "origin": {"notebook": "a.ipynb"}}, 0).origin
    'a.ipynb'
    """
    attributes = meta.get("attributes")
    return RunRow(
        run_id=run_id,
        workflow_id=str(meta.get("workflow_id", "")),
        name=str(meta.get("name", "")),
        source_hash=str(meta.get("source_hash", "")),
        status="pending",
        created_us=created_us,
        ended_us=None,
        origin=notebook_of(meta.get("origin")),
        attributes=cast("dict[str, str]", attributes) if isinstance(attributes, dict) else {},
    )


def notebook_of(found: object) -> str:
    """Return the notebook that an origin names: a text, or an object; "" if it names none."""
    if isinstance(found, dict):
        found = cast("dict[str, Any]", found).get("notebook")
    return found if isinstance(found, str) else ""


def status_after(event_type: str) -> str:
    """Return the status of a run after its terminal event.

    >>> status_after("run_completed")
    'completed'
    """
    return event_type.removeprefix("run_")
