"""What do the first lines of `%%workflow_draft` and `%workflow_prompt` say?"""

from __future__ import annotations

from argparse import SUPPRESS
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from IPython.core.magic_arguments import argument, kwds, magic_arguments

from wf_notebook.cells.line import aliases, identifier, listed, parsed
from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from wf_notebook.cells.line import Parser

FORMATS: Final = ("text", "json")
_F = TypeVar("_F", bound="Callable[..., object]")

_STEPS: Final = argument(
    "-s",
    "--steps",
    action="append",
    metavar="a,b,alias=fn",
    help="The steps the source may ask for; else all that are registered.",
)
_SCHEMAS: Final = argument(
    "--schemas",
    action="append",
    metavar="Name,Name",
    help="Models that create_hook(schema=...) may name; else none.",
)
_DRAFT: Final[tuple[Any, ...]] = (
    argument("name", nargs="?", help="The workflow's name; else the model names it."),
    _STEPS,
    _SCHEMAS,
    argument(
        "-m",
        "--model",
        metavar="MODEL",
        help="provider:model (extra ai), or the name of a function here; else the one that is set.",
    ),
    argument("--repairs", type=int, metavar="N", help="How often the model may mend its answer."),
    argument("-o", "--out", metavar="VAR", help="Bind the draft to VAR."),
    argument("--awaited", action="store_true", help=SUPPRESS),
)
_PROMPT: Final[tuple[Any, ...]] = (
    _STEPS,
    _SCHEMAS,
    argument("-f", "--format", choices=FORMATS, default="text", help="As text, or as JSON."),
    argument("--budget", type=int, metavar="N", help="About how many tokens it may take."),
)
_DRAFT_EPILOG: Final = """
The cell says in plain language what the workflow shall do. Nothing runs: what the model wrote lands in
the next cell, to be read, and approved if need be.

Example::

    %%workflow_draft refund --steps fetch_order,charge_back --schemas Approval
    Fetch the order, wait 15 minutes, ask for an approval, and charge back what was approved.
"""
_PROMPT_EPILOG: Final = """
For a model that is asked elsewhere: the rules of the language, two examples, the steps.

Examples::

    %workflow_prompt --steps fetch_order,charge_back
    %workflow_prompt -f json --budget 6000
"""


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A `%%workflow_draft` line, understood.

    Attributes:
        steps: alias to the expression that names its step, or None for all registered ones.
        schemas: names of models.
        awaited: the cell was rewritten to `await …`, so a coroutine may be returned.
    """

    name: str | None = None
    steps: Mapping[str, str] | None = None
    schemas: tuple[str, ...] = ()
    model: str | None = None
    repairs: int | None = None
    out: str | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class PromptLine:
    """A `%workflow_prompt` line, understood."""

    steps: Mapping[str, str] | None = None
    schemas: tuple[str, ...] = ()
    format: str = "text"
    budget: int | None = None


def draft_arguments(function: _F) -> _F:
    """Give a magic the options of `%%workflow_draft`."""
    return _decorated(function, "%workflow_draft", _DRAFT, _DRAFT_EPILOG)


def prompt_arguments(function: _F) -> _F:
    """Give a magic the options of `%workflow_prompt`."""
    return _decorated(function, "workflow_prompt", _PROMPT, _PROMPT_EPILOG)


def _decorated(function: _F, name: str, rows: tuple[Any, ...], epilog: str) -> _F:
    decorate: list[Any] = [magic_arguments(name), *rows, kwds(epilog=epilog)]
    for one in reversed(decorate):
        function = one(function)
    return function


def draft_options() -> tuple[str, ...]:
    """Every option string of the two magics, for completion and the README."""
    strings: list[str] = [text for row in (*_DRAFT, *_PROMPT) for text in row.args]
    return tuple(text for text in strings if text.startswith("-") and text != "--awaited")


def read_draft_line(parser: Parser, line: str) -> DraftLine:
    """Read the line of a `%%workflow_draft` cell.

    Raises:
        UsageError: an unknown option, or a value that is missing or malformed.
    """
    found = parsed(parser, line, "%%workflow_draft")
    return DraftLine(
        name=identifier(found.name, "NAME"),
        steps=aliases(found.steps),
        schemas=tuple(listed(found.schemas or [])),
        model=found.model,
        repairs=_at_least(found, "repairs", 0),
        out=identifier(found.out, "--out"),
        awaited=found.awaited,
    )


def read_prompt_line(parser: Parser, line: str) -> PromptLine:
    """Read a `%workflow_prompt` line.

    Raises:
        UsageError: an unknown option, or a value that is missing or malformed.
    """
    found = parsed(parser, line, "%workflow_prompt")
    return PromptLine(
        steps=aliases(found.steps),
        schemas=tuple(listed(found.schemas or [])),
        format=found.format,
        budget=_at_least(found, "budget", 1),
    )


def _at_least(found: Namespace, name: str, least: int) -> int | None:
    value: int | None = getattr(found, name)
    if value is not None and value < least:
        raise UsageError(f"--{name} is {value}.", hint=f"Give {least} or more.")
    return value
