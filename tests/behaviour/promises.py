"""Whether a behaviour is as it was promised, whole and after a crash anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.behaviour.invariants import check_kept, check_log
from tests.behaviour.logs import lines
from tests.behaviour.playing import Played, cuts, play, play_on
from wf_notebook.world.memory import MemoryStore
from wf_notebook.world.state import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.behaviour.behaviour import Behaviour
    from wf_notebook.world.events import Event
    from wf_notebook.world.store import EventStore


def as_promised(behaviour: Behaviour, played: Played) -> None:
    assert played.ending == behaviour.ending, behaviour.promise
    assert played.log == lines(behaviour.log), behaviour.promise
    assert played.notes == list(behaviour.notes), behaviour.promise
    assert played.printed == behaviour.prints
    check_log(played.world)


def crash_everywhere(behaviour: Behaviour, make: Callable[[], EventStore] = MemoryStore) -> Played:
    """Play it whole, then on from every cut of its world's log; return the whole one."""
    whole = play(behaviour, make())
    for after in cuts(behaviour, whole):
        again = play_on(behaviour, whole, make(), after)
        where = f"{behaviour.name} dropped after event {after}: {whole.world[after - 1].type}"
        assert again.ending == behaviour.ending, where
        assert again.asked == whole.asked, where
        assert again.printed == behaviour.prints, where
        kept = [e for e in whole.world[:after] if e.run_id == whole.runs["main"]]
        check_kept(kept, again.events)
        _reruns_are_honest(kept, again, where)
        check_log([*whole.world[:after], *again.world])
    return whole


def _reruns_are_honest(kept: Sequence[Event], again: Played, where: str) -> None:
    """Only what was being attempted when the world was dropped is attempted again (P2)."""
    running = {s.id for s in fold(kept).open_steps if s.status == "running"}
    rerun = {e.correlation_id for e in again.events[len(kept) :] if e.meta.get("rerun")}
    assert rerun <= running, where
