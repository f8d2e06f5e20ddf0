"""Whether a hook's payload fits its schema, and what the source then receives."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from wf_notebook.definition.refused import payload_refused
from wf_notebook.definition.values import adapter_of, field_errors, plain, to_tree
from wf_notebook.guest.values import MAX_DEPTH, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wf_notebook.guest.values import Tree

__all__ = ["validate_payload"]

_HALF_CHARACTER: Final = re.compile("[\ud800-\udfff]")


def validate_payload(model: Any, json_schema: Mapping[str, Any] | None, payload: object) -> Tree:
    """Return the tree that the source receives for a payload.

    Args:
        model: the pydantic model or other type, if this process has it.
        json_schema: as stored with the definition; used where the model is missing.
        payload: what a form or a caller gave: JSON, or values of the host. Without model and
            schema anything that can cross is taken.

    Raises:
        HookPayloadError: it doesn't fit; `errors` says where and why.
        PayloadError: it cannot cross at all.
    """
    if model is not None:
        return to_tree(_fitted(model, payload), "payload")
    if json_schema is None:
        return to_tree(payload, "payload")
    # jsonschema takes a second to import where all its format checkers are installed
    from wf_notebook.definition.stored import Stored

    return encode(Stored(json_schema).fitted(payload), path="payload")


# ------------------------------------------------------------------------------- with the model


def _fitted(model: Any, payload: object) -> Any:
    adapter = adapter_of(model)
    value = plain(payload)
    text = _json_text(value)
    try:
        if text is not None:
            return adapter.validate_json(text, by_alias=True, by_name=True)
        return adapter.validate_python(value, by_alias=True, by_name=True)
    except ValidationError as error:
        raise payload_refused(field_errors(error)) from None


def _json_text(value: object) -> str | None:
    """Return a payload as JSON if it is nothing else, as what a form gives.

    JSON is read as JSON even by strict models: "2026-01-02" is a date there.
    """
    return json.dumps(value) if _is_json(value, MAX_DEPTH) else None


def _is_json(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return depth > 0 and all(type(k) is str and _is_json(v, depth - 1) for k, v in items)
    if isinstance(value, list):
        return depth > 0 and all(_is_json(v, depth - 1) for v in cast("list[object]", value))
    if type(value) is float:
        return math.isfinite(value)
    if type(value) is str:
        return value.isascii() or not _HALF_CHARACTER.search(value)
    return value is None or type(value) in (bool, int)
