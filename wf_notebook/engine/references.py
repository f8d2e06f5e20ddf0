"""Which data stays with the host while a guest holds references to it, and how both are matched.

A guest is told of a frame or an array without its bytes. What it then asks for names them by
their digest; they are put back before anything is recorded, so that the log holds whole values.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import GuestProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wf_notebook.guest.values import Tree

__all__ = ["Shelf", "given", "light", "named", "whole"]

SHELF_CHARS: Final = 256 << 20  # what is kept at hand; the rest is read from the log again


def light(tree: Any) -> Any:
    """Return a tree without the bytes of frames and arrays: what a guest is told.

    >>> light([1, {"$t": "opaque", "v": {"sha256": "5eed"}, "arrow": "////"}])
    [1, {'$t': 'opaque', 'v': {'sha256': '5eed'}}]
    """
    return _replaced(tree, lambda opaque: {"$t": "opaque", "v": opaque["v"]})


def whole(tree: Any, known: Mapping[str, Tree]) -> Any:
    """Return a guest's tree with the bytes put back; of a reference only its digest counts.

    Raises:
        GuestProtocolError: it names what it was never given.
    """

    def found(opaque: dict[str, Any]) -> Tree:
        digest = _digest(opaque)
        if digest not in known:
            msg = "The guest named a frame or an array that it was not given."
            raise GuestProtocolError(msg, hint="The run was stopped.")
        return known[digest]

    return _replaced(tree, found)


def named(tree: Any) -> set[str]:
    """Return the digests of the frames and arrays in a tree."""
    return {_digest(opaque) for opaque in _opaques(tree)}


def given(trees: Iterable[Any]) -> dict[str, Tree]:
    """Return the frames and arrays in whole trees, by digest."""
    return {_digest(opaque): cast("Tree", opaque) for tree in trees for opaque in _opaques(tree)}


class Shelf:
    """The frames and arrays that were used last, by run and digest.

    Args:
        limit: characters to keep at most.
    """

    def __init__(self, limit: int = SHELF_CHARS) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[tuple[str, str], dict[str, Tree]] = OrderedDict()

    def light(self, run_id: str, tree: Any) -> Any:
        """Return a tree without the bytes of frames and arrays, which are kept."""
        found = _opaques(tree)
        self._keep(run_id, found)
        return light(tree) if found else tree

    def keep(self, run_id: str, tree: Any, only: set[str]) -> None:
        """Keep what `only` names of a whole tree."""
        self._keep(run_id, [found for found in _opaques(tree) if _digest(found) in only])

    def _keep(self, run_id: str, opaques: Iterable[dict[str, Any]]) -> None:
        for opaque in opaques:
            self._put((run_id, _digest(opaque)), opaque)

    def _put(self, key: tuple[str, str], opaque: dict[str, Tree]) -> None:
        if key not in self._kept:
            self._size += _chars(opaque)
        self._kept[key] = opaque
        self._kept.move_to_end(key)

    def find(self, run_id: str, digests: Iterable[str]) -> dict[str, Tree]:
        """Return those of a run that are here."""
        keys = [(run_id, digest) for digest in digests]
        return {key[1]: cast("Tree", self._kept[key]) for key in keys if key in self._kept}

    def trim(self) -> None:
        """Let go of what was not used for longest, as far as it is too much."""
        while self._size > self._limit:
            _, opaque = self._kept.popitem(last=False)
            self._size -= _chars(opaque)

    def drop(self, run_id: str) -> None:
        """Let go of all that is a run's."""
        for key in [key for key in self._kept if key[0] == run_id]:
            self._size -= _chars(self._kept.pop(key))


def _chars(opaque: Mapping[str, Any]) -> int:
    return len(opaque["arrow"])


def _digest(opaque: Mapping[str, Any]) -> str:
    """Return the digest that a reference names; a guest may have written anything there."""
    facts = opaque.get("v")
    return str(cast("dict[str, Any]", facts).get("sha256")) if isinstance(facts, dict) else ""


def _is_opaque(tree: dict[str, Any]) -> bool:
    return tree.get("$t") == "opaque"  # a dict of the user's with that key has a tag of its own


def _opaques(tree: Tree) -> list[dict[str, Any]]:
    """Return the trees of frames and arrays in a tree."""
    found: list[dict[str, Any]] = []
    stack = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if _is_opaque(part):
                found.append(part)
                continue
            part = list(part.values())
        if isinstance(part, list):
            stack += [x for x in part if type(x) is dict or type(x) is list]
    return found


def _replaced(tree: Any, make: Callable[[dict[str, Any]], Any]) -> Any:
    """Return a tree with its frames and arrays replaced; the same object if it has none."""
    return _rebuilt(tree, make) if _opaques(tree) else tree


def _rebuilt(tree: Tree, make: Callable[[dict[str, Any]], Any]) -> Any:
    if isinstance(tree, dict):
        if _is_opaque(tree):
            return make(tree)
        return {name: _rebuilt(part, make) for name, part in tree.items()}
    return [_rebuilt(part, make) for part in tree] if isinstance(tree, list) else tree
