"""What a model, a dataclass or a named tuple is on the other side: a read-only record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn, cast

if TYPE_CHECKING:
    from abc import ABCMeta

__all__ = ["Record", "record_fields", "record_name"]

# They give way to fields of the same name: `order.items` is the field, if there is one.
_MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})


class Record:
    """A named, read-only group of fields: `order.id` and `order["id"]` are the same.

    Iterating gives the names, as for a dict, and `{**order, "id": "B"}` makes a dict of it. It
    has no public names of its own: `get`, `items`, `keys` and `values` work as a dict's, unless
    a field has that name.

    >>> order = Record("Order", {"id": "A", "items": [1, 2]})
    >>> order.id, order["items"], "id" in order, list(order)
    ('A', [1, 2], True, ['id', 'items'])
    >>> order
    Order(id='A', items=[1, 2])
    """

    __slots__ = ("_Record__fields", "_Record__name")
    __fields: Mapping[str, object]
    __name: str

    def __init__(self, name: str, fields: Mapping[str, object] | Iterable[tuple[str, object]]):
        object.__setattr__(self, "_Record__name", name)
        object.__setattr__(self, "_Record__fields", MappingProxyType(dict(fields)))

    def __getattr__(self, name: str) -> object:
        try:
            return self.__fields[name]
        except KeyError:
            if name in _MAPPING_METHODS:
                return getattr(self.__fields, name)
        names = ", ".join(self.__fields)
        msg = f"{self.__name} has no field {name!r}; its fields are: {names}"
        raise AttributeError(msg, name=name, obj=self)

    def __getitem__(self, name: str) -> object:
        return self.__fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self.__fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.__fields)

    def __len__(self) -> int:
        return len(self.__fields)

    def __dir__(self) -> list[str]:
        return list(self.__fields)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        self.__refuse(name)

    def __delattr__(self, name: str) -> NoReturn:
        self.__refuse(name)

    def __refuse(self, name: str) -> NoReturn:
        msg = f"{self.__name} is read-only; make a dict of it: {{**record, {name!r}: ...}}"
        raise AttributeError(msg, name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        return self.__name == other.__name and self.__fields == other.__fields

    def __hash__(self) -> int:
        return hash((self.__name, tuple(self.__fields.items())))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__fields.items())
        return f"{self.__name}({fields})"

    def __reduce__(self) -> tuple[type[Record], tuple[str, dict[str, object]]]:
        return (Record, (self.__name, dict(self.__fields)))


# `match order: case {"id": id}` asks for a Mapping.
cast("ABCMeta", Mapping).register(Record)


def record_name(record: Record) -> str:
    """Return the name of the type that a record stands for.

    >>> record_name(Record("Order", {}))
    'Order'
    """
    name: str = object.__getattribute__(record, "_Record__name")
    return name


def record_fields(record: Record) -> Mapping[str, object]:
    """Return a record's fields by name, in order.

    >>> dict(record_fields(Record("Order", {"id": 1})))
    {'id': 1}
    """
    fields: Mapping[str, object] = object.__getattribute__(record, "_Record__fields")
    return fields
