from datetime import timedelta
from enum import Enum, auto


class S(Enum):
    NEW = auto()
    PAID = auto()
    PACKED = auto()
    SHIPPED = auto()
    CANCELLED = auto()


class IllegalTransition(Exception):
    pass


class Machine:
    _TRANSITIONS = {S.NEW: {"pay": S.PAID, "cancel": S.CANCELLED}, S.PAID: {"pack": S.PACKED, "cancel": S.CANCELLED}, S.PACKED: {"ship": S.SHIPPED}}

    def __init__(self):
        self.state = S.NEW
        self.trail = [(S.NEW.name, 0)]
        self._handlers = {}

    def on(self, state):
        def register(fn):
            self._handlers.setdefault(state, []).append(fn)
            return fn
        return register

    async def fire(self, event, **data):
        try:
            target = self._TRANSITIONS[self.state][event]
        except KeyError:
            raise IllegalTransition(f"{event} in {self.state.name}") from None
        self.state = target
        self.trail.append((target.name, len(data)))
        for handler in self._handlers.get(target, ()):
            await handler(**data)


async def workflow(order_id):
    "use workflow"
    machine, notes = Machine(), []

    @machine.on(S.PAID)
    async def receipt(amount, **_):
        notes.append(await steps.receipt(order_id, amount))

    @machine.on(S.SHIPPED)
    @machine.on(S.CANCELLED)
    async def tell(**data):
        notes.append((machine.state.name, sorted(data)))

    async with create_hook(token=f"order-{order_id}", title="Events") as hook:
        while machine.state not in (S.SHIPPED, S.CANCELLED):
            try:
                async with asyncio.timeout(timedelta(days=3).total_seconds()):
                    message = await hook
                await machine.fire(message.pop("event"), **message)
            except IllegalTransition as exc:
                notes.append(str(exc))
            except TimeoutError:
                await machine.fire("cancel" if machine.state is not S.PACKED else "ship", reason="timeout")
    return machine.trail, notes
