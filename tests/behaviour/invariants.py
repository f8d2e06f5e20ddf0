"""What holds for every log, whatever the behaviour: the invariants of the design, by number."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from wf_notebook.world.events import TERMINAL
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.world.events import Event

_ENDS = {
    "step": ("step_completed", "step_failed", "step_cancelled"),
    "hook": ("hook_disposed",),
    "wait": ("wait_completed", "wait_cancelled"),
}


def check_log(world: Sequence[Event]) -> None:
    """Check the events of a world, all runs, in the order of their commits."""
    runs: dict[str, list[Event]] = defaultdict(list)
    for event in world:
        runs[event.run_id].append(event)
    for events in runs.values():
        _run(events)
    _tokens(world)


def _run(events: Sequence[Event]) -> None:
    assert [e.seq for e in events] == list(range(1, len(events) + 1)), "I1"
    assert all(a.time_us <= b.time_us for a, b in pairwise(events)), "I1"
    assert events[0].type == "run_created", "I2"
    assert not any(e.type in TERMINAL for e in events[:-1]), "I2"
    entities: dict[str, list[Event]] = defaultdict(list)
    for event in events[1:]:
        if event.correlation_id:
            entities[event.correlation_id].append(event)
    for own in entities.values():
        _entity(own)
    fold(events)


def _entity(own: Sequence[Event]) -> None:
    kind = own[0].type.split("_")[0]
    assert {e.type.split("_")[0] for e in own} == {kind}, "I3"
    assert own[0].type in (f"{kind}_created", "hook_conflict"), "I3"
    ends = [e for e in own if e.type in _ENDS[kind]]
    assert ends in ([], [own[-1]]), "I3"
    resumed = [e.meta["resume_id"] for e in own if e.type == "hook_received"]
    assert len(resumed) == len(set(resumed)), "I8"
    if own[-1].type == "wait_completed" and not own[-1].meta.get("woken"):
        assert own[-1].time_us >= own[0].meta["due_us"], "I10"
    _attempts(own)


def _attempts(own: Sequence[Event]) -> None:
    """One attempt after the other, each numbered; the same number only if it is run again (I7)."""
    flying = False
    for event in own:
        if event.type == "step_started":
            assert not flying or event.meta.get("rerun"), "I7"
            flying = True
        elif event.type in ("step_retrying", *_ENDS["step"]):
            flying = False


def _tokens(world: Sequence[Event]) -> None:
    """An open token belongs to one live run (I9)."""
    owners: dict[str, tuple[str, str]] = {}
    for event in world:
        if event.type == "hook_created":
            assert event.meta["token"] not in owners, "I9"
            owners[event.meta["token"]] = (event.run_id, str(event.correlation_id))
        elif event.type == "hook_disposed":
            mine = (event.run_id, str(event.correlation_id))
            owners = {token: owner for token, owner in owners.items() if owner != mine}
        elif event.type in TERMINAL:
            owners = {t: owner for t, owner in owners.items() if owner[0] != event.run_id}
