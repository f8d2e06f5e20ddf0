from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum, auto


class Stage(Enum):
    NEW = auto()
    PAID = auto()
    SHIPPED = auto()

    @property
    def final(self) -> bool:
        return self is Stage.SHIPPED


@dataclass(order=True)
class Line:
    price: Decimal
    quantity: int = 1
    tags: list[str] = field(default_factory=list, compare=False)

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError("quantity must be positive")

    @property
    def total(self) -> Decimal:
        return (self.price * self.quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Shipment:
    id: str
    lines: tuple[Line, ...]
    due: datetime
    stage: Stage = Stage.NEW

    def __str__(self) -> str:
        return f"{self.id}: {len(self.lines)} lines, {self.stage.name.lower()}"

    @classmethod
    def of(cls, order: Order) -> Shipment:
        lines = tuple(Line(Decimal(str(item["price"])), item["quantity"]) for item in order.lines)
        return cls(id=order.id, lines=lines, due=now() + timedelta(days=2))


async def workflow(order: Order) -> Receipt:
    "use workflow"
    shipment = Shipment.of(order)
    total = sum((line.total for line in shipment.lines), start=Decimal(0))
    await steps.charge(order.id, total)
    shipment = dataclasses.replace(shipment, stage=Stage.PAID)
    print(shipment)
    while not shipment.stage.final:
        state = await steps.track(shipment.id)
        if state.delivered:
            shipment = dataclasses.replace(shipment, stage=Stage.SHIPPED)
        elif now() > shipment.due:
            raise RetryableError("late")
        else:
            await sleep(timedelta(hours=6))
    return dataclasses.asdict(shipment)["id"]
