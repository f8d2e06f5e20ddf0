"""Handlers register themselves by subclassing."""
from abc import ABC, abstractmethod
from typing import ClassVar


class Handler(ABC):
    registry: ClassVar[dict] = {}
    kind: ClassVar[str]

    def __init_subclass__(cls, *, kind=None, **kwargs):
        super().__init_subclass__(**kwargs)
        if kind:
            cls.kind = kind
            Handler.registry[kind] = cls

    def __init__(self, event):
        self.event = event

    @abstractmethod
    async def handle(self): ...

    async def __call__(self):
        before = f"{self.kind}:{self.event['id']}"
        result = await self.handle()
        return f"{before}={result}"


class Loud:
    async def handle(self):
        return (await super().handle()).upper()


class Email(Handler, kind="email"):
    async def handle(self):
        return await steps.send_email(self.event["to"])


class Sms(Loud, Email, kind="sms"):
    async def handle(self):
        inner = await super().handle()
        return inner + "!"


async def workflow(events):
    "use workflow"
    out = []
    for event in events:
        cls = Handler.registry.get(event["kind"])
        if cls is None:
            out.append(f"no handler for {event['kind']}")
            continue
        out.append(await cls(event)())
    try:
        Handler({})
    except TypeError as exc:
        out.append("abstract" in str(exc))
    return out, issubclass(Sms, Loud), repr(Sms.handle.__qualname__)
