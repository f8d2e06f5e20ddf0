"""What a source may import, and what an import binds."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from wf_notebook.guest.language import MEMBER_HINTS, MODULE_HINTS, MODULES, PREDEFINED_MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wf_notebook.guest.places import Problems

__all__ = ["Imported", "check_import", "check_member", "imported"]

OFFERED: Final = ", ".join(sorted(name for name in MODULES if not name.startswith("_")))


class Imported(NamedTuple):
    """One name that an import binds.

    Attributes:
        name: the name.
        node: where.
        module: the module it stands for (offered or not), or None for a member.
        same: whether a predefined name of that name is the very same thing; true, too, for
            imports that are refused anyway.
    """

    name: str
    node: ast.alias
    module: str | None
    same: bool


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[Imported]:
    """Yield what an import binds."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield _imported_module(alias)
        elif alias.name != "*":
            yield _imported_member(alias, node)


def _imported_module(alias: ast.alias) -> Imported:
    module = alias.name if alias.asname else alias.name.partition(".")[0]
    name = alias.asname or module
    same = module not in MODULES or PREDEFINED_MODULES.get(name) == module
    return Imported(name, alias, module, same)


def _imported_member(alias: ast.alias, node: ast.ImportFrom) -> Imported:
    name = alias.asname or alias.name
    full = f"{node.module}.{alias.name}"
    refused = node.level > 0 or alias.name not in MODULES.get(node.module or "", ())
    same = refused or (full, name) == ("uuid.uuid4", "uuid4")
    return Imported(name, alias, full if full in MODULES else None, same)


def check_import(node: ast.Import | ast.ImportFrom, problems: Problems) -> None:
    """Note what is wrong with an import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name not in MODULES:
                _not_offered(alias.name, alias, problems)
    elif node.level > 0:
        message = "A source stands alone: there is nothing to import relatively."
        problems.add(node, "WF123", message, f"Offered are {OFFERED}.")
    elif (module := node.module or "") not in MODULES:
        _not_offered(module, node, problems)
    else:
        for alias in node.names:
            _check_from(module, alias, problems)


def _check_from(module: str, alias: ast.alias, problems: Problems) -> None:
    if alias.name == "*":
        message = f"`from {module} import *` doesn't say which names it binds."
        problems.add(alias, "WF122", message, f"Name what you use, or write `import {module}`.")
    else:
        check_member(module, alias.name, alias, problems, word=alias.name)


def check_member(
    module: str, name: str, node: ast.AST, problems: Problems, *, word: str = "", tail: str = ""
) -> None:
    """Note a member that a module's face doesn't have."""
    if name in MODULES[module]:
        return
    hint = MEMBER_HINTS.get(f"{module}.{name}") or problems.suggest(name, MODULES[module])
    message = f"`{module}.{name}` is not offered to a source."
    hint = hint or "Do it in a step, or write it out."
    problems.add(node, "WF121", message, hint, word=word, tail=tail)


def _not_offered(module: str, node: ast.AST, problems: Problems) -> None:
    own = (
        MEMBER_HINTS.get(module)
        or MODULE_HINTS.get(module.partition(".")[0])
        or problems.suggest(module, MODULES)
    )
    hint = " ".join(part for part in (own, f"Offered are {OFFERED}.") if part)
    problems.add(node, "WF120", f"The module `{module}` is not offered to a source.", hint)
