"""Whether the entry of a source can be called with given arguments, before anything is written."""

from __future__ import annotations

import ast
from inspect import Parameter, Signature
from typing import TYPE_CHECKING

from wf_notebook.errors import ArgumentsError
from wf_notebook.guest.language import parse_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.definition.model import Definition


class _Default:
    """Stands for a default, whose value only the guest knows."""

    def __repr__(self) -> str:
        return "…"


def entry_signature(source: str, entry: str) -> Signature:
    """Return the signature of a source's entry; defaults show as an ellipsis.

    >>> entry_signature("async def refund(order, *, limit=3): ...", "refund")
    <Signature (order, *, limit=…)>
    """
    # the last definition of a name is the one that counts
    a = [
        node.args
        for node in parse_source(source).body
        if isinstance(node, ast.AsyncFunctionDef) and node.name == entry
    ][-1]
    positional = [*a.posonlyargs, *a.args]
    required = len(positional) - len(a.defaults)
    parameters = [
        Parameter(
            arg.arg,
            Parameter.POSITIONAL_ONLY
            if i < len(a.posonlyargs)
            else Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if i < required else _Default(),
        )
        for i, arg in enumerate(positional)
    ]
    if a.vararg is not None:
        parameters.append(Parameter(a.vararg.arg, Parameter.VAR_POSITIONAL))
    for arg, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        given = Parameter.empty if default is None else _Default()
        parameters.append(Parameter(arg.arg, Parameter.KEYWORD_ONLY, default=given))
    if a.kwarg is not None:
        parameters.append(Parameter(a.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(parameters)


def check_call(
    definition: Definition, args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    """Check that the entry takes these arguments.

    Raises:
        ArgumentsError: it does not.
    """
    checked_call(definition.source, definition.entry, args, kwargs)


def checked_call(
    source: str, entry: str, args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    """Check that the entry of a source takes these arguments.

    Raises:
        ArgumentsError: it does not.
    """
    signature = entry_signature(source, entry)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        msg = f"{entry}{signature} cannot be called so: {error}."
        raise ArgumentsError(msg) from None
