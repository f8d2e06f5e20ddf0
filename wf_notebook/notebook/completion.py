"""What can be typed here: options, steps, runs, words of the language; inside our magics only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from IPython.core import completer
from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult

from wf_notebook.cells.line import options
from wf_notebook.config import ISOLATION_MODES, VIEWS
from wf_notebook.notebook import settings, vocabulary
from wf_notebook.notebook.cellparts import part_at
from wf_notebook.notebook.draftargs import FORMATS, draft_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import click

    from wf_notebook.definition.steps import Step
    from wf_notebook.notebook.cellparts import CellPart

_Matcher: TypeAlias = "Callable[[CompletionContext], SimpleMatcherResult]"
_Found: TypeAlias = "tuple[str, list[str]]"

_SETTING: Final = re.compile(r"\s*%config\s+Workflow\.(\w+)\s*=\s*(\S*)$")
_SCHEMA: Final = re.compile(r"\bschema\s*=\s*[\"'](\w*)$")
_FROM: Final = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+(?:.*,\s*|\(\s*)?(\w*)$")
_IMPORT: Final = re.compile(r"^\s*(?:from\s+|import\s+(?:.*,\s*)?)([\w.]*)$")
_DOTTED: Final = re.compile(r"(?<![\w.)\]}\"'])((?:[^\W\d]\w*\.)*)(\w*)$")
_ENDED: Final = {"forget": True, "cancel": False, "wake": False, "adopt": False}

_FREE: Final = frozenset({
    "-o", "--out", "-i", "--id", "-t", "--timeout", "--expect", "--revision", "-m", "--model",
    "--repairs", "--budget",
})  # fmt: skip
"""Options whose value is the person's own."""


class Facts(Protocol):
    """What may be known; every answer is at hand or comes at once, none opens a world."""

    def step_names(self) -> Sequence[str]:
        """Names by which a source may call steps, if its cell doesn't choose any."""
        ...

    def step_paths(self) -> Sequence[str]:
        """What `--steps` may list: those names, and steps in modules as `module.name`."""
        ...

    def find_step(self, text: str) -> Step | None:
        """The step that a name or `module.name` means."""
        ...

    def model_names(self) -> Sequence[str]:
        """Names of pydantic models in the user's namespace."""
        ...

    def run_ids(self, *, ended: bool | None = None) -> Sequence[str]:
        """Ids of recent runs, newest first; only those that have ended, or haven't, if it's said."""
        ...

    def tokens(self) -> Sequence[str]:
        """Tokens of open hooks."""
        ...

    def streams(self, run_id: str) -> Sequence[str]:
        """Names of a run's streams."""
        ...

    def sleeps(self, run_id: str) -> Sequence[str]:
        """Ids of the waits of a run that can be ended early."""
        ...

    def labels(self) -> Sequence[str]:
        """Attributes of recent runs, as `name=text`."""
        ...


def make_matcher(facts: Facts) -> _Matcher:
    """Return a matcher for `ip.Completer.custom_matchers`."""

    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line]
        before = "\n".join([*lines, context.text_until_cursor])
        fragment, found = complete(context.full_text, len(before), facts)
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


def complete(text: str, position: int, facts: Facts) -> _Found:
    """Return the fragment before the cursor and what may stand in its place.

    Args:
        text: the whole cell.
        position: where in it the cursor is.
        facts: what may be offered.
    """
    part = part_at(text, position)
    if part is None:
        return _in_setting(text[:position].rpartition("\n")[2])
    if part.kind in ("options", "draft"):
        offered = options() if part.kind == "options" else draft_options()
        return _in_options(part.before, facts, offered)
    if part.kind == "source":
        return _in_source(part, facts)
    if part.kind == "query":
        return _in_query(part.text, part.position)
    return _in_command(part.before, facts) if part.kind == "command" else ("", [])


def _in_options(before: str, facts: Facts, options: Sequence[str]) -> _Found:
    words = before.split()
    word = "" if before[-1:].isspace() else words.pop()
    fragment = re.split(r"[,=]", word)[-1]
    values: dict[str, Callable[[], Sequence[str]]] = {
        "-s": facts.step_paths,
        "--steps": facts.step_paths,
        "--schemas": facts.model_names,
        "--isolation": lambda: ISOLATION_MODES,
        "--view": lambda: VIEWS,
        "-f": lambda: FORMATS,
        "--format": lambda: FORMATS,
    }
    option, equals, _ = word.partition("=")
    offered = values.get(option if equals and option in values else words[-1] if words else "")
    if offered is not None:
        return fragment, _starting(fragment, offered(), without=re.split(r"[,=]", word)[:-1])
    # Where a value is free, nothing; where an option may come, all of them that are not there.
    free = bool(words) and words[-1] in _FREE
    wanted = not word or word.startswith("-")
    return word, _starting(word, options, without=words) if wanted and not free else []


