"""How long a value is as JSON, and which part of it is most of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.guest.values import Unencodable, path_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.guest.values import Tree

__all__ = ["HINT", "MAX_BYTES", "TooLong", "check_length", "parts", "too_long"]

MAX_BYTES: Final = 64 << 20  # of one event's values; larger ones belong in a file passed by name
HINT: Final = "Write it to a file or a table in a step and pass its name."

_ROOM: Final = 1 << 10  # for what an event holds besides the value
_MAIN_PART: Final = 2  # a part is named as the large one if it is more than a half
_dumps: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class TooLong(Unencodable):
    """A value is longer than one may be."""

    def __str__(self) -> str:
        return f"{super().__str__()}. {HINT}"


def check_length(tree: Tree, path: str) -> None:
    """Refuse a value that is too long to be recorded.

    Args:
        tree: the value's.
        path: what to call it in an error.

    Raises:
        TooLong: it is; `path` names the part that is most of it.

    >>> check_length({"body": "x" * MAX_BYTES}, "charge.return")
    Traceback (most recent call last):
        ...
    wf_notebook.guest.measure.TooLong: charge.return.body: most of 64.0 MiB, ...
    """
    if type(tree) in (dict, list) or (type(tree) is str and len(tree) > MAX_BYTES >> 3):
        size = _length(tree)
        if size > MAX_BYTES - _ROOM:
            raise too_long(tree, path, size)


def too_long(tree: object, path: str, size: int) -> TooLong:
    """Return the error for a value of `size` bytes, with the path of the part that is to blame."""
    where = _heaviest(tree, path, size)
    share = "" if where == path else "most of "
    total = f"{size / (1 << 20):.1f} MiB"
    return TooLong(f"{share}{total}, more than the {MAX_BYTES >> 20} that a value may have", where)


def _length(tree: object) -> int:
    text = _dumps(tree)
    if len(text) * 4 <= MAX_BYTES:
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def _heaviest(tree: object, path: str, size: int) -> str:
    """Follow the part that is most of the whole, as long as there is one."""
    for inner, part in parts(tree, path):
        if (length := _length(part)) * _MAIN_PART > size:
            return _heaviest(part, inner, length)
    return path


def parts(tree: object, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what a tree is made of, as the value's author knows it: tags are not shown.

    >>> list(parts({"$t": "record", "name": "Order", "v": {"id": "A"}}, "order"))
    [('order.id', 'A')]
    >>> list(parts({"$t": "dict", "v": [[1, "x"]]}, "order"))
    [('order[1]', 'x')]
    """
    if isinstance(tree, Mapping):
        fields = cast("Mapping[object, object]", tree)
        if "$t" in fields:
            yield from _inside(fields, path)
            return
        for key, part in fields.items():
            yield path + path_step(key), part
    elif isinstance(tree, list):
        for index, part in enumerate(cast("list[object]", tree)):
            yield f"{path}[{index}]", part


def _inside(tagged: Mapping[object, object], path: str) -> Iterator[tuple[str, Any]]:
    body = tagged.get("v")
    match tagged["$t"]:
        case "record" | "tuple" | "set" | "frozenset":
            yield from parts(body, path)
        case "dict" if isinstance(body, list):
            for key, part in cast("list[list[object]]", body):
                yield f"{path}[{key!r}]" if not isinstance(key, dict) else f"{path}[…]", part
        case _:
            pass
