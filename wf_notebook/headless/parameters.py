"""What does `-p NAME=VALUE` put into a notebook? The same as papermill, so that both run it.

The values go into a cell of their own, tagged `injected-parameters`, right behind the one that is
tagged `parameters` and holds the defaults; an injected cell that is there already is replaced.
"""

from __future__ import annotations

import ast
import keyword
import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from wf_notebook.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Value: TypeAlias = str | int | float | bool | None

DEFAULTS: Final = "parameters"
INJECTED: Final = "injected-parameters"
_WORDS: Final[Mapping[str, Value]] = {"True": True, "False": False, "None": None}


def read_parameters(given: Sequence[str]) -> dict[str, Value]:
    """Return values by name, as papermill reads them: True, False, None, numbers, else text.

    Raises:
        UsageError: one is not NAME=VALUE, or its name can be no variable.

    >>> read_parameters(["order=A-17", "limit=5", "rate=0.5", "dry=True", "note="])
    {'order': 'A-17', 'limit': 5, 'rate': 0.5, 'dry': True, 'note': ''}
    """
    return dict(map(_parameter, given))


def _parameter(text: str) -> tuple[str, Value]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"-p: {text!r} is not NAME=VALUE.", hint="Write -p limit=5.")
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"-p: {name!r} is not the name of a variable.", hint="Write -p limit=5.")
    return name, _value(value)


def _value(text: str) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def inject(notebook: Any, parameters: Mapping[str, Value]) -> list[str]:
    """Put the cell with the values into a notebook.

    Returns:
        what a person should know: a parameter that the notebook knows nothing of, and the like.
    """
    from nbformat import v4

    untyped = cast("Any", v4)
    untyped.upgrade(notebook)
    metadata = {"tags": [INJECTED]}
    cell = untyped.new_code_cell(source=_source(parameters), metadata=metadata)
    cells: list[Any] = notebook.cells
    defaults, injected = _tagged(cells, DEFAULTS), _tagged(cells, INJECTED)
    notes = _unknown(None if defaults is None else str(cells[defaults].source), parameters)
    if injected is not None:
        cells[injected] = cell
    else:
        cells.insert(0 if defaults is None else defaults + 1, cell)
    return notes


def _tagged(cells: Sequence[Any], tag: str) -> int | None:
    found = (place for place, cell in enumerate(cells) if tag in cell.metadata.get("tags", ()))
    return next(found, None)


def _source(parameters: Mapping[str, Value]) -> str:
    lines = (f"{name} = {_literal(value)}" for name, value in parameters.items())
    return "\n".join(["# Parameters", *lines])


def _literal(value: Value) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _unknown(defaults: str | None, parameters: Mapping[str, Value]) -> list[str]:
    """Say which parameters the cell of defaults does not have; a typing error would go unseen."""
    if defaults is None:
        return [f"No cell is tagged {DEFAULTS!r}: the parameters were put before the first cell."]
    known = _assigned(defaults)
    if known is None:
        return []
    there = ", ".join(known) or "none"
    return [
        f"The notebook has no parameter {name!r}; it has: {there}."
        for name in parameters
        if name not in known
    ]


def _assigned(source: str) -> list[str] | None:
    """Return the names that a cell gives values to; None if it isn't plain Python."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    targets: list[ast.expr] = []
    for statement in body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    names = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return list(dict.fromkeys(node.id for node in names))
