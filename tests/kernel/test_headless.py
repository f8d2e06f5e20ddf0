"""`wf run`: a notebook without a person in front of it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tests.kernel.conftest import REFUND, SETUP, outputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CELL = f"%%workflow refund -o r -- 'a1'\n{REFUND}"
GOOD = 'approve-a1={"ok": true, "amount": 9}'


def test_an_answered_hook_completes_the_notebook(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """Exit code 0; timeline and result are printed; the notebook keeps card and value."""
    path = notebook(CELL, "await r")
    code, said = wf("run", str(path), "--answer", GOOD, "--output", "done.ipynb")
    assert code == 0, said
    assert "✓ refund  completed" in said
    assert "result: 'A1: 9'" in said
    done = path.with_name("done.ipynb")
    (shown,) = outputs(done, 2)
    assert set(shown["data"]) == {"text/plain", "text/html"}
    assert "completed" in shown["data"]["text/plain"]
    (value,) = outputs(done, 3)
    assert value["data"]["text/plain"] == "'A1: 9'"


def test_an_unanswered_hook_suspends_and_a_later_run_goes_on(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """Exit code 3 names the hook and the way on; nothing hangs.

    Run again with the answer, the same run is taken up and no completed step runs again.
    """
    path = notebook(CELL, "await r", "print('not reached')")
    code, said = wf("run", str(path), "--output", "open.ipynb")
    assert code == 3, said
    assert "waits for you: hook approve-a1 (Approval)" in said
    assert f"wf resume approve-a1 JSON --continue {path}" in said
    (error,) = outputs(path.with_name("open.ipynb"), 3)
    assert error["ename"] == "WaitingForHook"
    assert outputs(path.with_name("open.ipynb"), 4) == []

    code, said = wf("run", str(path), "--answer", GOOD)
    assert (code, "result: 'A1: 9'" in said) == (0, True), said
    assert (path.parent / "ledger.txt").read_text() == "fetch a1\ncharge A1 9\n"


def test_a_hook_answered_from_the_shell_goes_on_with_the_notebook(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """`wf resume` on the world file between two runs of the notebook."""
    path = notebook(CELL, "await r")
    assert wf("run", str(path))[0] == 3
    code, said = wf("hooks", "--json")
    assert (code, json.loads(said)[0]["token"]) == (0, "approve-a1")
    assert wf("resume", "approve-a1", '{"ok": true}')[0] == 0
    code, said = wf("run", str(path))
    assert (code, "result: 'A1: 5'" in said) == (0, True), said


def test_answers_fit_by_schema_and_by_title(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """Random tokens need no guessing; several answers go to successive payloads."""
    source = (
        "%%workflow ask -o r -s fetch\n"
        "async def ask():\n"
        "    a = await create_hook(schema='Approval')\n"
        "    hook = create_hook(title='How many?')\n"
        "    return [a.amount, await hook, await hook]\n"
    )
    path = notebook(source, "await r")
    answers = ["--answer", 'Approval={"ok": true}', "--answer", "How many?=1"]
    code, said = wf("run", str(path), *answers, "--answer", "How many?=2")
    assert code == 0, said
    assert "result: [5, 1, 2]" in said


def test_a_refused_answer_is_reported(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """The run stays suspended, and the reason is printed with the hook."""
    path = notebook(CELL, "await r")
    code, said = wf("run", str(path), "--answer", 'approve-a1={"ok": true, "amount": "x"}')
    assert code == 3
    assert "the answer given was refused: WF223" in said
    assert "amount" in said


def test_a_notebook_may_answer_its_own_hooks(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """The launching cell doesn't raise: a later cell may resume the run itself."""
    path = notebook(CELL, "r.resume('approve-a1', {'ok': True, 'amount': 2})", "await r")
    code, said = wf("run", str(path))
    assert (code, "result: 'A1: 2'" in said) == (0, True), said