# --- a setting -----------------------------------------------------------------------------------


def _in_setting(before: str) -> _Found:
    found = _SETTING.match(before)
    if found is None:
        return "", []
    quote = found[2][:1] if found[2][:1] == "'" else '"'
    return found[2], _starting(found[2], settings.choices(found[1], quote))


# --- the source ----------------------------------------------------------------------------------


def _in_source(part: CellPart, facts: Facts) -> _Found:
    before = part.before
    if found := _SCHEMA.search(before):
        chosen = part.line.schemas
        return found[1], _starting(found[1], facts.model_names() if chosen is None else chosen)
    if vocabulary.in_text(before):
        return "", []
    if found := _FROM.match(before):
        return found[2], _starting(found[2], vocabulary.members(found[1]))
    if found := _IMPORT.match(before):
        return found[1], _starting(found[1], vocabulary.modules())
    if not (found := _DOTTED.search(before)):
        return "", []
    owner, fragment = found[1][:-1], found[2]
    return fragment, _starting(fragment, _named(owner, fragment, part, facts))


def _named(owner: str, fragment: str, part: CellPart, facts: Facts) -> Sequence[str]:
    """What may follow `owner.`, or stand alone if there is no owner."""
    if owner == "steps":
        chosen = part.line.steps
        return facts.step_names() if chosen is None else list(chosen)
    if not owner:
        return vocabulary.words(part.text, fragment)
    return vocabulary.members(vocabulary.path_of(owner, part.text) or "")


# --- a query -------------------------------------------------------------------------------------


def _in_query(query: str, position: int) -> _Found:
    from wf_notebook.notebook.querywords import words_at

    fragment, offered = words_at(query, position)
    return fragment, _starting(fragment, offered)


# --- a command -----------------------------------------------------------------------------------


def _in_command(before: str, facts: Facts) -> _Found:
    words = before.split()
    fragment = "" if not words or before[-1:].isspace() else words.pop()
    if not words:
        return fragment, _starting(fragment, list(_commands()))
    command = _commands().get(words[0])
    if command is None:
        return fragment, []
    option, equals, value = fragment.partition("=")
    if equals and option.startswith("--"):
        words, fragment = [*words, option], value
    elif fragment.startswith("-"):
        return fragment, _starting(fragment, [*_valued(command), "--help"], without=words)
    given, parameter = _parameter(command, words[1:])
    if parameter is not None and parameter.name == "query":
        return _in_query(before, len(before))
    found = () if parameter is None else _values(parameter, command, given, facts)
    return fragment, _starting(fragment, found, without=given)


def _valued(command: click.Command) -> dict[str, click.Option]:
    """The options of a command, by their texts."""
    import click

    found = (one for one in command.params if isinstance(one, click.Option))
    return {text: one for one in found for text in one.opts}


def _parameter(
    command: click.Command, words: Sequence[str]
) -> tuple[list[str], click.Parameter | None]:
    """The arguments that were given, and what the next word is for; None if none may come."""
    import click

    known, given = _valued(command), list[str]()
    left = iter(words)
    for word in left:
        option = known.get(word)
        if option is None or option.is_flag:
            given += [] if word.startswith("-") else [word]
        elif next(left, None) is None:
            return given, option
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    if len(given) < len(arguments):
        return given, arguments[len(given)]
    several = arguments and arguments[-1].nargs < 0
    return given, arguments[-1] if several else None


def _values(
    parameter: click.Parameter, command: click.Command, given: Sequence[str], facts: Facts
) -> Sequence[str]:
    import click

    if isinstance(parameter.type, click.Choice):
        return list(parameter.type.choices)
    run_id = given[0] if given else ""
    offered: dict[str, Callable[[], Sequence[str]]] = {
        "run_id": lambda: facts.run_ids(ended=_ENDED.get(str(command.name))),
        "targets": facts.run_ids,
        "run_ids": lambda: facts.run_ids(ended=_ENDED.get(str(command.name))),
        "token": facts.tokens,
        "name": lambda: facts.streams(run_id),
        "wait": lambda: facts.sleeps(run_id),
        "labels": facts.labels,
    }
    found = offered.get(str(parameter.name))
    return () if found is None else found()


def _commands() -> Mapping[str, click.Command]:
    from wf_notebook.commands import table

    return table.commands


def _starting(fragment: str, offered: Sequence[str], *, without: Sequence[str] = ()) -> list[str]:
    """What begins so; a run's id may also begin behind the `wrun_` that they all have."""
    begun = (fragment, f"wrun_{fragment}")
    return [text for text in offered if text.startswith(begun) and text not in without]
