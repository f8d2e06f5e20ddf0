import itertools as it
from operator import itemgetter, mul


def runs(values):
    for key, group in it.groupby(values):
        yield key, sum(1 for _ in group)


async def workflow(day):
    "use workflow"
    sales = await steps.sales(day)
    sales.sort(key=itemgetter("region", "amount"))
    by_region = {r: [s["amount"] for s in g] for r, g in it.groupby(sales, key=itemgetter("region"))}
    amounts = [s["amount"] for s in sales]
    a, b = it.tee(amounts)
    next(b, None)
    return {
        "regions": by_region,
        "running": list(it.accumulate(amounts)),
        "product": list(it.accumulate([1, 2, 3, 4], mul, initial=10)),
        "deltas": [y - x for x, y in zip(a, b)],
        "pairs": list(it.pairwise("abc")),
        "grid": ["".join(p) for p in it.product("xy", repeat=2)],
        "combos": list(it.combinations(range(4), 2))[-2:],
        "perms": len(list(it.permutations("abcd", 3))),
        "zipped": list(it.zip_longest("ab", [1, 2, 3], fillvalue="-")),
        "taken": list(it.takewhile(lambda n: n < 5, it.count(1, 2))),
        "dropped": list(it.dropwhile(str.isdigit, "12ab3")),
        "chain": list(it.chain.from_iterable(by_region.values())),
        "compress": list(it.compress("abcdef", it.cycle([1, 0, 0]))),
        "starmap": list(it.starmap(pow, [(2, 5), (3, 2)])),
        "runs": list(runs("aabccc")),
        "islice": list(it.islice(it.repeat("z"), 2, 5)),
        "odd": list(it.filterfalse(lambda n: n % 2 == 0, range(6))),
    }
