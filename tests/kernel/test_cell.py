"""What a `%%workflow` cell does: its options, and what it refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.kernel.conftest import REFUND

if TYPE_CHECKING:
    from tests.kernel.conftest import Kernel

PLAIN = "async def plain(order, limit=1):\n    return [await steps.fetch(order), limit]\n"
NAP = "async def nap(order):\n    await sleep('1h')\n    return await steps.fetch(order)\n"


def runs(kernel: Kernel) -> int:
    return int(
        kernel.value_of("from wf_notebook import current_world\nlen(current_world().rows())")
    )


# -------------------------------------------------------------------------------------- waiting


def test_wait_makes_the_cells_value_the_result(kernel: Kernel) -> None:
    """`-w` awaits the run in its own cell; `-o` binds the run; `-w -q` shows nothing at all."""
    cell = kernel.ok(f"%%workflow -w -o r -- 'a', limit=3\n{PLAIN}")
    assert cell.value == "['A', 3]"
    assert kernel.value_of("r.status") == "'completed'"
    quiet = kernel.ok(f"%%workflow -w -q -- 'a'\n{PLAIN}")
    assert (quiet.value, quiet.displays) == (None, [])


def test_wait_for_all_by_setting_or_environment(kernel: Kernel) -> None:
    """`%config Workflow.wait` waits too, but leaves the result to whoever asks for it."""
    kernel.ok("%config Workflow.wait = True")
    cell = kernel.ok(f"%%workflow -o r -- 'a'\n{PLAIN}")
    assert cell.value is None
    assert kernel.value_of("r.status") == "'completed'"


def test_a_waiting_cell_raises_the_runs_failure(kernel: Kernel) -> None:
    """The traceback points into the cell that failed, by its own line numbers."""
    source = "async def bad(order):\n    found = await steps.fetch(order)\n    return found[99]\n"
    cell = kernel.run(f"%%workflow -w -- 'a'\n{source}")
    error = str(cell.error)
    assert re.search(r"Cell In\[2\], line 4, in bad\n----> 4     return found\[99\]", error)
    assert "RunFailedError: USER_ERROR" in error
    assert "IndexError" in error
    assert "wf_notebook/" not in error


def test_a_timeout_leaves_the_run_going(kernel: Kernel) -> None:
    """`-t` bounds the wait, not the run."""
    cell = kernel.run(f"%%workflow -w -t 100ms -o r -- 'a'\n{NAP}")
    assert "TimeoutError" in str(cell.error)
    assert kernel.value_of("r.status") == "'suspended'"


# ---------------------------------------------------------------------------- check and expect


def test_check_shows_the_report_and_runs_nothing(kernel: Kernel) -> None:
    """Hash, id and steps of what would run; no world is made for it."""
    cell = kernel.ok(f"%%workflow --check -o report -- 'a'\n{PLAIN}")
    assert "✓ plain would run" in cell.printed
    assert re.search(r"sha256:[0-9a-f]{64}", cell.printed)
    assert "fetch = step//__main__//fetch" in cell.printed
    assert kernel.value_of("report.ok") == "True"
    assert not (kernel.folder / ".wf_notebook").exists()


def test_check_shows_every_problem(kernel: Kernel) -> None:
    """A dry run of a bad cell is a report, not an error."""
    cell = kernel.ok(
        "%%workflow --check -o report\nasync def f():\n    await steps.fetsh(open('x'))\n"
    )
    assert "✕ refused, 2 problems" in cell.printed
    assert "Cell In[2], line 3" in cell.printed
    assert "fetch" in cell.printed
    assert kernel.value_of("len(report.diagnostics)") == "2"


def test_expect_runs_only_the_reviewed_text(kernel: Kernel) -> None:
    """The hash that --check shows is accepted; after an edit both hashes are named."""
    checked = kernel.ok(f"%%workflow --check\n{PLAIN}").printed
    (digest,) = re.findall(r"sha256:[0-9a-f]{64}", checked)
    assert kernel.ok(f"%%workflow -w --expect {digest} -- 'a'\n{PLAIN}").value == "['A', 1]"
    before = runs(kernel)
    edited = kernel.run(
        f"%%workflow -w --expect {digest} -- 'a'\n{PLAIN.replace('limit=1', 'limit=2')}"
    )
    assert digest in str(edited.error)
    assert len(set(re.findall(r"sha256:[0-9a-f]{64}", str(edited.error)))) == 2
    assert runs(kernel) == before


# ------------------------------------------------------------------------- attach, new, replace


def test_running_the_cell_again_attaches(kernel: Kernel) -> None:
    """Same text and arguments, still unfinished: the same run, and the cell says so."""
    cell = f"%%workflow -o r -- 'a1'\n{REFUND}"
    kernel.ok(cell)
    first = kernel.value_of("r.id")
    again = kernel.ok(cell)
    assert "Attached to the unfinished run" in again.printed
    assert kernel.value_of("r.id") == first
    other = kernel.ok(cell.replace("'a1'", "'a2'"))
    assert "Attached" not in other.printed
    assert kernel.value_of("r.id") != first


def test_new_and_replace(kernel: Kernel) -> None:
    """`--new` starts another beside it; `--replace` cancels the unfinished ones first."""
    kernel.ok(f"%%workflow -o a -- 'x'\n{NAP}")
    kernel.ok(f"%%workflow --new -o b -- 'x'\n{NAP}")
    kernel.ok("for run in (a, b): run.wait_for('sleep')")
    assert kernel.value_of("a.id != b.id and a.status == b.status == 'suspended'") == "True"
    replacing = kernel.ok(f"%%workflow --replace -o c -- 'x'\n{NAP}")
    assert replacing.printed.count("Cancelled the unfinished run") == 2
    assert kernel.value_of("[a.status, b.status]") == "['cancelled', 'cancelled']"
    kernel.ok("c.wait_for('sleep')\nNone")


def test_replace_frees_a_fixed_token(kernel: Kernel) -> None:
    """The old run's token is free when the new run asks for it."""
    hook = "async def ask():\n    return await create_hook(token='fixed', schema='Approval')\n"
    start = "%%workflow -o r -s fetch"
    kernel.ok(f"{start}\n{hook}")
    kernel.wait_for("r", "hook")
    kernel.ok(f"{start} --replace\n{hook}# edited\n")
    kernel.wait_for("r", "hook")
    assert kernel.value_of("r.hooks[0].open") == "True"


