async def measure(name, delay):
    await asyncio.sleep(delay)
    return await steps.measure(name)


async def workflow(jobs):
    "use workflow"
    order, failed = [], 0
    tasks = [asyncio.create_task(measure(n, d), name=n) for n, d in jobs]
    for i, next_done in enumerate(asyncio.as_completed(tasks), 1):
        try:
            value = await next_done
        except StepError as exc:
            failed += 1
            print(f"[{i}/{len(tasks)}] {exc.type}")
        else:
            order.append(value)
            print(f"[{i}/{len(tasks)}] {value} ({i / len(tasks):.0%})")
    late = []
    slow = [asyncio.create_task(asyncio.sleep(d, d)) for d in (1, 100)]
    try:
        for f in asyncio.as_completed(slow, timeout=10):
            late.append(await f)
    except asyncio.TimeoutError:
        late.append("timeout")
    slow[1].cancel()
    return order, failed, late, [t.done() for t in tasks]
