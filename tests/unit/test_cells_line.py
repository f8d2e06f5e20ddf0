"""The line of a `%%workflow` cell."""

import pytest

from wf_notebook.cells import line as cell_line
from wf_notebook.cells.line import CellLine, evaluate, read_line, split_line
from wf_notebook.errors import UsageError


@cell_line.workflow_arguments
def workflow() -> None:
    """Start a workflow."""


def read(line: str) -> CellLine:
    return read_line(workflow.parser, line)  # type: ignore[attr-defined]


def test_an_empty_line_leaves_every_choice_to_the_source() -> None:
    """A bare `%%workflow` chooses nothing: no name, no steps, no schemas, no arguments."""
    assert read("") == CellLine()


def test_every_option_of_the_design_is_read() -> None:
    """Short and long forms land in the same fields."""
    line = (
        "refund -s fetch,pay=orders.charge --schemas Approval,Other -o r -i KEY -w -t 10m "
        f"--expect sha256:{'A' * 64} --isolation process --view card -q"
    )
    assert read(line) == CellLine(
        name="refund",
        steps={"fetch": "fetch", "pay": "orders.charge"},
        schemas=("Approval", "Other"),
        out="r",
        key="KEY",
        wait=True,
        timeout=600.0,
        expect="a" * 64,
        isolation="process",
        view="card",
        quiet=True,
    )
    assert read("--new").new
    assert read("--replace").replace
    assert read("--check").check


def test_steps_may_be_given_more_than_once_and_with_spaces() -> None:
    """`-s` adds up; a dotted step takes its last part as alias."""
    found = read('-s "a, b" -s orders.charge').steps
    assert found == {"a": "a", "b": "b", "charge": "orders.charge"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('refund -- "A-17", -5', ("refund", '"A-17", -5')),
        ("-- -5", ("", "-5")),
        ("refund --", ("refund", "")),
        ("refund --out r", ("refund --out r", "")),
        ("-i 'a -- b' -- x", ("-i 'a -- b'", "x")),
        ('-i "it\'s -- so" -- "--"', ('-i "it\'s -- so"', '"--"')),
        ("-i a\\' -- b", ("-i a\\'", "b")),
        ("a -- b -- c", ("a", "b -- c")),
        ("a --- b", ("a --- b", "")),
        ("\t--\tx", ("", "x")),
    ],
)
def test_the_line_is_split_at_the_first_standalone_dashes(
    line: str, expected: tuple[str, str]
) -> None:
    """Only ` -- ` outside quotes ends the options; what follows is untouched."""
    assert split_line(line) == expected


def test_a_negative_argument_is_not_taken_for_a_name() -> None:
    """`-- -5` is an argument: argparse never sees it."""
    found = read("-- -5")
    assert (found.name, found.arguments) == (None, "-5")


def test_quotes_in_values_are_taken_off() -> None:
    """A key may hold spaces."""
    assert read('-i "order 17"').key == "order 17"


@pytest.mark.parametrize(
    "line",
    [
        "--nonsense",
        "a b",
        "-i",
        "--new --replace",
        "--new -i KEY",
        "--expect sha256:abc",
        f"--expect {'g' * 64}",
        "--isolation moon",
        "--view hologram",
        "--timeout soon",
        '-i "open',
        "17",
        "-o 17",
        "-s 3,4",
    ],
)
def test_a_wrong_line_is_one_coded_error(line: str) -> None:
    """Whatever is wrong with the options: WF500 with a way out, never argparse's exit."""
    with pytest.raises(UsageError) as caught:
        read(line)
    assert caught.value.code == "WF500"
    assert caught.value.hint


def test_arguments_are_evaluated_as_the_inside_of_a_call() -> None:
    """Positional, keyword, unpacked; names come from the namespace; comments are no trap."""
    names = {"n": 4, "extra": {"b": 2}}
    assert evaluate('"A-17", n + 1, *[7], a=n, **extra', names) == (
        ("A-17", 5, 7),
        {"a": 4, "b": 2},
    )
    assert evaluate("n # the limit", names) == ((4,), {})
    assert evaluate("[m * n for m in range(2)]", names) == (([0, 4],), {})
    assert evaluate("", names) == ((), {})


def test_evaluating_arguments_leaves_the_namespace_alone() -> None:
    """Nothing but what Python itself adds appears in the user's namespace."""
    names: dict[str, object] = {}
    evaluate("1, a=2", names)
    assert set(names) <= {"__builtins__"}


@pytest.mark.parametrize(
    "text",
    ["1 2", "f(", ")", "1), g(2", "1)(2", "1) + f(2", "x = = 1", "\x00", "return", "(" * 500],
)
def test_what_is_not_the_inside_of_one_call_is_refused(text: str) -> None:
    """A line cannot smuggle a second expression beside the call."""
    with pytest.raises(UsageError, match="after --"):
        evaluate(text, {})


def test_arguments_that_raise_name_their_error() -> None:
    """A NameError in the arguments is reported as one, with the original as cause."""
    with pytest.raises(UsageError, match=r"NameError.*missing") as caught:
        evaluate("missing", {})
    assert isinstance(caught.value.__cause__, NameError)


def test_the_help_lists_every_option_but_the_hidden_one() -> None:
    """`%%workflow?` is the documentation: each option, each with a sentence."""
    text = workflow.__doc__ or ""
    for option in cell_line.options():
        assert option in text
    assert "--awaited" not in text
    assert "Examples" in text
