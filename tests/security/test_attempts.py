"""Each attempt to get out of the language is refused with a code, or can do nothing."""

from __future__ import annotations

import pytest

from tests.security.attempts import Attempt, attempts, outcome
from wf_notebook.definition.validate import validate

ALL = attempts()

# What an attempt forgets to await, it forgets on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


@pytest.mark.parametrize("attempt", ALL, ids=lambda attempt: attempt.body[:60])
def test_what_becomes_of_an_attempt(attempt: Attempt) -> None:
    """The check says what stands in the corpus; what it lets through ends as the corpus says."""
    assert outcome(attempt.source) == attempt.expected


def test_there_are_enough_attempts() -> None:
    """They are many, of many kinds, and not all of one fate."""
    assert len({attempt.source for attempt in ALL}) == len(ALL) >= 250
    assert len({attempt.kind for attempt in ALL}) >= 12
    assert sum(attempt.expected.startswith("contained") for attempt in ALL) >= 100
    codes = {code for a in ALL for code in a.expected.split() if code.startswith("WF")}
    assert len(codes) >= 20


def test_refusals_say_what_to_write_instead() -> None:
    """Whatever is refused, each problem has a place and a way out."""
    for attempt in ALL:
        lines = attempt.source.split("\n")
        for problem in validate(attempt.source, aliases=(), cell=True).diagnostics:
            assert problem.hint
            assert 1 <= problem.line <= len(lines)
