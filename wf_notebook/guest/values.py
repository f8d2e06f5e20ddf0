"""How values cross the boundary: as JSON, with tags for what JSON lacks.

Plain JSON stays plain; anything else is `{"$t": TAG, "v": ...}`. Reading a tree never runs code:
the tags are a closed list and records are inert.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, DecimalException
from enum import Enum
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from wf_notebook.guest.opaque import Opaque, opaque_facts
from wf_notebook.guest.records import Record, record_fields, record_name

__all__ = [
    "MAX_DEPTH",
    "Record",
    "Tree",
    "Unencodable",
    "canonical",
    "decode",
    "encode",
    "is_tree",
    "path_step",
    "record_fields",
    "record_name",
]

Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"
Default: TypeAlias = Callable[[object], Tree]

MAX_DEPTH: Final = 100  # levels of the tree; readers of JSON stop at about 200
_SAFE_INT: Final = 1 << 53  # what every reader of JSON keeps exactly
_TAG: Final = "$t"


class Unencodable(TypeError):  # noqa: N818 - says what the value is
    """A value cannot cross.

    Attributes:
        path: where inside the value the trouble is, such as "args.order.items[3]".
        reason: what is wrong there.
    """

    def __init__(self, reason: str, path: str = ""):
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def inside(self, step: str) -> Unencodable:
        """Return the same trouble, seen from one level further out."""
        return Unencodable(self.reason, step + self.path)


class _TooDeep(Exception):  # noqa: N818 - private; becomes Unencodable at the top
    """The depth limit was reached at `value`; `path` grows as it unwinds."""

    def __init__(self, value: object):
        super().__init__()
        self.value = value
        self.path = ""
        self.cyclic = False

    def found(self, ancestor: object, step: str) -> None:
        """Note the way out, and that a value contains itself."""
        self.path = step + self.path
        if ancestor is self.value:
            self.cyclic = True
            self.path = ""


def path_step(key: object) -> str:
    """Return how a path goes on to what stands under a key.

    >>> path_step("items"), path_step("unit price"), path_step(3)
    ('.items', "['unit price']", '[3]')
    """
    if isinstance(key, str) and key.isidentifier():
        return f".{key}"
    return f"[{key!r}]"


class _Encoder:
    """One walk over a value."""

    __slots__ = ("default",)

    def __init__(self, default: Default | None):
        self.default = default

    def tree(self, value: object, depth: int) -> Tree:
        kind = type(value)
        if kind is str:
            return _text(cast("str", value))
        if kind is int:
            return _integer(cast("int", value))
        if value is None or kind is bool:
            return cast("bool | None", value)
        if kind is float:
            return _float(cast("float", value))
        if depth > MAX_DEPTH:
            raise _TooDeep(value)
        if kind is dict:
            return self.mapping(cast("dict[object, object]", value), depth)
        if kind is list:
            return self.items(cast("list[object]", value), value, depth)
        return self.other(value, depth)

    def other(self, value: object, depth: int) -> Tree:
        tagged = _EXACT.get(type(value))
        if tagged is not None:
            return tagged(self, value, depth)
        if self.default is not None:
            found = self.default(value)
            if found is not NotImplemented:
                return found
        return self.derived(value, depth)

    def derived(self, value: object, depth: int) -> Tree:
        """Encode an instance of a class that somebody derived or defined."""
        if isinstance(value, Enum):
            return self.tree(value.value, depth)
        fields = _fields_of(value)
        if fields is not None:
            return self.record(type(value).__name__, fields, value, depth)
        for base, encoder in _BASES.items():
            if isinstance(value, base):
                return encoder(self, value, depth)
        msg = f"{_article(type(value).__name__)} cannot be recorded"
        raise Unencodable(msg)

    def items(self, items: Iterable[object], owner: object, depth: int) -> list[Tree]:
        trees: list[Tree] = []
        add, tree, inner = trees.append, self.tree, depth + 1
        try:
            for item in items:
                add(tree(item, inner))
        except Unencodable as error:
            raise error.inside(f"[{len(trees)}]") from None
        except _TooDeep as error:
            error.found(owner, f"[{len(trees)}]")
            raise
        return trees

    def mapping(self, value: dict[object, object], depth: int) -> Tree:
        if all(map(_is_plain_key, value)) and _TAG not in value:
            return self.fields(cast("dict[str, object]", value), value, depth)
        return {_TAG: "dict", "v": self.pairs(value, depth)}

    def fields(self, fields: Mapping[str, object], owner: object, depth: int) -> dict[str, Tree]:
        trees: dict[str, Tree] = {}
        tree, inner, name = self.tree, depth + 1, ""
        try:
            for name, item in fields.items():
                trees[name] = tree(item, inner)
        except Unencodable as error:
            raise error.inside(path_step(name)) from None
        except _TooDeep as error:
            error.found(owner, path_step(name))
            raise
        return trees

    def pairs(self, value: dict[object, object], depth: int) -> list[Tree]:
        pairs: list[Tree] = []
        key: object = None
        try:
            for key, item in value.items():
                pairs.append([self.tree(key, depth + 3), self.tree(item, depth + 3)])
        except Unencodable as error:
            raise error.inside(path_step(key)) from None
        except _TooDeep as error:
            error.found(value, path_step(key))
            raise
        return pairs

    def record(
        self, name: str, fields: Mapping[str, object], owner: object, depth: int
    ) -> dict[str, Tree]:
        return {_TAG: "record", "name": name, "v": self.fields(fields, owner, depth + 1)}


def _is_plain_key(key: object) -> bool:
    return type(key) is str and (key.isascii() or _well_formed(key))


def _well_formed(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: str) -> Tree:
    if value.isascii() or _well_formed(value):
        return value
    return {_TAG: "str", "v": value.encode("utf-16-be", "surrogatepass").hex()}


def _integer(value: int) -> Tree:
    if -_SAFE_INT <= value <= _SAFE_INT:
        return value
    try:
        return {_TAG: "int", "v": str(value)}
    except ValueError:
        msg = f"an integer of {value.bit_length()} bits is too long to be recorded"
        raise Unencodable(msg) from None


def _float(value: float) -> Tree:
    if math.isfinite(value):
        return value
    return {_TAG: "float", "v": repr(value)}


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _fields_of(value: object) -> Mapping[str, object] | None:
    """Return the fields of a record, a dataclass or a named tuple; None for anything else."""
    if isinstance(value, Record):
        return record_fields(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    names = getattr(type(value), "_fields", None)
    if isinstance(value, tuple) and isinstance(names, tuple):
        values = cast("tuple[object, ...]", value)
        return dict(zip(cast("tuple[str, ...]", names), values, strict=False))
    return None


def _sorted_set(encoder: _Encoder, value: object, depth: int) -> list[Tree]:
    """Encode a set that has no order of its own in one that doesn't depend on hashes."""
    found = encoder.items(cast("Iterable[object]", value), value, depth + 1)
    return sorted(found, key=canonical)


