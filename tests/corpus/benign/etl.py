from datetime import UTC, date, datetime, timedelta


def days(start: date, end: date):
    day = start
    while day <= end:
        yield day
        day += timedelta(days=1)


async def load(day, attempts=2):
    extracted = await steps.extract(day)
    if not extracted.rows:
        return day, 0
    cleaned = await steps.clean(extracted)
    return day, await steps.load(cleaned, partition=day.isoformat())


async def workflow(start: date, end: date, parallel: int = 3):
    "use workflow"
    limit = asyncio.BoundedSemaphore(parallel)

    async def limited(day):
        async with limit:
            return await load(day)

    loaded = dict(await asyncio.gather(*map(limited, days(start, end))))
    missing = [day for day, rows in loaded.items() if rows == 0]
    if len(missing) > 0.2 * len(loaded):
        decision = await create_hook(schema="Proceed", title=f"{len(missing)} days are empty. Go on?")
        if not decision.go:
            raise FatalError("stopped by hand")
    await steps.refresh_views()
    tomorrow = datetime.combine(now().date() + timedelta(days=1), datetime.min.time(), tzinfo=UTC)
    await sleep(tomorrow)
    return {"rows": sum(loaded.values()), "missing": [f"{d:%Y-%m-%d}" for d in missing]}
