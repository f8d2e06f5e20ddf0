"""How our errors look under a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from IPython.core.ultratb import AutoFormattedTB

from wf_notebook.definition.model import Diagnostic
from wf_notebook.errors import (
    DefinitionError,
    RunConflictError,
    RunFailedError,
    UsageError,
    WorkflowError,
)
from wf_notebook.notebook import traceback as shown
from wf_notebook.views.failures import failed

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "async def refund(order):\n    order = await steps.fetch_ordr(order)\n    x = open('f')\n"
ORIGIN = {"label": "Cell In[2]", "line_offset": 1}
PROBLEMS = [
    Diagnostic(
        2, 19, 2, 35, "WF131", "There is no step 'fetch_ordr'.", "Did you mean fetch_order?"
    ),
    Diagnostic(3, 9, 3, 18, "WF120", "open() is not available."),
]


@pytest.fixture
def formatter() -> AutoFormattedTB:
    return AutoFormattedTB(mode="Context", theme_name="nocolor", tb_offset=1)


@pytest.fixture
def attached(formatter: AutoFormattedTB) -> Iterator[None]:
    shown.attach(formatter)
    yield
    shown.detach()


def refusal() -> DefinitionError:
    error = DefinitionError(PROBLEMS, source=SOURCE)
    vars(error)["origin"] = ORIGIN
    return error


def failure(**changes: object) -> RunFailedError:
    error = {
        "type": "ValueError",
        "message": "no",
        "cause": None,
        "frames": [[2, 19, 2, 44, "refund"]],
    }
    return RunFailedError(
        "ValueError: no",
        run_id="wrun_1",
        code="USER_ERROR",
        error=error | changes,
        line=2,
        origin=ORIGIN,
        source=SOURCE,
    )


def test_every_diagnostic_points_into_the_cell(formatter: AutoFormattedTB) -> None:
    """Place, source line and carets from column to end column, for each problem; one last line."""
    first = (
        "Cell In[2], line 3\n"
        "----> 3     order = await steps.fetch_ordr(order)\n"
        "                          ^^^^^^^^^^^^^^^^\n"
        "WF131 There is no step 'fetch_ordr'. Did you mean fetch_order?\n"
    )
    second = (
        "Cell In[2], line 4\n"
        "----> 4     x = open('f')\n"
        "                ^^^^^^^^^\n"
        "WF120 open() is not available.\n"
    )
    last = "DefinitionError: WF100 The source was refused (2 problems)"
    assert shown.render(refusal(), formatter) == [first, second, last]


def test_a_failed_run_points_at_the_line_that_failed(formatter: AutoFormattedTB) -> None:
    """The frames of the source come after the user's own and before the last line."""
    frame = (
        "Cell In[2], line 3, in refund\n"
        "----> 3     order = await steps.fetch_ordr(order)\n"
        "                          ^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    )
    assert shown.render(failure(), formatter) == [
        frame,
        "RunFailedError: USER_ERROR ValueError: no",
    ]


def test_the_users_own_frames_stay_and_ours_go(formatter: AutoFormattedTB) -> None:
    """A traceback shows the code that called us, not the code of the package."""

    def theirs() -> None:
        from wf_notebook.cells.line import evaluate

        evaluate("1 2", {})

    with pytest.raises(UsageError) as caught:
        theirs()
    text = "\n".join(shown.render(caught.value, formatter))
    assert "theirs" in text
    assert "cells/line" not in text
    assert text.endswith(f"UsageError: {caught.value}")


def test_an_internal_cause_is_not_shown(formatter: AutoFormattedTB) -> None:
    """The chain below one of our errors is machinery: the message says what matters of it."""

    def theirs() -> None:
        try:
            raise KeyError("inside")
        except KeyError as problem:
            raise WorkflowError("Outside.") from problem

    with pytest.raises(WorkflowError) as caught:
        theirs()
    text = "\n".join(shown.render(caught.value, formatter))
    assert "direct " + "cause" not in text
    assert "During " + "handling" not in text


def test_a_span_over_several_lines_points_to_the_end_of_its_first() -> None:
    """Carets never run past the line that is shown."""
    problem = Diagnostic(2, 5, 3, 2, "WF101", "Unfinished.")
    (block,) = shown.refused([problem], source="a\n    call(\n)\n", origin={})
    assert block == "Source, line 2\n----> 2     call(\n            ^^^^^\nWF101 Unfinished.\n"


@pytest.mark.parametrize("line", [0, 9])
def test_a_place_outside_the_source_shows_no_line(line: int) -> None:
    """A diagnostic without a line of its own (too long, NUL) still says what it has to say."""
    (block,) = shown.refused(
        [Diagnostic(line, 1, line, 1, "WF102", "Long.")], source="a\n", origin={}
    )
    assert block == f"Source, line {line}\nWF102 Long.\n"


def test_control_characters_of_a_source_do_not_reach_the_terminal() -> None:
    """A source cannot move the cursor or colour the screen."""
    (block,) = shown.refused([Diagnostic(1, 1, 1, 2, "WF1", "No.")], source="\x1b[2Jx", origin={})
    assert "\x1b" not in block


def test_tabs_keep_the_carets_under_the_text() -> None:
    """The indent under a tab is a tab."""
    (block,) = shown.refused([Diagnostic(1, 2, 1, 3, "WF1", "No.")], source="\tx", origin={})
    assert block.splitlines()[2] == "        \t^"


def test_a_failure_without_frames_shows_its_last_line_only(formatter: AutoFormattedTB) -> None:
    """A run that failed for another reason than its code has no line to show."""
    assert shown.render(failure(frames=[]), formatter) == [
        "RunFailedError: USER_ERROR ValueError: no"
    ]


def test_detaching_leaves_the_classes_as_they_were(attached: None) -> None:
    """While attached every error of the tree renders itself; afterwards none does."""
    assert hasattr(UsageError("x"), "_render_traceback_")
    assert UsageError("x")._render_traceback_() == ["UsageError: WF500 x"]  # type: ignore[attr-defined]
    shown.detach()
    assert not hasattr(UsageError("x"), "_render_traceback_")
    shown.detach()


def step_failure(**more: object) -> dict[str, object]:
    return {"type": "StepError", "message": "ValueError: no", "cause": None, "parts": [], **more}


def test_a_cause_stands_before_what_it_caused() -> None:
    """As in Python: the first error first, each with its lines and its name."""
    frames = [[2, 5, 2, 10, "refund"]]
    error = {
        "type": "RuntimeError", "message": "giving up", "frames": [[3, 5, 3, 6, "refund"]],
        "cause": step_failure(frames=frames, alias="charge", line=2, traceback="  File x\n"),
    }  # fmt: skip
    blocks = failed(error, source=SOURCE, origin=ORIGIN)
    assert [block.splitlines()[0] for block in blocks] == [
        "Cell In[2], line 3, in refund",
        "In the step charge",
        "StepError: ValueError: no",
        "… which was the cause of:",
        "Cell In[2], line 4, in refund",
    ]


def test_the_parts_of_a_group_are_all_shown() -> None:
    """Each part of an exception group has its own lines; a step's call is its line, at least."""
    part = step_failure(alias="fetch", line=2, traceback="  File x\n    boom()\n")
    error = {
        "type": "ExceptionGroup", "message": "two", "frames": [],
        "parts": [part, step_failure(message="KeyError: 7", frames=[[3, 5, 3, 6, "refund"]])],
    }  # fmt: skip
    first, second = failed(error, source=SOURCE, origin=ORIGIN)
    assert first == (
        "  part 1 of 2\n"
        "  │ Cell In[2], line 3, in steps.fetch(…)\n"
        "  │ ----> 3     order = await steps.fetch_ordr(order)\n"
        "  │ In the step fetch\n"
        "  │   File x\n"
        "  │     boom()\n"
        "  │ StepError: ValueError: no\n"
    )
    assert second.splitlines()[-1] == "  │ StepError: KeyError: 7"


def test_a_message_cannot_steer_the_terminal() -> None:
    """What a step said comes from outside: control characters are replaced."""
    blocks = failed(
        {"type": "E", "cause": step_failure(message="\x1b[2J\nx")}, source="", origin={}
    )
    assert not any("\x1b" in block for block in blocks)


def test_a_conflict_shows_what_differs(formatter: AutoFormattedTB) -> None:
    """An id that belongs to another source: the diff stands above the last line."""
    error = RunConflictError("The id is taken.", run_id="wrun_1", diff="-a\n+b")
    assert shown.render(error, formatter) == [
        "-a\n+b\n",
        "RunConflictError: WF213 The id is taken.",
    ]
