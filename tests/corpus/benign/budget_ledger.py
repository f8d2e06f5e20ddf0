from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple


class BudgetExceeded(Exception):
    def __init__(self, wanted: Decimal, left: Decimal) -> None:
        self.wanted = wanted
        self.left = left

    def __str__(self) -> str:
        return f"wanted {self.wanted}, only {self.left} left"


class Entry(NamedTuple):
    what: str
    amount: Decimal
    at: str = ""


@dataclass
class Ledger:
    limit: Decimal
    entries: list[Entry] = field(default_factory=list, repr=False)

    @property
    def spent(self) -> Decimal:
        return sum((e.amount for e in self.entries), start=Decimal())

    @property
    def left(self) -> Decimal:
        return self.limit - self.spent

    def charge(self, what: str, amount: str | Decimal) -> Entry:
        amount = Decimal(amount)
        if amount > self.left:
            raise BudgetExceeded(amount, self.left)
        self.entries.append(entry := Entry(what, amount, now().isoformat()))
        return entry

    def __contains__(self, what: str) -> bool:
        return any(e.what == what for e in self.entries)

    def __len__(self) -> int:
        return len(self.entries)


async def workflow(prompts, limit="0.10"):
    "use workflow"
    ledger = Ledger(Decimal(limit))
    answers, skipped = [], []
    for prompt in prompts:
        estimate = await steps.estimate(prompt)
        try:
            ledger.charge(prompt, estimate)
        except BudgetExceeded as exc:
            skipped.append((prompt, str(exc)))
            continue
        answers.append(await steps.ask(prompt))
        await sleep(1)
    first, *_ = ledger.entries
    return {
        "answers": answers, "skipped": skipped, "left": ledger.left, "count": len(ledger),
        "has": "p1" in ledger, "first": first._asdict() | {"what": first.what.upper()}, "text": repr(ledger),
    }