def test_runs_of_start_are_answered_too_without_the_extension(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """A notebook without magics: `start()` and `await` in one cell."""
    setup = SETUP.replace("%load_ext wf_notebook", "")
    body = '"use workflow"\n    return (await create_hook(token="t", schema="Approval")).amount'
    cell = (
        "from wf_notebook import start\n"
        f"source = '''async def ask():\n    {body}\n'''\n"
        "r = start(source, steps=[fetch], schemas=[Approval])\nawait r\n"
    )
    path = notebook(cell, setup=setup)
    code, said = wf("run", str(path), "--answer", 't={"ok": true}')
    assert (code, "result: 5" in said) == (0, True), said
    assert wf("run", str(path))[0] == 3


def test_a_failed_run_is_exit_code_1(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """The error and its line are printed; without -o the launching cell itself fails."""
    source = "%%workflow bad -- 'a'\nasync def bad(x):\n    await steps.fetch(x)\n    return x[9]\n"
    path = notebook(source)
    code, said = wf("run", str(path))
    assert code == 1
    assert "IndexError" in said
    assert "Cell 2 of" in said


def test_a_failing_cell_is_exit_code_1(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """An ordinary error stops the notebook and is shown."""
    code, said = wf("run", str(notebook("1 / 0")))
    assert code == 1
    assert "ZeroDivisionError" in said
    assert "The notebook started no run." in said


def test_time_up_stops_the_notebook_and_leaves_the_run(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """A long sleep doesn't hold `wf run` for ever; the run goes on another day."""
    source = (
        "%%workflow nap -o r\nasync def nap():\n    await steps.fetch('x')\n    await sleep('1h')\n"
    )
    path = notebook(source, "await r")
    code, said = wf("run", str(path), "--timeout", "15s")
    assert code == 1
    assert "Time is up" in said
    assert "suspended" in wf("runs")[1]


def test_a_run_that_nobody_awaits_is_waited_for(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """The kernel isn't taken away under a run that plain `start()` has begun."""
    cell = (
        "from wf_notebook import start\n"
        "source = '''async def f():\n    \"use workflow\"\n    await sleep(\"300ms\")\n    return 42\n'''\n"
        "start(source, steps=[fetch])\nNone\n"
    )
    code, said = wf("run", str(notebook(cell)))
    assert (code, "result: 42" in said) == (0, True), said


def test_only_up_to_a_cell(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """--cell stops after that workflow; what is below doesn't run."""
    path = notebook(CELL, "1 / 0")
    assert wf("run", str(path), "--cell", "refund", "--answer", GOOD)[0] == 0
    code, said = wf("run", str(path), "--cell", "nothing")
    assert code == 2
    assert "no cell %%workflow nothing" in said


def test_another_world(notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]) -> None:
    """--world puts the runs elsewhere, and the commands find them there."""
    path = notebook(CELL, "await r")
    elsewhere = str(path.with_name("elsewhere.duckdb"))
    assert wf("run", str(path), "--answer", GOOD, "--world", elsewhere)[0] == 0
    assert not (path.parent / ".wf_notebook").exists()
    assert "completed" in wf("runs", "--world", elsewhere)[1]


def test_a_world_in_use_is_followed(
    notebook: Callable[..., Path], wf: Callable[..., tuple[int, str]]
) -> None:
    """The run moves in the process that owns the world; what that one lacks is said."""
    from wf_notebook import open_world

    path = notebook(CELL, "await r")
    with open_world(path.parent / ".wf_notebook" / "refund.duckdb") as world:
        code, said = wf("run", str(path))
        assert code == 1
        assert f"the owner of its world, process {os.getpid()}" in said
        assert [run.status for run in world.runs()] == ["blocked"]
        lock = path.parent / ".wf_notebook" / "refund.duckdb.lock"
        lock.write_text(json.dumps({"pid": 1}))
        code, said = wf("run", str(path))
        assert (code, "WF301" in said) == (5, True)
