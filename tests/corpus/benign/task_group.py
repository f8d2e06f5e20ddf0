async def checked(name, semaphore):
    async with semaphore:
        async with asyncio.timeout(30):
            return await steps.check(name)


async def workflow(names):
    "use workflow"
    semaphore = asyncio.Semaphore(4)
    results = {}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(checked(name, semaphore)) for name in names}
    except* StepError as errors:
        for error in errors.exceptions:
            print("failed:", error)
    except* TimeoutError:
        print("too slow")
    else:
        results = {name: task.result() for name, task in tasks.items()}
    finally:
        await steps.tidy_up(list(names))
    return results
