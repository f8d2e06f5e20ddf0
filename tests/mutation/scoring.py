"""How much of a part the tests watch over: the share of its mutants that a test notices."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.running import Court, Knowledge, Verdict, court
from tests.mutation.targets import GROUPS, PACKAGE, stages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True)
class Tried:
    """A mutant of a part and what came of it."""

    part: str
    mutant: Mutant
    verdict: Verdict


def candidates(part: str) -> list[Mutant]:
    """Return the mutants of a part or of one module, without those that change nothing."""
    return [
        mutant
        for module in GROUPS.get(part, (part,))
        for mutant in mutants_of((PACKAGE / module).read_text("utf-8"), module)
        if (mutant.module, mutant.at, mutant.change) not in EQUIVALENT
    ]


def chosen(part: str, *, sample: int | None, seed: int) -> list[Mutant]:
    """Return as many mutants of a part as are asked for, always the same ones for a seed."""
    found = candidates(part)
    if sample is None or sample >= len(found):
        return found
    return [found[n] for n in sorted(random.Random(seed).sample(range(len(found)), sample))]


def score(
    parts: Sequence[str],
    *,
    sample: int | None,
    seed: int,
    jobs: int = 1,
    tell: Callable[[Tried], object] = lambda _: None,
) -> list[Tried]:
    """Try the mutants of some parts, so many at a time; `tell` hears of each."""
    work = [(part, m) for part in parts for m in chosen(part, sample=sample, seed=seed)]
    courts: SimpleQueue[Court] = SimpleQueue()
    known: Knowledge = {}

    def attempt(part: str, mutant: Mutant) -> Tried:
        free = courts.get()
        try:
            tried = Tried(part, mutant, free.try_mutant(mutant, stages_of(mutant.module)))
        finally:
            courts.put(free)
        tell(tried)
        return tried

    with ExitStack() as stack, ThreadPoolExecutor(jobs) as threads:
        for _ in range(jobs):
            courts.put(stack.enter_context(court(known=known)))
        return list(threads.map(attempt, *zip(*work, strict=True)))


def report(one: Tried) -> str:
    """Return a line about a mutant."""
    said = f"killed by {one.verdict.by}" if one.verdict.killed else "SURVIVED"
    return f"{one.mutant}\n    {said}"


def share(tried: Iterable[Tried]) -> float:
    """Return the share of mutants that were noticed, from 0 to 1."""
    verdicts = [one.verdict.killed for one in tried]
    return sum(verdicts) / len(verdicts)


def table(tried: Sequence[Tried]) -> str:
    """Return the score of each part and each module, and the survivors."""
    lines = [f"{'':28}{'mutants':>8}{'killed':>8}{'survived':>10}{'score':>8}"]
    for part in dict.fromkeys(one.part for one in tried):
        of_part = [one for one in tried if one.part == part]
        lines.append(_row(part, of_part))
        modules = dict.fromkeys(one.mutant.module for one in of_part)
        if len(modules) > 1:
            lines += [_row(f"  {m}", [t for t in of_part if t.mutant.module == m]) for m in modules]
    survivors = [str(one.mutant) for one in tried if not one.verdict.killed]
    return "\n".join([*lines, "", *survivors, ""])


def _row(name: str, tried: Sequence[Tried]) -> str:
    killed = sum(one.verdict.killed for one in tried)
    row = f"{name:28}{len(tried):8}{killed:8}{len(tried) - killed:10}"
    return f"{row}{share(tried):8.1%}"
