"""What does Shift-Tab show inside our magics?

A kernel answers `inspect_request` by the name under the cursor, from the user's namespace. A source
has names of its own, so the kernel's `do_inspect`, the one place that is told the whole cell, asks
here first. IPython has no hook for that.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
from typing import TYPE_CHECKING, Any, Final

from IPython.utils.tokenutil import token_at_cursor

from wf_notebook.guest.language import (
    BUILTINS,
    FORBIDDEN,
    MEMBER_HINTS,
    MODULE_HINTS,
    MODULES,
    PREDEFINED,
)
from wf_notebook.notebook import vocabulary
from wf_notebook.notebook.cellparts import part_at
from wf_notebook.notebook.magics import WorkflowMagics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wf_notebook.definition.steps import Backoff, Step
    from wf_notebook.notebook.cellparts import CellPart
    from wf_notebook.notebook.completion import Facts

_STEPS: Final = "The steps that this cell may call: `await steps.NAME(...)`."


def attach(kernel: Any, facts: Facts) -> Callable[[], None]:
    """Let a kernel's `do_inspect` ask here first; return what ends that."""
    before = kernel.do_inspect
    asked = [facts]

    def do_inspect(code: str, cursor_pos: int, *args: Any, **kwargs: Any) -> Any:
        found = describe(code, cursor_pos, asked[0]) if asked else None
        if found is None:
            return before(code, cursor_pos, *args, **kwargs)
        data = {"text/plain": found} if found else {}
        return {"status": "ok", "found": bool(found), "data": data, "metadata": {}}

    def detach() -> None:
        asked.clear()  # somebody may have wrapped it in turn, and go on calling it
        if kernel.__dict__.get("do_inspect") is do_inspect:
            del kernel.do_inspect

    kernel.do_inspect = do_inspect
    return detach


def describe(text: str, position: int, facts: Facts) -> str | None:
    """Return the help for what is at a place in a cell, or None where the kernel knows better.

    Of what only the source may know it is empty: the kernel's answer would be about something else
    that has the same name in the notebook.

    Args:
        text: the whole cell.
        position: where in it the cursor is.
        facts: which steps there are.
    """
    part = part_at(text, position)
    if part is None or part.kind == "arguments":
        return None
    if part.kind == "options":
        found = facts.find_step(_word_in_line(part))
        return _magic("workflow") if found is None else _of_step(found.name, found)
    if part.kind == "command":
        return _of_command(part.text)
    return _of_word(token_at_cursor(part.text, part.position), part, facts) or ""


def _magic(name: str) -> str:
    return inspect.getdoc(getattr(WorkflowMagics, name)) or ""


def _word_in_line(part: CellPart) -> str:
    """The item of a list such as `fetch,pay=orders.charge` that the cursor is in."""
    begin, end = part.position, part.position
    while begin and part.text[begin - 1] not in " \t,=":
        begin -= 1
    while end < len(part.text) and part.text[end] not in " \t,=":
        end += 1
    return part.text[begin:end]


# --- commands ------------------------------------------------------------------------------------


def _of_command(line: str) -> str:
    import click

    from wf_notebook.commands import table

    command = table.commands.get(line.split(maxsplit=1)[0]) if line.strip() else None
    if command is None:
        return _magic("wf")
    with click.Context(table, info_name="%wf") as outer:
        return command.get_help(click.Context(command, parent=outer, info_name=command.name))


# --- words of a source ---------------------------------------------------------------------------


def _of_word(word: str, part: CellPart, facts: Facts) -> str | None:
    first, _, rest = word.partition(".")
    if first == "steps":
        return _of_steps(rest, part, facts)
    if (path := vocabulary.path_of(word, part.text)) is not None:
        return _of_import(path, word)
    if rest or vocabulary.binds(part.text, word):
        return None
    if word in FORBIDDEN:
        return f"{word} is not there in a source. {FORBIDDEN[word]}"
    if word in PREDEFINED:
        return _of_object(word, _predefined()[word])
    return _of_object(word, getattr(builtins, word)) if word in BUILTINS else None


