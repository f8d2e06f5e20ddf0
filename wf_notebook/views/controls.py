"""Which control does each place of a JSON schema get, and what does an answer there mean?

The browser's `static/schema.js` answers the same for the live view; they decide alike.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast
from urllib.parse import unquote

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str | int, ...]
Kind = Literal[
    "const", "choice", "boolean", "integer", "number", "decimal", "text", "long", "password",
    "date", "time", "date-time", "list", "record", "json",
]  # fmt: skip

MISSING: Final = object()  # no value at all, where null would be one

_DEPTH: Final = 32
_LONG_CHARS: Final = 120
_LONG_DEFAULT: Final = 60
_LONG_NAME: Final = re.compile(
    "(note|notes|comment|comments|message|body|text|reason|details|description)$", re.IGNORECASE
)
_FORMATS: Final = frozenset({"date", "date-time", "time", "password"})
_YES: Final = frozenset({"y", "yes", "true", "1", "on"})
_NO: Final = frozenset({"n", "no", "false", "0", "off"})


class Place:
    """One place in a schema, its references and one-armed unions resolved.

    Attributes:
        path: where it lies in the payload: keys and indices.
        schema: what it asks, without references.
        nullable: whether null may stand there.
        required: whether something must.
        start: what is there before anybody answers, or `MISSING`.
        title: what a person calls it.
    """

    def __init__(
        self,
        schema: object,
        root: Schema,
        path: Path = (),
        *,
        required: bool = True,
        start: object = MISSING,
    ) -> None:
        raw = _mapping(schema)
        self._root = root
        self.path = path
        self.schema, self.nullable = _unwrapped(raw, root)
        self.required = required
        self.start: Any = self.schema.get("default", MISSING) if start is MISSING else start
        self.title = str(raw.get("title", _humanised(str(path[-1]) if path else "value")))

    @property
    def kind(self) -> Kind:
        """Which control it gets; "json" is the one for everything else."""
        return _kind(self.schema, str(self.path[-1]) if self.path else "")

    @property
    def choices(self) -> list[Any]:
        """What it may be, if the schema lists that."""
        return list(self.schema.get("enum") or ())

    @property
    def bounds(self) -> str:
        """What a person should know about the bounds of a value, or ""."""
        return _bounds(self.schema)

    @property
    def description(self) -> str:
        """What the schema says about it, or ""."""
        return str(self.schema.get("description") or "")

    def children(self) -> list[Place]:
        """Return the places of a record, in order."""
        required = self.schema.get("required") or ()
        start = _mapping(self.start)
        return [
            Place(
                schema,
                self._root,
                (*self.path, key),
                required=key in required,
                start=start.get(key, MISSING),
            )
            for key, schema in self.schema["properties"].items()
        ]

    def item(self, index: int, start: object = MISSING) -> Place:
        """Return the place of a list's item."""
        titled = {"title": f"{self.title} {index + 1}", **self.schema["items"]}
        return Place(titled, self._root, (*self.path, index), start=start)


def payload_place(schema: Schema | None) -> Place:
    """Return the place of a whole payload; without a schema any JSON may stand there."""
    found = {"title": "payload", "description": "JSON; left empty it is null."}
    if schema is None:
        return Place({**found, "anyOf": [{}, {"type": "null"}]}, {})
    return Place(schema, schema)


def meant(place: Place, line: str) -> Any:
    """Return the value that a typed line means, which isn't empty.

    What a schema asks beyond types and choices (patterns, bounds, rules between fields) is checked
    where the payload is recorded, not here.

    Raises:
        UsageError: it means none.
    """
    read = _READERS.get(place.kind)
    return line if read is None else read(place, line)


def nothing(place: Place) -> Any:
    """Return what an empty answer means: null, or `MISSING`.

    Raises:
        UsageError: there has to be a value.
    """
    if place.nullable:
        return None if place.required or place.start not in (MISSING, None) else MISSING
    if place.required:
        raise UsageError("Fill this in.")
    return MISSING


def shown(value: object) -> str:
    """Return a value as it is typed: text as it is, else JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def read_json(text: str, what: str) -> Any:
    """Read JSON that a person typed.

    Raises:
        UsageError: it isn't JSON; the message says where, and shows quotes for plain words.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        where = str(problem).replace(": line 1 column", " at column")
        hint = f"A plain word needs quotes: {json.dumps(text)}." if text.isidentifier() else ""
        raise UsageError(f"{what} is not JSON ({where}).", hint=hint) from None


# ---------------------------------------------------------------------------- what a line means


def _choice(place: Place, line: str) -> Any:
    for choice in place.choices:
        if shown(choice) == line:
            return choice
    raise UsageError(f"{line!r} is none of {' | '.join(map(shown, place.choices))}.")


