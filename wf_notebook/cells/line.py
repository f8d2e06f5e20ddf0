"""What does the first line of a `%%workflow` cell say?"""

from __future__ import annotations

import ast
import shlex
from argparse import SUPPRESS
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from IPython.core.error import UsageError as ShellUsageError
from IPython.core.magic_arguments import argument, kwds, magic_arguments

from wf_notebook.config import ISOLATION_MODES, VIEWS
from wf_notebook.definition.revision_names import revision_named
from wf_notebook.errors import UsageError
from wf_notebook.guest.durations import parse_duration

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

_F = TypeVar("_F", bound="Callable[..., object]")

_USAGE: Final = "%(prog)s [NAME] [OPTIONS] [-- VALUE, NAME=VALUE]"
_EPILOG: Final = """
Values enter only after a standalone --, as the inside of a call, evaluated in the notebook's
namespace; they are never pasted into the source.

Examples::

    %%workflow -- "A-17"
    async def refund(order, limit=5):
        found = await steps.fetch_order(order)
        approval = await create_hook(title=f"Refund {order}?", schema="Approval")
        return await steps.charge_back(found, approval.amount)

    %%workflow refund --steps fetch_order,pay=orders.charge --out r -- "A-17", limit=5
    %%workflow nightly --id 2026-03-01 --wait --timeout 10m -- date.today()
    %%workflow refund --check
    %%workflow --revision refund@3 -- "A-17"

Tab completes options, steps and words of the source; Shift-Tab on a word there explains it.
"""

# One row an option, in the order of the help. What `%%workflow?` prints and what completion offers.
_ARGUMENTS: Final = (
    argument("name", nargs="?", metavar="NAME", help="The workflow's name; else the entry's own."),
    argument(
        "-s",
        "--steps",
        action="append",
        metavar="LIST",
        help="The steps the source may ask for, as name, module.name or alias=name, with commas; "
        "else exactly the registered ones it names.",
    ),
    argument(
        "--schemas",
        action="append",
        metavar="LIST",
        help="Models that create_hook(schema=...) may name; else those it names literally.",
    ),
    argument("-o", "--out", metavar="VAR", help="Bind the run (with --check: the report) to VAR."),
    argument("-i", "--id", metavar="KEY", help="One run per key: the same key attaches to it."),
    argument("--new", action="store_true", help="Start another run beside an unfinished one."),
    argument("--replace", action="store_true", help="Cancel this cell's unfinished runs first."),
    argument(
        "-w", "--wait", action="store_true", help="Wait here; the cell's value is the result."
    ),
    argument("-t", "--timeout", metavar="DUR", help='How long --wait waits, such as "10m".'),
    argument("--check", action="store_true", help="Say what would run, or why not. Runs nothing."),
    argument(
        "--expect",
        metavar="HASH",
        help="Refuse the cell if its hash is another one than this sha256:HEX.",
    ),
    argument(
        "--revision",
        metavar="NAME@N",
        help="Run what was approved under NAME, exactly; the cell's own text is a comment.",
    ),
    argument(
        "--isolation",
        choices=ISOLATION_MODES,
        metavar="MODE",
        help=f"Where the source runs: {', '.join(ISOLATION_MODES)}.",
    ),
    argument(
        "--view",
        choices=VIEWS,
        metavar="KIND",
        help=f"How the run is shown: {', '.join(VIEWS)}.",
    ),
    argument("-q", "--quiet", action="store_true", help="Show nothing."),
    argument("--awaited", action="store_true", help=SUPPRESS),
)


class Parser(Protocol):
    """The argparse parser that `magic_arguments` builds, as far as it is used here."""

    def parse_args(self, args: list[str]) -> Namespace:
        """Parse the words of a line."""
        ...


@dataclass(frozen=True, slots=True)
class CellLine:
    """A `%%workflow` line, understood but not yet evaluated.

    Attributes:
        name: NAME, or None.
        steps: alias to the expression that names its step (`b` or `module.fn`), or None for "those
            that the source names".
        schemas: names of models, or None for "those that the source names literally".
        timeout: seconds that a waiting cell waits, or None.
        expect: 64 hex digits in lower case, or None.
        revision: name and number of what was approved, or None; no number means the newest.
        arguments: the Python text after the standalone `--`.
        awaited: the cell was rewritten to `await …`, so a coroutine may be returned.
    """

    name: str | None = None
    steps: Mapping[str, str] | None = None
    schemas: tuple[str, ...] | None = None
    out: str | None = None
    key: str | None = None
    new: bool = False
    replace: bool = False
    wait: bool = False
    timeout: float | None = None
    check: bool = False
    expect: str | None = None
    revision: tuple[str, int | None] | None = None
    isolation: str | None = None
    view: str | None = None
    quiet: bool = False
    awaited: bool = False
    arguments: str = ""


