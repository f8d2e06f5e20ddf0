"""How are findings written: for people, for programs, and as annotations of a pull request?"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from wf_notebook.linting.finding import SEVERITIES
from wf_notebook.views.pointing import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wf_notebook.linting.finding import Finding
    from wf_notebook.linting.lint import Linted

__all__ = ["annotation", "as_json", "block", "summary"]

_COLOURS: Final = {"error": "red", "warning": "yellow", "note": "cyan"}
_LEVELS: Final = {"error": "error", "warning": "warning", "note": "notice"}
_WIDEST: Final = 160  # of a source line that is shown; a longer one is cut around its place


def block(finding: Finding) -> str:
    """Return a finding for people: its place, what is wrong, the line with carets below it."""
    words = " ".join(part for part in (finding.message, finding.hint) if part)
    code = click.style(finding.code, fg=_COLOURS[finding.severity], bold=True)
    note = "" if finding.severity == "error" else f" {finding.severity}:"
    head = f"{click.style(_place(finding), bold=True)} {code}{note} {printable(words)}"
    return f"{head}\n{_pointed(finding)}" if finding.cell else head


def _place(finding: Finding) -> str:
    path = printable(finding.path)
    if finding.cell:
        return f"{path}:cell {finding.cell}:line {finding.line}:col {finding.column}"
    return f"{path}:{finding.file_line}:" if finding.file_line else f"{path}:"


def _pointed(finding: Finding) -> str:
    """The source line with its number, and carets from column to end column."""
    start = max(0, finding.column - 1 - _WIDEST // 2)
    text = printable(finding.text)[start : start + _WIDEST]
    column = finding.column - 1 - start
    width = max(1, min(finding.end_column - finding.column, len(text) - column))
    margin = f"{finding.line:>5} | "
    blank = "".join("\t" if character == "\t" else " " for character in text[:column])
    carets = click.style("^" * width, fg=_COLOURS[finding.severity])
    return f"{margin}{text}\n{'| ':>{len(margin)}}{blank}{carets}"


def summary(done: Sequence[Linted], findings: Sequence[Finding]) -> str:
    """Return the last line: how many notebooks and cells there were, and how many findings.

    >>> summary([], [])
    'There is no notebook there.'
    """
    if not done:
        return "There is no notebook there."
    cells = sum(one.cells for one in done)
    seen = f"{_count(len(done), 'notebook')}, {_count(cells, 'workflow cell')}"
    if not findings:
        return f"✓ {seen}: nothing to say"
    counted = Counter(finding.severity for finding in findings)
    told = (_count(counted[severity], severity) for severity in SEVERITIES if counted[severity])
    return f"{'✕' if counted['error'] or counted['warning'] else '✓'} {seen}: {', '.join(told)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(findings: Iterable[Finding]) -> str:
    """Return findings as a JSON list of objects with the fields of `Finding`; ASCII only."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def annotation(finding: Finding) -> str:
    """Return a finding as a workflow command of GitHub, at its line in the notebook's file.

    >>> from wf_notebook.linting.finding import Finding
    >>> annotation(Finding("a,b.ipynb", 1, 2, 3, "WF120", "50%", file_line=9, file_column=8))
    '::error file=a%2Cb.ipynb,line=9,col=8,title=WF120::cell 1, line 2: 50%25'
    """
    fields = {"file": finding.path.replace(os.sep, "/")}
    if finding.file_line:
        fields |= {"line": str(finding.file_line), "col": str(finding.file_column)}
    fields["title"] = finding.code
    written = ",".join(f"{name}={_escaped(text, ':,')}" for name, text in fields.items())
    where = f"cell {finding.cell}, line {finding.line}: " if finding.cell else ""
    words = " ".join(part for part in (finding.message, finding.hint) if part)
    return f"::{_LEVELS[finding.severity]} {written}::{_escaped(where + words)}"


def _escaped(text: str, more: str = "") -> str:
    """Write a text so that it ends neither its field nor its line."""
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)
