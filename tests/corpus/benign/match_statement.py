from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int


def describe(thing):
    match thing:
        case None:
            return "nothing"
        case True | False:
            return "a flag"
        case int() | float() as number if number < 0:
            return f"negative {number}"
        case Point(x=0, y=0):
            return "the origin"
        case Point(x=x, y=y):
            return f"{x}, {y}"
        case {"kind": "order", "id": str(order_id), **rest}:
            return f"order {order_id} with {sorted(rest)}"
        case [first, *_, last]:
            return f"from {first} to {last}"
        case []:
            return "empty"
        case str():
            return "text"
        case _:
            return type(thing).__name__


async def workflow(things):
    "use workflow"
    described = [describe(thing) for thing in things]
    return await steps.publish(described)
