"""Totals per region, side by side; one bad region doesn't spoil the others."""

from collections import defaultdict
from statistics import fmean


async def total(region, orders):
    amounts = [order.amount for order in orders]
    report = await steps.summarise(region, amounts=amounts)
    return region, report, round(fmean(amounts), 2)


async def workflow(path, *, limit=100):
    "use workflow"
    orders = await steps.read_orders(path)
    by_region = defaultdict(list)
    for order in orders[:limit]:
        by_region[order.region].append(order)
    results = await asyncio.gather(
        *(total(region, group) for region, group in sorted(by_region.items())),
        return_exceptions=True,
    )
    good = [r for r in results if not isinstance(r, BaseException)]
    bad = [str(r) for r in results if isinstance(r, StepError)]
    if bad:
        print(f"{len(bad)} regions failed:", *bad, sep="\n  ")
    return {"regions": {region: mean for region, _, mean in good}, "failed": bad}
