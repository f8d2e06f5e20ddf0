import datetime as dt


async def remind(hook, person):
    for days in (1, 3, 7):
        await sleep(f"{days}d")
        await steps.send_mail(person, subject="Still waiting", token=hook.token)


async def workflow(person):
    "use workflow"
    started = now()
    hook = create_hook(title=f"Confirm, {person}")
    reminding = asyncio.create_task(remind(hook, person))
    try:
        answer = await asyncio.wait_for(asyncio.shield(hook), timeout=dt.timedelta(days=14).total_seconds())
    except asyncio.TimeoutError:
        hook.dispose()
        return None
    finally:
        reminding.cancel()
    waited: dt.timedelta = now() - started
    return {"answer": answer, "after_days": waited / dt.timedelta(days=1)}
