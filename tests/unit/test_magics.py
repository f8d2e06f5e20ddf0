"""The magics in a terminal IPython: no kernel, no widgets, the same cells."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from wf_notebook.errors import WaitingForHook
from wf_notebook.notebook import session
from wf_notebook.notebook.waiting import make_transformer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETUP = """
from wf_notebook import step

@step
def double(n: int) -> int:
    return 2 * n
"""
FLOW = "async def flow(n):\n    return await steps.double(n)\n"
ASK = "async def ask():\n    return (await create_hook(token='t'))['n']\n"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Any]:
    """A terminal shell with the extension loaded and a world of its own."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.Workflow.world = str(tmp_path / "shell.duckdb")
    config.Workflow.isolation = "inline"
    found = cast("Any", InteractiveShell)(config=config)
    found.run_line_magic("load_ext", "wf_notebook")
    run(found, SETUP)
    yield found
    session.unload(found)
    found.restore_sys_module_state()


def run(shell: Any, code: str) -> Any:
    """Run a cell that must not fail; its value."""
    result = shell.run_cell(code, store_history=True)
    assert result.success, result.error_in_exec or result.error_before_exec
    return result.result


def error(shell: Any, code: str) -> BaseException:
    """Run a cell that must fail; its error."""
    result = shell.run_cell(code, store_history=True)
    assert not result.success
    found = result.error_in_exec or result.error_before_exec
    assert isinstance(found, BaseException)
    return found


# ---------------------------------------------------------------------------------------- cells


def test_a_cell_returns_its_run_at_once(shell: Any) -> None:
    """`%%workflow` gives the run, bound by -o; awaiting it in a later cell gives the value."""
    returned = run(shell, f"%%workflow -o r -- 21\n{FLOW}")
    assert returned.id == shell.user_ns["r"].id
    assert run(shell, "await r") == 42


def test_wait_makes_an_async_cell_in_the_terminal(shell: Any) -> None:
    """`-w` is rewritten to `await …`, and `run_cell` runs it on IPython's own loop."""
    assert run(shell, f"%%workflow -w -- 4\n{FLOW}") == 8


def test_wait_blocks_where_code_calls_the_magic(shell: Any) -> None:
    """Called from code there is nothing to rewrite: the call itself waits."""
    magic = shell.run_cell_magic
    assert magic("workflow", "-w -- 5", FLOW) == 10


