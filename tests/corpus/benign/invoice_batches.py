"""Bill every customer that has unbilled hours, largest amounts first."""
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, ROUND_HALF_UP
from typing import Dict, List, Optional

CENT = Decimal("0.01")


@dataclass
class LineItem:
    description: str
    hours: Decimal
    rate: Decimal

    @property
    def amount(self) -> Decimal:
        return (self.hours * self.rate).quantize(CENT, rounding=ROUND_HALF_UP)


@dataclass
class Invoice:
    customer: str
    items: List[LineItem] = field(default_factory=list)
    discount: Optional[Decimal] = None

    def total(self) -> Decimal:
        subtotal = sum((item.amount for item in self.items), Decimal("0"))
        if self.discount:
            subtotal -= (subtotal * self.discount).quantize(CENT, rounding=ROUND_HALF_UP)
        return subtotal


async def workflow(month: str):
    "use workflow"
    entries = await steps.load_time_entries(month)
    by_customer: Dict[str, List[LineItem]] = defaultdict(list)
    for entry in entries:
        by_customer[entry["customer"]].append(
            LineItem(entry["task"], Decimal(entry["hours"]), Decimal(str(entry["rate"])))
        )
    invoices = [
        Invoice(customer, items, Decimal("0.1") if len(items) > 1 else None)
        for customer, items in by_customer.items()
    ]
    invoices.sort(key=lambda invoice: (-invoice.total(), invoice.customer))
    sent = {}
    for number, invoice in enumerate(invoices, start=1):
        reference = f"{month}-{number:03d}"
        sent[reference] = await steps.send_invoice(reference, invoice.customer, invoice.total())
        print(f"{reference} {invoice.customer:<10}|{invoice.total():>10,.2f}")
    return {"sent": sent, "total": sum(i.total() for i in invoices)}
