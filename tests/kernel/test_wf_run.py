"""`wf run`: parameters, answers, and what becomes of a notebook that is stopped or goes on later."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from tests.kernel.conftest import REFUND, outputs
from wf_notebook import open_world
from wf_notebook.cli import main

WF = str(Path(sys.executable).with_name("wf"))
CELL = f"%%workflow refund -o r -- 'a1'\n{REFUND}"
GOOD = 'approve-a1={"ok": true, "amount": 9}'
Notebook = "Callable[..., Path]"
Wf = "Callable[..., tuple[int, str]]"


def tagged(path: Path, cell: int, *tags: str) -> Path:
    """Tag a cell of a notebook."""
    found = nbformat.read(path, as_version=4)
    found.cells[cell].metadata["tags"] = list(tags)
    nbformat.write(found, path)
    return path


# ------------------------------------------------------------------------------------ parameters

ASKING = (
    "order = 'nobody'\nlimit = 1",
    """%%workflow refund -o r -- order, limit
async def refund(order, limit):
    return [await steps.fetch(order), limit]
""",
    "await r",
)


def test_parameters_follow_their_defaults(notebook: Any, wf: Any) -> None:
    """A cell behind the one tagged `parameters`, tagged as papermill tags it; typed as there."""
    path = tagged(notebook(*ASKING), 2, "parameters")
    code, said = wf("run", str(path), "-p", "order=a1", "-p", "limit=5", "--output", "done.ipynb")
    assert (code, "result: ['A1', 5]" in said) == (0, True), said
    done = path.with_name("done.ipynb")
    cell = nbformat.read(done, as_version=4).cells[3]
    assert cell.metadata["tags"] == ["injected-parameters"]
    assert cell.source == "# Parameters\norder = 'a1'\nlimit = 5"
    code, said = wf("run", str(done), "-p", "order=b2", "--output", "again.ipynb")
    assert (code, "result: ['B2', 1]" in said) == (0, True), said
    cells = nbformat.read(path.with_name("again.ipynb"), as_version=4).cells
    assert len(cells) == 6


def test_a_parameter_that_is_none_is_told(notebook: Any, wf: Any) -> None:
    """A typing error is said at the end; without a tagged cell, where the values went."""
    path = tagged(notebook(*ASKING), 2, "parameters")
    code, said = wf("run", str(path), "-p", "ordr=a1")
    assert (code, "no parameter 'ordr'; it has: order, limit." in said) == (0, True), said
    code, said = wf("run", str(notebook("1")), "-p", "x=1")
    assert (code, "No cell is tagged 'parameters'" in said) == (0, True), said


# --------------------------------------------------------------------------------------- answers


def test_answers_come_from_a_file(notebook: Any, wf: Any, tmp_path: Path) -> None:
    """An object of names and payloads; a list of such objects names one again."""
    source = (
        "%%workflow ask -o r -s fetch\n"
        "async def ask():\n"
        "    hook = create_hook(token='t')\n"
        "    return [await hook, await hook, await hook]\n"
    )
    (tmp_path / "answers.json").write_text('[{"t": [1]}, {"t": null}]')
    path = notebook(source, "await r")
    code, said = wf("run", str(path), "--answers", "answers.json", "--answer", "t=3")
    assert (code, "result: [[1], None, 3]" in said) == (0, True), said


def test_an_answer_that_nobody_asked_for_is_told(notebook: Any, wf: Any) -> None:
    """A typing error in a name is said; and a name that meant two hooks in different ways."""
    source = (
        "%%workflow ask -o r -s fetch\n"
        "async def ask():\n"
        "    a = await create_hook(token='Approval')\n"
        "    b = await create_hook(schema='Approval')\n"
        "    return [a, b.ok]\n"
    )
    path = notebook(source, "await r")
    answer = 'Approval={"ok": true}'
    code, said = wf("run", str(path), "--answer", answer, "--answer", "aproval=1")
    assert code == 0, said
    assert "The answer for 'aproval' was not used" in said
    assert (
        "'Approval' was meant in more than one way: as token of the hook Approval, as schema"
        in said
    )


# ------------------------------------------------------------------------------------- the output


def test_the_notebook_is_written_when_it_fails(notebook: Any, wf: Any) -> None:
    """With the error under its cell, and what was printed before; in its own place, too."""
    path = notebook("print('before')", "1 / 0", "print('after')")
    code, _ = wf("run", str(path), "--output", str(path))
    assert code == 1
    assert [o["output_type"] for o in outputs(path, 2)] == ["stream"]
    assert outputs(path, 3)[0]["ename"] == "ZeroDivisionError"
    assert outputs(path, 4) == []
    assert sorted(p.name for p in path.parent.iterdir() if p.is_file()) == ["refund.ipynb"]


def test_an_output_that_has_no_place_is_refused_before(notebook: Any, wf: Any) -> None:
    """Nothing runs for an hour to be lost then."""
    path = notebook(CELL, "await r")
    code, said = wf("run", str(path), "--output", "nowhere/done.ipynb")
    assert (code, "cannot be written" in said) == (2, True)
    assert not (path.parent / "ledger.txt").exists()


def test_a_kernel_that_dies_is_told(notebook: Any, wf: Any) -> None:
    """Exit code 1; the outputs until then are written."""
    path = notebook("print('before')", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    code, said = wf("run", str(path), "--output", "done.ipynb")
    assert (code, "The kernel died." in said) == (1, True), said
    assert outputs(path.with_name("done.ipynb"), 2)[0]["text"] == "before\n"


# --------------------------------------------------------------------------------------- signals

NAP = """
from wf_notebook import start
source = '''
async def nap():
    "use workflow"
    await steps.fetch("x")
    await sleep("1h")
'''
r = start(source, steps=[fetch])
r.wait_for("sleep", timeout=60)
with open("ready", "w") as ready:
    ready.write("go")