def test_a_refused_cell_replaces_nothing(kernel: Kernel) -> None:
    """--replace cancels only once the new text may run."""
    kernel.ok(f"%%workflow -o r -- 'x'\n{NAP}")
    kernel.wait_for("r", "sleep")
    assert kernel.run(f"%%workflow nap --replace -- 'x'\n{NAP}    open('f')\n").error
    assert kernel.value_of("r.status") == "'suspended'"


def test_an_id_has_one_run(kernel: Kernel) -> None:
    """The same key attaches even to a finished run; another text under it is refused."""
    cell = f"%%workflow -w -i KEY -o r -- 'a'\n{PLAIN}"
    kernel.ok(cell)
    first = kernel.value_of("r.id")
    again = kernel.ok(cell)
    assert "belongs to run" in again.printed
    assert kernel.value_of("r.id") == first
    edited = kernel.run(cell.replace("return [", "return ["[:-1] + "  ["))
    assert "WF213" in str(edited.error)
    assert kernel.ledger() == ["fetch a"]


# ------------------------------------------------------------------------- arguments and offers


def test_what_follows_the_dashes_is_the_inside_of_a_call(kernel: Kernel) -> None:
    """Evaluated in the notebook's namespace; braces and dollars on the line stay literal."""
    kernel.ok("n = 20\norders = ['b']")
    cell = kernel.ok(f"%%workflow -w -- *orders, limit=[-n, '{{n}} $n --']\n{PLAIN}")
    assert cell.value == "['B', [-20, '{n} $n --']]"


def test_steps_and_schemas_can_be_chosen_and_renamed(kernel: Kernel) -> None:
    """`-s alias=fn`; a schema that is not listed is not offered."""
    source = "async def f():\n    return await steps.pay('a', 2)\n"
    assert kernel.ok(f"%%workflow -w -s pay=charge\n{source}").value == "'a: 2'"
    assert "WF500" in str(kernel.run(f"%%workflow -s pay=nobody\n{source}").error)
    assert "WF500" in str(kernel.run(f"%%workflow --schemas Nobody\n{source}").error)


def test_the_name_is_in_the_id(kernel: Kernel) -> None:
    """NAME goes into the workflow id; the entry is the only async def."""
    kernel.ok(f"%%workflow nightly -o r -- 'a'\n{PLAIN}")
    assert kernel.value_of("r.workflow_id").endswith("//nightly'")


# ------------------------------------------------------------------------------------ bad input

BAD = {
    "not Python": ("%%workflow\nasync def f(:\n    await steps.fetch('x')\n", "WF100"),
    "no entry": ("%%workflow\nx = 1\nsteps.fetch\n", "WF100"),
    "two candidates": (
        "%%workflow\nasync def a(): await steps.fetch('x')\nasync def b(): pass\n",
        "WF100",
    ),
    "unknown step": ("%%workflow\nasync def f():\n    await steps.fetsh('x')\n", "WF100"),
    "import": ("%%workflow\nimport os\nasync def f():\n    await steps.fetch('x')\n", "WF100"),
    "private name": (
        "%%workflow\nasync def f():\n    await steps.fetch('x').__dict__\n",
        "WF100",
    ),
    "129 KiB": (
        "%%workflow\nasync def f():\n    await steps.fetch('x')\n#" + "x" * 129 * 1024,
        "WF100",
    ),
    "not Python, no step": ("%%workflow\nasync def f(:\n", "WF100"),
    "no steps": ("%%workflow\nasync def f():\n    return 1\n", "WF15"),
    "argument": (f"%%workflow -- object()\n{PLAIN}", "WF201"),
    "arguments": (f"%%workflow -- 1 2\n{PLAIN}", "WF500"),
    "undefined argument": (f"%%workflow -- nowhere\n{PLAIN}", "WF500"),
    "timeout without wait": (f"%%workflow -t 5s -- 'a'\n{PLAIN}", "WF500"),
    "unknown option": (f"%%workflow --nonsense\n{PLAIN}", "WF500"),
    "unknown token": ("%wf resume nobody {}", "WF221"),
    "bad JSON": ("%wf resume nobody {", "WF500"),
    "unknown run": ("%wf show nothing", "WF212"),
    "world with a scheme": ("from wf_notebook import open_world\nopen_world('s3://x')", "WF304"),
}


