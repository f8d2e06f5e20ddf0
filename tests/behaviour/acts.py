"""The steps and models that behaviours share."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from tests.behaviour.stage import note, pass_gate
from wf_notebook import FatalError, RetryableError, step, step_context
from wf_notebook.definition.steps import Backoff


class Approval(BaseModel):
    ok: bool
    amount: int = Field(default=0, ge=0, le=100)


@step
async def double(x: int) -> int:
    return 2 * x


@step
def add(a: int, b: int = 1) -> int:
    return a + b


@step(retries=2, backoff=Backoff(initial=1, factor=4))
async def third_time(x: int) -> int:
    """Fails twice."""
    if step_context().attempt < 3:
        raise ConnectionError(f"attempt {step_context().attempt}")
    return x


@step(retries=1)
async def never(x: int) -> int:
    raise ValueError(f"bad {x}")


@step(retries=0)
async def once(x: int) -> int:
    raise ValueError(f"bad {x}")


@step
async def fatal(x: int) -> int:
    raise FatalError(f"no {x}")


@step
def throttled() -> str:
    if step_context().attempt == 1:
        raise RetryableError("slow down", retry_after="1h")
    return "ok"


@step(retries=0)
async def hang(name: str = "hang") -> None:
    """Notes that it has begun, hangs, and notes that it was asked to stop."""
    note(f"{name} begun")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        note(f"{name} stopped")
        raise


@step(retries=0)
def hang_sync() -> str:
    """The same for a synchronous step."""
    context = step_context()
    note("sync begun")
    assert context.signal.wait(30)
    note(f"sync stopped={context.cancelled}")
    return "late"


@step(retries=0, timeout=0.01)
async def too_slow() -> None:
    await asyncio.Event().wait()


@step(retries=0, timeout=0.01)
def too_slow_sync() -> str:
    assert step_context().signal.wait(30)
    return "late"


@step(retries=1, timeout=0.01, backoff=Backoff(initial=2))
async def slow_once() -> str:
    if step_context().attempt == 1:
        await asyncio.Event().wait()
    return "in time"


@step(retries=0, timeout=0.01)
async def stubborn() -> str:
    """Goes on after its timeout."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        note(f"cancelled={step_context().cancelled}")
    return "late"


@step(retries=1, backoff=Backoff(initial=0))
def unreadable() -> None:
    raise RetryableError("slow down", retry_after="soon")


@step(retries=0)
def always_throttled() -> None:
    raise RetryableError("slow down", retry_after="1h")


@step
async def gated(name: str) -> str:
    note(f"{name} begun")
    await asyncio.to_thread(pass_gate, name)
    return name


@step(concurrency=1)
def alone(name: str) -> str:
    note(f"{name} begun")
    pass_gate(name)
    return name


@step(retries=1, backoff=Backoff(initial=10))
def context() -> dict[str, object]:
    """What it knows of its own attempt; fails the first time."""
    known = step_context()
    if known.attempt == 1:
        raise ValueError("first")
    return {
        "run": known.run_id.partition("_")[0],
        "step": known.step_id.partition("_")[0],
        "attempt": known.attempt,
        "first_started": known.first_started,
        "cancelled": known.cancelled,
    }


@step
def unrecordable() -> object:
    note("made")
    return object()


@step
def total(*amounts: int, scale: int = 1, **more: int) -> int:
    return scale * (sum(amounts) + sum(more.values()))


class OutOfStockError(Exception):
    pass


@step(retries=0)
def order(item: str) -> None:
    """Fails with a chain of causes."""
    try:
        raise KeyError(item)
    except KeyError as error:
        raise OutOfStockError(f"no {item} left") from error


@step(retries=0)
async def batch() -> None:
    """Fails with a group."""
    raise ExceptionGroup("two of three", [ValueError("first"), OutOfStockError("third")])


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Line(BaseModel):
    item: str
    price: Decimal
    size: Size = Size.SMALL


class Invoice(BaseModel):
    number: UUID
    issued: datetime
    lines: list[Line]


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Pair(NamedTuple):
    left: str
    right: str


@step
def invoice() -> Invoice:
    return Invoice(
        number=UUID(int=7),
        issued=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        lines=[Line(item="tea", price=Decimal("3.50"), size=Size.LARGE), Line(item="cup", price=2)],
    )


@step
def check_invoice(given: Invoice) -> str:
    large = [line.item for line in given.lines if line.size is Size.LARGE]
    return (
        f"{type(given).__name__} {given.issued:%d.%m.} {large} {sum(x.price for x in given.lines)}"
    )


@step
def mirror(point: Point) -> Point:
    return Point(point.y, point.x)


@step
def swap(pair: Pair) -> Pair:
    return Pair(pair.right, pair.left)


@step
def kinds(things: list[Any]) -> list[str]:
    return [type(thing).__name__ for thing in things]


@step
def same(thing: Any) -> Any:
    return thing


@step
def resize(size: Size) -> Size:
    return Size.LARGE if size is Size.SMALL else Size.SMALL