def _boolean(_place: Place, line: str) -> bool:
    if line.lower() in _YES:
        return True
    if line.lower() in _NO:
        return False
    raise UsageError(f"{line!r} is neither y nor n.")


def _whole(_place: Place, line: str) -> int:
    try:
        return int(line)
    except ValueError:
        raise UsageError(f"{line!r} is not a whole number.") from None


def _number(_place: Place, line: str) -> float:
    try:
        found = float(line)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise UsageError(f"{line!r} is not a number.")
    return found


def _json(_place: Place, line: str) -> Any:
    return read_json(line, "This")


_READERS: Final[Mapping[Kind, Callable[[Place, str], Any]]] = {
    "choice": _choice,
    "decimal": lambda _place, line: line.strip(),
    "boolean": _boolean,
    "integer": _whole,
    "number": _number,
    "list": _json,
    "record": _json,
    "json": _json,
}


# ----------------------------------------------------------------------------- what a schema asks


def _mapping(value: object) -> Schema:
    return cast("Schema", value) if isinstance(value, Mapping) else {}


def _humanised(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _unwrapped(schema: Schema, root: Schema) -> tuple[Schema, bool]:
    """Return a schema without references, and whether null was cut off."""
    found, nullable = schema, False
    for _ in range(_DEPTH):
        step = _step(found, root)
        if step is None:
            break
        found, nullable = step[0], nullable or step[1]
    return found, nullable


def _step(found: Schema, root: Schema) -> tuple[Schema, bool] | None:
    """Resolve one reference or union; None if there is none to resolve."""
    own = {k: v for k, v in found.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
    union: list[Schema] = found.get("anyOf") or found.get("oneOf") or []
    arms = [arm for arm in union if arm.get("type") != "null"]
    types = own.get("type")
    if "$ref" in found:
        return {**_target(str(found["$ref"]), root), **own}, False
    if len(found.get("allOf") or ()) == 1:
        return {**found["allOf"][0], **own}, False
    if isinstance(types, list) and "null" in types:
        real = [kind for kind in cast("list[str]", types) if kind != "null"]
        return {**found, "type": real[0] if len(real) == 1 else real}, True
    if len(arms) == 1:
        return {**arms[0], **own}, len(arms) < len(union)
    return ({**own, "anyOf": arms}, True) if len(arms) < len(union) else None


def _target(reference: str, root: Schema) -> Schema:
    if not reference.startswith("#/"):
        return {}
    found: object = root
    for part in reference[2:].split("/"):
        found = _mapping(found).get(unquote(part).replace("~1", "/").replace("~0", "~"))
    return _mapping(found)


def _kind(schema: Schema, name: str) -> Kind:
    if "const" in schema:
        return "const"
    if isinstance(schema.get("enum"), list):
        return "choice"
    if union := schema.get("anyOf") or schema.get("oneOf"):
        return "decimal" if _is_decimal(union) else "json"
    match schema.get("type"):
        case "string":
            return _text_kind(schema, name)
        case "array":
            plain = isinstance(schema.get("items"), Mapping) and "prefixItems" not in schema
            return "list" if plain else "json"
        case "object":
            return "record" if isinstance(schema.get("properties"), Mapping) else "json"
        case "boolean" | "integer" | "number" as kind:
            return cast("Kind", kind)
        case _:
            return "json"


def _is_decimal(union: list[Schema]) -> bool:
    """Whether it is a number that may be written as text, as pydantic says of a Decimal."""
    types = {arm.get("type") for arm in union}
    return "number" in types and types <= {"number", "string"}


def _text_kind(schema: Schema, name: str) -> Kind:
    if schema.get("format") in _FORMATS:
        return cast("Kind", schema["format"])
    most = schema.get("maxLength")
    if most is not None:
        return "long" if most > _LONG_CHARS else "text"
    wordy = len(str(schema.get("default") or "")) > _LONG_DEFAULT or _LONG_NAME.search(name)
    return "long" if wordy else "text"


def _bounds(schema: Schema) -> str:
    parts = [
        *_limits(schema),
        _told("at least {} characters", schema.get("minLength"), over=1),
        _told("at most {} characters", schema.get("maxLength")),
        _told("at least {}", schema.get("minItems"), over=0),
        _told("at most {}", schema.get("maxItems")),
    ]
    return ", ".join(part for part in parts if part)


def _limits(schema: Schema) -> list[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return [f"{low} to {high}"]
    more = _told("more than {}", schema.get("exclusiveMinimum"))
    less = _told("less than {}", schema.get("exclusiveMaximum"))
    return [_told("at least {}", low) or more, _told("at most {}", high) or less]


def _told(text: str, number: float | None, *, over: float = -math.inf) -> str:
    return text.format(number) if number is not None and number > over else ""
