"""Which parts of a value are stored apart, and once only: its long texts.

A data frame that goes from step to step stands in an event each time; what it weighs is one text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.world.codec import INLINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.values import Tree

__all__ = ["joined", "parted"]

_TAG: Final = "part"  # no value has it: `guest.values` knows all tags


def parted(tree: Mapping[str, Tree]) -> tuple[Tree, list[str]]:
    """Return a tree with its long texts taken out, and these, each once.

    >>> long = "x" * INLINE_BYTES
    >>> tree, texts = parted({"a": long, "b": [long, "short"]})
    >>> tree, texts == [long]
    ({'a': {'$t': 'part', 'v': 0}, 'b': [{'$t': 'part', 'v': 0}, 'short']}, True)
    """
    numbers: dict[str, int] = {}

    def taken(part: Tree) -> Any:
        if isinstance(part, str):
            if len(part) < INLINE_BYTES:
                return part
            return {"$t": _TAG, "v": numbers.setdefault(part, len(numbers))}
        if isinstance(part, dict):
            return {name: taken(inner) for name, inner in part.items()}
        return [taken(inner) for inner in part] if isinstance(part, list) else part

    return taken(dict(tree)), list(numbers)


def joined(tree: Tree, texts: Sequence[str]) -> Tree:
    """Return the tree again, with its texts put back.

    Raises:
        IndexError: one is missing.

    >>> joined({"a": {"$t": "part", "v": 0}}, ["long"])
    {'a': 'long'}
    """
    if isinstance(tree, dict):
        if tree.get("$t") == _TAG:
            return texts[cast("int", tree["v"])]
        return {name: joined(inner, texts) for name, inner in tree.items()}
    return [joined(inner, texts) for inner in tree] if isinstance(tree, list) else tree
