"""Make orders.csv: two months of a small shop's orders, with the flaws such files have.

Run once and committed; `python make_orders.py [PATH]` writes the same bytes again.
"""

from __future__ import annotations

import csv
import random
import sys
from datetime import date, timedelta
from pathlib import Path

ROWS = 360
FIRST_DAY = date(2026, 3, 2)
DAYS = 61
COLUMNS = (
    "order_id",
    "date",
    "region",
    "customer",
    "product",
    "quantity",
    "unit_price",
    "status",
    "note",
)

REGIONS = {"north": 0.31, "south": 0.27, "east": 0.24, "west": 0.18}
PRODUCTS = {  # name: price, weight
    "desk lamp": ("34.90", 5),
    "office chair": ("189.00", 3),
    "standing desk": ("449.00", 1),
    "monitor arm": ("79.50", 4),
    "keyboard": ("64.00", 6),
    "notebook stand": ("28.75", 5),
    "cable tray": ("17.20", 4),
}
STATUSES = {"delivered": 0.80, "refund_requested": 0.10, "refunded": 0.04, "cancelled": 0.06}
NOTES = {
    "refund_requested": (
        "arrived damaged",
        "wrong colour",
        "came two weeks late",
        "does not fit the desk",
        "ordered twice by mistake",
    ),
    "refunded": ("refunded by phone", "refunded in the shop"),
    "cancelled": ("cancelled before shipping",),
    "delivered": ("",),
}
NAMES = ("Adler", "Bauer", "Costa", "Dupont", "Eriksen", "Fischer", "Garcia", "Hansen", "Ito")
INITIALS = "ABCDEHJKLMNRST"

Row = dict[str, object]


def pick(chance: random.Random, weights: dict[str, float]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def order(chance: random.Random, number: int, customers: list[str]) -> Row:
    product = pick(chance, {name: weight for name, (_, weight) in PRODUCTS.items()})
    status = pick(chance, STATUSES)
    day = FIRST_DAY + timedelta(days=int(number * DAYS / ROWS))
    return {
        "order_id": f"A-{10_000 + number}",
        "date": day.isoformat(),
        "region": pick(chance, REGIONS),
        "customer": chance.choice(customers),
        "product": product,
        "quantity": chance.choice((1, 1, 1, 1, 2, 2, 3, 4)),
        "unit_price": PRODUCTS[product][0],
        "status": status,
        "note": chance.choice(NOTES[status]),
    }


def spoil(chance: random.Random, rows: list[Row]) -> list[Row]:
    """Put in what real exports hold: blanks, a slipped comma, bad counts, rows sent twice."""
    for row in chance.sample(rows, 6):
        row["region"] = ""
    for row in chance.sample(rows, 4):
        row["region"] = str(row["region"]).upper()
    for row in chance.sample(rows, 3):
        row["quantity"] = chance.choice((0, -1))
    for row in chance.sample(rows, 3):
        row["unit_price"] = f"{float(str(row['unit_price'])) * 100:.2f}"
    twice = chance.sample(range(len(rows)), 5)
    return [copy for i, row in enumerate(rows) for copy in ([row, row] if i in twice else [row])]


def orders() -> list[Row]:
    chance = random.Random(20_260_302)
    customers = [f"{i}. {name}" for name in NAMES for i in chance.sample(INITIALS, 5)]
    return spoil(chance, [order(chance, number, customers) for number in range(ROWS)])


def write(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(orders())


if __name__ == "__main__":
    beside = Path(__file__).with_name("orders.csv")
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else beside)
