async def download(mirror, delay):
    await asyncio.sleep(delay)
    return mirror, await steps.download(mirror)


async def workflow(mirrors):
    "use workflow"
    tasks = {asyncio.create_task(download(m, d)): m for m, d in mirrors.items()}
    errors = []
    pending = set(tasks)
    winner = None
    while pending and winner is None:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if exc := task.exception():
                errors.append((tasks[task], exc.type))
            else:
                winner = task.result()
    for task in pending:
        task.cancel()
    leftovers = await asyncio.gather(*pending, return_exceptions=True)
    return {"winner": winner, "errors": errors, "cancelled": sum(isinstance(x, asyncio.CancelledError) for x in leftovers)}
