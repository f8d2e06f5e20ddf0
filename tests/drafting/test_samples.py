"""Examples of values: they fit the schemas that they are made of."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf
from pydantic import BaseModel, Field, TypeAdapter

from wf_notebook.drafting.samples import sample


class Colour(Enum):
    RED = "red"


class Leaf(BaseModel):
    at: datetime
    tags: list[str]
    colour: Colour


class Tree(BaseModel):
    left: Tree | None
    leaf: Leaf
    kids: list[Tree]


TYPES: list[Any] = [
    *(str, int, float, bool, date, datetime, UUID, Decimal, bytes, list[int], dict[str, int]),
    *(tuple[int, str], tuple[int, ...], set[str], Literal["a", 3], Colour, Leaf, Tree, None),
    *(int | None, None | str, list[Leaf], Annotated[int, Ge(5)], Annotated[int, Gt(5), Lt(7)]),
    *(Annotated[float, Le(-3)], Annotated[int, MultipleOf(7)], Annotated[str, Len(5, 8)]),
    *(Annotated[list[int], Len(3, 5)], Annotated[str, Field(examples=["A-17"])]),
]


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_fits(kind: Any) -> None:
    """An example of a type is a value of it."""
    adapter = TypeAdapter(kind)
    for mode in ("validation", "serialization"):
        found = sample(adapter.json_schema(mode=mode), name="1")  # a Decimal is given as text
        adapter.validate_python(found.value)
        assert not found.vague or kind == dict[str, int], found


@pytest.mark.parametrize("kind", [Any, dict, dict[str, Any], list[Any]], ids=str)
def test_guess(kind: Any) -> None:
    """Where a schema says nothing, the example is a guess, and holds what the source reads."""
    found = sample(TypeAdapter(kind).json_schema(), keys=["total"])
    assert found.vague
    assert "total" in str(found.value)
