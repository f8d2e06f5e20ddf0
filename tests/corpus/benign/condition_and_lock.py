class Latch:
    def __init__(self, count):
        self.count = count
        self.opened = asyncio.Event()
        self.lock = asyncio.Lock()

    async def hit(self):
        async with self.lock:
            self.count -= 1
            if self.count <= 0:
                self.opened.set()

    def __await__(self):
        return self.opened.wait().__await__()


async def worker(latch, n):
    try:
        return await steps.work(n)
    finally:
        await latch.hit()


async def workflow(n):
    "use workflow"
    latch = Latch(n)
    tasks = [asyncio.ensure_future(worker(latch, i)) for i in range(n)]
    condition = asyncio.Condition()
    await latch
    async with condition:
        condition.notify_all()
    return [task.result() for task in tasks if not task.cancelled() and task.exception() is None]
