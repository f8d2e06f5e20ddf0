import dataclasses
import typing
from dataclasses import KW_ONLY, InitVar, dataclass, field, fields, make_dataclass
from typing import Any, ClassVar


@dataclass(slots=True, kw_only=True)
class Base:
    id: int
    created: str = "now"
    count: typing.ClassVar[int] = 0

    def __post_init__(self):
        Base.count += 1


@dataclass(slots=True)
class Person(Base):
    name: str
    _: KW_ONLY
    email: str | None = None
    raw: InitVar[str] = ""
    other: dataclasses.InitVar[int] = 0
    tags: list[str] = field(default_factory=list, repr=False, metadata={"max": 3})
    seen: ClassVar[set] = set()

    def __post_init__(self, raw, other):
        Base.__post_init__(self)
        if raw:
            self.email = raw.strip().lower()
        self.tags += ["x"] * other


@dataclass(frozen=True, order=True)
class Priority:
    level: int
    label: str = field(compare=False, default="")
    slug: str = field(init=False, default="")

    def __post_init__(self):
        object.__setattr__(self, "slug", f"{self.level}-{self.label.lower()}")


Point = make_dataclass("Point", [("x", int), ("y", int, 0)], namespace={"norm1": lambda self: abs(self.x) + abs(self.y)})


async def workflow(rows):
    "use workflow"
    people = [Person(r["name"], id=i, raw=r.get("mail", ""), other=i) for i, r in enumerate(rows)]
    stored = await asyncio.gather(*(steps.save(dataclasses.asdict(p)) for p in people))
    problems = []
    for attempt in (lambda: Person("x"), lambda: Priority(1).__setattr__("level", 2), lambda: setattr(people[0], "colour", 1), lambda: Point()):
        try:
            attempt()
        except (TypeError, AttributeError) as exc:
            problems.append(type(exc).__name__)
    return {
        "people": [repr(p) for p in people], "stored": stored, "fields": [f.name for f in fields(Person)], "count": Base.count,
        "meta": dict(fields(Person)[-1].metadata), "problems": problems, "order": [p.slug for p in sorted([Priority(2, "B"), Priority(1, "A")])],
        "equal": Priority(1, "a") == Priority(1, "b"), "point": (str(Point(3)), Point(-1, 2).norm1(), dataclasses.astuple(Point(1))),
        "replaced": dataclasses.replace(Priority(1, "a"), level=5).slug, "is": dataclasses.is_dataclass(Person), "set": len({Priority(1), Priority(1, "z")}),
    }
