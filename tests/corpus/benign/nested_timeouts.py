async def slow(name, seconds):
    await asyncio.sleep(seconds)
    return name


async def guarded(name, seconds, limit):
    try:
        return await asyncio.wait_for(slow(name, seconds), timeout=limit)
    except asyncio.TimeoutError:
        return f"{name} timed out"


async def workflow():
    "use workflow"
    out = list(await asyncio.gather(guarded("a", 1, 5), guarded("b", 9, 5), guarded("c", 3, None)))
    try:
        async with asyncio.timeout(20) as outer:
            async with asyncio.timeout(60):
                await slow("d", 15)
                outer.reschedule(outer.when() + 10)
                out.append(await slow("e", 10))
                await slow("f", 30)
    except TimeoutError:
        out.append(f"outer expired: {outer.expired()}")
    try:
        async with asyncio.timeout(None) as never:
            out.append(await steps.quick())
    finally:
        out.append(never.expired())
    try:
        async with asyncio.timeout(1):
            raise KeyError("inside")
    except KeyError as exc:
        out.append(repr(exc))
    return out, now().second