def workflow_arguments(function: _F) -> _F:
    """Give a magic the options of `%%workflow`, its parser and its help text."""
    # The library writes the first %; a cell magic has two.
    named = magic_arguments("%workflow")
    decorate: list[Any] = [named, *_ARGUMENTS, kwds(usage=_USAGE, epilog=_EPILOG)]
    for one in reversed(decorate):
        function = one(function)
    return function


@workflow_arguments
def _bare() -> None:
    """Hold the options where there is no magic."""


def own_parser() -> Parser:
    """Return the parser of `%%workflow` lines, without a shell.

    >>> read_line(own_parser(), "refund --steps a,b").steps
    {'a': 'a', 'b': 'b'}
    """
    return cast("Parser", cast("Any", _bare).parser)


def options() -> tuple[str, ...]:
    """Every option string of `%%workflow`, for completion.

    >>> "--steps" in options() and "--awaited" not in options()
    True
    """
    rows = cast("tuple[Any, ...]", _ARGUMENTS)
    strings: list[str] = [text for row in rows for text in row.args]
    return tuple(text for text in strings if text.startswith("-") and text != "--awaited")


def split_line(line: str) -> tuple[str, str]:
    """Split a line at the first standalone `--` outside quotes: options, Python arguments.

    It is done before argparse sees the line: argparse would refuse the rest, or take `-5` for NAME.

    >>> split_line('refund -o r -- "A--17", -5')
    ('refund -o r', '"A--17", -5')
    """
    quote = ""
    position = 0
    while position < len(line):
        character = line[position]
        if character == "\\":
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif _standalone(line, position):
            return line[:position].strip(), line[position + 2 :].strip()
        position += 1
    return line.strip(), ""


def _standalone(line: str, position: int) -> bool:
    before = line[position - 1 : position]
    after = line[position + 2 : position + 3]
    return (
        line.startswith("--", position)
        and (not before or before.isspace())
        and (not after or after.isspace())
    )


def read_line(parser: Parser, line: str) -> CellLine:
    """Read the line of a cell.

    Raises:
        UsageError: an unknown option, a value missing or malformed, options that exclude each other.
    """
    words, arguments = split_line(line)
    found = parsed(parser, words, "%%workflow")
    _exclusive(found)
    return CellLine(
        name=identifier(found.name, "NAME"),
        steps=aliases(found.steps),
        schemas=None if found.schemas is None else tuple(listed(found.schemas)),
        out=identifier(found.out, "--out"),
        key=found.id,
        new=found.new,
        replace=found.replace,
        wait=found.wait,
        timeout=_seconds(found.timeout),
        check=found.check,
        expect=_digest(found.expect),
        revision=None if found.revision is None else revision_named(found.revision),
        isolation=found.isolation,
        view=found.view,
        quiet=found.quiet,
        awaited=found.awaited,
        arguments=arguments,
    )


def parsed(parser: Parser, words: str, magic: str) -> Namespace:
    """Return the options of a magic's line.

    Raises:
        UsageError: an unknown option, or a value missing.
    """
    try:
        return parser.parse_args(shlex.split(words))
    except ValueError as problem:
        msg = f"The line of the cell cannot be split into words: {problem}."
        raise UsageError(msg, hint="Close the quotes.") from None
    except ShellUsageError as problem:
        msg = f"{magic}: {str(problem).rstrip('.')}."
        raise UsageError(msg, hint=f"Options are listed by {magic}?") from None


def _exclusive(found: Namespace) -> None:
    if found.new and found.replace:
        raise UsageError("--new and --replace exclude each other.", hint="Choose one.")
    if found.new and found.id is not None:
        msg = "--new and --id exclude each other: a key has one run."
        raise UsageError(msg, hint="Choose another key, or leave --id out.")
    if found.revision is not None and any(
        (found.name, found.steps, found.schemas, found.expect, found.check, found.replace)
    ):
        msg = "--revision says all that is to be run; a name, steps, schemas or a hash don't go with it."
        raise UsageError(msg, hint="Leave them out, and give arguments after a standalone --.")


