async def produce(queue, paths):
    for path in paths:
        await queue.put(path)
    await queue.put(None)


async def consume(queue, results):
    while (path := await queue.get()) is not None:
        results[path] = await steps.convert(path)
        queue.task_done()


async def workflow(paths):
    "use workflow"
    queue = asyncio.Queue(maxsize=2)
    results = {}
    await asyncio.gather(produce(queue, paths), consume(queue, results))
    return results
