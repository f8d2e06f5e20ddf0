"""What is wrong with the `%%workflow` cells of a notebook, taken together and one by one?"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wf_notebook.cells.reading import TRANSPARENT, magic_cell, python_of
from wf_notebook.linting.cell import MAGIC, Problem, checked_cell
from wf_notebook.linting.finding import Finding
from wf_notebook.linting.known import Known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.cells.document import CodeCell, Document
    from wf_notebook.cells.reading import MagicCell

__all__ = ["LintedDocument", "lint_document"]

_EXTENSION: Final = "wf_notebook"
_DRAFT: Final = "workflow_draft"
_LINES: Final = frozenset({"wf", "workflow_prompt"})
_LOADERS: Final = frozenset({"load_ext", "reload_ext", "load_extension"})
_OWN_LOADER: Final = "load_ipython_extension"
# A cell with this tag is expected to fail; nbclient goes on behind it.
_RAISES: Final = "raises-exception"
# Cell magics that define nothing in the notebook's namespace. Of any other one nobody knows.
_QUIET: Final = frozenset({
    "!", "HTML", "SVG", "ai", "bash", "cmd", "file", "html", "javascript", "js", "latex", "markdown",
    "perl", "powershell", "pypy", "python", "python2", "python3", "ruby", "script", "sh", "svg",
    "sx", "system", "writefile", "zsh",
})  # fmt: skip
_BREAK: Final = re.compile(r"\r\n|\r|\n")


@dataclass(slots=True)
class LintedDocument:
    """What came of linting a notebook.

    Attributes:
        findings: in the order of the cells.
        cells: how many `%%workflow` cells were checked.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    cells: int = 0


def lint_document(document: Document, *, path: str, folder: str) -> LintedDocument:
    """Check a notebook, cell by cell, as Run All would run it. Nothing is run or imported.

    Args:
        document: the notebook.
        path: what findings call it.
        folder: where its modules are.
    """
    lint = _Lint(folder)
    found = LintedDocument()
    for cell in document.cells:
        problems = sorted(lint.cell(cell), key=lambda p: (p.line, p.column, p.code))
        for problem in () if _RAISES in cell.tags else problems:
            found.findings.append(_finding(document, cell, problem, path))
    found.cells = lint.checked
    return found


class _Lint:
    """Goes through the cells of one notebook in order."""

    def __init__(self, folder: str) -> None:
        self.checked = 0
        self._known = Known(folder)
        self._names: dict[str, int] = {}  # of workflows, and the cell that has it
        # Whether the extension is there; it is said once if it isn't.
        self._loaded = False

    def cell(self, cell: CodeCell) -> Iterator[Problem]:
        """Yield what is wrong with a cell; what it defines is known from then on."""
        magic = magic_cell(cell.text)
        if magic is None or magic.name in TRANSPARENT:
            yield from self._python(cell, cell.text if magic is None else magic.body)
            return
        word = (magic.name.split() or [""])[0]
        if word in (MAGIC, _DRAFT):
            yield from self._needs_extension(*magic.head())
        if word != magic.name and word == MAGIC:
            message = (
                f"IPython takes {magic.name!r} for the name of the magic: a blank must follow it."
            )
            yield Problem(*magic.head(), "WF511", message, "Write a space behind %%workflow.")
        elif word == MAGIC:
            yield from self._workflow(cell, magic)
        elif word not in (*_QUIET, _DRAFT):
            self._anything(f"the cell magic %%{word} may define anything")

    def _workflow(self, cell: CodeCell, magic: MagicCell) -> Iterator[Problem]:
        self.checked += 1
        found = checked_cell(magic, self._known)
        yield from found.problems
        if found.name is None or _RAISES in cell.tags:
            return
        first = self._names.setdefault(found.name, cell.number)
        if first != cell.number:
            message = f"Code cell {first} starts a workflow `{found.name}`, too."
            hint = "Give one of them another NAME: --replace cancels the runs of both."
            words = found.name if found.name in magic.line.split() else ""
            yield Problem(*magic.head(words), "WF513", message, hint, "warning")

    # --- cells of Python ---------------------------------------------------------------------

    def _python(self, cell: CodeCell, text: str) -> Iterator[Problem]:
        tree = python_of(text)
        if tree is None:
            self._anything(f"code cell {cell.number} is no Python that can be read")
            return
        for name in _line_magics(tree):
            if name.lstrip("%") in (MAGIC, _DRAFT):
                yield _misplaced(cell.text, name.lstrip("%"))
            elif name in _LINES:
                yield from self._needs_extension(*_head(cell.text, f"%{name}"))
            elif name == "run":
                self._loaded = True  # or may be
        self._known.read(tree)
        self._loaded = self._loaded or _loads(tree)

    def _anything(self, why: str) -> None:
        self._loaded = True  # or may be
        self._known.hide(why)

    def _needs_extension(self, line: int, column: int, end: int) -> Iterator[Problem]:
        if not self._loaded:
            self._loaded = True  # once is enough
            message = "No cell above loads the extension, so there is no such magic."
            hint = "Put %load_ext wf_notebook into a cell above."
            yield Problem(line, column, end, "WF512", message, hint, "warning")


def _line_magics(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the line magics that a cell calls."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="run_line_magic"), args=[ast.Constant(value=str(name)), *_]
            ):
                yield name
            case _:
                pass


def _loads(tree: ast.Module) -> bool:
    """Whether a cell loads the extension, by a magic or a call."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[*arguments]):
                if name == _OWN_LOADER:
                    return True
                texts = [a.value for a in arguments if isinstance(a, ast.Constant)]
                loader = name in _LOADERS or (name == "run_line_magic" and texts[:1] != ["wf"])
                if loader and any(str(text).strip() == _EXTENSION for text in texts):
                    return True
            case _:
                pass
    return False


def _misplaced(text: str, name: str) -> Problem:
    """A magic of ours that isn't the first thing in its cell, or has one percent sign."""
    line, column, end = _head(text, f"%%{name}")
    if line:
        message = f"%%{name} is not the cell's first line, so IPython doesn't know it there."
        hint = f"Move what stands above it, comments too, below %%{name} or into another cell."
        return Problem(line, column, end, "WF511", message, hint)
    message = f"%{name} with one percent sign is no magic."
    return Problem(*_head(text, f"%{name}"), "WF511", message, f"Write %%{name}.")


def _head(text: str, words: str) -> tuple[int, int, int]:
    """Return line, column and end of the first line that begins with some words; zeros for none."""
    for number, line in enumerate(_BREAK.split(text), start=1):
        if re.match(rf"\s*{re.escape(words)}(?!\w)", line):
            column = line.index(words) + 1
            return number, column, column + len(words)
    return 0, 0, 0


def _finding(document: Document, cell: CodeCell, problem: Problem, path: str) -> Finding:
    line, column = max(problem.line, 1), max(problem.column, 1)
    lines = _BREAK.split(cell.text)
    file_line, file_column = document.place(cell, line, column)
    return Finding(
        *(path, cell.number, line, column),
        *(problem.code, problem.message, problem.hint, problem.severity),
        end_column=max(problem.end_column, column + 1),
        text=lines[line - 1] if line <= len(lines) else "",
        file_line=file_line,
        file_column=file_column,
    )
