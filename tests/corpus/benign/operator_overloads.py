class Vector:
    def __init__(self, *parts):
        self.parts = tuple(parts)

    def __repr__(self): return f"Vector{self.parts}"
    def __eq__(self, o): return isinstance(o, Vector) and self.parts == o.parts
    def __add__(self, o): return Vector(*(a + b for a, b in zip(self.parts, o.parts)))
    def __radd__(self, o): return self if o == 0 else NotImplemented
    def __sub__(self, o): return self + -o
    def __neg__(self): return self * -1
    def __mul__(self, k): return Vector(*(k * p for p in self.parts)) if isinstance(k, (int, float)) else NotImplemented
    __rmul__ = __mul__
    def __matmul__(self, o): return sum(a * b for a, b in zip(self.parts, o.parts))
    def __abs__(self): return (self @ self) ** 0.5
    def __bool__(self): return any(self.parts)
    def __iter__(self): return iter(self.parts)
    def __len__(self): return len(self.parts)
    def __getitem__(self, i): return Vector(*self.parts[i]) if isinstance(i, slice) else self.parts[i]
    def __contains__(self, p): return p in self.parts
    def __call__(self, f): return Vector(*map(f, self))
    def __or__(self, o): return Vector(*self.parts, *o.parts)
    def __xor__(self, o): return ("xor", len(o))
    def __and__(self, o): return [a for a in self if a in o]
    def __ior__(self, o):
        self.parts += o.parts
        return self
    def __invert__(self): return Vector(*reversed(self.parts))
    def __lshift__(self, n): return Vector(*self.parts[n:], *self.parts[:n])
    def __divmod__(self, k): return Vector(*(p // k for p in self)), Vector(*(p % k for p in self))
    def __int__(self): return int(abs(self))
    def __index__(self): return len(self.parts)
    def __format__(self, spec): return "<" + ", ".join(format(p, spec) for p in self) + ">"
    def __round__(self, n=0): return Vector(*(round(p, n) for p in self))


async def workflow(rows):
    "use workflow"
    a, b = (Vector(*row) for row in rows)
    c = a
    c |= b
    total = sum([Vector(1, 1), Vector(2, 3)])
    try:
        a * None
    except TypeError as exc:
        said = str(exc)
    scored = await steps.score(list(a))
    first, *rest = b
    return [str(x) for x in (a, c is a, total, 2 * b, -b, b @ b, abs(Vector(3, 4)), bool(Vector(0)), b[1:], b[0], 2 in b, b(lambda v: v + 1),
            b | b, b ^ b, b & Vector(2), ~b, b << 1, divmod(b, 2), int(b), bin(b), f"{b:.1f}", round(Vector(1.256), 1), b - b == Vector(0, 0), said, first, rest, scored)]