def _tagged(tag: str, write: Callable[[Any], Tree]) -> Callable[[_Encoder, Any, int], Tree]:
    return lambda _encoder, value, _depth: {_TAG: tag, "v": write(value)}


def _items(tag: str) -> Callable[[_Encoder, Any, int], Tree]:
    return lambda encoder, value, depth: {_TAG: tag, "v": encoder.items(value, value, depth + 1)}


def _write_bytes(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode("ascii")


def _write_datetime(value: datetime) -> str:
    return datetime.isoformat(value.replace(fold=0))


def _write_timedelta(value: timedelta) -> Tree:
    return [value.days, value.seconds, value.microseconds]


_SCALARS: Final[dict[type, Callable[[_Encoder, Any, int], Tree]]] = {
    bytes: _tagged("bytes", _write_bytes),
    bytearray: _tagged("bytearray", _write_bytes),
    datetime: _tagged("datetime", _write_datetime),
    date: _tagged("date", date.isoformat),
    time: _tagged("time", time.isoformat),
    timedelta: _tagged("timedelta", _write_timedelta),
    Decimal: _tagged("decimal", str),
    UUID: _tagged("uuid", str),
}
_EXACT: Final[dict[type, Callable[[_Encoder, Any, int], Tree]]] = {
    **_SCALARS,
    tuple: _items("tuple"),
    set: lambda encoder, value, depth: {_TAG: "set", "v": _sorted_set(encoder, value, depth)},
    frozenset: lambda encoder, value, depth: {
        _TAG: "frozenset",
        "v": _sorted_set(encoder, value, depth),
    },
    Record: lambda encoder, value, depth: encoder.record(
        record_name(value), record_fields(value), value, depth
    ),
    Opaque: lambda _encoder, value, _depth: {_TAG: "opaque", "v": opaque_facts(value)},
}
# Derived classes: the guest's own sets have an order, which is kept. A bool is never derived.
_BASES: Final[dict[type, Callable[[_Encoder, Any, int], Tree]]] = {
    str: lambda _encoder, value, _depth: _text(str.__str__(value)),
    int: lambda _encoder, value, _depth: _integer(int(value)),
    float: lambda _encoder, value, _depth: _float(float(value)),
    **_SCALARS,
    list: lambda encoder, value, depth: encoder.items(value, value, depth),
    dict: lambda encoder, value, depth: encoder.mapping(value, depth),
    tuple: _items("tuple"),
    frozenset: _items("frozenset"),
    set: _items("set"),
}


def encode(value: object, *, default: Default | None = None, path: str = "value") -> Tree:
    """Return the tree of a value.

    Dataclasses and named tuples become records, enum members their values, and instances of
    classes derived from the built-in ones are taken for those.

    Args:
        value: what shall cross.
        default: asked about everything that is not exactly one of the types with a tag; it
            returns a tree, or NotImplemented to leave the value to the rules above, and may
            raise `Unencodable` with a path of its own.
        path: what to call the value in an error.

    Raises:
        Unencodable: something in it cannot cross; `path` says where.

    >>> encode({"when": date(2026, 1, 2), "sum": 3})
    {'when': {'$t': 'date', 'v': '2026-01-02'}, 'sum': 3}
    """
    if value is None or type(value) is bool:
        return value
    try:
        return _Encoder(default).tree(value, 0)
    except Unencodable as error:
        raise error.inside(path) from None
    except _TooDeep as error:
        if error.cyclic:
            raise Unencodable("it contains itself", path + error.path) from None
        reason = f"nested deeper than {MAX_DEPTH} levels"
        raise Unencodable(reason, path) from None


class _NotATreeError(ValueError):
    """What was to be decoded is none of ours."""


# What the readers of tags raise for a body that none of ours has; UUID takes any object for a text.
_WRONG_BODY: Final = (
    AttributeError,
    DecimalException,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)


def _any(value: Any) -> Any:
    """Return a value as one that type checkers ask nothing about."""
    return value


class _Decoder:
    """One walk over a tree."""

    __slots__ = ("make_frozenset", "make_opaque", "make_set")

    def __init__(
        self,
        make_set: Callable[..., Any],
        make_frozenset: Callable[..., Any],
        make_opaque: Callable[[dict[str, Any]], Any],
    ):
        self.make_set = make_set
        self.make_frozenset = make_frozenset
        self.make_opaque = make_opaque

    def value(self, tree: Any, depth: int) -> Any:
        if type(tree) is not dict and type(tree) is not list:
            return tree
        if depth > MAX_DEPTH:
            msg = f"nested deeper than {MAX_DEPTH} levels"
            raise _NotATreeError(msg)
        return self.container(tree, depth + 1)

    def container(self, tree: Any, inner: int) -> Any:
        if type(tree) is list:
            return [self.value(item, inner) for item in _any(tree)]
        if _TAG not in tree:
            return {name: self.value(item, inner) for name, item in tree.items()}
        return self.tagged(tree, inner)

    def tagged(self, tree: dict[str, Any], depth: int) -> Any:
        try:
            tag, body = tree[_TAG], tree["v"]
            if tag in _READERS:
                return _READERS[tag](body)
            if tag == "opaque":
                return self.make_opaque(tree)
            return self.group(tag, body, tree, depth)
        except _NotATreeError:
            raise  # it says where already
        except _WRONG_BODY as error:
            # Nothing of the value: it may be secret.
            msg = f"not a tagged value ({type(error).__name__})"
            raise _NotATreeError(msg) from None

    def group(self, tag: Any, body: Any, tree: dict[str, Any], depth: int) -> Any:
        inner = depth + 1
        if tag == "record" and isinstance(body, dict):
            fields = cast("dict[str, Any]", body)
            return Record(
                str(tree["name"]), {name: self.value(v, inner) for name, v in fields.items()}
            )
        if tag == "dict":
            return {self.value(key, depth + 2): self.value(item, depth + 2) for key, item in body}
        makers: dict[Any, Callable[..., Any]] = {
            "tuple": tuple,
            "set": self.make_set,
            "frozenset": self.make_frozenset,
        }
        return makers[tag](self.value(item, inner) for item in body)


def _read_timedelta(body: Any) -> timedelta:
    days, seconds, microseconds = body
    return timedelta(days=days, seconds=seconds, microseconds=microseconds)


def _read_float(body: Any) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[body]


_READERS: Final[dict[Any, Callable[[Any], Any]]] = {
    "float": _read_float,
    "int": int,
    "str": lambda body: bytes.fromhex(body).decode("utf-16-be", "surrogatepass"),
    "bytes": lambda body: base64.b64decode(body, validate=True),
    "bytearray": lambda body: bytearray(base64.b64decode(body, validate=True)),
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": _read_timedelta,
    "decimal": Decimal,
    "uuid": UUID,
}


def _opaque(tree: dict[str, Any]) -> Opaque:
    return Opaque(tree["v"])


def decode(
    tree: Tree,
    *,
    make_set: Callable[..., Any] = set,
    make_frozenset: Callable[..., Any] = frozenset,
    make_opaque: Callable[[dict[str, Any]], Any] = _opaque,
) -> object:
    """Return the value of a tree.

    Args:
        tree: as `encode` made it.
        make_set, make_frozenset: called with the elements in order; the guest gives its own.
        make_opaque: called with the tree of a data library's value; the host gives its own.

    Raises:
        ValueError: it is not such a tree.

    >>> decode({"$t": "tuple", "v": [1, {"$t": "date", "v": "2026-01-02"}]})
    (1, datetime.date(2026, 1, 2))
    """
    if type(tree) is not dict and type(tree) is not list:
        return tree
    return _Decoder(make_set, make_frozenset, make_opaque).value(tree, 0)


def is_tree(found: Any) -> bool:
    """Return whether what came as JSON is the tree of a value.

    >>> is_tree({"$t": "date", "v": "2026-01-02"}), is_tree({"$t": "nothing of ours"})
    (True, False)
    """
    try:
        decode(found)
        json.dumps(found, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def canonical(tree: Tree) -> str:
    r"""Return the one text of a tree: ASCII, sorted keys, nothing superfluous.

    >>> canonical({"b": [1, 2.5], "a": "é"})
    '{"a":"\\u00e9","b":[1,2.5]}'
    """
    return json.dumps(
        tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
