class RateLimiter:
    """At most `limit` calls in each window of `period` seconds."""

    def __init__(self, limit: int, period: float) -> None:
        self.limit = limit
        self.period = period
        self._times: list = []
        self._lock = asyncio.Lock()

    async def __aenter__(self):
        async with self._lock:
            while True:
                current = now()
                self._times = [t for t in self._times if (current - t).total_seconds() < self.period]
                if len(self._times) < self.limit:
                    break
                oldest = self._times[0]
                await sleep(self.period - (current - oldest).total_seconds())
            self._times.append(now())
        return self

    async def __aexit__(self, exc_type, exc, tb):
        return False


async def fetch(limiter, symbol):
    async with limiter:
        return symbol, await steps.quote(symbol), now().timestamp()


async def workflow(symbols):
    "use workflow"
    limiter = RateLimiter(limit=2, period=10)
    begun = now().timestamp()
    quotes = await asyncio.gather(*[fetch(limiter, s) for s in symbols])
    return {s: (price, round(at - begun, 3)) for s, price, at in quotes}
