from datetime import datetime
from decimal import Decimal


class Money:
    def __init__(self, amount, currency="EUR"):
        self.amount, self.currency = amount, currency

    def __format__(self, spec):
        if spec.endswith("c"):
            return f"{self.amount:{spec[:-1] or '.2f'}} {self.currency}"
        return format(self.amount, spec)

    def __str__(self):
        return f"{self:c}"


async def workflow(name):
    "use workflow"
    price = Money(Decimal(await steps.price(name)))
    width, precision = 12, 3
    when = datetime(2026, 2, 3, 4, 5, 6, 789)
    data = {"user": {"name": "Ada"}, "list": [10, 20]}
    lines = [
        f"{price} {price:,.1fc} {price:>10.1f}|",
        f"{name!r:>{width}}|{name:*^9}|{name:<6}|{name[:2]!s}",
        f"{1234567.891:,.{precision}f} {0.000123:.2e} {255:#x} {255:08b} {-7:+d} {42:=+6d} {0.256:.1%} {1e21:g} {3:c}",
        f"{when:%d/%m/%y %H:%M} {when!s} {data['user']['name']} {'nested ' + f'{1 + 1}'}",
        f"{width=} {precision + 1 = } {{literal}} {'a' if width else 'b'} {[*range(3)]}",
        "{0}-{1}-{0} {name} {data[user][name]} {data[list][1]:>4} {price.currency}".format(1, 2, name="n", data=data, price=price),
        "{:>{w}}|{!r}|{:<5}|".format("x", "q", True, w=4),
        "%s %r %5.2f %-6d| %x %% %(a)s" % () if False else "%s %r %5.2f %-6d| %x %%" % ("s", "r", 3.14159, 42, 255),
        "%(first)s loves %(second)04d" % {"first": "A", "second": 7},
        "{user[name]}".format_map(data),
        str(True).ljust(6, ".") + "7".zfill(3) + "ab".center(6, "-") + "x".rjust(3),
    ]
    return lines
