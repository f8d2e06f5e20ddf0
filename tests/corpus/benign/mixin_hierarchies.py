from enum import Enum
from collections import UserDict


class Described:
    def describe(self):
        return f"{type(self).__name__.lower()}<{self}>"


class Coded:
    code = "E000"

    def to_dict(self):
        return {"code": self.code, "message": str(self), "args": list(getattr(self, "args", ()))}


class ServiceError(Coded, Described, Exception):
    """Base of all errors here."""


class NotFound(ServiceError, LookupError):
    code = "E404"

    def __init__(self, what, key):
        super().__init__(f"{what} {key!r} not found")
        self.what, self.key = what, key


class Colour(Described, Enum):
    RED = 1
    BLUE = 2


class Tier(str, Described, Enum):
    FREE = "free"
    PRO = "pro"


class Registry(Described, UserDict):
    def __missing__(self, key):
        raise NotFound("plan", key)


class Bag(Described, list):
    pass


async def workflow(wanted):
    "use workflow"
    plans = Registry(await steps.plans())
    out = []
    for key in wanted:
        try:
            out.append((key, plans[key]))
        except LookupError as exc:
            out.append(exc.to_dict() | {"repr": repr(exc), "about": exc.describe(), "service": isinstance(exc, ServiceError)})
    return out, repr(Colour.RED), Colour.BLUE.describe(), repr(Tier.PRO), f"{Tier.FREE}", Tier("pro").upper(), repr(Bag([1])), repr(Registry(a=1)), Bag("ab").describe()
