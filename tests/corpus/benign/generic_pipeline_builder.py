from collections.abc import AsyncIterable, Awaitable, Callable
from functools import reduce
from inspect import isawaitable
from typing import Any, ParamSpec, TypeAlias, TypeVar, overload

P = ParamSpec("P")
R = TypeVar("R")
Stage: TypeAlias = Callable[[AsyncIterable[Any]], AsyncIterable[Any]]


def stage(fn: Callable[P, R]) -> Callable[P, "Pipe"]:
    def make(*args: P.args, **kwargs: P.kwargs) -> "Pipe":
        return Pipe(lambda source: fn(source, *args, **kwargs))
    make.__name__ = fn.__name__
    return make


class Pipe:
    def __init__(self, *stages: Stage):
        self._stages = stages

    def __or__(self, other: "Pipe") -> "Pipe":
        return Pipe(*self._stages, *other._stages)

    def __ror__(self, source):
        async def lifted():
            for item in source:
                yield item
        return reduce(lambda acc, s: s(acc), self._stages, lifted())

    def __len__(self):
        return len(self._stages)


@stage
async def mapping(source, fn):
    async for item in source:
        value = fn(item)
        yield (await value if isawaitable(value) else value)


@stage
async def where(source, test):
    async for item in source:
        if test(item):
            yield item


@stage
async def batched(source, n):
    batch = []
    async for item in source:
        batch.append(item)
        if len(batch) == n:
            yield tuple(batch)
            batch.clear()
    if batch:
        yield tuple(batch)


@overload
def clean(x: int) -> int: ...
@overload
def clean(x: str) -> str: ...
def clean(x):
    return x.strip() if isinstance(x, str) else abs(x)


async def workflow(values):
    "use workflow"
    pipe = mapping(clean) | where(bool) | mapping(steps.enrich) | batched(2)
    batches = [b async for b in (values | pipe)]
    return batches, len(pipe), mapping.__name__, [x async for x in [3, 1] | where(lambda v: v > 2)]
