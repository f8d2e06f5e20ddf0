"""How is a payload asked for in a terminal, field by field?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from wf_notebook.errors import UsageError
from wf_notebook.views.controls import MISSING, Place, meant, nothing, payload_place, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.guest.values import Tree


def ask_value(
    schema: Mapping[str, Any] | None, ask: Callable[[str], str], say: Callable[[str], None]
) -> Tree:
    """Ask for a value field by field; a line that cannot be one is explained and asked again.

    Args:
        schema: a JSON schema as pydantic writes it, or None for any JSON.
        ask: shows a prompt and returns the line typed.
        say: shows a line.
    """
    # an empty line is easily typed: without a schema null has to be spelled out
    place = Place({"title": "payload"}, {}) if schema is None else payload_place(schema)
    value = _Talk(ask, say).value(place)
    return None if value is MISSING else cast("Tree", value)


class _Talk:
    """Asks one person."""

    def __init__(self, ask: Callable[[str], str], say: Callable[[str], None]) -> None:
        self._ask = ask
        self._say = say

    def value(self, place: Place) -> Any:
        """The value of a place, or `MISSING` for an optional one left out."""
        if place.kind == "const":
            return place.schema["const"]
        if place.kind == "record":
            return self._record(place)
        if place.description:
            self._say(f"  {place.description}")
        return self._until(_prompt(place), lambda line: _read(place, line))

    def _record(self, place: Place) -> Any:
        """A record's properties; one that may be null is asked whether there is one."""
        if place.nullable and not self._until(f"Fill in {_label(place)}? (y/n): ", _is_yes):
            return nothing(place)
        found = {child.path[-1]: self.value(child) for child in place.children()}
        return {key: value for key, value in found.items() if value is not MISSING}

    def _until(self, prompt: str, read: Callable[[str], Any]) -> Any:
        """Ask until a line can be read."""
        while True:
            try:
                return read(self._ask(prompt).strip())
            except UsageError as problem:
                self._say(f"  {problem.message}")


def _read(place: Place, line: str) -> Any:
    """The value that a line means; an empty one means the default."""
    if line:
        return meant(place, line)
    if place.start is not MISSING:
        return place.start
    if place.required and not place.nullable:
        raise UsageError(f"{_label(place)} is required.")
    return nothing(place)


def _is_yes(line: str) -> bool:
    return bool(meant(Place({"type": "boolean"}, {}), line))


def _label(place: Place) -> str:
    return ".".join(map(str, place.path)) or place.title


def _prompt(place: Place) -> str:
    default = "" if place.start is MISSING else f" [{shown(place.start)}]"
    optional = "" if (place.required and not place.nullable) or default else ", may be empty"
    return f"{_label(place)} ({_expected(place)}{optional}){default}: "


def _expected(place: Place) -> str:
    if place.kind == "choice":
        return " | ".join(map(shown, place.choices))
    words = {
        "boolean": "y/n", "long": "text", "decimal": "number",
        "json": "JSON", "list": "JSON array", "record": "JSON object",
    }  # fmt: skip
    kind = place.kind
    parts = [words.get(kind, kind), place.bounds]
    return ", ".join(part for part in parts if part)
