"""The command line `wf`, without kernels (those are in tests/kernel/test_headless.py)."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from wf_notebook import errors, open_world, step
from wf_notebook.cli import main
from wf_notebook.commands import table
from wf_notebook.commands.outcome import OpenHook, Outcome, exit_code_of_error, gravest
from wf_notebook.errors import UsageError
from wf_notebook.headless import execution as headless
from wf_notebook.headless.answers import read_answers
from wf_notebook.headless.execution import CellError, Execution
from wf_notebook.headless.report import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = 'async def ask():\n    "use workflow"\n    return await create_hook(token="t")\n'


@step
def unused() -> None:
    """Offered, because a source needs a step."""


@pytest.fixture
def wf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `wf` in the test's folder: exit code, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        with contextlib.chdir(tmp_path):
            code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    """A world in the usual place, with a run that waits for a person."""
    with open_world(tmp_path / ".wf_notebook" / "a.duckdb", isolation="inline") as world:
        return world.start(SOURCE, steps=[unused]).wait_for("hook").id


Wf = "Callable[..., tuple[int, str, str]]"


# ---------------------------------------------------------------------------------- world files


def test_the_only_world_of_the_folder_is_found(wf: Any, run_id: str) -> None:
    """Commands need no --world beside a notebook."""
    code, out, _ = wf("runs")
    assert (code, run_id in out) == (0, True)
    assert wf("show")[0] == 0
    assert wf("source", run_id)[1] == SOURCE


def test_looking_writes_nothing(wf: Any, run_id: str, tmp_path: Path) -> None:
    """The run has the same events after `runs`, `show`, `hooks` and `why`."""
    for words in (["runs"], ["show"], ["hooks"], ["why"]):
        assert wf(*words)[0] == 0
    with open_world(tmp_path / ".wf_notebook" / "a.duckdb", read_only=True) as world:
        assert [e.type for e in world.get(run_id).events()][-1] == "hook_created"


def test_a_hook_is_resumed_from_the_shell(wf: Any, run_id: str) -> None:
    """The JSON is one word, or several; the run goes on at once where its steps allow."""
    assert wf("resume", "t", '{"a":', "1}")[0] == 0
    code, out, _ = wf("sql", "select", "status", "from", "runs")
    assert (code, out) == (0, "status\ncompleted\n")


def test_without_a_world_or_with_several_it_asks_which(
    wf: Any, run_id: str, tmp_path: Path
) -> None:
    """Usage errors that name what was found, exit code 2."""
    folder = tmp_path / ".wf_notebook"
    with open_world(folder / "b.duckdb"):
        pass
    code, _, err = wf("runs")
    assert (code, "a.duckdb" in err, "b.duckdb" in err) == (2, True, True)
    assert wf("runs", "--world", str(folder / "a.duckdb"))[0] == 0
    code, _, err = wf("runs", "--world", "nowhere.duckdb")
    assert (code, "There is no world nowhere.duckdb" in err) == (2, True)


def test_an_empty_folder_is_told_so(wf: Any) -> None:
    """No file is made by looking."""
    code, _, err = wf("runs")
    assert (code, "--world PATH" in err) == (2, True)


def test_every_command_of_the_table_takes_a_world(wf: Any) -> None:
    """`wf` is the same table, plus --world where a world is needed, plus run."""
    for name in table.commands:
        assert ("--world PATH" in wf(name, "--help")[1]) == (name != "lint")
    said = wf("--help")[1]
    assert all(name in said for name in (*table.commands, "run"))
    assert all("--world" not in str(c.params) for c in table.commands.values())


def test_answer_asks_at_the_prompt(wf: Any, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a schema one line of JSON is asked for; end of input gives up."""
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert wf("answer")[0] == 130
    monkeypatch.setattr(sys, "stdin", io.StringIO("[1]\n"))
    code, out, _ = wf("answer", "t")
    assert (code, "Resumed the hook t." in out) == (0, True)


# ----------------------------------------------------------------------------------- exit codes


def test_usage_is_exit_code_2(wf: Any) -> None:
    """One clean line, no traceback."""
    for words in (["nonsense"], ["run"], ["run", "missing.ipynb"], ["runs", "--limit", "x"]):
        code, _, err = wf(*words)
        assert code == 2
        assert err.startswith("WF500 ")
        assert err.count("\n") == 1


def test_a_file_that_is_no_notebook_is_refused(wf: Any, tmp_path: Path) -> None:
    """Neither JSON nor a notebook: exit code 2 with the path."""
    (tmp_path / "x.ipynb").write_text("nothing")
    code, _, err = wf("run", "x.ipynb")
    assert (code, "x.ipynb" in err) == (2, True)


def test_a_world_that_cannot_be_opened_is_exit_code_5(wf: Any, tmp_path: Path) -> None:
    """Damaged, locked, wrong path: the world's own codes."""
    (tmp_path / "empty.duckdb").write_bytes(b"")
    code, _, err = wf("runs", "--world", "empty.duckdb")
    assert (code, err[:5]) == (5, "WF302")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UsageError", 2),
        ("WaitingForHook", 3),
        ("DivergenceError", 4),
        ("WorldLockedError", 5),
        ("WorldQueryError", 2),
        ("WorldKeyError", 5),
        ("RunNotFoundError", 1),
        ("RunBlockedError", 1),
    ],
)
def test_errors_have_exit_codes(name: str, code: int) -> None:
    """The table of the design."""
    assert exit_code_of_error(getattr(errors, name)) == code


def outcome(status: str, **changes: Any) -> Outcome:
    return Outcome("wrun_1", "refund", status, "", **changes)