await r
"""


def stopped(folder: Path, number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `wf`, and send it a signal once the notebook has said that it is ready."""
    os.mkfifo(folder / "ready")
    ready = os.open(folder / "ready", os.O_RDONLY | os.O_NONBLOCK)
    child = subprocess.Popen(
        [WF, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert select.select([ready], [], [], 120)[0], "it never came that far"
    os.close(ready)
    child.send_signal(number)
    out, err = child.communicate(timeout=120)
    return subprocess.CompletedProcess(words, child.returncode, out, err)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_good_order(notebook: Any, number: int, code: int) -> None:
    """128 and the signal; the kernel is gone, the notebook written, the world whole, the run waits."""
    path = notebook(NAP, "print('not reached')")
    done = stopped(path.parent, number, "run", str(path), "--output", "done.ipynb")
    assert done.returncode == code, done
    assert f"Stopped by {signal.Signals(number).name}" in done.stderr
    assert "nap  waits for the sleep at line 5 that ends in 1 h" in done.stdout
    cells = nbformat.read(path.with_name("done.ipynb"), as_version=4).cells
    assert cells[2].outputs[-1].ename in ("KeyboardInterrupt", "CancelledError")
    assert cells[3].outputs == []
    with open_world(path.parent / ".wf_notebook" / "refund.duckdb") as world:
        assert world.owned
        assert world.damage is None
        assert [run.name for run in world.unfinished()] == ["nap"]


def test_a_signal_while_the_kernel_starts(notebook: Any) -> None:
    """Nothing has run; the kernel that was about to be is gone, and the notebook is written as it is."""
    path = notebook("print('not reached')")
    child = subprocess.Popen(
        [WF, "run", str(path), "--output", "done.ipynb"], cwd=path.parent,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    kernels = kernels_of(child.pid)
    child.terminate()
    _, err = child.communicate(timeout=120)
    assert (child.returncode, "Stopped by SIGTERM" in err) == (143, True), err
    assert psutil.wait_procs(kernels, timeout=60)[1] == []
    assert outputs(path.with_name("done.ipynb"), 2) == []


def kernels_of(pid: int) -> list[psutil.Process]:
    """The processes of `wf run`, once there is one."""
    end = time.monotonic() + 120
    while not (found := psutil.Process(pid).children(recursive=True)):
        assert time.monotonic() < end, "no kernel was started"
        time.sleep(0.01)
    return found


# -------------------------------------------------------------------------------------- later on


def test_resume_and_continue(notebook: Any, wf: Any) -> None:
    """What had completed before the hook is taken up, not run again; what comes after it runs."""
    first = "%%workflow first -o f -- 'z9'\nasync def first(x):\n    return await steps.fetch(x)\n"
    last = "%%workflow last -o e -- await r\nasync def last(x):\n    return await steps.fetch(x)\n"
    path = notebook(
        first, "await f", CELL, "await r", last.replace("await r", "r.result()"), "await e"
    )
    code, said = wf("run", str(path))
    assert (code, f"wf resume approve-a1 JSON --continue {path}" in said) == (3, True), said
    code, said = wf("resume", "approve-a1", '{"ok": true}', "--continue", str(path))
    assert code == 0, said
    assert "Resumed the hook approve-a1." in said
    for result in ("result: 'Z9'", "result: 'A1: 5'", "result: 'A1: 5'"):
        assert result in said
    assert (path.parent / "ledger.txt").read_text() == (
        "fetch z9\nfetch a1\ncharge A1 5\nfetch A1: 5\n"
    )
    with open_world(path.parent / ".wf_notebook" / "refund.duckdb", read_only=True) as world:
        assert sorted(run.name for run in world.runs()) == ["first", "last", "refund"]


def test_a_run_that_needs_nothing_more_is_taken_up_too(notebook: Any, wf: Any) -> None:
    """The hook was the last thing: the run is over before the notebook goes on, and asks no more."""
    cell = (
        "%%workflow ask -o r -s fetch\nasync def ask():\n    return await create_hook(token='t')\n"
    )
    path = notebook(cell, "await r", "print('on')")
    assert wf("run", str(path))[0] == 3
    code, said = wf("resume", "t", "7", "--continue", str(path), "--output", "done.ipynb")
    assert (code, "result: 7" in said) == (0, True), said
    assert outputs(path.with_name("done.ipynb"), 4)[0]["text"] == "on\n"
    code, said = wf("resume", "t", "7", "--continue", str(path))
    assert (code, "WF221" in said) == (1, True), said


def test_continuing_keeps_the_parameters(notebook: Any, wf: Any) -> None:
    """The hint that is printed says them again, and names a world that isn't the notebook's own."""
    cells = ("order = 'a0'", CELL.replace("'a1'", "order"), "await r")
    path = tagged(notebook(*cells), 2, "parameters")
    code, said = wf("run", str(path), "-p", "order=a1", "--world", "other.duckdb")
    assert code == 3
    hint = f"wf resume approve-a1 JSON --continue {path} -p order=a1 --world other.duckdb"
    assert hint in said
    words = hint.replace("JSON", '{"ok":true}').split()[1:]
    code, said = wf(*words)
    assert (code, "result: 'A1: 5'" in said) == (0, True), said
    assert (path.parent / "ledger.txt").read_text() == "fetch a1\ncharge A1 5\n"


def test_what_is_wrong_is_said_before_anything_is_resumed(notebook: Any, wf: Any) -> None:
    """A refused payload, and options of a notebook without one."""
    path = notebook(CELL, "await r")
    assert wf("run", str(path))[0] == 3
    code, said = wf("resume", "approve-a1", '{"ok": "no idea"}', "--continue", str(path))
    assert (code, "WF223" in said) == (1, True), said
    code, said = wf("resume", "approve-a1", '{"ok": true}', "-p", "x=1")
    assert (code, "--continue NOTEBOOK" in said) == (2, True), said
    assert "approve-a1" in wf("hooks")[1]


# -------------------------------------------------------------------------------------- progress


def test_progress_is_shown_on_a_terminal_only(
    notebook: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """On the standard error: the cell of how many, and what the runs wait on; the output is plain."""
    import pty

    nap = "%%workflow nap -o r -s fetch\nasync def nap():\n    await sleep('2s')\n    return 1\n"
    path = notebook(nap, "await r")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [WF, "run", str(path)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1", "COLUMNS": "100"},
    ) as child:  # fmt: skip
        os.close(theirs)
        shown = b"".join(iter(lambda: read_some(ours), b""))
        assert child.stdout is not None
        said = child.stdout.read().decode()
    os.close(ours)
    assert child.returncode == 0
    assert "result: 1" in said
    assert "\x1b" not in said
    text = shown.decode()
    assert "cell 2 of 3" in text
    assert "%%workflow nap" in text
    assert "nap  suspended" in text
    assert "the sleep at line 3 that ends in" in text
    assert "\x1b[3" not in text  # no colour: NO_COLOR is set
    assert main(["run", str(path), "--no-progress"]) == 0
    assert capfd.readouterr().err == ""


def read_some(terminal: int) -> bytes:
    """What was written to a terminal; nothing once nobody has it open."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_the_bulletin_leaves_no_trace(notebook: Any, wf: Any) -> None:
    """Nothing of progress is in the notebook."""
    path = notebook(CELL, "await r")
    wf("run", str(path), "--answer", GOOD, "--output", "done.ipynb")
    assert "bulletin" not in json.dumps(nbformat.read(path.with_name("done.ipynb"), as_version=4))
