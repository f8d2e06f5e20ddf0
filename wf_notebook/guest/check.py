"""Whether a source keeps to the language: every problem at once, with its place and a way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wf_notebook.guest.compiling import compile_problem, parse
from wf_notebook.guest.places import Lines, Problem, Problems
from wf_notebook.guest.rules import Rules
from wf_notebook.guest.scan import scan
from wf_notebook.guest.walk import Walk

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

__all__ = ["Checked", "check", "names_used"]


class Checked(NamedTuple):
    """What a check found.

    Attributes:
        problems: in the order in which they were found.
        tree: the parsed source, or None if it could not be parsed.
        generators: functions of the tree that yield.
        steps: aliases that the source names.
        schemas: schema names that the source names literally.
    """

    problems: list[Problem]
    tree: ast.Module | None = None
    generators: frozenset[ast.AST] = frozenset()
    steps: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()


def check(source: str, *, aliases: Iterable[str], schemas: Iterable[str]) -> Checked:
    """Check a normalised source against the language and what it is offered."""
    if unreadable := scan(source):
        return Checked(unreadable)
    lines = Lines(source)
    tree = parse(lines)
    if isinstance(tree, Problem):
        return Checked([tree])
    problems = Problems(lines)
    walk = Walk(problems).run(tree)
    rules = Rules(walk, problems, frozenset(aliases), frozenset(schemas)).run()
    last = compile_problem(tree, lines) if walk.complete else None
    # Of what the walk has said the compiler would only repeat a part, in fewer words.
    if last is not None and last.line not in {problem.line for problem in problems.found}:
        problems.found.append(last)
    return Checked(
        *(problems.found, tree, frozenset(walk.generators)),
        *(frozenset(rules.steps), frozenset(rules.schemas)),
    )


_STEP_TEXT: Final = re.compile(r"\bsteps\s*\.\s*([A-Za-z]\w*)", re.ASCII)
_SCHEMA_TEXT: Final = re.compile(r"""\bschema\s*=\s*["'](\w+)["']""", re.ASCII)


def names_used(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the aliases and the schema names that a source names, whatever else is wrong.

    A source that can't be parsed is searched as text.

    >>> aliases, schemas = names_used("async def f(): await steps.pay(1)")
    >>> sorted(aliases), sorted(schemas)
    (['pay'], [])
    """
    checked = check(source, aliases=(), schemas=())
    if checked.tree is not None:
        return checked.steps, checked.schemas
    return frozenset(_STEP_TEXT.findall(source)), frozenset(_SCHEMA_TEXT.findall(source))
