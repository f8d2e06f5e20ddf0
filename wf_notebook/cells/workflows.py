"""Which cells are workflows, and what are they called?"""

from __future__ import annotations

import ast

from wf_notebook.cells.line import own_parser, read_line
from wf_notebook.cells.reading import magic_cell
from wf_notebook.errors import UsageError

__all__ = ["workflow_of"]


def workflow_of(text: str) -> tuple[str, str] | None:
    r"""Return name and source of a `%%workflow` cell, as IPython reads it; None for any other cell.

    The name is the one behind the magic, else that of the only function that can be the entry; "" if
    that isn't certain.

    >>> workflow_of("%%workflow refund -q\nasync def main(): ...")
    ('refund', 'async def main(): ...\n')
    >>> workflow_of("%%time\n%%workflow -o r\nasync def main(): ...")[0]
    'main'
    >>> workflow_of("%%workflow_draft refund\nFetch the order.") is None
    True
    """
    found = magic_cell(text)
    if found is None or found.name != "workflow":
        return None
    try:
        named = read_line(own_parser(), found.line).name
    except UsageError:  # the magic itself will say so
        named = None
    return named or _entry(found.body), found.body


def _entry(source: str) -> str:
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return ""
    names = [node.name for node in body if isinstance(node, ast.AsyncFunctionDef)]
    return "workflow" if "workflow" in names else names[0] if len(names) == 1 else ""
