class Money:
    __slots__ = ("cents",)

    def __init__(self, cents: int = 0):
        self.cents = cents

    def __add__(self, other):
        return Money(self.cents + other.cents)

    __radd__ = __add__

    def __sub__(self, other):
        return Money(self.cents - other.cents)

    def __lt__(self, other):
        return self.cents < other.cents

    def __hash__(self):
        return self.cents

    def __eq__(self, other):
        return self.cents == other.cents

    def __bool__(self):
        return self.cents != 0

    def __format__(self, spec):
        return f"{self.cents / 100:{spec or '.2f'}}"

    def __iter__(self):
        yield from divmod(self.cents, 100)

    def __getitem__(self, index):
        return list(self)[index]

    def __contains__(self, cents):
        return cents <= self.cents

    def __call__(self, factor):
        return Money(round(self.cents * factor))

    async def __aenter__(self):
        await steps.reserve(self.cents)
        return self

    async def __aexit__(self, kind, error, trace):
        await steps.release(self.cents)
        return kind is not None and issubclass(kind, StepError)


class Wallet(Money):
    def __init__(self, cents=0, *, owner="nobody"):
        super().__init__(cents)
        self.owner = owner


async def workflow(cents):
    "use workflow"
    total = Money(1)
    total += Money(cents)
    async with Wallet(cents, owner="A-17") as wallet:
        total = total + wallet(0.5) - Money(3)
        paid = await steps.pay(total.cents) if 100 in total and total else 0
    euros, rest = total
    return [f"{total:>8.1f}", euros, rest, paid, ~1 & 3 | 4 ^ 5 << 2, -cents // 7 % 3, 2**3**1, not cents]
