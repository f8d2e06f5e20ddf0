"""What models answer: a corpus of answers, what is found in them, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.drafting.corpus import Case, cases
from tests.drafting.shop import CALLED, STEPS, Approval
from wf_notebook.drafting.loop import draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.drafting.drafts import Draft

CASES = cases()
LEAST_CASES, LEAST_VALID, ROUNDS = 40, 35, 3


@pytest.fixture(autouse=True)
def nothing_real_is_called() -> Iterator[None]:
    CALLED.clear()
    yield
    assert CALLED == []


def played(case: Case, *, rehearse: bool) -> Draft:
    """Draft with a model that gives the answers of a case, and no more."""
    script = iter(case.answers)
    return draft(
        "Charge the order.",
        steps=STEPS,
        schemas=[Approval],
        model=lambda _prompt: next(script).text,
        rehearse=rehearse,
    )


def needs_rehearsal(case: Case) -> bool:
    return bool(case.ends) or any("WF605" in answer.codes for answer in case.answers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answers(case: Case) -> None:
    """Each answer has the findings that are expected, and the draft comes out as expected."""
    made = played(case, rehearse=needs_rehearsal(case))
    assert len(made.rounds) == len(case.answers)
    for one, expected in zip(made.rounds, case.answers, strict=True):
        assert tuple(d.code for d in one.diagnostics) == expected.codes
    status = "valid" if made.ok else "refused" if made.source else "empty"
    assert status == case.outcome
    assert tuple(made.steps) == case.steps
    assert made.rehearsal is None or made.rehearsal.status == case.ends or not case.ends


def test_corpus_is_large() -> None:
    """There are 40 cases and more; at least 35 end as valid sources within three rounds."""
    valid = [c for c in CASES if c.outcome == "valid" and len(c.answers) <= ROUNDS]
    assert len(CASES) >= LEAST_CASES
    assert len(valid) >= LEAST_VALID
    assert len({case.name for case in CASES}) == len(CASES)
