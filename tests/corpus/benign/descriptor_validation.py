class Field:
    def __init__(self, kind, *, minimum=None, default=None):
        self.kind, self.minimum, self.default = kind, minimum, default

    def __set_name__(self, owner, name):
        self.name = name
        self._slot = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return instance.values.get(self._slot, self.default)

    def __set__(self, instance, value):
        if not isinstance(value, self.kind):
            raise TypeError(f"{self.name} must be {self.kind.__name__}, got {type(value).__name__}")
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"{self.name} must be >= {self.minimum}")
        instance.values[self._slot] = value


class Order:
    sku = Field(str)
    quantity = Field(int, minimum=1, default=1)
    price = Field((int, float)[1], minimum=0.0)

    def __init__(self, **fields):
        self.values = {}
        for name, value in fields.items():
            match name:
                case "sku":
                    self.sku = value
                case "quantity":
                    self.quantity = value
                case "price":
                    self.price = value
                case _:
                    raise TypeError(f"unknown field {name}")


async def workflow(rows):
    "use workflow"
    good, bad = [], []
    for n, row in enumerate(rows):
        try:
            order = Order(**row)
        except (TypeError, ValueError) as exc:
            bad.append((n, exc.__class__.__name__, str(exc)))
        else:
            good.append((order.sku, order.quantity, order.price))
    await steps.store(good)
    return {"bad": bad, "sum": sum(q * p for _, q, p in good), "field": Order.quantity.name}