def listed(values: list[str]) -> list[str]:
    """Return the names in lists with commas.

    >>> listed(["a, b", "c"])
    ['a', 'b', 'c']
    """
    return [
        name for value in values for name in (part.strip() for part in value.split(",")) if name
    ]


def aliases(values: list[str] | None) -> Mapping[str, str] | None:
    """Return alias to what names its step, of the values of `--steps`; None if there are none.

    Raises:
        UsageError: an item is neither NAME nor alias=NAME.
    """
    if values is None:
        return None
    found: dict[str, str] = {}
    for item in listed(values):
        alias, equals, target = (part.strip() for part in item.partition("="))
        name = alias if equals else alias.rpartition(".")[2]
        if not name.isidentifier():
            msg = f"--steps: {item!r} is not NAME or alias=NAME."
            raise UsageError(msg, hint="Write --steps fetch,pay=orders.charge.")
        found[name] = target if equals else alias
    return found


def identifier(value: str | None, what: str) -> str | None:
    """Return a value that is a Python name, or None.

    Raises:
        UsageError: it is something else.
    """
    if value is None or value.isidentifier():
        return value
    hint = "Python arguments go after a standalone --." if what == "NAME" else "Choose a name."
    raise UsageError(f"{what} is {value!r}, which is not a Python name.", hint=hint)


def _seconds(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return parse_duration(value)
    except (ValueError, TypeError) as problem:
        msg = f"--timeout: {problem}"
        raise UsageError(msg, hint='Write "90s" or "1h 30m".') from None


_HEX_DIGITS: Final = 64


def _digest(value: str | None) -> str | None:
    if value is None:
        return None
    digits = value.removeprefix("sha256:").lower()
    if len(digits) != _HEX_DIGITS or not set(digits) <= set("0123456789abcdef"):
        msg = f"--expect: {value!r} is not sha256: and 64 hex digits."
        raise UsageError(msg, hint="Copy it from %%workflow --check.")
    return digits


def checked_wait(line: CellLine) -> None:
    """Refuse a line that bounds a wait of which there is none.

    Raises:
        UsageError: it is such a line.
    """
    if line.timeout is not None and not (line.wait or line.awaited):
        msg = "--timeout bounds the wait of a cell, and this one doesn't wait."
        raise UsageError(msg, hint="Add --wait.")


def expected_hash(line: CellLine, found: str) -> None:
    """Refuse a cell that isn't the one that was reviewed.

    Args:
        line: of the cell.
        found: the hash of the cell as it is, hex.

    Raises:
        UsageError: `--expect` says another one (WF514).
    """
    if line.expect not in (None, found):
        msg = f"The cell is another one than --expect says, sha256:{line.expect}."
        hint = f"Read the cell again; to accept the edit, write --expect sha256:{found} instead."
        raise UsageError(msg, code="WF514", hint=hint)


def evaluate(text: str, namespace: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Evaluate the inside of a call in a namespace: its positional and its keyword arguments.

    Raises:
        UsageError: it is not the inside of a call, or evaluating it raised.

    >>> evaluate('"A-17", limit=n + 1', {"n": 4})
    (('A-17',), {'limit': 5})
    """
    if not text:
        return (), {}
    call = call_of(text)
    call.func = ast.Name("__wf_capture__", ast.Load())
    code = compile(ast.fix_missing_locations(ast.Expression(call)), "<arguments>", "eval")
    try:
        return cast(
            "tuple[tuple[Any, ...], dict[str, Any]]",
            eval(code, namespace, {"__wf_capture__": _capture}),  # noqa: S307 - the user's own line
        )
    except Exception as problem:
        msg = f"The arguments after -- raised {type(problem).__name__}: {problem}."
        raise UsageError(msg, hint="Correct them and run the cell again.") from problem


def _capture(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


def call_of(text: str) -> ast.Call:
    """Return the call of which a text is the inside.

    Raises:
        UsageError: it is not the inside of one call.
    """
    hint = 'Write what stands inside a call: -- "A-17", limit=5.'
    try:
        body = ast.parse(f"f(\n{text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        what = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        msg = f"The arguments after -- are not Python: {what}."
        raise UsageError(msg, hint=hint) from None
    if not isinstance(body, ast.Call) or not isinstance(body.func, ast.Name):
        raise UsageError("What stands after -- is more than the inside of one call.", hint=hint)
    return body
