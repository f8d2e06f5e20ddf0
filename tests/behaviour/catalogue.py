"""All behaviours. To add one, add it to the list of its subject."""

from __future__ import annotations

from collections import Counter

from tests.behaviour.concurrency import CONCURRENCY
from tests.behaviour.hooks import HOOKS
from tests.behaviour.outcomes import ERRORS_AND_RUNS
from tests.behaviour.sleeps import SLEEPS
from tests.behaviour.speaking import SPEAKING
from tests.behaviour.steps import STEPS
from tests.behaviour.tokens import TOKENS_AND_RACES
from tests.behaviour.values import VALUES

BEHAVIOURS = [
    *HOOKS,
    *TOKENS_AND_RACES,
    *STEPS,
    *SPEAKING,
    *SLEEPS,
    *CONCURRENCY,
    *ERRORS_AND_RUNS,
    *VALUES,
]

_TWICE = [name for name, count in Counter(b.name for b in BEHAVIOURS).items() if count > 1]
assert not _TWICE, f"two behaviours of one name: {_TWICE}"
