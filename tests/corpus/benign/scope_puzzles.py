counter = 0
LIMITS = [i * 10 for i in range(3)]


def bump(by=1, *, seen=[]):
    global counter
    counter += by
    seen.append(counter)
    return seen


def make_adders():
    late = [lambda x: x + i for i in range(3)]
    early = [lambda x, i=i: x + i for i in range(3)]
    return [f(10) for f in late], [f(10) for f in early]


def accumulator():
    total = 0
    history = []

    def add(n, /, *more, scale=1, **labels):
        nonlocal total
        total += (n + sum(more)) * scale
        history.append((total, sorted(labels)))
        return total

    add.history = history
    return add


class Outer:
    value = "class"
    doubled = [value] * 2

    class Inner:
        value = "inner"

        def get(self):
            return self.value, Outer.value

    def value_of(self, value="default"):
        return value, self.value


async def workflow(x):
    "use workflow"
    add = accumulator()
    add(1)
    add(2, 3, scale=10, b=1, a=2)
    bump(); bump(5)
    steps_seen = [await steps.echo(y) for y in range(2) if (square := y * y) is not None]
    z = [x for x in range(3)]
    first, *middle, last = range(6)
    (a, b), [c, *d] = (1, 2), "xyz"
    del middle[0]
    i = 5
    a, i = i, a
    result = [f"{n}:{limit}" for n, limit in enumerate(LIMITS) if limit][::-1]
    return make_adders(), add.history, bump(), x, square, z, first, middle, last, (a, b, c, d, i), Outer.Inner().get(), Outer().value_of(), Outer.doubled, result, counter, steps_seen
