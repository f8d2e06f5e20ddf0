from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import cycle


class Pager:
    def __init__(self, people, every=timedelta(minutes=10)):
        self._people = cycle(people)
        self._every = every
        self.paged = []

    async def __call__(self, incident):
        while True:
            person = next(self._people)
            self.paged.append(person)
            await steps.page(person, incident["id"])
            await sleep(self._every)


@asynccontextmanager
async def background(coro):
    task = asyncio.create_task(coro)
    try:
        yield task
    finally:
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass


async def workflow(incident):
    "use workflow"
    pager = Pager(["Ada", "Bo"], every=timedelta(minutes=15))
    ack = create_hook(token=f"ack-{incident['id']}", title="Acknowledge", metadata={"severity": incident["severity"]})
    started = now()
    async with background(pager(incident)):
        for minutes in (5, 20, 40):
            if incident["severity"] >= 3:
                await asyncio.sleep(minutes * 60)
                await steps.status(incident["id"], f"{minutes} min")
        got = await ack
    paged_until_ack = list(pager.paged)
    await sleep("2h")
    minutes = int((now() - started) / timedelta(minutes=1))
    return {"by": got["by"], "paged": paged_until_ack, "after": len(pager.paged) - len(paged_until_ack), "minutes": minutes}
