class Lease:
    """A lease that is renewed and given back whatever happens."""

    open_leases = 0

    def __init__(self, name, ttl=30):
        self.name = name
        self.ttl = ttl
        self.token = None

    async def __aenter__(self):
        self.token = await steps.acquire(self.name, self.ttl)
        Lease.open_leases += 1
        return self

    async def __aexit__(self, exc_type, exc, tb):
        Lease.open_leases -= 1
        await steps.release(self.token)
        if exc_type is not None and issubclass(exc_type, LookupError):
            print(f"swallowed {exc_type.__name__}: {exc}")
            return True
        return False


class timed:
    def __init__(self, label):
        self.label = label

    def __enter__(self):
        self._start = now()
        return self

    def __exit__(self, *exc_info):
        self.elapsed = (now() - self._start).total_seconds()
        print(f"{self.label}: {self.elapsed:.0f}s, error: {exc_info[0] is not None}")


async def workflow():
    "use workflow"
    seen = []
    async with Lease("db") as db, Lease("cache", ttl=5) as cache:
        seen.append((db.token, cache.token, Lease.open_leases))
        raise KeyError("lost")
    with timed("nap") as t:
        await sleep(90)
    try:
        with timed("crash"):
            async with Lease("db"):
                raise RuntimeError("boom")
    except RuntimeError as exc:
        seen.append(str(exc))
    return seen, Lease.open_leases, t.elapsed
