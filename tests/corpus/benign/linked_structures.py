from __future__ import annotations
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field


@dataclass
class Node:
    value: int
    left: Node | None = None
    right: Node | None = None

    def insert(self, value: int) -> Node:
        side = "left" if value < self.value else "right"
        match side:
            case "left":
                self.left = self.left.insert(value) if self.left else Node(value)
            case "right":
                self.right = self.right.insert(value) if self.right else Node(value)
        return self

    def __iter__(self) -> Iterator[int]:
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right

    def __len__(self):
        return 1 + len(self.left or ()) + len(self.right or ())

    @property
    def depth(self) -> int:
        return 1 + max((n.depth for n in (self.left, self.right) if n), default=0)


class CaseInsensitive(MutableMapping):
    def __init__(self, data=(), /, **kwargs):
        self._store = {}
        self.update(data, **kwargs)

    def __getitem__(self, key):
        return self._store[key.lower()][1]

    def __setitem__(self, key, value):
        self._store[key.lower()] = (key, value)

    def __delitem__(self, key):
        del self._store[key.lower()]

    def __iter__(self):
        return (original for original, _ in self._store.values())

    def __len__(self):
        return len(self._store)


class Stack(list):
    def push(self, *items):
        self.extend(items)
        return self

    @property
    def top(self):
        return self[-1] if self else None


async def workflow():
    "use workflow"
    first, *rest = await steps.numbers()
    root = Node(first)
    for n in rest:
        root.insert(n)
    headers = CaseInsensitive(await steps.headers(), ETag="x")
    headers["CONTENT-TYPE"] = "text/plain"
    had = headers.pop("x-none", None), headers.setdefault("Accept", "*/*"), "etag" in headers
    del headers["ETAG"]
    stack = Stack().push(1, 2, 3)
    stack.pop()
    return list(root), len(root), root.depth, dict(headers), had, stack.top, stack + [9], isinstance(stack, list), Node(1) == Node(1), headers == {"Content-Type": 1}
