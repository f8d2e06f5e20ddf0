async def workflow(query):
    "use workflow"
    fast = asyncio.create_task(steps.search("fast", query))
    slow = asyncio.create_task(steps.search("thorough", query))
    done, pending = await asyncio.wait({fast, slow}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
    for task in pending:
        task.cancel()
    if not done:
        return None
    winner, *_ = done
    return winner.result()
