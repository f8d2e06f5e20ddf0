"""How the host's values become trees, and trees values of the type somebody asked for."""

from __future__ import annotations

import inspect
import warnings
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, NewType, NoReturn, cast

from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    PydanticSchemaGenerationError,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    RootModel,
    TypeAdapter,
    ValidationError,
)
from pydantic.warnings import ArbitraryTypeWarning

from wf_notebook.definition import frames
from wf_notebook.errors import PayloadError
from wf_notebook.guest.measure import HINT, TooLong, check_length
from wf_notebook.guest.values import MAX_DEPTH, Record, Unencodable, decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.guest.values import Tree

__all__ = [
    "UNUSABLE",
    "adapter_of",
    "field_errors",
    "from_chunk",
    "from_tree",
    "plain",
    "to_chunk",
    "to_tree",
    "validated",
]

UNUSABLE: Final = (PydanticUserError, PydanticUndefinedAnnotation, ArbitraryTypeWarning)
"""What pydantic raises for a type of which it can make nothing."""

# They cross as their text; an annotation on the other side makes them what they were.
_AS_TEXT: Final = (
    PurePath,
    IPv4Address,
    IPv6Address,
    IPv4Network,
    IPv6Network,
    AnyUrl,
)
_HINTS: Final[Mapping[str, str]] = {
    "ndarray": "Turn it into a list with .tolist().",
    "DataFrame": "Give columns distinct names and one type that Arrow knows, or make rows of it: "
    ".to_dict('records') in pandas, .to_dicts() in polars.",
    "Series": "Turn it into a list with .tolist() or .to_list().",
    "Table": "Turn it into rows with .to_pylist().",
    "Timestamp": "Turn it into a datetime with .to_pydatetime().",
    "Timedelta": "Turn it into a timedelta with .to_pytimedelta().",
    "LazyFrame": "Turn it into a DataFrame with .collect().",
    "MaskedArray": "Fill it with .filled(), or turn it into a list with .tolist().",
}
_MAX_MODELS: Final = MAX_DEPTH // 2  # inside each other; each is two levels of its tree


# ----------------------------------------------------------------------------------- into trees


def to_tree(value: object, path: str = "value") -> Tree:
    """Return a value as it crosses the boundary.

    Models, dataclasses and named tuples become records, enum members their values, paths,
    addresses and URLs their text, data frames and arrays Arrow.

    Args:
        value: what shall cross.
        path: what to call it in an error.

    Raises:
        PayloadError: something in it cannot cross, or it is too long; `path` says where.

    >>> to_tree({"ids": (1, 2)})
    {'ids': {'$t': 'tuple', 'v': [1, 2]}}
    """
    host = _Host()
    try:
        tree = encode(value, default=host, path=path)
        if host.models:
            _check_depth(tree, path)
        check_length(tree, path)
    except TooLong as error:
        raise PayloadError(f"{error.path}: {error.reason}.", path=error.path, hint=HINT) from None
    except Unencodable as error:
        message = f"{error.path}: {error.reason}."
        raise PayloadError(message, path=error.path, hint=host.hint) from None
    return tree


class _Host:
    """What the guest's encoder doesn't know: pydantic models and the types of data libraries."""

    def __init__(self) -> None:
        self.models = 0
        self.hint: str | None = None
        self._depth = 0

    def __call__(self, value: object) -> Tree:
        if isinstance(value, BaseModel):
            return self._model(value)
        if isinstance(value, _AS_TEXT):
            return str(value)
        if type(value).__module__.partition(".")[0] in frames.FOREIGN:
            return self._foreign(value)
        if inspect.iscoroutine(value):
            value.close()  # or Python would warn that nobody awaited it
            self._refuse(value, "Await it first.")
        if hasattr(value, "get_secret_value"):
            self._refuse(value, "Pass .get_secret_value(): what is recorded is encrypted.")
        return cast("Tree", NotImplemented)

    def _foreign(self, value: object) -> Tree:
        """Encode a value of a data library, or say what to make of it."""
        as_plain = "as_py" if hasattr(value, "as_py") else "item"
        hint = f"Turn it into a plain value: .{as_plain}()."
        self.hint = _HINTS.get(type(value).__name__, hint)
        kind = frames.kind_of(value)
        if kind is None:
            self._refuse(value, self.hint)
        tree = frames.write(value, kind)
        self.hint = None
        return tree

    def _refuse(self, value: object, hint: str) -> NoReturn:
        self.hint = hint
        kind = type(value)
        raise Unencodable(f"a {kind.__module__}.{kind.__qualname__} cannot be recorded")

    def _model(self, model: BaseModel) -> Tree:
        self.models += 1
        self._depth += 1
        if self._depth > _MAX_MODELS:
            raise Unencodable("it contains itself, or is nested too deeply")
        root: object = getattr(model, "root", None)
        tree = encode(
            root if isinstance(model, RootModel) else _record(model), default=self, path=""
        )
        self._depth -= 1
        return tree


