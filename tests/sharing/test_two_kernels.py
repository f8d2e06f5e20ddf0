"""Two kernels, one world: start from each, resume from each, kill -9 the owner anywhere; all holds.

Checked after each round: what was acknowledged is in the log, in its place (P1, I1, I4); a step's
completion is recorded once and an attempt is made at most once more than its process died (P2, I6);
no two attempts of a step at the same time in two processes (I7); every run ends as it would have
without a crash (I5, I17).
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.sharing.other import Other
from tests.sizes import sized

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b")
STEPS = 4
FIRST_LINES = 2 * STEPS * len(NAMES)  # begin and end of the steps before the hooks
LINES_AFTER = 2 * 3  # of the steps after one
RESULT = sum(range(STEPS)) + sum(range(3)) + 100


def started(other: Other, folder: Path, name: str) -> list[Any]:
    """Start a run there; its id and what was acknowledged of it."""
    start = f"run = world.start(WORK, ({str(folder)!r}, {name!r}, {STEPS}), steps=[work])"
    other.ask(start)
    return [other.ask("run.id"), *acknowledged(other, "run")]


def acknowledged(other: Other, run: str) -> list[Any]:
    """The events of a run as a process sees them."""
    return list(other.ask(f"[[e.seq, e.event_id] for e in {run}.events()]"))


def check_log(last: Other, run_id: str, known: list[Any]) -> None:
    """The log is dense, and holds what any process has seen of it."""
    found = acknowledged(last, f"get_run({run_id!r})")
    assert [seq for seq, _ in found] == list(range(1, len(found) + 1))
    assert [pair for pair in known if pair not in found] == []
    types = last.ask(f"[[e.type, e.correlation_id] for e in get_run({run_id!r}).events()]")
    completed = Counter(cid for kind, cid in types if kind == "step_completed")
    assert set(completed.values()) == {1}
    assert len(completed) == STEPS + 3
    assert [kind for kind, _ in types].count("hook_received") == 1


def check_effects(told: list[str], crashes: int) -> None:
    """No attempt met another one; each began at most once more than its process died."""
    assert [line for line in told if line.startswith("twice")] == []
    begun = Counter(line for line in told if line.startswith("begin"))
    assert len(begun) == (STEPS + 3) * len(NAMES)
    assert max(begun.values()) <= 1 + crashes
    again = sum(begun.values()) - len(begun)
    unfinished = sum(begun.values()) - sum(line.startswith("end") for line in told)
    assert again >= unfinished >= 0


def answered(who: Other, run_id: str, name: str) -> list[Any]:
    """Answer the hook of a run from there; what is acknowledged of it by then."""
    who.ask(f"get_run({run_id!r}).wait_for('hook', timeout=60)")
    who.ask(f"world.resume('ask-{name}', 100, resume_id='{name}')")
    return acknowledged(who, f"get_run({run_id!r})")


def one_round(folder: Path, seed: int) -> None:
    """Start, perhaps answer, kill the owner after some line that its steps say, and finish."""
    chance = random.Random(seed)
    with ExitStack() as stack:
        owner, other = (Other(folder / "world.duckdb", isolation="process") for _ in range(2))
        stack.callback(owner.close)
        stack.callback(other.close)
        assert (owner.owned, other.owned) == (True, False)
        known = {"a": started(owner, folder, "a"), "b": started(other, folder, "b")}
        answers = [(owner, "b"), (other, "a")]  # each answers the other's run
        chance.shuffle(answers)
        phase = seed % 3  # killed before any answer, after one, or after both
        for who, name in answers[:phase]:
            known[name] += answered(who, known[name][0], name)
        first, last = FIRST_LINES * bool(phase), FIRST_LINES + LINES_AFTER * phase
        owner.until_told(chance.randint(first, last))
        owner.kill()
        for name, (run_id, *seen) in known.items():
            answered(other, run_id, name)
            assert other.ask(f"get_run({run_id!r}).result(timeout=60)") == RESULT
            check_log(other, run_id, seen)
        assert other.ask("world.owned") is True
        check_effects(owner.told + other.told, crashes=1)


@pytest.mark.parametrize("seed", range(sized(3, 100)))
def test_all_holds_when_the_owner_is_killed(tmp_path: Path, seed: int) -> None:
    """One round; the seed says when the owner dies, and what was answered by then."""
    one_round(tmp_path, seed)
