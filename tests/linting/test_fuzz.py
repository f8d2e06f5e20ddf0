"""Whatever a file holds, lint answers with findings: mutated bytes, structures, cells and lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.corpus.notebooks.cases import CASES, SETUP
from tests.corpus.notebooks.make import notebook, written
from tests.linting.corpus import EXPECTED, FOLDER, path_of
from tests.sizes import sized
from wf_notebook.cells.document import read_document
from wf_notebook.errors import NotebookFileError
from wf_notebook.linting.finding import SEVERITIES
from wf_notebook.linting.lint import lint_bytes

MANY = settings(max_examples=sized(300, 5_000))
FILES = [
    Path(path_of(name)).read_bytes() for name in EXPECTED if name not in ("deep", "long_number")
]
CELLS = sorted({cell for case in CASES.values() for cell in case.cells})
WORDS = [
    *("%%workflow ", "%%workflow\n", "%%time\n", "%%capture x\n", "%%bash\n", "%workflow", "%wf", "!ls"),
    *("--steps ", "-s", "--expect sha256:", " -- ", "--schemas=", "-t 5s", "--check", "'", '"', "\\"),
    *("async def f():\n    ", "await steps.fetch(1)", "steps.", "@step\n", "@step(name=", "step(", ")"),
    *("from shop import *\n", "from . import x\n", "import a.b.c\n", "class A(BaseModel): ...\n"),
    *(">>> ", "... ", "In [1]: ", "   ...: ", "\n", "\r\n", "\r", "\t", "    ", "\x0c", "\u2028", "\0"),
    *("\ud800", "\U0001f600", "é", "#", "x?", "?x", "a = %b", "(" * 40, "exec('')", "*a", "**", "if 1:\n"),
    *("try:\n    ", "except A as e:\n    ", "match x:\n  case 1:\n    ", "del step\n", "(x := step)"),
]  # fmt: skip
SOUP = st.lists(st.sampled_from(WORDS), max_size=25).map("".join)
TEXTS = st.one_of(SOUP, st.text(max_size=80), st.sampled_from(CELLS))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.text(max_size=5) | SOUP,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["cells", "source", "cell_type", "worksheets", "input", "code", "x"]), inner, max_size=3
    ),
    max_leaves=6,
)  # fmt: skip


def lint(data: bytes) -> list[Any]:
    """Lint, and hold every finding to what is promised of all."""
    done = lint_bytes(data, path="a.ipynb", folder=str(FOLDER))
    raw = data.decode("utf-8", "replace").split("\n")
    for finding in done.findings:
        assert finding.message
        assert finding.severity in SEVERITIES
        assert finding.code.startswith("WF")
        if finding.cell:
            assert min(finding.line, finding.column, finding.file_line, finding.file_column) >= 1
            assert finding.end_column > finding.column
            assert finding.file_line <= len(raw)
            assert finding.file_column <= len(raw[finding.file_line - 1]) + 1
    return list(done.findings)


@MANY
@given(data=st.data())
def test_mutated_bytes(data: st.DataObject) -> None:
    """Bytes cut out, put in and turned over, anywhere in a file of the corpus."""
    found = bytearray(data.draw(st.sampled_from(FILES)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(found)))
        end = at + data.draw(st.integers(0, 8))
        found[at:end] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"{", b"]", b"\\u", b","])
        )
    lint(bytes(found))


@MANY
@given(cells=st.lists(VALUES, max_size=3), more=VALUES, version=st.integers(0, 5) | st.none())
def test_any_structure(cells: list[Any], more: Any, version: int | None) -> None:
    """JSON of any shape under the keys that matter."""
    for key in ("cells", "worksheets"):
        lint(json.dumps({"nbformat": version, "metadata": {}, key: cells, "more": more}).encode())


@MANY
@given(texts=st.lists(TEXTS, max_size=4))
@example(["%%workflow"])
@example(["%%workflow -s a\n\r\n\n"])
@example(["%%time"])
@example(["%%"])
@example(["step = step\n@step\ndef step(): ...", "%%workflow\nasync def a(): await steps.step()"])
def test_any_cells(texts: list[str]) -> None:
    """Cells of words that mean something to IPython, to the magic or to the language, in any order."""
    made = written(notebook(SETUP, *texts))
    lint(made)
    assert [cell.text for cell in read_document(made).cells] == [SETUP, *texts]


@MANY
@given(words=st.lists(st.sampled_from(WORDS), max_size=12).map("".join), body=TEXTS)
def test_any_line(words: str, body: str) -> None:
    """Any words behind `%%workflow`, over any source."""
    lint(written(notebook(SETUP, f"%%workflow {words}\n{body}")))


@MANY
@given(text=SOUP, split=st.booleans(), version=st.integers(1, 3))
def test_old_versions_are_read_as_nbformat_reads_them(text: str, split: bool, version: int) -> None:
    """Cells of nbformat 1, 2 and 3, in whole or in lines."""
    source = text.splitlines(keepends=True) if split and version > 1 else text
    if version == 1:
        content: Any = {"cells": [{"cell_type": "code", "code": source}]}
    else:
        cell = {"cell_type": "code", "language": "python", "outputs": [], "input": source}
        content = {"nbformat": version, "nbformat_minor": 0, "metadata": {}}
        content["worksheets"] = [{"cells": [cell]}]
    data = json.dumps(content).encode()
    try:
        ours = [cell.text for cell in read_document(data).cells]
    except NotebookFileError:
        raise AssertionError("it was refused") from None
    theirs = nbformat.convert(nbformat.reads(data.decode(), as_version=nbformat.NO_CONVERT), 4)
    assert ours == [cell.source for cell in theirs.cells]