def _record(model: BaseModel) -> Record:
    names = type(model).model_fields
    fields = {name: getattr(model, name) for name in names} | (model.model_extra or {})
    return Record(type(model).__name__, fields)


def _check_depth(tree: Tree, path: str) -> None:
    """Refuse what `decode` would refuse: models were encoded each on its own."""
    level: list[Tree] = [tree]
    for _ in range(MAX_DEPTH + 1):
        level = [child for node in level for child in _inside(node)]
        if not level:
            return
    raise Unencodable(f"nested deeper than {MAX_DEPTH} levels", path)


def _inside(tree: Tree) -> list[Tree]:
    if isinstance(tree, dict):
        return list(tree.values())
    return tree if isinstance(tree, list) else []


# ---------------------------------------------------------------------------------- out of trees


def adapter_of(annotation: Any) -> TypeAdapter[Any]:
    """Return what validates values of an annotation; classes it doesn't know by isinstance.

    Args:
        annotation: a type, or an adapter, which is returned.

    Raises:
        UNUSABLE: the annotation makes no sense to pydantic.
    """
    if isinstance(annotation, TypeAdapter):
        return cast("TypeAdapter[Any]", annotation)  # type: ignore[redundant-cast]
    try:
        return TypeAdapter(annotation)
    except PydanticSchemaGenerationError:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ArbitraryTypeWarning)  # else no type is any type
            # by another name, as pydantic takes no configuration for what could have one inside
            named = NewType("named", annotation)  # type: ignore[valid-newtype]
            return TypeAdapter(named, config=ConfigDict(arbitrary_types_allowed=True))


def from_tree(tree: Tree, annotation: Any = Any, path: str = "value") -> Any:
    """Return the value that a tree stands for.

    Args:
        tree: as `to_tree` or the guest made it.
        annotation: the type it shall have, or an adapter for it. For Any and None, models stay
            records and frames what they were; otherwise they become what the annotation says.
        path: what to call it in an error.

    Raises:
        PayloadError: it is not a tree, or doesn't fit the annotation.

    >>> from_tree([1, 2], tuple[int, ...])
    (1, 2)
    """
    adapter = None if annotation is Any or annotation is None else adapter_of(annotation)

    def opaque(found: dict[str, Any]) -> Any:
        return frames.read(found, () if adapter is None else frames.wanted(adapter), path)

    try:
        value = decode(tree, make_opaque=opaque)
    except ValueError as error:
        raise PayloadError(f"{path}: {error}.", path=path) from None
    return value if adapter is None else validated(adapter, plain(value), path)


def to_chunk(value: object, what: str) -> Tree | bytes:
    """Return a chunk of a stream as it is recorded: bytes as they are, other values as trees.

    Raises:
        PayloadError: it cannot be recorded.

    >>> to_chunk(b"raw", "chunk"), to_chunk(("a", 1), "chunk")
    (b'raw', {'$t': 'tuple', 'v': ['a', 1]})
    """
    return value if type(value) is bytes else to_tree(value, what)


def from_chunk(data: Tree | bytes) -> Any:
    """Return what a chunk holds."""
    return data if isinstance(data, bytes) else from_tree(data)


def validated(adapter: TypeAdapter[Any], value: object, path: str) -> Any:
    """Return a value as its type's validator makes it.

    Raises:
        PayloadError: it doesn't fit; `path` says where.
    """
    try:
        return adapter.validate_python(value, by_alias=True, by_name=True)
    except ValidationError as error:
        found = field_errors(error)
    steps = [_dotted(path, problem["path"]) for problem in found]
    said = "; ".join(f"{where}: {p['message']}" for where, p in zip(steps, found, strict=True))
    raise PayloadError(f"{said}.", path=steps[0], hint="")


def field_errors(error: ValidationError) -> list[dict[str, Any]]:
    """Return what is wrong, field by field; never the values themselves.

    Each is `{"path": ["items", 0], "message": "Input should be a valid integer"}`.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [{"path": list(problem["loc"]), "message": problem["msg"]} for problem in found]


def _dotted(path: str, inside: list[int | str]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in inside]
    return path + "".join(steps)


def plain(value: object, depth: int = 0) -> Any:
    """Return a value with dicts for records, for validators that know no records.

    Raises:
        PayloadError: it is nested too deeply.
    """
    if depth > MAX_DEPTH:
        raise PayloadError(f"The value is nested deeper than {MAX_DEPTH} levels.")
    match value:
        case Record():
            return {name: plain(value[name], depth + 1) for name in value}
        case dict():
            items = cast("dict[Any, object]", value)
            return {key: plain(item, depth + 1) for key, item in items.items()}
        case list() | tuple() | set() | frozenset():
            return _plain_items(cast("list[object]", value), depth + 1)
        case _:
            return value


def _plain_items(value: list[object], depth: int) -> Any:
    """Return the same kind of collection; a set of records becomes a list, as dicts need."""
    items = [plain(item, depth) for item in value]
    try:
        return type(value)(items)
    except TypeError:
        return items
