"""What is seen in a source's tree, name for name: where a rule begins and where it ends."""

from __future__ import annotations

import pytest

from wf_notebook.definition.compile import normalise
from wf_notebook.definition.validate import validate


def problems(*lines: str) -> list[tuple[str, str, str]]:
    """Code, marked words and hint of each problem in the body of an entry."""
    source = normalise("async def workflow(x):\n" + "".join(f"    {line}\n" for line in lines))
    text = source.split("\n")
    return [
        (d.code, text[d.line - 1][d.column - 1 : d.end_column - 1], d.hint)
        for d in validate(source, aliases=("charge",), cell=True).diagnostics
    ]


def test_a_guess_knows_the_names_of_the_functions_around() -> None:
    """A misspelt name of an enclosing function is guessed, however far out; a class's is not."""
    found = problems(
        "customers = x",
        "class Bag:",
        "    addresses = 1",
        "    def inner(self):",
        "        def innermost():",
        "            return custmers, adresses",
        "        return innermost",
    )
    hints = {words: hint for _, words, hint in found}
    assert "customers" in hints["custmers"]
    assert "addresses" not in hints["adresses"]


@pytest.mark.parametrize("name", ["now", "random", "print", "StepError"])
def test_a_comprehension_may_use_a_predefined_name(name: str) -> None:
    """There it harms nobody, and a walrus is no part of that: its name is the function's."""
    assert problems(f"return [{name} for {name} in x]") == []
    assert [code for code, *_ in problems(f"return [({name} := y) for y in x]")] == ["WF135"]
    assert [code for code, *_ in problems(f"for {name} in x: pass")] == ["WF135"]


@pytest.mark.parametrize("name", ["steps", "sleep", "create_hook"])
def test_a_comprehension_may_not_use_the_surface(name: str) -> None:
    """What asks the host for something means that everywhere."""
    assert [(code, words) for code, words, _ in problems(f"return [0 for {name} in x]")] == [
        ("WF135", name)
    ]


@pytest.mark.parametrize("name", ["_X", "_x", "__X", "_XX_", "__x__"])
def test_a_private_attribute_is_private_whatever_its_letters(name: str) -> None:
    """Only underscores alone are nobody's secret."""
    assert [words for _, words, _ in problems(f"return x.{name}")] == [name]
    assert problems("return x._, x.__") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("return await x", "await"),
        ("async for y in x: pass", "async"),
        ("async with x: pass", "async"),
    ],
)
def test_a_misplaced_await_points_at_its_word(line: str, words: str) -> None:
    """`await` or `async`, in a plain function, a lambda and a class; each with its way out."""
    ((code, marked, hint),) = problems("def helper():", f"    {line}", "return helper")
    assert (code, marked, hint) == ("WF116", words, "Write `async def helper`.")


def test_a_misplaced_await_in_other_places() -> None:
    """There is no name to write `async` before."""
    ((code, words, hint),) = problems("return lambda: (await x)")
    assert (code, words, hint) == ("WF116", "await", "Write an `async def` instead of the lambda.")


def test_only_fields_of_an_f_string_are_read() -> None:
    """A brace in another text costs nothing: it is no code."""
    braces = "{x}" * 12_000
    assert problems(f"return '{braces}'", f"return rb'{braces}'") == []
    for prefix in ("f", "F", "rf", "fR"):
        assert [code for code, *_ in problems(f"return {prefix}'{braces}'")] == ["WF105"]
