"""What an entry can be called with in a rehearsal: examples of what its source does with them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.drafting.samples import Sample, sample
from wf_notebook.guest.language import parse_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wf_notebook.drafting.entries import StepEntry

__all__ = ["arguments_for", "keys_read"]

_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array", "items": {"type": "string"}},
    "dict": {"type": "object"},
}
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)


def keys_read(source: str) -> tuple[str, ...]:
    """Return the keys that a source reads of anything: `x["key"]`, `x.get("key")`.

    >>> keys_read('async def f(o): return o["a"] + o.get("b", 0)')
    ('a', 'b')
    """
    found: dict[str, None] = {}
    for node in ast.walk(parse_source(source)):
        match node:
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                found[key] = None
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]):
                found[key] = None
            case _:
                pass
    return tuple(sorted(found))


def arguments_for(
    source: str, entry: str, steps: Mapping[str, StepEntry]
) -> tuple[dict[str, Any], bool]:
    """Return keyword arguments that an entry may be called with, and whether they are guesses.

    What has a default keeps it. A parameter is what its annotation says, or what the step takes
    that it is handed to, or a list if the source goes through it.
    """
    function = next(
        node
        for node in parse_source(source).body
        if isinstance(node, ast.AsyncFunctionDef) and node.name == entry
    )
    uses = _Uses(function, steps)
    made = {arg.arg: uses.example(arg) for arg in _required(function.args)}
    return (
        {name: found.value for name, found in made.items()},
        any(found.vague for found in made.values()),
    )


def _required(a: ast.arguments) -> Iterator[ast.arg]:
    yield from a.args[: len(a.args) - len(a.defaults)]
    yield from (k for k, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is None)


class _Uses:
    """What a function does with its parameters."""

    def __init__(self, function: ast.AsyncFunctionDef, steps: Mapping[str, StepEntry]) -> None:
        self._steps = steps
        self._nodes = list(ast.walk(function))
        self._keys = keys_read(ast.unparse(function))

    def example(self, arg: ast.arg) -> Sample:
        annotated = ast.unparse(arg.annotation).partition("[")[0] if arg.annotation else ""
        if annotated in _TYPES and annotated not in ("list", "dict"):
            return sample(_TYPES[annotated], name=arg.arg)
        return self._used(arg.arg, 0) or sample(_TYPES.get(annotated, {}), keys=self._keys)

    def _used(self, name: str, depth: int) -> Sample | None:
        """Return an example by what is done with a name; None if that says nothing."""
        for node in self._nodes:
            if isinstance(node, ast.Call) and (schema := self._handed(node, name)) is not None:
                return sample(schema, name=name, keys=self._keys)
        for node in self._nodes:
            if isinstance(node, _LOOPS) and _is(node.iter, name):
                item = self._item(node.target, depth)
                return Sample([item.value], item.vague)
        return None

    def _item(self, target: ast.expr, depth: int) -> Sample:
        found = self._used(target.id, depth + 1) if isinstance(target, ast.Name) else None
        if depth or found is None:
            return sample({}, keys=self._keys) if self._keys else Sample("item", vague=True)
        return found

    def _handed(self, call: ast.Call, name: str) -> Mapping[str, Any] | None:
        """Return the schema of the step's parameter that a name is handed to."""
        match call.func:
            case ast.Attribute(value=ast.Name(id="steps"), attr=alias) if alias in self._steps:
                schemas: Mapping[str, Mapping[str, Any]] = self._steps[alias].parameters[
                    "properties"
                ]
            case _:
                return None
        parameters = list(schemas)
        for place, value in enumerate(call.args[: len(parameters)]):
            if _is(value, name):
                return schemas[parameters[place]]
        named = {word.arg for word in call.keywords if _is(word.value, name)}
        return next((schemas[word] for word in parameters if word in named), None)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