def _of_import(path: str, word: str) -> str | None:
    module, _, member = path.rpartition(".")
    if path in MODULES:
        return _of_object(word, importlib.import_module(path))
    if member in MODULES.get(module, ()):
        return _of_object(word, getattr(importlib.import_module(module), member, None))
    hint = MEMBER_HINTS.get(path) or MODULE_HINTS.get(path.partition(".")[0])
    return None if hint is None else f"{path} is not there in a source. {hint}"


def _predefined() -> Mapping[str, Any]:
    """What the predefined names are; `steps` apart, which differs from cell to cell."""
    from wf_notebook.guest import problems
    from wf_notebook.guest.chance import Chance
    from wf_notebook.guest.surface import Surface

    own = {name: getattr(Surface, name) for name in ("sleep", "create_hook", "now", "print")}
    errors = {name: getattr(problems, name) for name in problems.__all__ if name in PREDEFINED}
    modules = {name: importlib.import_module(name) for name in ("asyncio", "random")}
    return {**own, **errors, **modules, "uuid4": Chance.uuid4}


def _of_object(word: str, found: object) -> str:
    if not callable(found) and not inspect.ismodule(found):
        return f"{word} = {found!r}"
    return _written(_signature(word, found), inspect.getdoc(found) or "")


# --- steps ---------------------------------------------------------------------------------------


def _of_steps(alias: str, part: CellPart, facts: Facts) -> str | None:
    chosen = part.line.steps
    if alias:
        expression = alias if chosen is None else chosen.get(alias)
        found = None if expression is None else facts.find_step(expression)
        return None if found is None else _of_step(f"steps.{alias}", found)
    targets = {name: name for name in facts.step_names()} if chosen is None else chosen
    steps = {name: facts.find_step(text) for name, text in targets.items()}
    lines = [_signature(f"steps.{n}", found.function) for n, found in steps.items() if found]
    return "\n".join([_STEPS, "", *(f"  {line}" for line in lines)])


def _of_step(word: str, step: Step) -> str:
    options = step.options
    lines = [
        f"Retries:   {f'{options.retries}, {_waits(options.backoff)}' if options.retries else 'none'}",
        f"Timeout:   {'none' if options.timeout is None else f'{options.timeout:g} s an attempt'}",
    ]
    if options.concurrency is not None:
        lines.append(f"At once:   {options.concurrency}")
    doc = inspect.getdoc(step.function) or ""
    return _written(_signature(word, step.function), doc, *lines, f"Id:        {step.step_id}")


def _waits(backoff: Backoff) -> str:
    longest = f", at most {backoff.maximum:g} s" if backoff.factor > 1 else ""
    growing = f", then {backoff.factor:g} times as long each" if backoff.factor > 1 else ""
    return f"after {backoff.initial:g} s{growing}{longest}"


# --- how it is written ---------------------------------------------------------------------------


class _Plain(str):
    """An annotation that is written as it stands in the code, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _signature(word: str, found: object) -> str:
    """A call as a reader would write it; just the word for what cannot be called or doesn't say."""
    try:
        signature = inspect.signature(found)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return word
    shown = [
        one.replace(annotation=_plain(one.annotation))
        for one in signature.parameters.values()
        if one.name != "self"
    ]
    returned = _plain(signature.return_annotation)
    return f"{word}{signature.replace(parameters=shown, return_annotation=returned)}"


def _plain(annotation: object) -> object:
    return _Plain(annotation) if isinstance(annotation, str) else annotation


def _written(signature: str, doc: str, *lines: str) -> str:
    documented = ["Docstring:", doc, ""] if doc else []
    return "\n".join([f"Signature: {signature}", *documented, *lines]).rstrip()
