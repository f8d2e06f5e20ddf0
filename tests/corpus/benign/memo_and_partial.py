from functools import cache, cached_property, lru_cache, partial, partialmethod
from operator import attrgetter, itemgetter, methodcaller


@cache
def ways(amount, coins):
    if amount == 0:
        return 1
    if amount < 0 or not coins:
        return 0
    return ways(amount - coins[0], coins) + ways(amount, coins[1:])


@lru_cache(maxsize=2)
def normal(text: str) -> str:
    return " ".join(text.split()).lower()


class Dataset:
    loads = 0

    def __init__(self, rows):
        self.rows = rows

    @cached_property
    def by_name(self):
        Dataset.loads += 1
        return {normal(r["name"]): r for r in self.rows}

    def top(self, n, *, key, reverse=True):
        return sorted(self.rows, key=itemgetter(key), reverse=reverse)[:n]

    best = partialmethod(top, 1, key="score")
    worst = partialmethod(top, 1, key="score", reverse=False)


async def workflow(table):
    "use workflow"
    data = Dataset(await steps.rows(table))
    notify = partial(steps.notify, table, channel="#data")
    sent = [await notify(f"best: {data.best()[0]['name'].strip()}"), await notify("bye", channel="#off")]
    [data.by_name for _ in range(3)]
    upper = list(map(methodcaller("title"), data.by_name))
    points = sorted([complex(3, 1), complex(1, 2)], key=attrgetter("imag", "real"))
    return sent, data.worst(), Dataset.loads, upper, ways(20, (10, 5, 2)), normal.cache_info().hits, [str(p) for p in points], notify.args
