"""What a stored JSON Schema says of a payload, where the model itself is missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast
from uuid import UUID

import jsonschema
import jsonschema.exceptions
import referencing
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from wf_notebook.definition.refused import payload_refused
from wf_notebook.definition.values import field_errors, plain
from wf_notebook.errors import PayloadError
from wf_notebook.guest.values import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Stored"]

Path: TypeAlias = tuple[int | str, ...]
Schema: TypeAlias = Mapping[str, Any]

_Validator: Final = cast("Any", jsonschema.Draft202012Validator)
_best_match: Final = cast("Any", jsonschema.exceptions).best_match
_NOTHING_TO_FETCH: Final = cast("Any", referencing.Registry)()

_FORMATS: Final[Mapping[str, TypeAdapter[Any]]] = {
    "date-time": TypeAdapter(datetime),
    "date": TypeAdapter(date),
    "time": TypeAdapter(time),
    "duration": TypeAdapter(timedelta),
    "uuid": TypeAdapter(UUID),
    "binary": TypeAdapter(bytes),
}


class Stored:
    """A JSON Schema: it validates, and says which objects were models.

    What it makes is what the model would have made, as far as a schema can tell: records, dates,
    UUIDs and defaults; a Decimal stays the number or text that came.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._errors: dict[Path, dict[str, Any]] = {}

    def fitted(self, payload: object) -> object:
        """Return the value of a payload.

        Raises:
            HookPayloadError: it doesn't fit.
            PayloadError: it is nothing that JSON can say.
        """
        value = _as_json(payload)
        for error in self._validator(self._schema).iter_errors(value):
            self._note(_best_match([error]))
        result = None if self._errors else self._shaped(self._schema, value, ())
        if self._errors:
            raise payload_refused(list(self._errors.values()))
        return result

    def _validator(self, schema: Schema) -> Any:
        """Return the validator of a part; nothing is ever fetched."""
        known = {**schema, "$defs": self._schema.get("$defs", {})}
        return _Validator(known, registry=_NOTHING_TO_FETCH)

    def _note(self, error: Any) -> None:
        path = tuple(error.absolute_path)
        if error.validator == "required":
            for name in sorted(set(error.validator_value) - set(error.instance)):
                self._add((*path, name), "Field required")
        else:
            self._add(path, _said(error.validator, error.validator_value))

    def _add(self, path: Path, message: str) -> None:
        self._errors[*path, message] = {"path": list(path), "message": message}

    # ------------------------------------------------------------------------ shaping values

    def _shaped(self, schema: Schema, value: Any, path: Path) -> Any:
        schema = self._meant(schema, value)
        if isinstance(value, dict):
            return self._object(schema, cast("dict[str, Any]", value), path)
        if isinstance(value, list):
            return self._array(schema, cast("list[object]", value), path)
        adapter = _FORMATS.get(schema.get("format", "")) if isinstance(value, str) else None
        if adapter is None:
            return value
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            self._add(path, field_errors(error)[0]["message"])
            return None

    def _meant(self, schema: Schema, value: object) -> Schema:
        """Follow references, and choose the alternative that a value fits."""
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            return self._meant(self._schema["$defs"][name], value)
        options: Sequence[Schema] = (
            schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or ()
        )
        for option in options:
            if self._validator(option).is_valid(value):
                return self._meant(option, value)
        return schema

    def _object(self, schema: Schema, value: dict[str, Any], path: Path) -> Any:
        properties: Mapping[str, Schema] | None = schema.get("properties")
        rest = _part(schema, "additionalProperties")
        if properties is None:
            return {k: self._shaped(rest, v, (*path, k)) for k, v in value.items()}
        fields = {
            name: self._shaped(part, value.get(name, part.get("default")), (*path, name))
            for name, part in properties.items()
            if name in value or "default" in part
        }
        if schema.get("additionalProperties"):
            extra = [name for name in value if name not in properties]
            fields |= {name: self._shaped(rest, value[name], (*path, name)) for name in extra}
        return Record(str(schema.get("title", "Record")), fields)

    def _array(self, schema: Schema, value: list[object], path: Path) -> Any:
        first: Sequence[Schema] = schema.get("prefixItems", ())
        parts = [*first, *[_part(schema, "items")] * max(0, len(value) - len(first))]
        pairs = zip(parts, value, strict=False)
        items = [self._shaped(part, item, (*path, n)) for n, (part, item) in enumerate(pairs)]
        if first:
            return tuple(items)
        return _set(items) if schema.get("uniqueItems") else items


def _as_json(payload: object) -> Any:
    try:
        return to_jsonable_python(plain(payload))
    except (PydanticSerializationError, ValueError) as error:
        raise PayloadError(f"payload: {error}.", path="payload") from None


def _part(schema: Schema, key: str) -> Schema:
    """Return a part that may also be absent, or a plain yes or no."""
    found: Any = schema.get(key)
    return cast("Schema", found) if isinstance(found, Mapping) else {}


def _set(items: list[Any]) -> Any:
    try:
        return set(items)
    except TypeError:
        return items


def _said(rule: str, want: Any) -> str:
    """Say what a schema wants; jsonschema's own words would repeat the value."""
    match rule:
        case "type":
            return f"Input should be of type {want if isinstance(want, str) else ', '.join(want)}"
        case "enum":
            return f"Input should be one of {', '.join(map(repr, want))}"
        case "const":
            return f"Input should be {want!r}"
        case "additionalProperties":
            return "Extra inputs are not permitted"
        case _:
            return f"Input should satisfy {rule}: {want!r:.80}"
