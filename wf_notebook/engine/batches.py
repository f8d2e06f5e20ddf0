"""How much a guest is told at once: no more than a message may hold, nor than keeps people waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["batches", "weight"]

_MOST: Final = 1_000  # told at once: between batches progress is shown
_WIDEST: Final = 12  # bytes that a character may take in a message: two halves of six


def weight(tree: Any) -> int:
    """Return about how many characters a tree has as JSON, quickly."""
    return len(repr(tree))


def batches(weights: Sequence[int], message_bytes: int) -> Iterator[slice]:
    """Give which of some things go into one message each, in order.

    Args:
        weights: of each; what is heavier than a message may be goes alone.
        message_bytes: how long a message may be.

    >>> list(batches([10, 20, 500, 10], message_bytes=12 * 100))
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None)]
    """
    begin, total = 0, 0
    for index, its in enumerate(weights):
        full = index - begin == _MOST or (total + its) * _WIDEST > message_bytes
        if full and index > begin:
            yield slice(begin, index)
            begin, total = index, 0
        total += its
    yield slice(begin, len(weights))
