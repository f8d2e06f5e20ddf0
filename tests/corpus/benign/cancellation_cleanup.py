async def heartbeat(log):
    beats = 0
    try:
        while True:
            await asyncio.sleep(10)
            beats += 1
    except asyncio.CancelledError:
        log.append(f"heartbeat stopped after {beats}")
        raise
    finally:
        log.append("heartbeat cleaned up")


async def stubborn(log):
    for attempt in range(3):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            log.append(f"ignored {attempt}")
    return "finally done"


async def workflow():
    "use workflow"
    log = []
    beat = asyncio.create_task(heartbeat(log), name="beat")
    result = await steps.long_job("x")
    await sleep(35)
    beat.cancel("enough")
    try:
        await beat
    except asyncio.CancelledError as exc:
        log.append(f"awaited: {exc.args}")
    hard = asyncio.create_task(stubborn(log))
    for _ in range(3):
        await asyncio.sleep(0)
        hard.cancel()
    log.append(await hard)
    shielded = asyncio.ensure_future(steps.long_job("y"))
    try:
        async with asyncio.timeout(0):
            await asyncio.shield(shielded)
    except TimeoutError:
        log.append("gave up waiting")
    log.append(await shielded)
    return log, beat.cancelled(), beat.get_name(), result