HOOK = (OpenHook("t"),)


@pytest.mark.parametrize(
    ("outcomes", "changes", "code"),
    [
        ([], {}, 0),
        ([outcome("completed")], {}, 0),
        ([outcome("completed"), outcome("failed")], {}, 1),
        ([outcome("cancelled")], {}, 1),
        ([outcome("suspended", hooks=HOOK)], {}, 3),
        ([outcome("suspended", hooks=HOOK), outcome("failed")], {}, 1),
        ([outcome("suspended")], {}, 1),
        ([outcome("blocked", blocked="divergence"), outcome("failed")], {}, 4),
        ([outcome("blocked", blocked="step")], {}, 1),
        ([outcome("completed")], {"error": "NameError"}, 1),
        ([outcome("suspended", hooks=HOOK)], {"error": "WaitingForHook"}, 3),
        ([], {"error": "WorldLockedError"}, 5),
        ([], {"error": "UsageError"}, 1),
        ([outcome("suspended")], {"timed_out": True}, 1),
        ([outcome("suspended", hooks=HOOK)], {"timed_out": True}, 3),
        ([], {"died": True}, 1),
    ],
)
def test_an_execution_has_one_exit_code(
    outcomes: list[Outcome], changes: dict[str, Any], code: int
) -> None:
    """The gravest of its runs and its cells."""
    if "error" in changes:
        changes = {**changes, "error": CellError(2, changes["error"], "", "")}
    assert exit_code(Execution(None, outcomes, **changes)) == code


def test_an_outcome_survives_the_way_out_of_the_kernel() -> None:
    """JSON and back."""
    found = outcome("suspended", hooks=(OpenHook("t", "T", "S", "no"),), error="x")
    assert Outcome.from_json(found.to_json()) == found
    assert gravest([0, 3, 1, 4]) == 4


# -------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ('a={"b": "c=d"}', "a", {"b": "c=d"}),
        ("a=b=1", "a=b", 1),
        ("Approve it?=true", "Approve it?", True),
        ('a="x"', "a", "x"),
    ],
)
def test_answers_are_name_and_json(text: str, name: str, value: object) -> None:
    """Split at the first `=` whose right side is JSON."""
    assert read_answers([text]) == {name: [value]}


@pytest.mark.parametrize("text", ["a", "=1", "", "a=yes", "a={x: 1}"])
def test_a_wrong_answer_is_refused(text: str) -> None:
    """With what to write instead."""
    with pytest.raises(UsageError) as caught:
        read_answers([text])
    assert "WF500" in str(caught.value)


def test_without_nbclient_it_says_what_to_install(
    wf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbclient is an extra, imported when it is needed."""
    import nbformat

    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "x.ipynb")
    monkeypatch.setitem(sys.modules, "nbclient", None)
    code, _, err = wf("run", "x.ipynb")
    assert (code, "pip install 'wf-notebook[run]'" in err) == (2, True)


def test_a_missing_kernel_is_named(wf: Any, tmp_path: Path) -> None:
    """The notebook asks for a kernel that isn't installed."""
    import nbformat

    book = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "no-such-kernel", "display_name": "?"}}
    )
    nbformat.write(book, tmp_path / "x.ipynb")
    code, _, err = wf("run", "x.ipynb")
    assert (code, "no-such-kernel" in err) == (2, True)


def test_the_headless_code_names_what_exists() -> None:
    """The code that `wf run` sends to the kernel calls functions of this version."""
    from wf_notebook.notebook import unattended

    for code in (headless._ATTEND, headless._SETTLE, headless._REPORT):
        name = code.removesuffix("()").rpartition(".")[2]
        assert callable(getattr(unattended, name))


# ------------------------------------------------------------------------------- damaged worlds


@pytest.fixture
def shortened(run_id: str, tmp_path: Path) -> str:
    """The same world, with a commit that its head knows of and its log has lost."""
    place = tmp_path / ".wf_notebook" / "a.duckdb"
    earlier = place.read_bytes()
    with open_world(place, isolation="inline") as world:
        world.get(run_id).cancel("wrong order")
    place.write_bytes(earlier)
    return run_id


def test_a_damaged_world_can_be_looked_at(
    wf: Any, shortened: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is whole is shown, with one line of warning; nothing is written."""
    for words in (["runs"], ["show"], ["source"], ["sql", "select", "run_id", "from", "runs"]):
        caplog.clear()
        code, out, _ = wf(*words)
        assert code == 0
        assert len(caplog.messages) == 1
        assert "lacks its last" in caplog.messages[0]
        assert "\n" not in caplog.messages[0]
        assert out


def test_a_loss_is_accepted_on_purpose_only(wf: Any, shortened: str, tmp_path: Path) -> None:
    """What writes is refused, with the ways out; `wf mend` goes on, and keeps what was there."""
    code, _, err = wf("cancel", shortened)
    assert code == 5
    assert "WF302" in err
    assert "wf mend" in err
    assert "older copy" in err
    code, out, _ = wf("mend")
    assert code == 0
    assert "lacks its last" in out
    (copy,) = (tmp_path / ".wf_notebook").glob("a.duckdb.damaged-*")
    assert str(copy) in out
    assert sorted(path.name for path in copy.iterdir()) == ["a.duckdb", "a.duckdb.head"]
    assert wf("cancel", shortened)[0] == 0
    assert wf("mend")[1].endswith("is whole.\n")


def test_a_world_that_is_not_there_cannot_be_mended(wf: Any, tmp_path: Path) -> None:
    """And none is made."""
    assert wf("mend", "--world", "x.duckdb")[0] == 2
    assert not list(tmp_path.iterdir())
