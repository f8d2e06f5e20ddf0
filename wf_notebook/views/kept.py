"""What is kept from one snapshot to the next, so that a change costs what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Kept(Generic[T]):
    """What was made of each thing, made anew only when the facts it is made of have changed.

    Attributes:
        made: how often something was made.
    """

    def __init__(self) -> None:
        self.made = 0
        self._kept: dict[str, tuple[tuple[object, ...], T]] = {}

    def of(self, key: str, facts: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what is made of the facts; entities are frozen, so identity is looked at first."""
        found = self._kept.get(key)
        if found is not None and found[0] == facts:
            return found[1]
        self.made += 1
        made = make()
        self._kept[key] = (facts, made)
        return made
