"""Which order sets have in a source: that of insertion, on every machine and replay.

CPython orders sets by hash, and many hashes are addresses. Here `set` and `frozenset` are these
classes, literals and comprehensions make them (`guest.transform`), and the algebra of dict views,
which CPython answers with a plain set, is put in order by the operators below.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Any, Final, Self, TypeGuard

__all__ = ["OPERATORS", "OrderedFrozenSet", "OrderedSet"]

_SETS: Final[tuple[type, ...]] = (set, frozenset)
_NOTHING: Final[dict[Any, Any]] = {}
_OPERANDS: Final[tuple[type, ...]] = (*_SETS, type(_NOTHING.keys()), type(_NOTHING.items()))


def _is_set(other: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(other, _SETS)


def _is_operand(other: object) -> TypeGuard[Iterable[Any]]:
    """Whether CPython answers a sign between a set and this one with a set."""
    return isinstance(other, _OPERANDS)


def _union(left: Iterable[Any], others: Iterable[Iterable[Any]]) -> dict[Any, None]:
    found = dict.fromkeys(left)
    for other in others:
        found.update(dict.fromkeys(other))
    return found


def _intersection(left: Iterable[Any], others: Iterable[Iterable[Any]]) -> dict[Any, None]:
    found = dict.fromkeys(left)
    for other in others:
        kept = dict.fromkeys(other)
        found = {item: None for item in found if item in kept}
    return found


def _difference(left: Iterable[Any], others: Iterable[Iterable[Any]]) -> dict[Any, None]:
    found = dict.fromkeys(left)
    for other in others:
        for item in other:
            found.pop(item, None)
    return found


def _symmetric(left: Iterable[Any], right: Iterable[Any]) -> dict[Any, None]:
    first, second = dict.fromkeys(left), dict.fromkeys(right)
    found = {item: None for item in first if item not in second}
    found.update((item, None) for item in second if item not in first)
    return found


def _key(element: Any) -> Any:
    """Return what a set is asked for when it is asked for a set."""
    return frozenset(element) if _is_set(element) else element


class OrderedSet(set[Any]):
    """A set that iterates in the order of insertion.

    >>> OrderedSet("banana") - {"n"}
    {'b', 'a'}
    """

    __slots__ = ("_order",)
    _order: dict[Any, None]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        made = super().__new__(cls)
        made._order = {}  # a class derived from set need not call its __init__
        return made

    def __init__(self, iterable: Iterable[Any] = (), /) -> None:
        self._order = dict.fromkeys(iterable)
        super().__init__(self._order)

    @staticmethod
    def _of(order: dict[Any, None]) -> OrderedSet:
        made = OrderedSet()
        made._become(order)
        return made

    def _become(self, order: dict[Any, None]) -> None:
        self._order = order
        super().clear()
        super().update(order)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._order)

    def __repr__(self) -> str:
        name = type(self).__name__
        if not self._order:
            return f"{name}()"
        body = "{" + ", ".join(map(repr, self._order)) + "}"
        return body if name == "set" else f"{name}({body})"

    def add(self, element: Any, /) -> None:
        super().add(element)
        self._order.setdefault(element)

    def discard(self, element: Any, /) -> None:
        super().discard(element)
        self._order.pop(_key(element), None)

    def remove(self, element: Any, /) -> None:
        super().remove(element)
        del self._order[_key(element)]

    def pop(self) -> Any:
        if not self._order:
            msg = "pop from an empty set"
            raise KeyError(msg)
        element = next(iter(self._order))
        self.discard(element)
        return element

    def clear(self) -> None:
        super().clear()
        self._order.clear()

    def copy(self) -> Self:
        made = type(self).__new__(type(self))
        OrderedSet._become(made, dict(self._order))
        return made

    __copy__ = copy

    def update(self, *others: Iterable[Any]) -> None:
        for other in others:
            added = dict.fromkeys(other)
            super().update(added)
            self._order.update(added)

    def union(self, *others: Iterable[Any]) -> OrderedSet:
        return self._of(_union(self._order, others))

    def intersection(self, *others: Iterable[Any]) -> OrderedSet:
        return self._of(_intersection(self._order, others))

    def difference(self, *others: Iterable[Any]) -> OrderedSet:
        return self._of(_difference(self._order, others))

    def symmetric_difference(self, other: Iterable[Any], /) -> OrderedSet:
        return self._of(_symmetric(self._order, other))

    def intersection_update(self, *others: Iterable[Any]) -> None:
        self._become(_intersection(self._order, others))

    def difference_update(self, *others: Iterable[Any]) -> None:
        self._become(_difference(self._order, others))

    def symmetric_difference_update(self, other: Iterable[Any], /) -> None:
        self._become(_symmetric(self._order, other))

    def __or__(self, other: object) -> Any:
        return self.union(other) if _is_operand(other) else NotImplemented

    def __and__(self, other: object) -> Any:
        return self.intersection(other) if _is_operand(other) else NotImplemented

    def __sub__(self, other: object) -> Any:
        return self.difference(other) if _is_operand(other) else NotImplemented

    def __xor__(self, other: object) -> Any:
        return self.symmetric_difference(other) if _is_operand(other) else NotImplemented

    def __ror__(self, other: object) -> Any:
        return OrderedSet(other).union(self) if _is_operand(other) else NotImplemented

    def __rand__(self, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return OrderedSet(other).intersection(self)

    def __rsub__(self, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return OrderedSet(other).difference(self)

    def __rxor__(self, other: object) -> Any:
        if not _is_operand(other):
            return NotImplemented
        return OrderedSet(other).symmetric_difference(self)

    # As in CPython, these change the object only if the other one is a set.
    def __ior__(self, other: object) -> Any:
        if not _is_set(other):
            return NotImplemented
        self.update(other)
        return self

    def __iand__(self, other: object) -> Any:
        if not _is_set(other):
            return NotImplemented
        self.intersection_update(other)
        return self

    def __isub__(self, other: object) -> Any:
        if not _is_set(other):
            return NotImplemented
        self.difference_update(other)
        return self

    def __ixor__(self, other: object) -> Any:
        if not _is_set(other):
            return NotImplemented
        self.symmetric_difference_update(other)
        return self


class OrderedFrozenSet(frozenset[Any]):
    """A frozenset that iterates in the order in which it was made.

    >>> OrderedFrozenSet("banana") | {"x"}
    frozenset({'b', 'a', 'n', 'x'})
    """

    __slots__ = ("_order",)
    _order: dict[Any, None]

    def __new__(cls, iterable: Iterable[Any] = (), /) -> Self:
        order = dict.fromkeys(iterable)
        made = super().__new__(cls, order)
        made._order = order
        return made

    def __iter__(self) -> Iterator[Any]:
        return iter(self._order)

    def __repr__(self) -> str:
        body = "{" + ", ".join(map(repr, self._order)) + "}" if self._order else ""
        return f"{type(self).__name__}({body})"

    def copy(self) -> Self:
        return self

    def union(self, *others: Iterable[Any]) -> OrderedFrozenSet:
        return OrderedFrozenSet(_union(self._order, others))

    def intersection(self, *others: Iterable[Any]) -> OrderedFrozenSet:
        return OrderedFrozenSet(_intersection(self._order, others))

    def difference(self, *others: Iterable[Any]) -> OrderedFrozenSet:
        return OrderedFrozenSet(_difference(self._order, others))

    def symmetric_difference(self, other: Iterable[Any], /) -> OrderedFrozenSet:
        return OrderedFrozenSet(_symmetric(self._order, other))

    def __or__(self, other: object) -> Any:
        return self.union(other) if _is_operand(other) else NotImplemented

    def __and__(self, other: object) -> Any:
        return self.intersection(other) if _is_operand(other) else NotImplemented

    def __sub__(self, other: object) -> Any:
        return self.difference(other) if _is_operand(other) else NotImplemented

    def __xor__(self, other: object) -> Any:
        return self.symmetric_difference(other) if _is_operand(other) else NotImplemented


for _kind, _name in ((OrderedSet, "set"), (OrderedFrozenSet, "frozenset")):
    # What a source sees of them in `repr(type(x))` and in messages.
    _kind.__name__ = _kind.__qualname__ = _name
    _kind.__module__ = "builtins"


# What most signs stand between; nothing with these on the left makes a plain set.
_QUICK: Final = frozenset({int, float, bool, Decimal, str})


def _readable_twice(operand: Any) -> Any:
    return list(operand) if issubclass(type(operand), Iterator) else operand


def _binary(
    name: str, plain: Callable[[Any, Any], Any], ordered: Callable[[Any, Any], dict[Any, None]]
) -> Callable[[Any, Any], Any]:
    """Return an operator that answers the views of mappings with an ordered set."""

    def operate(left: Any, right: Any, /) -> Any:
        if type(left) in _QUICK:
            return plain(left, right)
        if not isinstance(left, AbstractSet) and not isinstance(right, AbstractSet):
            return plain(left, right)
        # An iterator can be read only once; views take any iterable on the other side.
        first, second = _readable_twice(left), _readable_twice(right)
        result = plain(first, second)
        if type(result) is set:
            return OrderedSet(ordered(first, second))
        return result

    operate.__name__ = operate.__qualname__ = name
    operate.__module__ = "_operator"
    return operate


_ORDERED: Final[dict[str, Callable[[Any, Any], dict[Any, None]]]] = {
    "or_": lambda left, right: _union(left, (right,)),
    "and_": lambda left, right: _intersection(left, (right,)),
    "sub": lambda left, right: _difference(left, (right,)),
    "xor": _symmetric,
    "ior": lambda left, right: _union(left, (right,)),
    "iand": lambda left, right: _intersection(left, (right,)),
    "isub": lambda left, right: _difference(left, (right,)),
    "ixor": _symmetric,
}

OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    name: _binary(name, getattr(operator, name), ordered) for name, ordered in _ORDERED.items()
}
"""Operators by their names in the module `operator`, for use where a source writes a sign."""
