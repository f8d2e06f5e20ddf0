"""What can be typed here: options, steps, run ids and tokens, inside our magics only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

import click
from IPython.core import completer
from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

from wf_notebook.config import ISOLATION_MODES, VIEWS
from wf_notebook.notebook.cellargs import options, split_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Matcher: TypeAlias = "Callable[[CompletionContext], SimpleMatcherResult]"

_CELL: Final = re.compile(r"%%workflow(\s|$)")
_LINE: Final = re.compile(r"\s*%wf\s+")
_ALIAS: Final = re.compile(r"\bsteps\.(\w*)$")
_RUN_COMMANDS: Final = frozenset({"show", "wake", "cancel", "source", "steps", "why"})
_TOKEN_COMMANDS: Final = frozenset({"resume", "answer"})


class Facts(Protocol):
    """What completion may know; every answer is at hand, none opens a world."""

    def step_names(self) -> Sequence[str]:
        """Names of the registered steps."""
        ...

    def model_names(self) -> Sequence[str]:
        """Names of pydantic models in the user's namespace."""
        ...

    def run_ids(self) -> Sequence[str]:
        """Ids of recent runs, newest first."""
        ...

    def tokens(self) -> Sequence[str]:
        """Tokens of open hooks."""
        ...


def make_matcher(facts: Facts) -> _Matcher:
    """Return a matcher for `ip.Completer.custom_matchers`."""

    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        fragment, found = complete(
            context.full_text, context.cursor_line, context.text_until_cursor, facts
        )
        return SimpleMatcherResult(
            completions=[SimpleCompletion(text=text, type="param") for text in found],
            matched_fragment=fragment,
            suppress=bool(found),
            ordered=True,
        )

    return _as_matcher(matcher)


def _as_matcher(function: _Matcher) -> _Matcher:
    """Mark a function as a matcher of IPython's second kind, which gets the whole context."""
    mark = cast("Any", completer).context_matcher(identifier="wf_notebook")
    return cast("_Matcher", mark(function))


def complete(text: str, line: int, before: str, facts: Facts) -> tuple[str, list[str]]:
    """Return the fragment before the cursor and what may stand in its place.

    Args:
        text: the whole cell.
        line: which of its lines the cursor is in, from 0.
        before: that line up to the cursor.
        facts: what may be offered.
    """
    if _CELL.match(text):
        return _in_cell_line(before, facts) if line == 0 else _in_source(text, before, facts)
    if started := _LINE.match(before):
        return _in_command(before[started.end() :], facts)
    return "", []


def _in_cell_line(before: str, facts: Facts) -> tuple[str, list[str]]:
    # `--` right before the cursor is the beginning of an option, not yet the standalone one.
    if split_line(f"{before}_")[0] != f"{before}_".strip():
        return "", []  # after the standalone --: Python, which others complete
    words = before.split()
    word = "" if before[-1:].isspace() else words.pop()
    fragment = re.split(r"[,=]", word)[-1]
    values: dict[str, Sequence[str]] = {
        "-s": facts.step_names(),
        "--steps": facts.step_names(),
        "--schemas": facts.model_names(),
        "--isolation": ISOLATION_MODES,
        "--view": VIEWS,
    }
    offered = values.get(words[-1] if words else "")
    if offered is None:
        offered, fragment = (options() if word.startswith("-") else ()), word
    return fragment, _starting(fragment, offered)


def _in_source(text: str, before: str, facts: Facts) -> tuple[str, list[str]]:
    found = _ALIAS.search(before)
    if found is None:
        return "", []
    fragment = found[1]
    chosen = re.search(r"(?:-s|--steps)[ =]+(\S+)", split_line(text.split("\n", 1)[0])[0])
    if chosen is None:
        return fragment, _starting(fragment, facts.step_names())
    items = (item.partition("=")[0] for item in chosen[1].split(","))
    return fragment, _starting(fragment, [item.rpartition(".")[2] for item in items])


def _in_command(before: str, facts: Facts) -> tuple[str, list[str]]:
    words = before.split()
    fragment = "" if not words or before[-1:].isspace() else words.pop()
    if not words:
        return fragment, _starting(fragment, list(_commands()))
    command = words[0]
    if fragment.startswith("-"):
        return fragment, _starting(fragment, _options_of(command))
    if len(words) > 1:
        return fragment, []
    if command in _RUN_COMMANDS:
        return fragment, _starting(fragment, facts.run_ids())
    if command in _TOKEN_COMMANDS:
        return fragment, _starting(fragment, facts.tokens())
    return fragment, []


def _options_of(name: str) -> list[str]:
    command = _commands().get(name)
    if command is None:
        return []
    options_of = (one for one in command.params if isinstance(one, click.Option))
    return [*(text for one in options_of for text in one.opts), "--help"]


def _commands() -> Mapping[str, click.Command]:
    from wf_notebook.commands import table

    return table.commands


def _starting(fragment: str, offered: Sequence[str]) -> list[str]:
    return [text for text in offered if text.startswith(fragment)]
