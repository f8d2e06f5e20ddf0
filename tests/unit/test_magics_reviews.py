"""Approving and running revisions from cells and `%wf` lines, in a terminal IPython."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.test_magics import FLOW, error, run, shell
from wf_notebook.errors import NotApprovedError, RevisionChangedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["shell"]  # the fixture

EDITED = FLOW.replace("(n)\n", "(n + 1)\n").replace("flow(n + 1)", "flow(n)")


@pytest.fixture
def wf(shell: Any, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """What a `%wf` line prints."""

    def said(line: str) -> str:
        capsys.readouterr()
        shell.run_line_magic("wf", line)
        return capsys.readouterr().out

    return said


def refused(shell: Any, code: str) -> NotApprovedError:
    found = error(shell, code)
    assert isinstance(found, NotApprovedError)
    return found


def test_from_a_refusal_to_a_run_of_the_revision(shell: Any, wf: Callable[[str], str]) -> None:
    """Refused, approved by the line that the error gives, run; an edit is refused again."""
    run(shell, "%config Workflow.approval = 'all'")
    found = refused(shell, f"%%workflow -w -- 4\n{FLOW}")
    command = found.hint.partition("%wf ")[2]
    assert wf(f"{command} --note 'looks right' --by ada").startswith("Approved flow@1, sha256:")
    assert run(shell, f"%%workflow -w -- 4\n{FLOW}") == 8
    edited = refused(shell, f"%%workflow -w -- 4\n{EDITED}")
    assert "+    return await steps.double(n + 1)" in edited.diff
    assert run(shell, "%%workflow -w --revision flow@1 -- 5\n# as approved\n") == 10
    assert run(shell, f"%%workflow -w --revision flow -- 6\n{FLOW}") == 12
    listed = wf("revisions")
    assert "flow@1" in listed
    assert "by ada: looks right" in listed
    assert "proposed" in listed
    assert "Approve one with %wf approve HASH." in listed


def test_a_setting_counts_at_once(shell: Any) -> None:
    """For the world that is open, too, and it can be taken back."""
    run(shell, f"%%workflow -w -- 4\n{FLOW}")
    run(shell, "%config Workflow.approval = 'all'")
    refused(shell, f"%%workflow -w -- 4\n{FLOW}")
    run(shell, "%config Workflow.approval = 'off'")
    assert run(shell, f"%%workflow -w -- 4\n{FLOW}") == 8


def test_a_revision_is_shown_in_full(shell: Any, wf: Callable[[str], str]) -> None:
    """Who, when, hash, steps with their code, and the source; as JSON, too."""
    run(shell, "%config Workflow.approval = 'all'")
    found = refused(shell, f"%%workflow -- 4\n{FLOW}")
    wf(f"approve {found.source_hash} --by ada")
    shown = wf("revisions flow@1")
    assert f"sha256:{found.source_hash}" in shown
    assert "    return await steps.double(n)" in shown
    assert "step double" in shown
    told = json.loads(wf("revisions flow@1 --json"))
    assert (told["name"], told["revision"], told["approved_by"]) == ("flow", 1, "ada")
    (line,) = json.loads(wf("revisions flow --json"))
    assert (line["state"], line["source_hash"]) == ("approved", found.source_hash)


def test_a_cell_that_says_something_else_than_its_revision(shell: Any) -> None:
    """It is refused: one of the two is not meant. So are options that say it, too."""
    run(shell, "%config Workflow.approval = 'all'")
    found = refused(shell, f"%%workflow -- 4\n{FLOW}")
    run(shell, f"%wf approve {found.source_hash}")
    other = error(shell, f"%%workflow --revision flow@1 -- 4\n{EDITED}")
    assert isinstance(other, UsageError)
    assert "another one than that of flow@1" in other.message
    for option in ("flow", "--steps double", "--expect " + "0" * 64, "--check", "--replace"):
        wrong = error(shell, f"%%workflow --revision flow@1 {option} -- 4\n#\n")
        assert "--revision says all" in str(wrong)
    assert "not NAME or NAME@NUMBER" in str(error(shell, "%%workflow --revision 3@flow\n#\n"))


def test_a_step_that_was_edited_since(shell: Any) -> None:
    """The error says which, and nothing runs."""
    run(shell, "%config Workflow.approval = 'all'")
    run(shell, f"%wf approve {refused(shell, f'%%workflow -- 4{chr(10)}{FLOW}').source_hash}")
    run(shell, "@step\ndef double(n: int) -> int:\n    return 3 * n\n")
    found = error(shell, "%%workflow --revision flow@1 -- 4\n#\n")
    assert isinstance(found, RevisionChangedError)
    assert found.reasons == ("the code of the step `double` has changed",)
    assert refused(shell, f"%%workflow -- 4\n{FLOW}").reasons == found.reasons


def test_erasing_asks_first(
    shell: Any, wf: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says what was done; nothing is there for a name that nobody used."""
    run(shell, "%config Workflow.approval = 'all'")
    found = refused(shell, f"%%workflow -- 4\n{FLOW}")
    wf(f"approve {found.source_hash}")
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert "To be erased: 1 record of flow." in wf("forget-revisions flow")
    assert "approved" in wf("revisions flow")
    assert wf("forget-revisions flow --yes").startswith("Erased what was proposed")
    assert "erased" in wf("revisions flow")
    assert "Nothing was proposed" in wf("forget-revisions nobody")
    assert isinstance(error(shell, "%wf revisions flow@1"), Exception)
    assert cast("Any", error(shell, "%wf approve 12345678")).code == "WF612"


def test_forgetting_a_run_says_who_still_holds_its_source(
    shell: Any, wf: Callable[[str], str]
) -> None:
    """A person who erases something is told what is left of it, and how to erase that."""
    run(shell, "%config Workflow.approval = 'all'")
    wf(f"approve {refused(shell, f'%%workflow -- 4{chr(10)}{FLOW}').source_hash}")
    found = run(shell, f"%%workflow -q -o r -- 4\n{FLOW}")
    assert run(shell, "await r") == 8
    assert "as flow still holds the source: %wf forget-revisions flow." in wf(
        f"forget {found.id} --yes"
    )
    wf("forget-revisions flow --yes")
    again = run(shell, "%config Workflow.approval = 'off'") or run(
        shell, f"%%workflow -q -o r -- 4\n{FLOW}"
    )
    assert run(shell, "await r") == 8
    assert "still holds" not in wf(f"forget {again.id} --yes")
