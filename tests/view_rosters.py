"""Lists of runs in the states that a table must show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.view_runs import SECOND, T0, Log, cancelled, completed, failed, running, suspended
from wf_notebook.views.listing import Chosen, Listed, listed
from wf_notebook.views.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_id(number: int) -> str:
    return f"wrun_01KDV6Q8Z4H2M7T3N5R9W{number:05}"


def row(number: int, log: Log, *, blocked: str | None = None, **changes: Any) -> Listed:
    """A run's row; of two the one with the higher number was started a second later."""
    found = listed(log.state, blocked)
    later = {"created_us": found.created_us + number * SECOND, **changes}
    return replace(found, run_id=run_id(number), **later)


def plain(number: int, status: str = "completed", **changes: Any) -> Listed:
    """A row of which only its line in the world is known."""
    created = T0 + number * SECOND
    ended = None if status in ("pending", "running") else created + 2 * SECOND
    found = Listed(run_id(number), f"job {number}", status, created, ended, ended)
    return replace(found, **changes)


def each_state() -> list[Listed]:
    """A run in each state, newest last."""
    labels = {"customer": "A-17"}
    sleeping = Log("nightly").begin().sleep("w1", 1, 37, line=4)
    return [
        plain(1, "forgotten", name="erased"),
        row(2, cancelled(), name="report"),
        row(3, failed(), name="charge_back"),
        row(4, completed(), labels=labels),
        row(5, Log("import_orders"), blocked="a step that it needs is not defined where it runs"),
        row(6, sleeping),
        row(7, running(), name="settle"),
        row(8, suspended(), labels=labels),
    ]


def roster(rows: Sequence[Listed], **chosen: Any) -> Roster:
    found = Roster(Chosen(**chosen))
    for one in rows:
        found.put(one)
    return found
