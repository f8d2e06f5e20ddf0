import functools
import operator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def timed(function):
    @functools.wraps(function)
    async def inner(*args, **kwargs):
        before = now()
        try:
            return await function(*args, **kwargs)
        finally:
            print(function.__name__, "took", (now() - before).total_seconds(), "s")

    return inner


def counter():
    count = 0

    def increase(by=1, /, *, again=False):
        nonlocal count
        count += by * (2 if again else 1)
        return count

    return increase


@timed
async def slow_part(n):
    return await steps.compute(n)


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


async def workflow(numbers):
    "use workflow"
    increase = counter()
    results = [await slow_part(fib(n % 20)) for n in numbers]
    increase(len(results), again=True)
    product = functools.reduce(operator.mul, results, 1)
    (first, *middle), last = results[:-1] or [0], results[-1]
    return {"product": product, "calls": increase(), "first": first, "middle": middle, "last": last}
