"""Whether a source may run: the language's check and the rules of its entry, as diagnostics."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from wf_notebook.definition.model import Diagnostic
from wf_notebook.guest import check as guest_check
from wf_notebook.guest.language import DIRECTIVE, MAX_PROBLEMS
from wf_notebook.guest.places import Lines

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wf_notebook.guest.check import Checked
    from wf_notebook.guest.places import Place

__all__ = ["Findings", "validate"]

DEFAULT_ENTRY = "workflow"
_Functions: TypeAlias = dict[str, ast.FunctionDef | ast.AsyncFunctionDef]


class Findings(NamedTuple):
    """What validation found.

    Attributes:
        diagnostics: every problem, in source order; the last one says so if there are too many.
        entry: the `async def` that a run calls, or None if it can't be told.
        steps_used: given aliases that the source names, sorted.
        schemas_used: given schemas that the source names literally, sorted.
    """

    diagnostics: tuple[Diagnostic, ...]
    entry: str | None
    steps_used: tuple[str, ...]
    schemas_used: tuple[str, ...]


def validate(
    source: str,
    *,
    aliases: Collection[str],
    schemas: Collection[str] = (),
    export_name: str | None = None,
    name: str | None = None,
    cell: bool = False,
) -> Findings:
    """Check a normalised source; never raises for what a text may contain.

    Args:
        source: the text, normalised.
        aliases: of the steps it is given.
        schemas: names that `create_hook(schema=...)` may give.
        export_name: the entry, if it is named.
        name: the cell's NAME: the entry, if there is an `async def` of that name.
        cell: whether a `%%workflow` line stands for the directive.
    """
    checked = guest_check.check(source, aliases=aliases, schemas=schemas)
    diagnostics = [Diagnostic(*problem) for problem in checked.problems]
    entry = None
    if checked.tree is not None:
        rules = _EntryRules(checked, Lines(source))
        entry = rules.run(export_name=export_name, name=name, cell=cell)
        diagnostics += rules.diagnostics
    return Findings(
        tuple(_capped(diagnostics)),
        entry,
        tuple(sorted(checked.steps & set(aliases))),
        tuple(sorted(checked.schemas & set(schemas))),
    )


def _capped(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort, drop doubles, and keep as many as somebody may read."""
    found = sorted(set(diagnostics))
    if len(found) <= MAX_PROBLEMS:
        return found
    rest = found[MAX_PROBLEMS]
    where = (rest.line, rest.column, rest.end_line, rest.end_column)
    message = "There are more problems from here on."
    return [*found[:MAX_PROBLEMS], Diagnostic(*where, "WF108", message, "Mend these first.")]


class _EntryRules:
    """The rules of the entry: one top-level `async def`, no generator, with its directive."""

    def __init__(self, checked: Checked, lines: Lines) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._lines = lines
        self._generators = checked.generators
        body = checked.tree.body if checked.tree is not None else []
        functions = [n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        self._functions: _Functions = {function.name: function for function in functions}
        self._again = [f for f in functions if self._functions[f.name] is not f]

    def run(self, *, export_name: str | None, name: str | None, cell: bool) -> str | None:
        chosen = self._chosen(export_name, name)
        if chosen is None:
            return None
        entry = self._functions[chosen]
        self._is_one(entry)
        if not isinstance(entry, ast.AsyncFunctionDef):
            message = f"The entry `{chosen}` is not async."
            self._at(self._place(entry), "WF112", message, f"Write `async def {chosen}`.")
        elif entry in self._generators:
            message = f"The entry `{chosen}` is a generator: it yields."
            hint = "Return the values as a list; yield in a helper function."
            self._at(self._place(entry), "WF113", message, hint)
        if not cell and not _has_directive(entry):
            message = f'The first statement of `{chosen}` is not "{DIRECTIVE}".'
            hint = f'Write "{DIRECTIVE}" as the first line of its body.'
            self._at(self._lines.head(entry.body[0]), "WF114", message, hint)
        return chosen

    def _chosen(self, export_name: str | None, name: str | None) -> str | None:
        """Return which function is the entry, or None and say why there is none."""
        if export_name is not None:
            return self._named(export_name)
        asynchronous = self._async_names()
        for candidate in (name, DEFAULT_ENTRY):
            if candidate in asynchronous:
                return candidate
        return asynchronous[0] if len(asynchronous) == 1 else self._undecided(asynchronous)

    def _async_names(self) -> list[str]:
        return [n for n, f in self._functions.items() if isinstance(f, ast.AsyncFunctionDef)]

    def _named(self, export_name: str) -> str | None:
        if export_name in self._functions:
            return export_name
        message = f"There is no top-level function `{export_name}`, which was named as the entry."
        names = ", ".join(self._async_names()) or "none"
        self._at((1, 1, 1, 1), "WF115", message, f"Top-level async functions are: {names}.")
        return None

    def _undecided(self, asynchronous: list[str]) -> str | None:
        if len(asynchronous) > 1:
            names = ", ".join(f"`{name}`" for name in asynchronous)
            hint = (
                f"Call the entry `{DEFAULT_ENTRY}`, or name it (export_name=, or the cell's NAME)."
            )
            where = self._place(self._functions[asynchronous[1]])
            self._at(where, "WF111", f"Any of {names} could be the entry.", hint)
            return None
        if len(self._functions) == 1 or DEFAULT_ENTRY in self._functions:
            return (
                DEFAULT_ENTRY if DEFAULT_ENTRY in self._functions else next(iter(self._functions))
            )
        message = "There is no entry: no `async def` at the top level."
        hint = f'Write `async def {DEFAULT_ENTRY}(...):` with "{DIRECTIVE}" as its first line.'
        self._at((1, 1, 1, 1), "WF110", message, hint)
        return None

    def _is_one(self, entry: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for again in self._again:
            if again.name == entry.name:
                message = f"The entry `{entry.name}` is defined twice."
                self._at(self._place(again), "WF111", message, "Delete or rename one of them.")

    def _place(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Place:
        return self._lines.word(function, function.name)

    def _at(self, where: Place, code: str, message: str, hint: str) -> None:
        self.diagnostics.append(Diagnostic(*where, code, message, hint))


def _has_directive(entry: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    match entry.body[0]:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text == DIRECTIVE
        case _:
            return False
