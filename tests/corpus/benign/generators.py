from collections.abc import AsyncIterator, Iterator
from itertools import chain, islice
from typing import Any


def batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


async def pages(source: str) -> AsyncIterator[Any]:
    cursor = None
    while True:
        page = await steps.fetch_page(source, cursor=cursor)
        yield page
        cursor = page.next
        if cursor is None:
            return


def flatten(tree):
    for node in tree:
        if isinstance(node, (list, tuple)):
            yield from flatten(node)
        else:
            yield node


async def workflow(source, size=10):
    "use workflow"
    rows = [row async for page in pages(source) for row in page.rows if row is not None]
    stored = [await steps.store(batch) for batch in batches(rows, size)]
    counts = {kind: n async for kind, n in tally(rows)}
    return {"stored": sum(stored), "flat": list(chain(flatten([1, [2, (3, 4)]]))), "counts": counts}


async def tally(rows):
    seen = {}
    for row in rows:
        seen[row.kind] = seen.get(row.kind, 0) + 1
    for kind in sorted(seen):
        yield kind, seen[kind]
