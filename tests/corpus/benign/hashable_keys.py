from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, order=True)
class Cell:
    row: int
    column: int

    def __add__(self, other):
        return Cell(self.row + other.row, self.column + other.column)

    def neighbours(self):
        return [self + Cell(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1) if (dr, dc) != (0, 0)]


class Edge(NamedTuple):
    a: str
    b: str

    @classmethod
    def of(cls, *ends):
        return cls(*sorted(ends))


class Name:
    def __init__(self, text):
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Name) and self.text.casefold() == other.text.casefold()

    def __hash__(self):
        return hash(self.text.casefold())


def step_life(alive):
    counts = {}
    for cell in alive:
        for n in cell.neighbours():
            counts[n] = counts.get(n, 0) + 1
    return {c for c, k in counts.items() if k == 3 or (k == 2 and c in alive)}


async def workflow(picture):
    "use workflow"
    alive = {Cell(r, c) for r, line in enumerate(picture) for c, ch in enumerate(line) if ch == "#"}
    for generation in range(3):
        alive = step_life(alive)
        await steps.draw(generation, sorted((c.row, c.column) for c in alive))
    graph = {Edge.of("b", "a"): 1, Edge.of("a", "b"): 2, Edge.of("c", "a"): 3}
    people = {Name("Ada"): 1}
    people[Name("ADA")] = 2
    nested = {frozenset({1, 2}): "x", (1, (2, 3)): "y"}
    try:
        {[]: 1}
    except TypeError as exc:
        said = str(exc)
    return len(graph), graph[("a", "b")], list(people.values()), Name("aDA") in people, nested[frozenset([2, 1])], said, min(alive)
