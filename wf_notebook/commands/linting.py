"""The command that checks the workflow cells of notebooks, without a kernel and without a world."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final

import click

from wf_notebook import config
from wf_notebook.commands.base import Caller, Command
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wf_notebook.linting.finding import Finding
    from wf_notebook.linting.lint import Linted

__all__ = ["lint"]

FORMATS: Final = ("text", "json", "github")
STDIN: Final = "-"
_EXAMPLES: Final = (
    "lint refund.ipynb",
    "lint notebooks --ignore WF512,WF513",
    "lint . --format github",
)
_CODE: Final = re.compile(r"WF\d{3}")


def _codes(
    _context: click.Context, _option: click.Parameter, given: Sequence[str]
) -> frozenset[str]:
    found = frozenset(word.strip() for text in given for word in text.split(",") if word.strip())
    for word in sorted(found):
        if not _CODE.fullmatch(word):
            msg = f"{word!r} is no code such as WF513."
            raise click.BadParameter(msg)
    return found


@click.command(cls=Command, examples=_EXAMPLES, world=False)
@click.argument("paths", metavar="NOTEBOOK...", nargs=-1, required=True)
@click.option("--format", "format_", type=click.Choice(FORMATS), help="How findings are written.")
@click.option("--json", "json_", is_flag=True, help="The same as --format json.")
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="CODES",
    callback=_codes,
    help="Codes that are not reported, with commas; may be given again.",
)
@click.pass_obj
def lint(
    caller: Caller,
    paths: Sequence[str],
    format_: str | None,
    ignored: frozenset[str],
    *,
    json_: bool,
) -> int:
    """Check the %%workflow cells of notebooks, as %%workflow --check does, without running anything.

    NOTEBOOK is a file, a folder (hidden ones and virtual environments in it are left out), or - for
    standard input. Steps and schemas are read from the cells and from the modules beside the
    notebook; what can't be told so is a note. Exit code 1 if there are errors or warnings.
    """
    chosen = _chosen(format_, json_=json_)
    done: list[Linted] = []
    findings: list[Finding] = []
    for linted in _linted(paths, caller):
        kept = [finding for finding in linted.findings if finding.code not in ignored]
        done.append(linted)
        findings += kept
        _tell(kept, chosen, caller)
    _conclude(done, findings, chosen, caller)
    return int(any(finding.severity != "note" for finding in findings))


def _chosen(format_: str | None, *, json_: bool) -> str:
    if json_ and format_ not in (None, "json"):
        msg = f"--json and --format {format_} exclude each other."
        raise UsageError(msg, hint="Choose one.")
    return "json" if json_ else format_ or "text"


def _linted(paths: Iterable[str], caller: Caller) -> Iterator[Linted]:
    """Lint the notebooks as they are asked for: standard input first."""
    from wf_notebook.linting.lint import lint_bytes, lint_paths

    words = list(paths)
    if STDIN in words:
        if caller.word != "wf":
            raise UsageError("A notebook has no standard input.", hint="Name a file.")
        data = sys.stdin.buffer.read()
        yield lint_bytes(data, path=STDIN, folder=os.getcwd())
    yield from lint_paths(word for word in words if word != STDIN)


def _tell(findings: Iterable[Finding], format_: str, caller: Caller) -> None:
    """Print the findings of a notebook, once they are there."""
    from wf_notebook.linting import formats

    for finding in findings:
        if format_ == "text":
            _say(formats.block(finding) + "\n", caller)
        elif format_ == "github":
            _say(formats.annotation(finding), caller)


def _conclude(
    done: Sequence[Linted], findings: Sequence[Finding], format_: str, caller: Caller
) -> None:
    from wf_notebook.linting import formats

    if format_ == "json":
        _say(formats.as_json(findings), caller)
    elif format_ == "text":
        _say(formats.summary(done, findings), caller)


def _say(text: str, caller: Caller) -> None:
    """Print; colours are for a shell's terminal, and not saved in a notebook."""
    plain = config.colourless() or caller.word != "wf"
    click.echo(text, color=False if plain else None)
