"""What a value that fits a JSON Schema looks like: the smallest one that says what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Sample", "sample"]

_DEEP: Final = 6  # levels after which what may be left out is left out
_WORDS: Final = ("1", "a", "A", "A1", "a-1")  # for patterns: a number, a letter, a code
_FORMATS: Final[Mapping[str, str]] = {
    "date-time": "2026-01-01T09:00:00+00:00",
    "date": "2026-01-01",
    "time": "09:00:00",
    "duration": "PT1H",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "binary": "data",
}


class Sample(NamedTuple):
    """A value, and how much the schema said of it.

    Attributes:
        value: as JSON.
        vague: whether the schema left open what it is, so that this one was made up.
    """

    value: Any
    vague: bool


def sample(schema: Mapping[str, Any], *, name: str = "text", keys: Collection[str] = ()) -> Sample:
    """Return an example of what a schema describes.

    Args:
        schema: JSON Schema, as pydantic writes it.
        name: what texts without a meaning of their own say.
        keys: what objects hold of which the schema says nothing.

    >>> sample({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]})
    Sample(value={'id': 'id'}, vague=False)
    >>> sample({}, keys=["total"])
    Sample(value={'total': 1}, vague=True)
    """
    made = _Samples(schema.get("$defs") or {}, tuple(keys))
    return Sample(made.of(schema, name, 0), made.vague)


class _Samples:
    def __init__(self, definitions: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        self._definitions = definitions
        self._keys = keys
        self.vague = False

    def of(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        if "$ref" in schema:
            return self.of(self._definitions[_target(schema["$ref"])], name, depth + 1)
        given = _given(schema)
        if given:
            return given[0]
        options = _options(schema)
        if options:
            return self.of(_chosen(options, depth), name, depth + 1)
        return self._typed(schema, name, depth)

    def _typed(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        kind: object = schema.get("type")  # pydantic writes one word, never a list of them
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "string":
                return self._text(schema, name)
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._unknown()

    def _unknown(self) -> Any:
        self.vague = True
        return dict.fromkeys(self._keys, 1)

    def _object(self, schema: Mapping[str, Any], depth: int) -> Any:
        properties = cast("Mapping[str, Any]", schema.get("properties") or {})
        if not properties:
            return self._unknown()
        required = schema.get("required") or ()
        return {name: self.of(properties[name], name, depth + 1) for name in required}

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        first = [self.of(part, name, depth + 1) for part in schema.get("prefixItems") or ()]
        items: Any = schema.get("items")
        least = int(schema.get("minItems") or 0)
        count = max(least, 0 if depth > _DEEP else 1) - len(first)
        if first or items is False:
            count = least - len(first)
        part = cast("dict[str, Any]", items) if isinstance(items, dict) else {}
        return first + [self.of(part, name, depth + 1) for _ in range(count)]

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        text = _FORMATS.get(schema.get("format", ""), name)
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        sized = [word.ljust(least, "x")[:most] for word in (text, *_WORDS)]
        fitting = [word for word in sized if _matches(word, schema.get("pattern"))]
        self.vague = self.vague or not fitting
        return (fitting or sized)[0]


def _matches(word: str, pattern: str | None) -> bool:
    try:
        return pattern is None or re.search(pattern, word) is not None
    except re.error:  # JSON Schema has another dialect
        return False


def _target(reference: str) -> str:
    return reference.rpartition("/")[2]


def _given(schema: Mapping[str, Any]) -> list[Any]:
    """Return what a schema names itself, the best first."""
    named = [schema[word] for word in ("const",) if word in schema]
    return [*named, *(schema.get("examples") or ()), *(schema.get("enum") or ())]


def _options(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return list(schema[word])
    return []


def _chosen(options: list[Mapping[str, Any]], depth: int) -> Mapping[str, Any]:
    """The first that is something; deep inside the one that ends."""
    nothing = [option for option in options if option.get("type") == "null"]
    something = [option for option in options if option.get("type") != "null"]
    return (nothing + something)[0] if depth > _DEEP else (something + nothing)[0]


def _number(schema: Mapping[str, Any]) -> float:
    """Return a number within the bounds; 1 if it may be."""
    whole = schema.get("type") == "integer"
    step: float = schema.get("multipleOf") or (1 if whole else 0.5)
    number: float = step if "multipleOf" in schema else 1
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if high is not None and number > high:
        number = high
    if below is not None and number >= below:
        number = below - step
    if low is not None and number < low:
        number = low
    if above is not None and number <= above:
        number = above + step
    return int(number) if whole else number
