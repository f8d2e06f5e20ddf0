"""What lint finds in notebooks of every kind, against what is written down for each."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest

from tests.corpus.notebooks.make import contents
from tests.linting.corpus import EXPECTED, FOLDER, READABLE, path_of
from wf_notebook import Finding, lint
from wf_notebook.cells.document import read_document


def place(finding: Finding) -> tuple[int, int, str]:
    return finding.cell, finding.line if finding.cell else finding.file_line, finding.code


@pytest.mark.parametrize("name", EXPECTED)
def test_findings_are_those_that_are_written_down(name: str) -> None:
    """Cell, line, code and the word at the column; nothing more, nothing less."""
    found = lint(path_of(name))
    assert [place(finding) for finding in found] == [tuple(one[:3]) for one in EXPECTED[name]]
    for finding, (*_, word) in zip(found, EXPECTED[name], strict=True):
        assert finding.text[finding.column - 1 :].startswith(word)
        assert finding.message
        assert finding.path == path_of(name)


def as_json(word: str) -> set[str]:
    """A word as a JSON file may hold it."""
    return {json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]}


@pytest.mark.parametrize("name", READABLE)
def test_the_place_in_the_file_is_where_the_word_stands(name: str) -> None:
    """Line and column of a finding, in the file's own bytes, are those of the word it is about."""
    raw = Path(path_of(name)).read_bytes().decode().replace("\r\n", "\n").split("\n")
    for finding, (*_, word) in zip(lint(path_of(name)), EXPECTED[name], strict=True):
        there = raw[finding.file_line - 1][finding.file_column - 1 :]
        assert there.startswith(tuple(as_json(word)))


@pytest.mark.parametrize("name", READABLE)
def test_cells_are_those_that_nbformat_reads(name: str) -> None:
    """A file is read by json alone, and its code cells are what nbformat makes of it."""
    data = Path(path_of(name)).read_bytes()
    theirs = nbformat.reads(data.decode(), as_version=nbformat.NO_CONVERT)
    if theirs.get("nbformat") != 4:
        theirs = nbformat.convert(theirs, 4)
    texts = [cell.get("source", "") for cell in theirs.cells if cell.cell_type == "code"]
    assert [cell.text for cell in read_document(data).cells] == texts


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - set(READABLE)))
def test_what_is_unreadable_is_told_once_and_the_others_are_linted(
    name: str, tmp_path: Path
) -> None:
    """One finding about the file, with a way out; a good neighbour is linted all the same."""
    for one in (name, "unknown_step"):
        (tmp_path / f"{one}.ipynb").write_bytes((FOLDER / f"{one}.ipynb").read_bytes())
    found = lint(tmp_path)
    assert sorted((os.path.basename(f.path), f.code) for f in found) == sorted([
        (f"{name}.ipynb", "WF510"), ("unknown_step.ipynb", "WF140"),
    ])  # fmt: skip
    assert all(finding.hint for finding in found)


def test_the_corpus_is_what_its_script_makes() -> None:
    """Every made file is there, byte for byte, and there is no other notebook."""
    made = contents()
    assert {name: (FOLDER / name).read_bytes() for name in made} == made
    assert {path.name for path in FOLDER.glob("*.ipynb")} == {
        n for n in made if n != "expected.json"
    }
    assert len(EXPECTED) >= 60
