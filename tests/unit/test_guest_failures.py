"""Exceptions as data: whatever is raised has a type, a text and places, within bounds."""

from __future__ import annotations

from typing import Any

from wf_notebook.guest.failures import describe, message_of
from wf_notebook.guest.problems import StepError
from wf_notebook.guest.transform import HELPERS, compile_ordered

FILENAME = "<workflow>"


def failure(source: str) -> dict[str, Any]:
    """What a source raises, described."""
    try:
        exec(compile_ordered(source, FILENAME), {"__builtins__": __builtins__ | HELPERS})
    except BaseException as error:  # noqa: BLE001
        return describe(error, filename=FILENAME, lines=source.splitlines())
    raise AssertionError("nothing was raised")


def test_columns_count_characters_and_lines_may_span() -> None:
    """Positions are what an editor shows, whatever the bytes."""
    found = failure('x = ["éé", 1 /\n   0]\n')
    assert found["frames"] == [[1, 12, 2, 5, "<module>"]]


def test_only_the_sources_frames_are_shown() -> None:
    """Frames of the standard library and of ours are left out."""
    found = failure("import functools\nfunctools.reduce(lambda a, b: a / b, [1, 0])\n")
    assert [frame[4] for frame in found["frames"]] == ["<module>", "<lambda>"]
    found = failure("import json\njson.loads('[')\n")
    assert [frame[0] for frame in found["frames"]] == [2]


def test_a_deep_recursion_keeps_its_innermost_frames() -> None:
    """Fifty frames are enough to see what goes round."""
    found = failure("def f(n):\n    return f(n + 1)\nf(0)\n")
    assert len(found["frames"]) == 50
    assert {frame[0] for frame in found["frames"]} == {2}


def test_causes_are_those_that_python_would_print() -> None:
    """`from` first, else what was being handled; `from None` hides it."""
    handled = "try:\n    {}[1]\nexcept KeyError as error:\n    raise ValueError('v')"
    assert failure(handled)["cause"]["type"] == "KeyError"
    assert failure(f"{handled} from None")["cause"] is None
    assert failure(f"{handled} from OSError('o')")["cause"]["message"] == "o"


def test_chains_are_bounded_and_may_be_circular() -> None:
    """A chain that bites its tail, or is long, ends."""
    circular = "a, b = ValueError('a'), ValueError('b')\na.__cause__ = b\nb.__cause__ = a\nraise a"
    assert failure(circular)["cause"]["cause"] is None
    long = "e = None\nfor i in range(99):\n    new = ValueError(str(i))\n    new.__cause__ = e\n    e = new\nraise e"
    depth, found = 0, failure(long)
    while found is not None:
        depth, found = depth + 1, found["cause"]
    assert depth == 9


def test_groups_are_bounded() -> None:
    """Of a thousand parts the first twenty are shown; nested ones to a depth."""
    many = failure("raise ExceptionGroup('g', [ValueError(i) for i in range(1000)])")
    assert [part["message"] for part in many["parts"]] == [str(i) for i in range(20)]
    nested = failure(
        "g = ValueError()\nfor i in range(99):\n    g = ExceptionGroup('g', [g])\nraise g"
    )
    depth = 0
    while nested["parts"]:
        depth, nested = depth + 1, nested["parts"][0]
    assert depth == 8


def test_texts_are_bounded_and_readable() -> None:
    """A `__str__` that fails, is huge or has lone surrogates is no trouble."""

    class RudeError(Exception):
        def __str__(self) -> str:
            raise KeyError("x")

    assert message_of(RudeError()) == "<KeyError in its __str__>"
    assert message_of(ValueError("\ud800")) == "\\ud800"
    assert len(message_of(ValueError("x" * 100_000))) == 16_001


def test_a_text_of_the_longest_length_is_whole() -> None:
    """Only what is longer is cut, and that is shown."""
    assert message_of(ValueError("x" * 16_000)) == "x" * 16_000
    assert message_of(ValueError("x" * 16_001)) == "x" * 16_000 + "…"


def test_names_are_bounded() -> None:
    """Of a type the beginning, of a function the end, which says most."""
    long = "N" * 300
    found = failure(f"def {long}x():\n    raise type('{long}y', (Exception,), {{}})\n{long}x()\n")
    assert found["type"] == "N" * 200
    assert found["frames"][-1][4] == "N" * 199 + "x"


def test_a_failed_step_says_which_call_it_was() -> None:
    """A position that can be none, whoever wrote it there, is left out: the host would refuse it."""
    error = StepError("no", position=3)
    assert describe(error, filename=FILENAME, lines=[])["step"] == 3
    error.position = 10_000_000
    assert describe(error, filename=FILENAME, lines=[])["step"] == 10_000_000
    for position in (0, -1, 10_000_001, True, "3", None):
        error.position = position  # type: ignore[assignment]
        assert "step" not in describe(error, filename=FILENAME, lines=[])
    other = ValueError("no")
    other.position = 3  # type: ignore[attr-defined]
    assert "step" not in describe(other, filename=FILENAME, lines=[])


def test_a_line_that_the_source_does_not_have_has_no_column() -> None:
    """As of a frame that says it is the source's and is not."""
    try:
        exec(compile("\n\nx = 1 / 0\n", FILENAME, "exec"), {})
    except ZeroDivisionError as error:
        found = describe(error, filename=FILENAME, lines=["x"])
        assert found["frames"] == [[3, None, 3, None, "<module>"]]
        found = describe(error, filename=FILENAME, lines=["", "", "x = 1 / 0"])
        assert found["frames"] == [[3, 5, 3, 10, "<module>"]]
