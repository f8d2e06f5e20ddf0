from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Options(TypedDict, total=False):
    mode: Literal["fast", "full"]
    depth: int


LIMITS: Final = {"fast": 1, "full": 10}
matrix = [[row * column for column in range(4)] for row in range(3)]


async def workflow(items: "Sequence[Mapping[str, Any]]", options: Options | None = None):
    "use workflow"
    mode = (options or {}).get("mode", "fast")
    names = {item["name"] for item in items if (name := item.get("name")) and name.strip()}
    lengths = {name: len(name) for name in sorted(names, key=str.lower)}
    squares = tuple(n**2 for n in lengths.values())
    found = [await steps.lookup(name) for name in lengths]
    sizes = [size async for size in sizes_of(found) if size > LIMITS[mode]]
    transposed = [*zip(*matrix)]
    merged = {**lengths, "total": sum(squares, 0), **dict(enumerate(sizes))}
    first, *rest = transposed
    del merged["total"]
    return cast("dict[str, int]", merged), first, rest, any(x > 3 for x in squares), name


async def sizes_of(found):
    for thing in found:
        yield thing.size
