"""What can happen in a run: every event type, what it carries in plain and what it carries sealed.

An event has two bodies. `meta` is plain in the world file (ids, aliases, tokens, times, lines);
`data` is sealed there (source, arguments, results, errors, payloads, titles). Both are JSON trees.
One dataclass serves all types, because a cold replay reads tens of thousands of them; the
constructors below are the only place that knows the shape of each type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.guest.values import Tree

EventType = Literal[
    "run_created", "run_started", "run_completed", "run_failed", "run_cancelled",
    "step_created", "step_started", "step_retrying", "step_completed", "step_failed",
    "step_cancelled",
    "hook_created", "hook_conflict", "hook_received", "hook_disposed",
    "wait_created", "wait_completed", "wait_cancelled",
    "attr_set", "run_adopted", "stream_closed",
]  # fmt: skip

TERMINAL: Final = frozenset({"run_completed", "run_failed", "run_cancelled"})

# What a replay decides. Each such append is fenced by how many of these the guest has seen.
DERIVED: Final = frozenset({
    "run_started", "run_completed", "run_failed",
    "step_created", "hook_created", "hook_conflict", "wait_created", "wait_cancelled",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is not yet in the log: it has no `seq`.

    Attributes:
        type: one of `EventType`.
        event_id: made by the client, so that a commit of unknown outcome can be looked up.
        time_us: microseconds since the epoch, UTC.
        correlation_id: the step, hook or wait it is about; None for events of the run itself.
        meta: plain JSON object.
        data: sealed JSON object, or None.
    """

    type: EventType
    event_id: str
    time_us: int
    correlation_id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    data: Mapping[str, Tree] | None = None

    @property
    def derived(self) -> bool:
        """Whether a replay decided this event (the body asked for it)."""
        if self.type in ("step_cancelled", "hook_disposed"):
            return self.meta.get("by") == "body"
        return self.type in DERIVED

    @property
    def subject(self) -> str:
        """What to call its values in an error: the step's alias, or its type."""
        return str(self.meta.get("alias", self.type))


@dataclass(frozen=True, slots=True)
class Event(NewEvent):
    """An event in the log of a run.

    Attributes:
        run_id: its run.
        seq: its place in the run's log: 1, 2, 3 …
    """

    run_id: str = ""
    seq: int = 0


def recorded(new: NewEvent, *, run_id: str, seq: int) -> Event:
    """Return the event as it stands in the log."""
    return Event(
        type=new.type,
        event_id=new.event_id,
        time_us=new.time_us,
        correlation_id=new.correlation_id,
        meta=new.meta,
        data=new.data,
        run_id=run_id,
        seq=seq,
    )
