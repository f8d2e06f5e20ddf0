"""What is wrong with one `%%workflow` cell?"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from wf_notebook.cells.line import (
    CellLine,
    call_of,
    checked_wait,
    expected_hash,
    own_parser,
    read_line,
)
from wf_notebook.definition.entry import checked_call
from wf_notebook.definition.model import source_hash
from wf_notebook.definition.texts import checked_name, normalise
from wf_notebook.definition.validate import validate
from wf_notebook.errors import UsageError, WorkflowError
from wf_notebook.linting.offer import offered

if TYPE_CHECKING:
    from collections.abc import Callable

    from wf_notebook.cells.reading import MagicCell
    from wf_notebook.definition.validate import Findings
    from wf_notebook.linting.finding import Severity
    from wf_notebook.linting.known import Known
    from wf_notebook.linting.offer import Offer

__all__ = ["CheckedCell", "Problem", "checked_cell"]

_T = TypeVar("_T")
MAGIC: Final = "workflow"
_WORDS: Final = re.compile(r"'([^']+)'|(--?[a-z][\w-]*)")


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding's part that is about a cell; places count from 1 and are the cell's."""

    line: int
    column: int
    end_column: int
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"


@dataclass(frozen=True, slots=True)
class CheckedCell:
    """What came of checking a cell.

    Attributes:
        problems: in the order in which they were found.
        name: of the workflow that the cell would start, or None if it starts none or can't be told.
    """

    problems: tuple[Problem, ...]
    name: str | None = None


def checked_cell(cell: MagicCell, known: Known) -> CheckedCell:
    """Check a `%%workflow` cell against what the notebook has defined above it."""
    check = _Check(cell, known)
    name = check.run()
    return CheckedCell(tuple(check.problems), name)


class _Check:
    """The check of one cell; goes as far as can be said something true."""

    def __init__(self, cell: MagicCell, known: Known) -> None:
        self.problems: list[Problem] = []
        self._cell = cell
        self._known = known

    def run(self) -> str | None:
        """Check the cell; return the name of what it would start."""
        if not self._cell.body:
            msg = "The cell holds nothing but its %%workflow line."
            self._refused(UsageError(msg, code="WF511", hint="Write the workflow below it."))
            return None
        line = self._tried(lambda: read_line(own_parser(), self._cell.line))
        if line is None:
            return None
        self._tried(lambda: checked_wait(line), "--timeout")
        call = self._tried(lambda: call_of(line.arguments), line.arguments)
        if line.revision is not None:
            return None  # what runs is what the world holds
        self._tried(lambda: checked_name(line.name), line.name or "")
        return self._source(line, call)

    def _source(self, line: CellLine, call: ast.Call | None) -> str | None:
        source = normalise(self._cell.body)
        offer = offered(self._known, line, source)
        for error, words in offer.errors:
            self._refused(error, words)
        if any(error.code == "WF151" for error, _ in offer.errors):
            return None
        findings = validate(
            source, aliases=offer.steps, schemas=offer.schemas, name=line.name, cell=True
        )
        self._diagnosed(findings)
        self._unread(offer)
        if not (self.problems and any(p.severity == "error" for p in self.problems)):
            self._bound(line, source, findings.entry or "", call)
            self._expected(line, source, offer)
        return None if line.check else line.name or findings.entry

    def _diagnosed(self, findings: Findings) -> None:
        for d in findings.diagnostics:
            row, column = self._cell.place(d.line, d.column)
            width = d.end_column - d.column if d.end_line == d.line else 1
            self.problems.append(
                Problem(row, column, column + max(width, 1), d.code, d.message, d.hint)
            )

    def _bound(self, line: CellLine, source: str, entry: str, call: ast.Call | None) -> None:
        """Whether the entry takes the arguments, unless they are only known when they are evaluated."""
        if call is None or line.check or any(isinstance(a, ast.Starred) for a in call.args):
            return
        names = [keyword.arg for keyword in call.keywords]
        if None not in names:
            given = {str(name): None for name in names}
            words = line.arguments
            self._tried(lambda: checked_call(source, entry, call.args, given), words)

    def _expected(self, line: CellLine, source: str, offer: Offer) -> None:
        if line.expect is None:
            return
        ids = offer.ids()
        if ids is None:
            message = (
                "Whether --expect is the hash of the cell can't be told: it holds the steps' ids."
            )
            self._noted(message, "Say so with %%workflow --check.", line.expect)
        else:
            self._tried(lambda: expected_hash(line, source_hash(source, ids)), line.expect)

    def _unread(self, offer: Offer) -> None:
        """One note for all that can't be told of a cell, by the reason."""
        for why in dict.fromkeys(offer.unread.values()):
            names = ", ".join(f"`{name}`" for name, its in offer.unread.items() if its == why)
            self._noted(f"What {names} will be can't be told without running the notebook: {why}.")

    # --- noting --------------------------------------------------------------------------------

    def _tried(self, action: Callable[[], _T], words: str = "") -> _T | None:
        """Do something; note what it raises."""
        try:
            return action()
        except WorkflowError as error:
            self._refused(error, words)
            return None

    def _refused(self, error: WorkflowError, words: str = "") -> None:
        head = self._cell.head(words or self._pointed(error))
        self.problems.append(Problem(*head, error.code, error.message, error.hint))

    def _noted(self, message: str, hint: str = "", words: str = "") -> None:
        self.problems.append(Problem(*self._cell.head(words), "WF515", message, hint, "note"))

    def _pointed(self, error: WorkflowError) -> str:
        """The words of the line that a message quotes."""
        found = (quoted or option for quoted, option in _WORDS.findall(error.message))
        return next((words for words in found if words in self._cell.line), "")
