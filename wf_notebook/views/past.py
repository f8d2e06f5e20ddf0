"""A run's log as a view looks at it: in pages, and how the run stood after any of its events.

How a run stood is the fold of the first events. So that a long run can be gone through event by
event, states are kept at some of them, `CHECKPOINTS` at most, and only the rest is folded. Of what
is sealed nothing is kept but what a snapshot shows: the types of errors.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.views.lines import reached, waiting
from wf_notebook.views.model import Drawing, Facts, build_view, unknown_attempts
from wf_notebook.views.why import why
from wf_notebook.world.state import RunState, copy_state

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from wf_notebook.guest.values import Tree
    from wf_notebook.views.model import RunView
    from wf_notebook.world.events import Event

PAGE: Final = 200  # events, or rows, that go to a browser at once
CHECKPOINTS: Final = 64
_FIRST_STRIDE: Final = 64


@dataclass(frozen=True, slots=True)
class Line:
    """An event of the log, without what is sealed.

    Attributes:
        event: of its sealed part it has the type of the error alone.
        inert: whether it changed nothing: a duplicate, or too late.
    """

    event: Event
    inert: bool

    def to_json(self) -> dict[str, Any]:
        """Return it for the browser."""
        event = self.event
        return {
            "seq": event.seq, "type": event.type, "entity": event.correlation_id,
            "time_us": event.time_us, "meta": dict(event.meta), "inert": self.inert,
        }  # fmt: skip


class Past:
    """The log of one run, as far as it was read.

    Attributes:
        folded: how many events were folded so far, for states that were asked for.
    """

    def __init__(self) -> None:
        self.folded = 0
        self._lines: list[Line] = []
        self._state = RunState()
        self._stride = _FIRST_STRIDE
        self._checkpoints: dict[int, RunState] = {0: RunState()}
        self._drawing = Drawing()

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def kept(self) -> int:
        """How many states are kept."""
        return len(self._checkpoints)

    def extend(self, events: Sequence[Event]) -> None:
        """Take in what comes next in the log."""
        for event in events:
            bare = _bare(event)
            self._lines.append(Line(bare, inert(self._state, bare)))
            self._state.apply(bare)
            if self._state.seq % self._stride == 0:
                self._keep(self._state)

    def page(
        self, after: int, limit: int, *, types: Collection[str] | None, entity: str | None
    ) -> dict[str, Any]:
        """Return some of the events, in order.

        Args:
            after: how many of such events are left out, from the first on.
            limit: how many at most; never more than `PAGE`.
            types: only events of these types, or None for all.
            entity: only events of this step, hook or wait, or None for all.

        Returns:
            `events`; whether there are `more`; `total`: how many of such there are in all; `types`:
            how many of each type the run has, whatever is chosen.
        """
        chosen = [line for line in self._lines if _matches(line.event, types, entity)]
        first = max(0, after)
        most = max(1, min(limit, PAGE))
        shown = chosen[first : first + most]
        return {
            "events": [line.to_json() for line in shown],
            "more": first + len(shown) < len(chosen),
            "total": len(chosen),
            "types": dict(sorted(Counter(line.event.type for line in self._lines).items())),
        }

    def span(self, entity: str | None) -> tuple[int, int] | None:
        """Return the first and the last `seq` of a step, hook or wait; of the run itself for None."""
        found = [line.event.seq for line in self._lines if line.event.correlation_id == entity]
        return (found[0], found[-1]) if found else None

    def at(
        self,
        seq: int,
        facts: Facts,
        *,
        attempts: Callable[[str], int | None] = unknown_attempts,
    ) -> tuple[dict[str, Any], RunView]:
        """Return how the run stood after its first events, for the browser, and as a view.

        Args:
            seq: after how many; what is less than 1 or more than there are is taken for that.
            facts: what isn't in its log.
            attempts: how many attempts a step id may have, or None if unknown.
        """
        chosen = max(1, min(seq, len(self._lines)))
        state = self._fold(chosen)
        now_us = state.time_us
        then = replace(facts, replayed=None, blocked=None, changed=())
        said = why(state, now_us, None)
        view = build_view(
            state, then, now_us=now_us, why=said, attempts=attempts, drawing=self._drawing
        )
        told = {
            "seq": chosen,
            "total": len(self._lines),
            "now_us": now_us,
            "event": self._lines[chosen - 1].to_json(),
            "view": view.to_json(),
            "waiting": waiting(state),
            "reached": reached(state),
        }
        return told, view

    def _fold(self, seq: int) -> RunState:
        """Return the state after so many events, from the nearest checkpoint on."""
        near = max(at for at in self._checkpoints if at <= seq)
        state = copy_state(self._checkpoints[near])
        for line in self._lines[near:seq]:
            state.apply(line.event)
        self.folded += seq - near
        return state

    def _keep(self, state: RunState) -> None:
        """Keep a state; where there are too many, every other one, and half as many from then on."""
        self._checkpoints[state.seq] = copy_state(state)
        if len(self._checkpoints) > CHECKPOINTS:
            self._stride *= 2
            kept = self._checkpoints.items()
            self._checkpoints = {at: s for at, s in kept if at % self._stride == 0}


def _matches(event: Event, types: Collection[str] | None, entity: str | None) -> bool:
    return (types is None or event.type in types) and entity in (None, event.correlation_id)


def _bare(event: Event) -> Event:
    """Return an event with no more of its sealed part than a snapshot shows."""
    error = cast("dict[str, Tree] | None", (event.data or {}).get("error"))
    kept: dict[str, Tree] | None = error and {"error": {"type": error.get("type")}}
    return replace(event, data=kept)


def inert(state: RunState, event: Event) -> bool:
    """Whether an event changes nothing where it stands: it says what is known, or comes too late.

    Args:
        state: the run before the event.
        event: the one that follows.
    """
    if state.terminal:
        return True
    key = str(event.correlation_id)
    kind, _, what = event.type.partition("_")
    if what == "created" or event.type == "hook_conflict":
        return False
    match kind:
        case "step":
            return key not in state.steps or not state.steps[key].open
        case "hook":
            return _inert_at_hook(state, event)
        case "wait":
            return key not in state.waits or not state.waits[key].open
        case _:
            return _inert_at_run(state, event)


def _inert_at_hook(state: RunState, event: Event) -> bool:
    hook = state.hooks.get(str(event.correlation_id))
    if hook is None or event.type == "hook_disposed":
        return hook is None or hook.status == "disposed"
    return not hook.open or event.meta.get("resume_id") in hook.resume_ids


def _inert_at_run(state: RunState, event: Event) -> bool:
    meta: Mapping[str, Any] = event.meta
    match event.type:
        case "run_started":
            return state.status != "pending"
        case "attr_set":
            return dict(meta["attributes"]) == dict(state.attributes)
        case "run_adopted":
            return bool(meta["notebook"] == state.notebook)
        case "stream_closed":
            return meta["stream"] in state.closed_streams
        case _:
            return False
