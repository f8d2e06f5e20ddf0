"""What the parser and the compiler complain of: which problem it becomes, and where it is told."""

from __future__ import annotations

import pytest

from wf_notebook.definition.compile import normalise
from wf_notebook.definition.validate import validate
from wf_notebook.guest import compiling
from wf_notebook.guest.compiling import compile_problem, parse
from wf_notebook.guest.places import Lines, Problem

START = (1, 1, 1, 1)
REFUSED = (ValueError("no"), OverflowError("no"), SystemError("no"))
TOO_COMPLEX = (RecursionError(), MemoryError())


def found(source: str) -> Problem:
    """The one problem of a source that Python does not take."""
    problem = parse(Lines(source))
    if not isinstance(problem, Problem):
        again = compile_problem(problem, Lines(source))
        assert again is not None
        return again
    return problem


def raising(error: Exception) -> object:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("error", [*REFUSED, *TOO_COMPLEX], ids=repr)
@pytest.mark.parametrize("stage", ["parse_source", "compile_source"])
def test_whatever_python_raises_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, stage: str, error: Exception
) -> None:
    """At the beginning of the text, for it has no better place; with words of Python's, if any."""
    monkeypatch.setattr(compiling, stage, raising(error))
    problem = found("x = 1\n")
    assert problem[:4] == START
    expected = "WF104" if error in TOO_COMPLEX else "WF101"
    assert problem.code == expected
    assert ("no." in problem.message) == (expected == "WF101")


@pytest.mark.parametrize(
    ("source", "span"),
    [
        ("x = (\n", (1, 5, 1, 6)),
        ("x = 'a\n", (1, 5, 1, 6)),
        ("x = 1\nreturn x\n", (2, 1, 2, 2)),
        ("for for\n", (1, 5, 1, 8)),
    ],
)
def test_a_complaint_has_the_place_that_python_gives(
    source: str, span: tuple[int, int, int, int]
) -> None:
    """Its first character, and its end where there is one; else one character."""
    assert found(source)[:4] == span


@pytest.mark.parametrize(
    ("given", "span"),
    [
        ((1, 2, 1, 4), (1, 2, 1, 4)),
        ((1, 2, None, None), (1, 2, 1, 3)),
        ((1, 2, 1, 0), (1, 2, 1, 3)),
        ((1, 2, 1, -1), (1, 2, 1, 3)),
        ((1, 2, 1, 2), (1, 2, 1, 3)),
        ((2, 1, 1, 4), (2, 1, 2, 2)),
        ((1, 2, 9, 4), (1, 2, 1, 3)),
        ((1, 2, 2, 1), (1, 2, 2, 1)),
        ((9, 1, 9, 4), (3, 1, 3, 2)),
        ((0, 1, None, None), (1, 1, 1, 2)),
        ((1, 99, None, None), (1, 6, 1, 7)),
        ((1, 0, None, None), (1, 1, 1, 2)),
        ((None, None, None, None), (1, 1, 1, 2)),
    ],
)
def test_an_odd_place_is_brought_into_the_text(
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[int | None, int | None, int | None, int | None],
    span: tuple[int, int, int, int],
) -> None:
    """Python's places may be missing, before their beginning, or behind the text."""
    line, column, end_line, end_column = given
    error = SyntaxError("odd", ("<source>", line, column, "", end_line, end_column))
    monkeypatch.setattr(compiling, "parse_source", raising(error))
    assert found("x = 1\ny = 2\n")[:4] == span


def test_ways_out_of_an_inner_finally_count() -> None:
    """Each return in a `finally` is a way out of what is around it, twice: for its two copies."""

    def source(ways: int) -> str:
        inner = ["    if x: return"] * ways
        lines = ["try:", "  try: 0", "  finally:", *inner, "finally:", *["  x; x"] * 200]
        return normalise("async def workflow(x):\n" + "".join(f" {line}\n" for line in lines))

    def codes(ways: int) -> list[str]:
        return [d.code for d in validate(source(ways), aliases=(), cell=True).diagnostics]

    assert codes(19) == []
    assert codes(20) == ["WF105"]
