from dataclasses import dataclass
from enum import Enum


class Unit(Enum):
    KG = "kg"
    LB = "lb"


@dataclass
class Move:
    x: int
    y: int
    speed: float = 1.0


@dataclass
class Weight:
    amount: float
    unit: Unit


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


def describe(value):
    match value:
        case Move(0, 0):
            return "stay"
        case Move(x=0, y=y) | Move(x=y, y=0) if y != 0:
            return f"straight {y}"
        case Move(x, y, speed=s):
            return f"move {x},{y} at {s}"
        case Weight(amount=a, unit=Unit.LB):
            return f"{a * 0.4536:.1f} kg"
        case Point(x, y):
            return f"point {x + y}"
        case []:
            return "empty"
        case [x]:
            return f"one {x}"
        case [x, [y, *_], *rest] if rest:
            return f"nested {x} {y} {len(rest)}"
        case (int() | float()) as number if number > 100:
            return f"big {number}"
        case bool():
            return "bool"
        case int(n):
            return f"int {n}"
        case str() as s if s.startswith("/"):
            return f"command {s[1:]}"
        case "a" | "b" as letter:
            return f"letter {letter}"
        case {"op": "add", "args": [int(a), int(b)], **extra}:
            return f"add {a + b} {sorted(extra)}"
        case {"op": op}:
            return f"op {op}"
        case None:
            return "nothing"
        case -1.5 | 2.5:
            return "float"
        case _:
            return f"other {type(value).__name__}"


async def workflow(raw):
    "use workflow"
    own = [Move(0, 0), Move(0, 7), Move(3, 4, 2.0), Weight(10, Unit.LB), Point(1, 2), (1,), True, -1.5, b"x", Weight(1, Unit.KG)]
    said = [describe(v) for v in [*own, *raw]]
    order = await steps.order()
    match order:
        case {"id": id, "lines": [{"sku": sku}, *_]}:
            said.append(f"{id}:{sku}")
    return said
