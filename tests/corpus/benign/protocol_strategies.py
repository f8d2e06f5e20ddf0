from typing import Callable, Generic, Literal, Optional, Protocol, TypeVar, TypedDict, Union, cast, runtime_checkable

T = TypeVar("T")
K = TypeVar("K", bound="Comparable")
Mode = Literal["cheap", "fast"]


class Quote(TypedDict, total=False):
    carrier: str
    price: float
    days: int


@runtime_checkable
class Strategy(Protocol):
    def pick(self, quotes: list[Quote]) -> Optional[Quote]: ...


class Cheapest:
    def pick(self, quotes):
        return min(quotes, key=lambda q: q["price"], default=None)


class Fastest:
    def pick(self, quotes):
        return min(quotes, key=lambda q: (q["days"], q["price"]), default=None)


class Result(Generic[T]):
    def __init__(self, value: Optional[T] = None, error: Optional[str] = None) -> None:
        self.value, self.error = value, error

    def map(self, fn: Callable[[T], K]) -> "Result[K]":
        return self if self.error else Result(fn(cast(T, self.value)))

    def unwrap_or(self, default: T) -> T:
        return default if self.error else self.value


STRATEGIES: dict[Mode, Strategy] = {"cheap": Cheapest(), "fast": Fastest()}


async def best(parcel: str, mode: Mode) -> Result[Quote]:
    quotes: list[Quote] = await steps.quotes(parcel)
    chosen = STRATEGIES[mode].pick(quotes)
    return Result(chosen) if chosen else Result(error="no quotes")


async def workflow(parcels):
    "use workflow"
    out = {}
    for parcel in parcels:
        for mode in ("cheap", "fast"):
            result: Result[Quote] = await best(parcel, mode)
            out[f"{parcel}/{mode}"] = result.map(lambda q: f"{q['carrier']} {q['price']:.2f}").unwrap_or(result.error)
    return out, isinstance(Cheapest(), Strategy), isinstance(3, Strategy), Quote(carrier="x", price=1.0)
