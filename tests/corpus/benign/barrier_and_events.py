async def runner(name, ready, go, log):
    await steps.warm_up(name)
    position = await ready.wait()
    await go.wait()
    log.append((name, position))
    async with asyncio.timeout(5):
        return f"{name} ran"


async def producer(queue, items):
    for item in items:
        await queue.put(item)
        await asyncio.sleep(1)
    await queue.put(None)


async def consumer(queue, out):
    while (item := await queue.get()) is not None:
        out.append(item * 2)
        queue.task_done()
    return len(out)


async def workflow(names):
    "use workflow"
    ready, go, log = asyncio.Barrier(len(names)), asyncio.Event(), []
    async with asyncio.TaskGroup() as tg:
        tasks = [tg.create_task(runner(n, ready, go, log)) for n in names]
        await asyncio.sleep(2)
        waiting = (ready.n_waiting, go.is_set())
        go.set()
    queue, out = asyncio.Queue(maxsize=1), []
    _, count = await asyncio.gather(producer(queue, range(4)), consumer(queue, out))
    lifo = asyncio.LifoQueue()
    for x in "abc":
        lifo.put_nowait(x)
    try:
        asyncio.Queue(1).get_nowait()
    except asyncio.QueueEmpty:
        log.append("empty")
    sem = asyncio.BoundedSemaphore(1)
    async with sem:
        locked = sem.locked()
    try:
        sem.release()
    except ValueError as exc:
        log.append(str(exc))
    return [t.result() for t in tasks], waiting, out, count, [lifo.get_nowait() for _ in range(3)], sorted(map(str, log)), locked
