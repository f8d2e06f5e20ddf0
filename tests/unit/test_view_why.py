"""The sentence that says what a run waits on."""

from __future__ import annotations

import pytest

from tests.view_runs import SECRET, Log, cancelled, completed, failed, many, running, suspended
from wf_notebook.views.why import row_info


def test_waiting_names_hooks_sleeps_and_deadlines() -> None:
    """A suspended run names what can move it, with lines of the cell and times."""
    assert suspended().view(10).why == (
        "waits for hook approve-A-17 (open for 4.7 s), the sleep at line 6 that ends in "
        "14 min 56 s or the timeout at line 7 that ends in 56 s"
    )


def test_one_thing_is_named_alone() -> None:
    """A single wait needs no list."""
    log = Log().begin().sleep("w1", 1, 31, line=4)
    assert log.view(4).why == "waits for the sleep at line 5 that ends in 27 s"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (Log(), "has not started yet"),
        (Log().begin(), "is running its own code"),
        (completed(), "completed after 35 s"),
        (failed(), "failed after 4.1 s: KeyError at line 5"),
        (cancelled(), "was cancelled after 40 s"),
        (many(500, done=300), "is about to run 200 calls of charge"),
    ],
)
def test_each_state_has_its_sentence(log: Log, said: str) -> None:
    """Whatever the state, there is a sentence for it."""
    assert log.view(60).why == said


def test_running_names_steps_and_attempts() -> None:
    """A run that works names the steps in flight."""
    assert running().view(4.6).why == (
        "runs charge_back at line 5 (for 1.2 s, attempt 2) and runs notify at line 6 (for 3.6 s)"
    )


def test_a_retry_says_when() -> None:
    """Between attempts the sentence says when the next one comes."""
    log = Log().begin().step("s1", "a", 0).attempt("s1", 0).retry("s1", 1, 5)
    assert log.view(2).why == "tries a again in 3 s"


def test_blocked_says_why() -> None:
    """A blocked run says what is to be mended."""
    said = suspended().view(10, blocked="a step is not registered").why
    assert said == "is blocked: a step is not registered"


def test_an_answered_hook_is_waited_for_only_if_nothing_else_is() -> None:
    """A hook open for more payloads is the last thing named."""
    assert "approve" not in suspended().received("h1", 9).view(10).why
    only = Log().begin().hook("h1", "inbox", 1).received("h1", 2)
    assert only.view(3).why == "waits for hook inbox (open for 2 s, 1 received)"


def test_long_lists_are_cut() -> None:
    """At most three things are named."""
    log = Log().begin()
    for i in range(6):
        log.hook(f"h{i}", f"t{i}", 1)
    assert log.view(2).why.endswith("hook t2 (open for 1 s) or 3 more")


@pytest.mark.parametrize("log", [running(), suspended(), failed(), completed(), cancelled()])
def test_no_sentence_holds_what_is_sealed(log: Log) -> None:
    """Names, tokens, lines and times only."""
    assert SECRET not in log.view(60).why


def test_a_row_says_how_long_or_until_when() -> None:
    """The last column: what it took, or when it goes on."""
    view = suspended().view(10, attempts=lambda _: 4)
    assert [row_info(row, view.now_us) for row in view.rows] == [
        "880 ms", "4.2 s, attempt 2 of 4", "wakes in 14 min 56 s", "ends in 56 s",
        "open for 4.7 s",
    ]  # fmt: skip


def test_a_retrying_row_counts_attempts() -> None:
    """Between attempts a row says which one failed and when the next comes."""
    log = Log().begin().step("s1", "a", 0).attempt("s1", 0).retry("s1", 1, 5)
    row = log.view(2, attempts=lambda _: 4).rows[0]
    assert row_info(row, log.view(2).now_us) == "attempt 1 of 4, next in 3 s"
