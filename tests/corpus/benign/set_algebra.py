async def workflow(release):
    "use workflow"
    wanted, installed = await asyncio.gather(steps.wanted(release), steps.installed())
    want = {name: version for name, version in wanted.items()}
    have = dict(installed)
    missing = want.keys() - have.keys()
    extra = have.keys() - want.keys()
    changed = {k for k in want.keys() & have.keys() if want[k] != have[k]}
    same = want.items() & have.items()
    for name in sorted(missing | changed):
        await steps.install(name, want[name])
    for name in sorted(extra):
        await steps.remove(name)
    numbers = set(range(10))
    evens = {n for n in numbers if not n % 2}
    odds = numbers - evens
    evens.add(1)
    evens.discard(99)
    evens |= {20}
    evens -= {0, 2}
    evens ^= {4, 5}
    frozen = frozenset("hello")
    try:
        evens.remove(1000)
    except KeyError as exc:
        gone = exc.args
    return {
        "missing": sorted(missing), "extra": sorted(extra), "changed": sorted(changed), "same": sorted(same),
        "evens": sorted(evens), "odds": odds, "subset": {1, 3} <= odds < numbers, "disjoint": odds.isdisjoint({2, 4}),
        "letters": sorted(frozen & set("world")), "len": len(frozen), "gone": gone, "symmetric": sorted({1, 2} ^ {2, 3}),
        "union": set().union([1], (2,), {3}), "copy": evens.copy() is evens, "in": ("x" in frozen, 1 in evens), "equal": {1, 2} == {2, 1} == frozenset([1, 2]),
    }
