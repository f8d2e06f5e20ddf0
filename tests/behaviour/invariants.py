"""What holds whatever the behaviour: the invariants of the design, by number.

Of the events of a world I1, I2, I3, I7, I8, I9, I10 and I14 (`check_log`). After a crash I4
(`check_kept`), I5 (`check_same_end`) and I6 (`check_attempts`). Of stores and readers I11
(`check_folds`; `tests.behaviour.folded.check_views`), I12 (`check_same_logs`), I13 (`check_replay`), I18 (`check_reading`);
of an engine at rest I17 (`check_moved_on`). I15 and I16 are about bytes that leave the world: the
canaries of `tests/kernel/test_secrets.py` and `tests/unit/test_duckdb_opening.py`, and the allowlist of
`tests/unit/test_view_card.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from wf_notebook.config import Limits
from wf_notebook.definition.model import Definition
from wf_notebook.engine.feed import replay
from wf_notebook.engine.replay import Diverged, judge_end
from wf_notebook.guest.talk import Conversation
from wf_notebook.isolation.protocol import Reply, parse_reply
from wf_notebook.world.events import TERMINAL
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wf_notebook.engine.activity import Activity
    from wf_notebook.world.events import Event
    from wf_notebook.world.state import RunState
    from wf_notebook.world.store import EventStore

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
    _offered(events)


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


def _offered(events: Sequence[Event]) -> None:
    """Only the chosen aliases are called, each for the step that it was bound to (I14)."""
    chosen = events[0].meta["steps"]
    for event in events:
        if event.type == "step_created":
            assert chosen.get(event.meta["alias"]) == event.meta["step_id"], "I14"


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


# ------------------------------------------------------------------------------ after a crash


def check_kept(before: Sequence[Event], after: Sequence[Event]) -> None:
    """I4: a run's log after a crash begins with its log before it."""
    assert list(after[: len(before)]) == list(before), "I4"


def check_same_end(whole: Sequence[Event], resumed: Sequence[Event]) -> None:
    """I5: it ends as without a crash, and has asked for the same on the way."""
    assert _end(resumed) == _end(whole), "I5"
    assert asked_by(resumed) == asked_by(whole), "I5"


def asked_by(events: Sequence[Event]) -> list[Any]:
    """What a body asked for in a log, in order: what every replay must repeat."""
    return [
        (e.type, e.correlation_id, dict(e.meta), e.data)
        for e in events
        if e.derived and e.type != "run_started"
    ]


def _end(events: Sequence[Event]) -> Any:
    state = fold(events)
    return (state.status, state.result, state.code, state.error)


def check_attempts(
    events: Sequence[Event], made: Counter[tuple[str, int]], *, crashes: int
) -> None:
    """I6: an attempt is begun once, and once more for each crash in it; it is made no oftener.

    Args:
        events: of one run.
        made: how often each attempt was really made: id of the step, number of the attempt.
        crashes: how often the world was dropped.
    """
    begun = Counter((str(e.correlation_id), e.meta["attempt"]) for e in _started(events))
    again = Counter(
        (str(e.correlation_id), e.meta["attempt"]) for e in _started(events) if e.meta.get("rerun")
    )
    for attempt, times in begun.items():
        assert times == 1 + again[attempt], "I6"
        assert again[attempt] <= crashes, "I6"
    own = {str(e.correlation_id) for e in events}
    for (step, number), times in made.items():
        assert step not in own or times <= begun[step, number], "I6"


def _started(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.type == "step_started"]


# ---------------------------------------------------------------------------- stores and readers


def check_folds(events: Sequence[Event], live: RunState) -> None:
    """I11: what the engine has folded event by event is the fold of the log."""
    assert fold(events) == live, "I11"


def check_same_logs(store: EventStore, other: EventStore, run_ids: Iterable[str]) -> None:
    """I12: two stores that were given the same have the same: logs, lists, streams."""
    assert store.runs(limit=None).result(60) == other.runs(limit=None).result(60), "I12"
    for run_id in run_ids:
        assert list(store.read(run_id).result(60)) == list(other.read(run_id).result(60)), "I12"
        streams = store.streams(run_id).result(60)
        assert streams == other.streams(run_id).result(60), "I12"
        for stream in streams:
            found = store.chunks(run_id, stream).result(60)
            assert found == other.chunks(run_id, stream).result(60), "I12"


def check_replay(record: Mapping[str, Any], events: Sequence[Event]) -> None:
    """I13: from its stored source and bindings a run asks for what its log has, and ends so."""
    definition = Definition.from_record(record)
    assert definition.workflow_id == events[0].meta["workflow_id"], "I13"
    outcome, _ = asyncio.run(replay(_Guest(), definition, events, limits=Limits()))
    judged = judge_end(outcome, fold(events), log=events)
    assert not isinstance(judged, Diverged), f"I13: {judged}"


class _Guest:
    """A guest on the caller's own thread."""

    def __init__(self) -> None:
        self._conversation = Conversation()

    async def activate(self, message: Mapping[str, Any]) -> Reply:
        return parse_reply(self._conversation.answer(json.dumps(message).encode()))

    async def where(self) -> list[int]:
        return []

    async def close(self) -> None:
        self._conversation.close()


def check_reading(store: EventStore, run_ids: Iterable[str]) -> None:
    """I18: whatever is read, nothing is written."""
    before = store.commits
    store.unfinished().result(60)
    store.runs().result(60)
    store.hook_history("nothing").result(60)
    for run_id in run_ids:
        log = store.read(run_id).result(60)
        store.definition(run_id).result(60)
        store.children(run_id).result(60)
        for stream in store.streams(run_id).result(60):
            store.chunks(run_id, stream).result(60)
        assert list(store.read(run_id).result(60)) == list(log), "I18"
    assert store.commits == before, "I18"


def check_moved_on(unfinished: Iterable[Activity], now_us: int) -> None:
    """I17: at rest, without faults, what has not ended waits for a person or for its time."""
    for act in unfinished:
        timers = [wait.due_us for wait in act.state.open_waits]
        timers += [step.retry_at_us for step in act.state.open_steps if step.retry_at_us]
        waits = act.state.open_hooks or any(due > now_us for due in timers)
        assert waits, f"I17: {act.run_id} {act.state.status} {act.blocked}"