@pytest.fixture(scope="module")
def one_kernel(tmp_path_factory: pytest.TempPathFactory) -> object:
    """One kernel for all bad inputs: each has to leave it as it was."""
    from tests.kernel.conftest import SETUP, Kernel

    kernel = Kernel(tmp_path_factory.mktemp("bad"))
    kernel.ok(SETUP)
    kernel.ok(f"%%workflow -w -- 'a'\n{PLAIN}")
    yield kernel
    kernel.close()


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_coded_error_and_nothing_is_written(name: str, one_kernel: Kernel) -> None:
    """One error, one code, our machinery hidden; no run is added; the kernel goes on."""
    code, expected = BAD[name]
    before = runs(one_kernel)
    cell = one_kernel.run(code)
    assert len(cell.of("error")) == 1
    error = str(cell.error)
    assert expected in error.splitlines()[-1]
    assert "wf_notebook/" not in error
    assert "site-packages" not in error
    assert runs(one_kernel) == before
    assert one_kernel.value_of("1 + 1") == "2"


def test_a_refused_source_is_shown_with_carets(kernel: Kernel) -> None:
    """All problems at once, each with its line in the cell, the text and what to write instead."""
    cell = kernel.run("%%workflow\nasync def f():\n    await steps.fetsh('x')\n    open('y')\n")
    error = str(cell.error)
    assert "Cell In[2], line 3\n----> 3     await steps.fetsh('x')\n" in error
    assert "^^^" in error
    assert "Cell In[2], line 4\n----> 4     open('y')\n" in error
    assert "(2 problems)" in error


def test_lines_are_those_of_the_whole_cell(kernel: Kernel) -> None:
    """Also where blank lines or another magic stand above; `wf lint` says the same."""
    source = "async def f():\n    await steps.fetsh('x')\n"
    for above, line in (("", 3), ("\n\n", 5), ("%%time\n", 4)):
        cell = kernel.run(f"{above}%%workflow\n{source}")
        assert f", line {line}\n----> {line}     await steps.fetsh('x')\n" in str(cell.error)


def test_a_result_that_cannot_cross_fails_the_run(kernel: Kernel) -> None:
    """It is the run that fails, with the line; the kernel goes on."""
    kernel.ok("@step\ndef odd() -> object:\n    return object()")
    cell = kernel.run("%%workflow -w\nasync def f():\n    return await steps.odd()\n")
    assert "RunFailedError" in str(cell.error)
    assert "line 3" in str(cell.error)


# ------------------------------------------------------------------------------- help and typing


def test_help_is_useful(kernel: Kernel) -> None:
    """`%%workflow?` and `%wf?` print the options and the commands."""

    def paged(code: str) -> str:
        return str(kernel.reply(kernel.run(code))["payload"])

    said = paged("%%workflow?")
    assert "--steps" in said
    assert "--expect" in said
    assert "resume TOKEN" in paged("%wf?")


def test_the_front_end_gets_completions(kernel: Kernel) -> None:
    """The kernel's complete_request offers our options, steps, runs and tokens."""
    kernel.ok(f"%%workflow -o r -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")

    def completed(code: str) -> list[str]:
        msg_id = kernel.client.complete(code)
        reply = kernel.client.get_shell_msg(timeout=30)
        while reply["parent_header"].get("msg_id") != msg_id:
            reply = kernel.client.get_shell_msg(timeout=30)
        content = reply["content"]
        return [code[: content["cursor_start"]] + match for match in content["matches"]]

    assert completed("%%workflow --st") == ["%%workflow --steps"]
    assert completed("%%workflow -s fetch,ch") == ["%%workflow -s fetch,charge"]
    assert completed("%wf resume appr") == ["%wf resume approve-a1"]
    assert completed("%wf show wrun_")[0].startswith("%wf show wrun_0")
    assert completed("%wf why --he") == ["%wf why --help"]


def test_answer_asks_through_the_front_end(kernel: Kernel) -> None:
    """`%wf answer` asks for each field by input()."""
    kernel.ok(f"%%workflow -o r -- 'a1'\n{REFUND}")
    kernel.wait_for("r", "hook")
    cell = kernel.begin("%wf answer")
    asked: list[str] = []
    for line in ("y", "12"):
        request = kernel.client.get_stdin_msg(timeout=30)
        asked.append(request["content"]["prompt"])
        kernel.client.input(line)
    assert cell.wait().error is None
    assert asked == ["ok (y/n): ", "amount (integer) [5]: "]
    assert kernel.ok("await r").value == "'A1: 12'"
