"""Generators with send, throw, close and return values."""


def averager():
    total, count, value = 0.0, 0, None
    try:
        while True:
            value = yield (total / count if count else None)
            if value is None:
                return round(total / max(count, 1), 2), count
            total += value
            count += 1
    except ValueError as exc:
        yield f"bad: {exc}"
    finally:
        print("averager closed after", count)


def grouped(results):
    while True:
        results.append((yield from averager()))


def primed(generator):
    next(generator)
    return generator


async def workflow(ids):
    "use workflow"
    results = []
    collector = primed(grouped(results))
    for sensor in ids:
        for reading in await steps.readings(sensor):
            collector.send(reading)
        collector.send(None)
    collector.close()
    other = primed(averager())
    other.send(10)
    said = other.throw(ValueError("sensor broke"))
    stopped = next(other, "exhausted")
    return results, said, stopped
