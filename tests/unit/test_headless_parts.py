"""Parameters and answers of `wf run`, without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from papermill.cli import _resolve_type
from papermill.translators import PythonTranslator

from wf_notebook.errors import UsageError
from wf_notebook.headless.answers import read_answers
from wf_notebook.headless.parameters import inject, read_parameters

if TYPE_CHECKING:
    from pathlib import Path

VALUES = (
    "A-17", "5", "-5", "1_000", " 7 ", "0.5", "1e3", "inf", "nan", "True", "true", "None", "", "a=b",
    "it's", 'say "so"', "back\\slash", "é 😀", "[1, 2]", "{}",
)  # fmt: skip


@pytest.mark.parametrize("text", VALUES)
def test_a_parameter_is_what_papermill_makes_of_it(text: str) -> None:
    """The same value, and a cell that gives the same value."""
    (value,) = read_parameters([f"x={text}"]).values()
    theirs = _resolve_type(text)
    assert (type(value), repr(value)) == (type(theirs), repr(theirs))
    book = new_notebook()
    inject(book, {"x": value})
    ours: dict[str, Any] = {}
    exec(book.cells[0].source, ours)
    papermills: dict[str, Any] = {}
    exec(PythonTranslator.codify({"x": theirs}), papermills)
    assert repr(ours["x"]) == repr(papermills["x"])


@pytest.mark.parametrize("text", ["x", "", "=1", "a-b=1", "class=1", "a b=1"])
def test_a_wrong_parameter_is_refused(text: str) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError, match="WF500 -p"):
        read_parameters([text])


def test_a_cell_that_is_not_plain_python_is_left_alone() -> None:
    """With a magic in it nobody knows what it assigns; names in tuples and annotations count."""
    tagged = {"tags": ["parameters"]}
    for source, notes in (("%matplotlib inline\nx = 1", 0), ("a, (b, x) = f()", 0), ("x: int = 1", 0),
                          ("y = 1", 1)):  # fmt: skip
        book = new_notebook(cells=[new_code_cell(source, metadata=tagged)])
        assert len(inject(book, {"x": 2})) == notes
        assert book.cells[1].metadata.tags == ["injected-parameters"]


def test_files_of_answers_come_first(tmp_path: Path) -> None:
    """In their order, then those that were typed."""
    (tmp_path / "a.json").write_text('{"t": {"ok": true}, "u": [1]}')
    (tmp_path / "b.json").write_text('[{"t": 2}, {"t": 3}]')
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert read_answers(["t=4"], files) == {"t": [{"ok": True}, 2, 3, 4], "u": [[1]]}


@pytest.mark.parametrize("text", ["", "no", "3", '"t"', "[1]", '[["t", 1]]'])
def test_a_wrong_file_of_answers_is_refused(text: str, tmp_path: Path) -> None:
    """With its name; so is one that is not there, or not UTF-8."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"WF500 --answers .*a\.json"):
        read_answers([], [str(path)])
    path.write_bytes(b"\xff{}")
    with pytest.raises(UsageError, match="UTF-8"):
        read_answers([], [str(path)])
    with pytest.raises(UsageError, match="cannot be read"):
        read_answers([], [str(tmp_path / "b.json")])
