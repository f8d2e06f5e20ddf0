async def first(**named):
    tasks = {asyncio.create_task(asyncio.wait_for(aw, None) if asyncio.iscoroutine(aw) else wrap(aw), name=name): name for name, aw in named.items()}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    winner = next(task for task in tasks if task in done)
    return winner.get_name(), winner.result()


async def wrap(awaitable):
    return await awaitable


async def workflow(order):
    "use workflow"
    log = []
    approve = create_hook(token=f"approve-{order}", title="Approve?")
    log.append(await first(approval=approve, deadline=sleep("2h")))
    cancel = create_hook(token=f"cancel-{order}", timeout="30m", title="Cancel?")
    log.append((await first(job=steps.prepare(order), cancel=cancel))[0])
    nobody = create_hook(title="Anyone?")
    log.append((await first(answer=nobody, deadline=asyncio.sleep(3600, "too late"))))
    nobody.dispose()
    try:
        await create_hook(title="Quick", timeout=60)
    except TimeoutError as exc:
        log.append("resumed the hook" in str(exc))
    both = await asyncio.gather(create_hook("a"), create_hook("b"), steps.prepare("x"))
    return log, both, approve.token
