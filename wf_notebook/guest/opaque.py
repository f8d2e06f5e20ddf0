"""What a data frame or an array is to a source: a reference, to be passed on to steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Opaque", "opaque_facts"]

_FACTS: Final = ("kind", "shape", "columns", "dtype")


class Opaque:
    """A value of a data library, which stays with the host.

    It goes wherever a value goes: to steps, into lists, dicts and records, out as a result. Two
    are equal if they are of one kind and hold the same. All else is for a step to do.

    Attributes:
        kind: the type it stands for, such as "pandas.DataFrame".
        shape: how many there are in each dimension.
        columns: the names of the columns as texts; None for what has none.
        dtype: of its elements, as a text; None for what has columns.

    >>> facts = {"kind": "pandas.DataFrame", "shape": [3, 2], "columns": ["id", "sum"],
    ...          "dtype": None, "sha256": "5eed"}
    >>> orders = Opaque(facts)
    >>> orders, orders.kind, orders.columns
    (<pandas.DataFrame 3×2>, 'pandas.DataFrame', ('id', 'sum'))
    >>> orders == Opaque(facts), orders is None
    (True, False)
    """

    __slots__ = ("_Opaque__facts", "columns", "dtype", "kind", "shape")
    __facts: Mapping[str, Any]
    kind: str
    shape: tuple[int, ...]
    columns: tuple[str, ...] | None
    dtype: str | None

    def __init__(self, facts: Mapping[str, Any]):
        columns = facts["columns"]
        values = {
            "_Opaque__facts": dict(facts),
            "kind": facts["kind"],
            "shape": tuple(facts["shape"]),
            "columns": None if columns is None else tuple(columns),
            "dtype": facts["dtype"],
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        size = "×".join(map(str, self.shape)) or "scalar"
        return (
            f"<{self.kind} {size}>" if self.dtype is None else f"<{self.kind} {size} {self.dtype}>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Opaque):
            return NotImplemented
        mine, its = self.__facts, other.__facts
        return (mine["kind"], mine["sha256"]) == (its["kind"], its["sha256"])

    __hash__ = None  # type: ignore[assignment]  # as what it stands for

    def __dir__(self) -> list[str]:
        return list(_FACTS)

    def __getattr__(self, name: str) -> NoReturn:
        msg = f"{self!r} is only a reference here, with {', '.join(_FACTS)}: for {name!r}, {_PASS}"
        raise AttributeError(msg, name=name, obj=self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        msg = f"{self!r} is read-only; to change it, {_PASS}"
        raise AttributeError(msg, name=name, obj=self)

    def __delattr__(self, name: str) -> NoReturn:
        self.__setattr__(name, None)

    def __reduce__(self) -> tuple[type[Opaque], tuple[dict[str, Any]]]:
        return (Opaque, (dict(self.__facts),))


_PASS: Final = "pass it to a step"  # noqa: S105 - no password

# What Python asks an object to do, and in which words to refuse it.
_REFUSED: Final = {
    "tested for truth (compare it with `is None`)": "bool",
    "counted": "len",
    "iterated over": "iter reversed",
    "looked into": "getitem contains",
    "changed": "setitem delitem iadd isub imul imatmul itruediv ifloordiv imod ipow iand ior ixor "
    "ilshift irshift",
    "compared": "lt le gt ge",
    "called": "call",
    "made a number": "int float complex index round trunc floor ceil",
    "computed with": "add sub mul matmul truediv floordiv mod divmod pow and or xor lshift rshift "
    "radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rand ror rxor rlshift rrshift "
    "neg pos abs invert",
}


def _refusal(what: str) -> Any:
    def refuse(self: Opaque, *_: object) -> NoReturn:
        msg = f"{self!r} is only a reference here and cannot be {what}: {_PASS}"
        raise TypeError(msg)

    return refuse


for _what, _names in _REFUSED.items():
    for _name in _names.split():
        setattr(Opaque, f"__{_name}__", _refusal(_what))


def opaque_facts(value: Opaque) -> dict[str, Any]:
    """Return what crosses of a reference: `kind, shape, columns, dtype, sha256`.

    >>> facts = {"kind": "numpy.ndarray", "shape": [2], "columns": None, "dtype": "int64",
    ...          "sha256": "5eed"}
    >>> opaque_facts(Opaque(facts)) == facts
    True
    """
    facts: dict[str, Any] = object.__getattribute__(value, "_Opaque__facts")
    return dict(facts)
