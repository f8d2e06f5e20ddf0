"""What a schema asks of a person, where no browser decides it: the pure half of forms and prompts."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from wf_notebook.commands.fields import ask_value
from wf_notebook.errors import UsageError
from wf_notebook.views.controls import MISSING, Place, meant, nothing, payload_place


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Line(BaseModel):
    item: str
    count: int = Field(1, ge=1, le=9)


class Everything(BaseModel):
    kind: Literal["fixed"] = "fixed"
    colour: Colour
    sure: bool
    maybe: bool | None = None
    whole: int = Field(ge=0, le=9)
    real: float | None = None
    price: decimal.Decimal
    name: str = Field(min_length=2)
    comment: str = ""
    secret: SecretStr
    day: dt.date
    at: dt.time
    when: dt.datetime
    lines: list[Line]
    first: Line | None = None
    extra: dict[str, int]
    either: int | list[int]


def test_each_type_of_pydantic_has_its_control() -> None:
    """A model's fields get the controls that the live view gives them."""
    kinds = {c.title: c.kind for c in payload_place(Everything.model_json_schema()).children()}
    assert kinds == {
        "Kind": "const", "Colour": "choice", "Sure": "boolean", "Maybe": "boolean",
        "Whole": "integer", "Real": "number", "Price": "decimal", "Name": "text",
        "Comment": "long", "Secret": "password", "Day": "date", "At": "time",
        "When": "date-time", "Lines": "list", "First": "record", "Extra": "json",
        "Either": "json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "maxLength": 500}, "long"),
        ({"type": "string", "default": "x" * 61}, "long"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["integer", "string", "null"]}, "json"),
        ({"allOf": [{"type": "integer"}]}, "integer"),
        ({"type": "array"}, "json"),
        ({"type": "array", "items": {}, "prefixItems": []}, "json"),
        ({"type": "object", "properties": {}}, "record"),
        ({"type": "object"}, "json"),
        ({"$ref": "#/$defs/loop"}, "json"),
        ({"$ref": "#/$defs/a~1b"}, "text"),
        ({"$ref": "#/$defs/none"}, "json"),
        ({"$ref": "https://example.org/x"}, "json"),
        (True, "json"),
    ],
)
def test_any_schema_has_a_control(schema: Any, kind: str) -> None:
    """References are followed, to nowhere and in a circle as well; JSON is for everything else."""
    root = {"$defs": {"loop": {"$ref": "#/$defs/loop"}, "a/b": {"type": "string"}}}
    assert Place(schema, root).kind == kind


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"minimum": 0, "maximum": 9}, "0 to 9"),
        ({"minimum": 1}, "at least 1"),
        ({"maximum": 5}, "at most 5"),
        ({"exclusiveMinimum": 0}, "more than 0"),
        ({"exclusiveMaximum": 9}, "less than 9"),
        ({"minLength": 2, "maxLength": 4}, "at least 2 characters, at most 4 characters"),
        ({"minItems": 1, "maxItems": 3}, "at least 1, at most 3"),
        ({"minLength": 1}, ""),
        ({}, ""),
    ],
)
def test_bounds_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    """The words of the live view."""
    assert Place(schema, {}).bounds == words


@pytest.mark.parametrize(
    ("schema", "line", "value"),
    [
        ({"enum": ["a", 2]}, "2", 2),
        ({"type": "boolean"}, "Yes", True),
        ({"type": "integer"}, "12345678901234567890", 12345678901234567890),
        ({"type": "number"}, "1.5", 1.5),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, " 0.10 ", "0.10"),
        ({"type": "string"}, " a ", " a "),
        ({}, '{"a": [1]}', {"a": [1]}),
    ],
)
def test_a_line_has_a_meaning(schema: dict[str, Any], line: str, value: object) -> None:
    """What was typed becomes the JSON that the schema asks for; digits of a price are kept."""
    found = meant(Place(schema, {}), line)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("schema", "line", "said"),
    [
        ({"enum": ["a", 2]}, "b", "none of a | 2"),
        ({"type": "boolean"}, "maybe", "neither y nor n"),
        ({"type": "integer"}, "1.5", "not a whole number"),
        ({"type": "number"}, "nan", "not a number"),
        ({}, "{", "not JSON"),
    ],
)
def test_a_line_without_meaning_is_refused(schema: dict[str, Any], line: str, said: str) -> None:
    """The refusal says what would have one."""
    with pytest.raises(UsageError, match=said):
        meant(Place(schema, {}), line)


def test_an_empty_answer_is_null_nothing_or_refused() -> None:
    """By what may be null and what may be left out; null also takes a default away."""
    optional = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert nothing(Place(optional, {})) is None
    assert nothing(Place(optional, {}, required=False)) is MISSING
    assert nothing(Place({**optional, "default": "x"}, {}, required=False)) is None
    assert nothing(Place({"type": "string"}, {}, required=False)) is MISSING
    with pytest.raises(UsageError, match="Fill this in"):
        nothing(Place({"type": "string"}, {}))


# ------------------------------------------------------------------------------- in a terminal


def asked(schema: Any, *typed: str) -> tuple[Any, list[str]]:
    """What comes of lines that are typed, and the prompts before them."""
    lines, prompts = iter(typed), []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return next(lines)

    return ask_value(schema, ask, prompts.append), prompts


class Dotted(BaseModel):
    rate: float = Field(alias="tax.rate")


def test_a_key_with_a_dot_keeps_it() -> None:
    """A terminal's answer stands under the whole key."""
    assert asked(Dotted.model_json_schema(by_alias=True), "0.2")[0] == {"tax.rate": 0.2}


class Node(BaseModel):
    name: str
    next: Node | None = None


def test_a_record_that_may_be_null_is_asked_for_first() -> None:
    """A model that holds itself comes to an end."""
    value, prompts = asked(Node.model_json_schema(), "a", "y", "b", "n")
    assert value == {"name": "a", "next": {"name": "b"}}
    assert prompts[1] == "Fill in next? (y/n): "
    assert prompts[2] == "next.name (text): "


def test_without_a_schema_null_is_spelled_out() -> None:
    """An empty line isn't taken for it."""
    value, prompts = asked(None, "", "null")
    assert value is None
    assert prompts[:2] == ["payload (JSON): ", "  payload is required."]
