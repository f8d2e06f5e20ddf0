"""A run whose process is killed with -9 goes on where it was."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.crash.flow import RESULT
from tests.crash.killing import Ledger, logs, run_until, states
from tests.sizes import sized

if TYPE_CHECKING:
    from pathlib import Path

    from wf_notebook.world.events import Event

KILLS = 5  # of one run, each by a process of its own
AT_A_TIME = 2


@pytest.mark.parametrize("first", range(0, sized(8, 100), AT_A_TIME))
def test_killed_and_reopened(tmp_path: Path, first: int) -> None:
    """P1, P2, I4, I5: nothing acknowledged is lost, nothing recorded is done again, same result."""
    seeds = range(first, first + AT_A_TIME)
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        ledgers = list(pool.map(lambda seed: play(tmp_path / f"{seed}.duckdb", seed), seeds))
    assert sum(ledger.kills for ledger in ledgers) > AT_A_TIME, "hardly any was killed"


def play(path: Path, seed: int) -> Ledger:
    chance = random.Random(seed)
    ledger = Ledger()
    before: dict[str, list[Event]] = {}
    for _ in range(KILLS):
        told, killed = run_until(path, chance.choice([1, 2, 3, 5, 8, 13]))
        ledger.kills += killed
        before = look(path, ledger, told, before)
    told, killed = run_until(path, None)
    assert not killed
    assert told[-1] == f"result {RESULT}", f"seed {seed}"
    look(path, ledger, told, before)
    check_the_end(path, ledger)
    return ledger


def look(
    path: Path, ledger: Ledger, told: list[str], before: dict[str, list[Event]]
) -> dict[str, list[Event]]:
    """Compare what is there after a process has died with what there was, and with what it told."""
    done = {step.id for state in states(before) for step in state.steps.values() if step.ended_us}
    effects = ledger.effects.copy()
    ledger.hear(told)
    found = logs(path)
    for run_id, events in before.items():
        assert found[run_id][: len(events)] == events, "I4: the log was not only added to"
    for run_id, seq, event_id in ledger.events:
        assert found[run_id][seq - 1].event_id == event_id, "P1: it was acknowledged"
    for step_id, attempt in ledger.effects - effects:
        assert step_id not in done, f"P2: it was recorded as done before attempt {attempt}"
    for state in states(found):
        for step in state.steps.values():
            if step.status == "running":
                ledger.crashes[step.id, step.attempts[-1].number] += 1
    return found


def check_the_end(path: Path, ledger: Ledger) -> None:
    """One result for each step; no effect more often than crashes account for."""
    ((_, events),) = logs(path).items()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    (state,) = states({"": events})
    assert state.status == "completed"
    for key, times in ledger.effects.items():
        assert times <= 1 + ledger.crashes[key], f"I6: {key}"
    attempts = {(step.id, a.number) for step in state.steps.values() for a in step.attempts}
    assert set(ledger.effects) == attempts
    kinds = Counter((event.type, event.correlation_id) for event in events)
    for kind in ("step_created", "step_completed", "hook_received", "wait_completed"):
        assert all(times == 1 for (found, _), times in kinds.items() if found == kind)
    assert len(state.steps) == 12 + 3 + 1 + 1