def test_check_gives_the_report(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The function twin's report is the value of the cell."""
    report = run(shell, f"%%workflow --check\n{FLOW}")
    assert report.ok
    assert report.steps_used == ("double",)
    assert "✓ flow would run" in capsys.readouterr().out


def test_braces_and_dollars_are_not_expanded(shell: Any) -> None:
    """Neither the line nor the body is touched by IPython's variable expansion."""
    body = "async def flow(word):\n    await steps.double(1)\n    return f'{word} {{n}} $n'\n"
    shell.user_ns["n"] = "expanded"
    assert run(shell, f"%%workflow -w -- '{{n}} $n'\n{body}") == "{n} $n {n} $n"


def test_a_refusal_knows_its_cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback names cell and line, and shows none of our frames."""
    found = error(shell, "%%workflow\nasync def flow():\n    await steps.dubble(1)\n")
    assert cast("Any", found).origin["line_offset"] == 1
    said = capsys.readouterr().out
    assert "line 3\n----> 3     await steps.dubble(1)" in said
    assert "wf_notebook" not in said.replace("DefinitionError", "")


def test_a_broken_step_hides_no_refusal(shell: Any) -> None:
    """A registered step that can't be used isn't blamed for a cell that doesn't name it."""
    run(shell, "@step\ndef broken(x: 'Nowhere') -> int:\n    return 1\n")
    run(shell, "@step\ndef _hidden(x: int) -> int:\n    return 1\n")
    found = error(shell, "%%workflow\nasync def flow():\n    await steps.dubble(1)\n")
    assert "double" in str(found)
    assert "broken" not in str(found)


def test_a_runs_own_traceback_points_into_its_cell(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """`await r` shows the awaiting line, then the line of the source that raised."""
    run(shell, "%%workflow -o r\nasync def flow():\n    await steps.double(1)\n    return [][3]\n")
    capsys.readouterr()
    error(shell, "await r")
    said = capsys.readouterr().out
    assert (
        said.index("await r")
        < said.index("return [][3]")
        < said.index("RunFailedError: USER_ERROR")
    )


def test_a_terminal_shows_text(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a front end for widgets, a run as a cell's value is its text view."""
    run(shell, f"%%workflow -o r -- 21\n{FLOW}")
    run(shell, "await r")
    capsys.readouterr()
    run(shell, "r")
    said = capsys.readouterr().out
    assert "✓ flow  completed" in said
    assert "double" in said


def test_wf_speaks_to_the_same_world(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`%wf resume` in one cell lets `await r` in the next one return."""
    run(shell, f"%%workflow -o r -s double\n{ASK}")
    shell.user_ns["r"].wait_for("hook")
    run(shell, '%wf resume t {"n": 3}')
    assert run(shell, "await r") == 3
    assert "Resumed the hook t." in capsys.readouterr().out


def test_a_main_thread_wait_for_a_person_is_refused(shell: Any) -> None:
    """`-w` from code would block the clicks it waits for: WaitingForHook, with the ways on."""
    with pytest.raises(WaitingForHook, match="WF214") as caught:
        shell.run_cell_magic("workflow", "-w -s double", ASK)
    assert caught.value.tokens == ("t",)


def test_settings_have_names_and_bounds(shell: Any) -> None:
    """`%config Workflow` lists them, sets them, and refuses what they cannot be."""
    (settings,) = [c for c in shell.configurables if isinstance(c, session.Workflow)]
    run(shell, "%config Workflow.view = 'card'")
    run(shell, "%config Workflow.view = 'hologram'")  # IPython prints what is wrong
    run(shell, "%config Workflow.max_concurrent_steps = 0")
    assert (settings.view, settings.max_concurrent_steps) == ("card", 64)
    names = {"world", "view", "wait", "isolation", "max_concurrent_steps"}
    assert names <= set(session.Workflow.class_trait_names(config=True))


# -------------------------------------------------------------------------------- coming, going


def test_unloading_takes_everything_back(shell: Any) -> None:
    """Magics, matcher, transformer, settings, events, formatter, tracebacks, threads."""
    from wf_notebook.errors import WorkflowError

    run(shell, f"%%workflow -w -- 4\n{FLOW}")
    completer = shell.Completer
    assert completer.custom_matchers
    session.unload(shell)
    assert completer.custom_matchers == []
    assert shell.input_transformers_post == []
    assert "workflow" not in shell.magics_manager.magics["cell"]
    assert "wf" not in shell.magics_manager.magics["line"]
    assert not any(isinstance(c, session.Workflow) for c in shell.configurables)
    assert not hasattr(WorkflowError("x"), "_render_traceback_")
    names = [callback.__qualname__ for callback in shell.events.callbacks["post_run_cell"]]
    assert not [name for name in names if name.startswith("Session")]
    left = [t.name for t in threading.enumerate() if t.name.startswith("wf-")]
    assert left == []
    session.unload(shell)


def test_loading_twice_is_loading_once(shell: Any) -> None:
    """A second load adds nothing."""
    before = len(shell.input_transformers_post)
    session.load(shell)
    assert len(shell.input_transformers_post) == before


def test_loading_imports_nothing_heavy_on_the_main_thread(tmp_path: Path) -> None:
    """The database and the widgets are left to the thread that opens the world."""
    import subprocess
    import sys

    code = (
        "import sys, threading\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from wf_notebook.notebook import session\n"
        "print([m for m in ('duckdb', 'ipywidgets', 'anywidget', 'nbformat') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


# ----------------------------------------------------------------------------------- rewriting


CALL = "get_ipython().run_cell_magic('workflow', '-w', 'x = 1\\n')\n"


@pytest.mark.parametrize(
    "lines",
    [
        ["x = 1\n"],
        ["get_ipython().run_cell_magic('time', '', 'x\\n')\n"],
        [CALL, "x = 2\n"],
        ["x = " + CALL],
        ["get_ipython().run_cell_magic('workflow', '-w'\n"],
        [],
    ],
)
def test_only_a_cell_that_is_our_call_is_rewritten(lines: list[str]) -> None:
    """Everything else goes through untouched."""
    transform = make_transformer({"workflow": lambda line: True})
    assert transform(list(lines)) == lines


def test_a_waiting_cell_is_awaited_with_its_text_intact() -> None:
    """Line and body come out as they went in, quotes and newlines included."""
    asked: list[str] = []

    def waits(line: str) -> bool:
        asked.append(line)
        return "-w" in line

    transform = make_transformer({"workflow": waits})
    assert transform([CALL]) == [
        "await get_ipython().run_cell_magic('workflow', '--awaited -w', 'x = 1\\n')\n"
    ]
    assert transform([CALL.replace("-w", "")]) == [CALL.replace("-w", "")]
    assert asked == ["-w", ""]
