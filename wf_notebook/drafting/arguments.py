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
_PLAIN: Final = ("str", "int", "float", "bool")
_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)


def keys_read(tree: ast.AST) -> tuple[str, ...]:
    """Return the keys that are read of anything: `x["key"]`, `x.get("key")`.

    >>> keys_read(ast.parse('async def f(o): return o["a"] + o.get("b", 0)'))
    ('a', 'b')
    """
    found: dict[str, None] = {}
    for node in ast.walk(tree):
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
    """What a function does with its names."""

    def __init__(self, function: ast.AsyncFunctionDef, steps: Mapping[str, StepEntry]) -> None:
        nodes = list(ast.walk(function))
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        loops = [node for node in nodes if isinstance(node, _LOOPS)]
        self._keys = keys_read(function)
        self._handed = dict(pair for call in calls for pair in _handed(call, steps))
        self._items = {n.iter.id: n.target for n in loops if isinstance(n.iter, ast.Name)}

    def example(self, arg: ast.arg) -> Sample:
        annotated = ast.unparse(arg.annotation).partition("[")[0] if arg.annotation else ""
        if annotated in _PLAIN:
            return sample(_TYPES[annotated], name=arg.arg)
        schema = self._handed.get(arg.arg)
        if schema is not None:
            return sample(schema, name=arg.arg, keys=self._keys)
        if arg.arg in self._items:
            item = self._item(self._items[arg.arg])
            return Sample([item.value], item.vague)
        return sample(_TYPES.get(annotated, {}), keys=self._keys)

    def _item(self, target: ast.expr) -> Sample:
        """Return an example of what a loop goes through, by what is done with each."""
        name = target.id if isinstance(target, ast.Name) else ""
        if name in self._handed:
            return sample(self._handed[name], name=name, keys=self._keys)
        return sample({}, keys=self._keys) if self._keys else Sample("item", vague=True)


def _handed(
    call: ast.Call, steps: Mapping[str, StepEntry]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the names that are handed to a step, each with the schema of that parameter."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="steps"), attr=alias) if alias in steps:
            schemas: Mapping[str, Mapping[str, Any]] = steps[alias].parameters["properties"]
        case _:
            return
    named = [(word.arg, word.value) for word in call.keywords if word.arg]
    for parameter, value in [*zip(schemas, call.args, strict=False), *named]:
        if parameter in schemas and isinstance(value, ast.Name):
            yield value.id, schemas[parameter]
