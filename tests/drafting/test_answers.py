"""Which source an answer holds; the corpus has the common shapes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_notebook.drafting.answer import source_in

SOURCE = 'async def pay(x):\n    "use workflow"\n    return f"{x}  \\t`"\n'
BITS = st.sampled_from(
    ["```", "~~~", "python", "\n", "{", '"source":', SOURCE, "async def ", "%%workflow", "<think>"]
)


@given(st.lists(st.one_of(BITS, st.text(max_size=5))))
def test_never_raises(bits: list[str]) -> None:
    """Any text is an answer; what is found ends with one newline, or is nothing."""
    found = source_in("".join(bits))
    assert found == "" or found.endswith("\n")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_source_is_not_changed(ends: str) -> None:
    """What stands in the block comes out as it is, character for character."""
    answer = f"Here:\n```python\n{SOURCE}```\nbye".replace("\n", ends)
    assert source_in(answer) == SOURCE


@pytest.mark.parametrize("field", ["source", "code", "whatever"])
def test_json_field(field: str) -> None:
    """JSON is read by its field, whatever that is called."""
    assert source_in(json.dumps({"note": "async", field: SOURCE})) == SOURCE


@pytest.mark.parametrize("answer", ["", "No.", '{"error": "no"}', "[]", '"no"', "{", "```\n```"])
def test_nothing(answer: str) -> None:
    """An answer without a source has none."""
    assert source_in(answer) == ""
