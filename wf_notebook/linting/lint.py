"""Lint notebooks: files, folders of them, or bytes. No kernel is started and no world is opened."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wf_notebook.cells.document import read_document
from wf_notebook.errors import NotebookFileError, UsageError
from wf_notebook.linting.finding import Finding
from wf_notebook.linting.notebook import lint_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Linted", "lint", "lint_bytes", "lint_paths"]

SUFFIX: Final = ".ipynb"
_VENV: Final = "pyvenv.cfg"
_NOT_WALKED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True, slots=True)
class Linted:
    """A notebook that was linted.

    Attributes:
        path: of the notebook.
        findings: in the order of its cells; one with cell 0 if it can't be read.
        cells: how many `%%workflow` cells were checked.
    """

    path: str
    findings: tuple[Finding, ...]
    cells: int = 0


def lint(path: str | os.PathLike[str]) -> tuple[Finding, ...]:
    """Check the `%%workflow` cells of a notebook, or of all notebooks in a folder, without a kernel.

    Steps and schemas are taken from the notebook's cells and from the modules beside it by reading
    them; nothing is run or imported. What can't be told that way is a finding of severity "note".

    Args:
        path: of a notebook or a folder. Hidden folders and virtual environments are not walked.

    Returns:
        the findings, in the order of notebooks and cells; a file that can't be read has one.

    Raises:
        UsageError: there is no such file or folder.

    >>> lint("no/such.ipynb")
    Traceback (most recent call last):
    wf_notebook.errors.UsageError: WF500 There is no no/such.ipynb. Check the path.
    """
    return tuple(finding for done in lint_paths([os.fspath(path)]) for finding in done.findings)


def lint_paths(paths: Iterable[str]) -> Iterator[Linted]:
    """Lint notebooks and folders of them, one after the other; each notebook once.

    Raises:
        UsageError: one of them isn't there. Nothing was linted then.
    """
    chosen = list(paths)
    missing = [path for path in chosen if not os.path.lexists(path)]
    if missing:
        raise UsageError(f"There is no {', '.join(missing)}.", hint="Check the path.")
    found = dict.fromkeys(one for path in chosen for one in _notebooks(path))
    return map(_linted, found)


def lint_bytes(data: bytes, *, path: str, folder: str) -> Linted:
    """Lint a notebook that is at hand.

    Args:
        data: the file.
        path: what its findings call it.
        folder: where its modules are.

    >>> [done] = lint_bytes(b"{", path="a.ipynb", folder=".").findings
    >>> done.code, done.file_line
    ('WF510', 1)
    """
    try:
        document = read_document(data)
    except NotebookFileError as error:
        return Linted(path, (_unreadable(path, error),))
    done = lint_document(document, path=path, folder=folder)
    return Linted(path, tuple(done.findings), done.cells)


def _linted(path: str) -> Linted:
    try:
        data = _data(path)
    except NotebookFileError as error:
        return Linted(path, (_unreadable(path, error),))
    return lint_bytes(data, path=path, folder=os.path.dirname(os.path.abspath(path)))


def _data(path: str) -> bytes:
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise NotebookFileError("It is a folder.", hint="Rename it, or name a notebook in it.")
        if not stat.S_ISREG(mode):  # a pipe might never end
            raise NotebookFileError("It is no ordinary file.", hint="Use - for standard input.")
        with open(path, "rb") as file:
            return file.read()
    except OSError as problem:
        msg = f"The file cannot be read: {problem.strerror}."
        raise NotebookFileError(msg, hint="Check the path and who may read it.") from None


def _unreadable(path: str, error: NotebookFileError) -> Finding:
    return Finding(
        *(path, 0, 0, 0, error.code, error.message, error.hint),
        file_line=error.line,
        file_column=1 if error.line else 0,
    )


def _notebooks(path: str) -> Iterator[str]:
    """Yield the notebooks that a path means: itself, or those in a folder, sorted."""
    if not os.path.isdir(path) or path.rstrip(os.sep).endswith(SUFFIX):
        yield path
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if _is_walked(folder, name))
        named = [name for name in os.listdir(folder) if name in folders and name.endswith(SUFFIX)]
        for name in sorted([*files, *named]):
            if name.endswith(SUFFIX):
                yield os.path.normpath(os.path.join(folder, name))


def _is_walked(folder: str, name: str) -> bool:
    hidden = name.startswith(".") or name in _NOT_WALKED
    return not (hidden or os.path.exists(os.path.join(folder, name, _VENV)))
