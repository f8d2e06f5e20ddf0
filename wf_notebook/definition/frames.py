"""How data frames and arrays cross: as Arrow, whose bytes stay with the host.

The tree of one is `{"$t": "opaque", "v": facts, "arrow": base64 of an Arrow IPC stream}`; the
source gets the facts alone (`guest.opaque`). Libraries are imported when a value of theirs is met.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.definition.arrow import KINDS, Unheld, check_types, library
from wf_notebook.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import TypeAdapter

    from wf_notebook.definition.arrow import Kind
    from wf_notebook.guest.values import Tree

__all__ = ["FOREIGN", "INSTALL", "kind_of", "read", "wanted", "write"]

FOREIGN: Final = frozenset({"numpy", "pandas", "polars", "pyarrow", "torch"})
"""Libraries whose values look like floats, ints, lists or datetimes and are something else."""

INSTALL: Final = "Install what is missing: pip install 'wf-notebook[data]'."


def kind_of(value: object) -> Kind | None:
    """Return the kind of a value that can cross through Arrow, or None."""
    origin = type(value).__module__.partition(".")[0]
    if origin not in FOREIGN:
        return None
    kind = KINDS.get(f"{origin}.{type(value).__name__}")
    loaded = sys.modules.get(origin)
    exact = kind is not None and getattr(loaded, type(value).__name__, None) is type(value)
    return kind if exact else None


def write(value: object, kind: Kind) -> Tree:
    """Return the tree of a value.

    Raises:
        Unheld: it cannot be held by Arrow as it is, or pyarrow is not installed.
    """
    try:
        stream = _stream(value, kind)
    except ImportError as error:
        said = f"a {kind.name} crosses through Arrow, and {_lacks(error)} (wf-notebook[data])"
        raise Unheld(said) from None
    except Unheld as error:
        raise (
            error if error.path or kind.group != "table" else _culprit(value, kind, error)
        ) from None
    facts = dict(kind.facts(value))
    digest = hashlib.sha256(kind.name.encode() + b"\n" + stream).hexdigest()
    return {
        "$t": "opaque",
        "v": {"kind": kind.name, **facts, "sha256": digest},
        "arrow": base64.b64encode(stream).decode("ascii"),
    }


def _stream(value: object, kind: Kind) -> Any:
    """Return the Arrow IPC stream of a value, once it has been read back from it."""
    pa = library("pyarrow")
    try:
        table = kind.to_table(value)
        check_types(table)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        stream = sink.getvalue()
        same = kind.same(value, kind.of_table(pa.ipc.open_stream(stream).read_all()))
    except (Unheld, ImportError):
        raise
    except Exception as error:  # noqa: BLE001 - each library has errors of its own
        # not its message: that may repeat a value, which may be secret
        raise Unheld(f"Arrow cannot hold this {kind.name} ({type(error).__name__})") from None
    if not same:
        raise Unheld(f"this {kind.name} would not come back from Arrow as it is")
    return stream


def _culprit(frame: Any, kind: Kind, error: Unheld) -> Unheld:
    """Return the error again, with the first column that would be refused alone."""
    for position, name in enumerate(kind.facts(frame)["columns"]):
        try:
            _stream(_ONE_COLUMN[kind.module](frame, position), kind)
        except Unheld:
            return Unheld("this column would not come back from Arrow as it is", f"[{name!r}]")
    return error


_ONE_COLUMN: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "pandas": lambda frame, position: frame.iloc[:, [position]],
    "polars": lambda frame, position: frame[:, [position]],
    "pyarrow": lambda frame, position: frame.select([position]),
}


def _lacks(error: ImportError) -> str:
    return f"{error.name or 'a library'} is not installed here"


# ------------------------------------------------------------------------------------- reading


def read(tree: Mapping[str, Any], choice: tuple[str, ...], path: str) -> Any:
    """Return the value of a tree.

    Args:
        tree: as `write` made it.
        choice: names of the kinds that are asked for; the value's own if there are none, or if it
            cannot be made one of them.
        path: what to call it in an error.

    Raises:
        PayloadError: a library that it takes is not installed here.
    """
    kind = _chosen(tree["v"]["kind"], choice)
    stream = base64.b64decode(tree["arrow"], validate=True)
    try:
        library(kind.module)  # first: it may tell Arrow about types of its own
        return kind.of_table(library("pyarrow").ipc.open_stream(stream).read_all())
    except ImportError as error:
        message = f"{path}: it takes a {kind.name}, and {_lacks(error)}."
        raise PayloadError(message, path=path, hint=INSTALL) from None
    except Exception as error:  # noqa: BLE001 - each library has errors of its own
        message = f"{path}: it cannot be made a {kind.name} ({type(error).__name__})."
        raise PayloadError(message, path=path) from None


def _chosen(name: str, choice: tuple[str, ...]) -> Kind:
    own = KINDS[name]
    alike = (KINDS[other] for other in choice if KINDS[other].group == own.group)
    return own if name in choice else next(alike, own)


def wanted(adapter: TypeAdapter[Any]) -> tuple[str, ...]:
    """Return the names of the kinds that an annotation names, also inside models, in order.

    >>> from pydantic import TypeAdapter
    >>> wanted(TypeAdapter(dict[str, int]))
    ()
    """
    named = (_named(found) for found in _classes(adapter.core_schema))
    return tuple(dict.fromkeys(name for name in named if name in KINDS))


def _named(cls: type) -> str:
    return f"{cls.__module__.partition('.')[0]}.{cls.__name__}"


def _classes(schema: object) -> Iterator[type]:
    """Yield the classes that a schema knows by isinstance alone."""
    if isinstance(schema, Mapping):
        parts = cast("Mapping[str, object]", schema)
        if parts.get("type") == "is-instance":
            yield cast("type", parts["cls"])
        for part in parts.values():
            yield from _classes(part)
    elif isinstance(schema, list | tuple):
        for part in cast("list[object]", schema):
            yield from _classes(part)
