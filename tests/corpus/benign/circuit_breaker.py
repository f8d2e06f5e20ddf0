import enum


class State(enum.Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitOpen(Exception):
    def __init__(self, name: str, until):
        super().__init__(f"circuit {name} is open")
        self.name = name
        self.until = until


class CircuitBreaker:
    def __init__(self, name, threshold=2, cooldown=30.0):
        self.name = name
        self._threshold = threshold
        self._cooldown = cooldown
        self._failures = 0
        self._state = State.CLOSED
        self._opened_at = None

    @property
    def state(self):
        if self._state is State.OPEN and (now() - self._opened_at).total_seconds() >= self._cooldown:
            self._state = State.HALF_OPEN
        return self._state

    async def call(self, func, *args, **kwargs):
        if self.state is State.OPEN:
            raise CircuitOpen(self.name, self._opened_at)
        try:
            result = await func(*args, **kwargs)
        except StepError:
            self._failures += 1
            if self._failures >= self._threshold or self._state is State.HALF_OPEN:
                self._state, self._opened_at = State.OPEN, now()
            raise
        else:
            self._failures, self._state = 0, State.CLOSED
            return result

    def __repr__(self):
        return f"{self.__class__.__name__}({self.name!r}, {self._state.value})"


async def workflow(urls):
    "use workflow"
    breaker = CircuitBreaker("api", threshold=2, cooldown=60)
    log = []
    pending = list(urls)
    while pending:
        url = pending[0]
        try:
            log.append(("ok", await breaker.call(steps.fetch, url)))
            pending.pop(0)
        except CircuitOpen as exc:
            log.append(("open", str(exc)))
            await sleep("1m")
        except StepError as exc:
            log.append(("failed", f"{type(exc).__name__}: {exc}"))
    return log + [repr(breaker)]
