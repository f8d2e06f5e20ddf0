from contextlib import aclosing


async def ticks(name, log, n=10):
    log.append(f"{name} open")
    try:
        for i in range(n):
            yield i, await steps.tick(name)
    except GeneratorExit:
        log.append(f"{name} closed early")
        raise
    finally:
        log.append(f"{name} finally")


async def doubled(source):
    async for i, value in source:
        got = yield value * 2
        if got:
            yield f"echo {got}"


async def workflow():
    "use workflow"
    log, out = [], []
    async with aclosing(ticks("a", log)) as stream:
        async for i, value in stream:
            out.append(value)
            if i == 2:
                break
    gen = doubled(ticks("b", log, 2))
    out.append(await anext(gen))
    out.append(await gen.asend("hello"))
    out.append([x async for x in gen])
    out.append(await anext(gen, "done"))
    squares = (n * n async for n, _ in ticks("c", log, 4) if n % 2)
    out.append([s async for s in squares])
    out.append({n: v async for n, v in ticks("d", log, 2)})
    return out, log
