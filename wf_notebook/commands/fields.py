"""Which questions does a JSON schema ask, and what value do the answers make?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, cast

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.guest.values import Tree

Schema = dict[str, Any]

_MISSING: Final = object()
_YES: Final = frozenset({"y", "yes", "true", "1", "on"})
_NO: Final = frozenset({"n", "no", "false", "0", "off"})
_BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "format": "{}",
}


def ask_value(
    schema: Mapping[str, Any] | None, ask: Callable[[str], str], say: Callable[[str], None]
) -> Tree:
    """Ask for a value field by field; a line that cannot be one is explained and asked again.

    What a schema asks beyond types and choices (patterns, bounds, rules between fields) is checked
    where the payload is recorded, not here.

    Args:
        schema: a JSON schema as pydantic writes it, or None for any JSON.
        ask: shows a prompt and returns the line typed.
        say: shows a line.
    """
    if schema is None:
        return _ask(_Field({}, {}, "payload"), ask, say)
    return _ask(_Field(dict(schema), schema.get("$defs", {}), ""), ask, say)


class _Field:
    """One place in a schema: the schema with its references resolved, and its name so far."""

    def __init__(self, schema: Schema, definitions: Mapping[str, Schema], name: str) -> None:
        self.definitions = definitions
        self.name = name
        self.schema = self._resolved(schema)
        self.required = True

    def _resolved(self, schema: Schema) -> Schema:
        """Follow `$ref`, a single `allOf`, and the one branch of `anyOf` that isn't null."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = self.definitions.get(reference.rpartition("/")[2], {})
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            return self._resolved({**target, **rest})
        for key in ("allOf", "anyOf", "oneOf"):
            branches = cast("list[Schema]", schema.get(key) or [])
            real = [branch for branch in branches if branch.get("type") != "null"]
            if len(real) == 1:
                rest = {k: v for k, v in schema.items() if k != key}
                nullable = {"nullable": True} if len(real) < len(branches) else {}
                return self._resolved({**real[0], **rest, **nullable})
        return schema

    def children(self) -> list[_Field]:
        found: list[_Field] = []
        required = self.schema.get("required", ())
        for key, schema in self.schema["properties"].items():
            child = _Field(schema, self.definitions, f"{self.name}.{key}" if self.name else key)
            child.required = key in required
            found.append(child)
        return found

    @property
    def is_object(self) -> bool:
        return self.schema.get("type") == "object" and bool(self.schema.get("properties"))

    @property
    def choices(self) -> list[Any]:
        return list(self.schema.get("enum") or ())

    @property
    def default(self) -> Any:
        return self.schema.get("default", _MISSING)


def _ask(field: _Field, ask: Callable[[str], str], say: Callable[[str], None]) -> Tree:
    """The value of a field; objects are asked for property by property."""
    if "const" in field.schema:
        return cast("Tree", field.schema["const"])
    if field.is_object:
        answers = {
            child.name.rpartition(".")[2]: _given(child, ask, say) for child in field.children()
        }
        return {key: value for key, value in answers.items() if value is not _MISSING}
    value = _given(field, ask, say)
    return None if value is _MISSING else value


def _given(field: _Field, ask: Callable[[str], str], say: Callable[[str], None]) -> Any:
    """A field's value, or `_MISSING` for an optional one left out."""
    if field.is_object or "const" in field.schema:
        return _ask(field, ask, say)
    if note := field.schema.get("description"):
        say(f"  {note}")
    while True:
        line = ask(_prompt(field)).strip()
        try:
            return _read(field, line) if line else _empty(field)
        except UsageError as problem:
            say(f"  {problem.message}")


def _prompt(field: _Field) -> str:
    title = field.schema.get("title")
    label = field.name or title or "value"
    default = "" if field.default is _MISSING else f" [{_shown(field.default)}]"
    optional = "" if field.required or default else ", may be empty"
    return f"{label} ({_expected(field)}{optional}){default}: "


def _expected(field: _Field) -> str:
    if field.choices:
        return " | ".join(_shown(choice) for choice in field.choices)
    kind = field.schema.get("type")
    word = {"boolean": "y/n", "string": "text"}.get(str(kind), str(kind or "JSON"))
    if kind in ("array", "object"):
        word = f"JSON {kind}"
    notes = [text.format(field.schema[key]) for key, text in _BOUNDS.items() if key in field.schema]
    return ", ".join([word, *notes])


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _empty(field: _Field) -> Any:
    if field.default is not _MISSING:
        return field.default
    if field.schema.get("nullable"):
        return None
    if not field.required:
        return _MISSING
    raise UsageError(f"{field.name or 'A value'} is required.")


def _read(field: _Field, line: str) -> Any:
    """The value that a typed line means.

    Raises:
        UsageError: it means none.
    """
    if field.choices:
        return _choice(field, line)
    match field.schema.get("type"):
        case "string":
            return line
        case "boolean":
            return _boolean(line)
        case "integer":
            return _number(line, int, "a whole number")
        case "number":
            return _number(line, float, "a number")
        case _:
            return _json(line)


def _choice(field: _Field, line: str) -> Any:
    for choice in field.choices:
        if _shown(choice) == line:
            return choice
    raise UsageError(f"{line!r} is none of {' | '.join(_shown(c) for c in field.choices)}.")


def _boolean(line: str) -> bool:
    if line.lower() in _YES:
        return True
    if line.lower() in _NO:
        return False
    raise UsageError(f"{line!r} is neither y nor n.")


def _number(line: str, kind: type[int | float], what: str) -> float:
    try:
        return kind(line)
    except ValueError:
        raise UsageError(f"{line!r} is not {what}.") from None


def _json(line: str) -> Any:
    return read_json(line, "The line")


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
