import functools


def on_done(label, log, task):
    if task.cancelled():
        log.append(f"{label}: cancelled")
    elif task.exception() is not None:
        log.append(f"{label}: {type(task.exception()).__name__}")
    else:
        log.append(f"{label}: {task.result()}")


async def job(name, *, fail=False):
    value = await steps.job(name)
    me = asyncio.current_task()
    if fail:
        raise RuntimeError(me.get_name())
    return f"{me.get_name()}={value}"


async def setter(future, value, delay):
    await asyncio.sleep(delay)
    if not future.done():
        future.set_result(value)


async def workflow():
    "use workflow"
    log = []
    tasks = []
    for label, fail in (("good", False), ("bad", True), ("stopped", False)):
        task = asyncio.create_task(job(label, fail=fail), name=f"job-{label}")
        task.add_done_callback(functools.partial(on_done, label, log))
        tasks.append(task)
    await asyncio.sleep(0)
    tasks[2].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    future = asyncio.Future()
    race = [asyncio.ensure_future(setter(future, n, d)) for n, d in (("slow", 5), ("fast", 2))]
    winner = await future
    await asyncio.wait(race)
    group_error = None
    try:
        async with asyncio.TaskGroup() as tg:
            tg.create_task(job("x", fail=True), name="x")
            tg.create_task(asyncio.sleep(100))
    except* RuntimeError as eg:
        group_error = [str(e) for e in eg.exceptions]
    return log, [r if isinstance(r, str) else repr(r) for r in results], winner, group_error, asyncio.iscoroutinefunction(job), now().second
