"""How a step's arguments and result are validated: through its annotations, by pydantic."""

from __future__ import annotations

import inspect
import typing
from collections import OrderedDict
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import override

from wf_notebook.definition.model import Parameter
from wf_notebook.definition.values import UNUSABLE, adapter_of, from_tree, to_tree, validated
from wf_notebook.errors import PayloadError, RegistrationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FunctionType

    from pydantic import TypeAdapter
    from pydantic_core.core_schema import IsInstanceSchema

    from wf_notebook.guest.values import Tree

__all__ = ["Signature"]

_MANY: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_UNCHECKED: Final = (Any, typing.NoReturn, typing.Never)
RETURN: Final = "return"


class Signature:
    """The parameters and annotations of one step.

    Validators are built when they are first needed: an annotation may name what is defined later.

    Args:
        function: the step's function.
        name: the step's name, for errors.
    """

    def __init__(self, function: FunctionType, name: str) -> None:
        self._function = function
        self._name = name
        self._signature = inspect.signature(function)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, as the guest needs them to bind a call."""
        return tuple(
            Parameter(p.name, p.kind.name, _is_required(p))
            for p in self._signature.parameters.values()
        )

    @cached_property
    def adapters(self) -> Mapping[str, TypeAdapter[Any]]:
        """What validates each annotated parameter, and "return" the result.

        Raises:
            RegistrationError: an annotation means nothing (WF150).
        """
        hints = self._hints()
        kinds = {p.name: p.kind for p in self._signature.parameters.values()}
        return {
            name: self._adapter(name, _whole(hint, kinds.get(name)))
            for name, hint in hints.items()
            if hint not in _UNCHECKED
        }

    def bind(self, args: Mapping[str, Tree]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call, validated.

        Raises:
            PayloadError: one doesn't fit, is missing or unknown; step and argument are named.
            RegistrationError: an annotation means nothing.
        """
        parameters = self._signature.parameters
        for name in args.keys() - parameters.keys():
            raise self._mismatch(name, "is no longer a parameter of it")
        for p in parameters.values():
            if p.name not in args and _is_required(p):
                raise self._mismatch(p.name, "is missing")
        values: OrderedDict[str, Any] = OrderedDict(
            (name, self._argument(name, args[name])) for name in parameters if name in args
        )
        bound = inspect.BoundArguments(self._signature, values)
        return bound.args, bound.kwargs

    def encode(self, result: object) -> Tree:
        """Return the tree of a result, validated through the return annotation.

        Raises:
            PayloadError: it doesn't fit, or cannot cross.
        """
        path = f"{self._name}.{RETURN}"
        adapter = self.adapters.get(RETURN)
        if adapter is not None:
            result = validated(adapter, result, path)
        return to_tree(result, path)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schemas of arguments and result, for the catalogue."""
        parameters = self._signature.parameters.values()
        return {
            "parameters": {
                "type": "object",
                "properties": {p.name: self._json_schema(p.name) for p in parameters},
                "required": [p.name for p in parameters if _is_required(p)],
            },
            RETURN: self._json_schema(RETURN),
        }

    # ------------------------------------------------------------------------------- inside

    def _argument(self, name: str, tree: Tree) -> Any:
        return from_tree(tree, self.adapters.get(name), f"{self._name}.{name}")

    def _mismatch(self, name: str, what: str) -> PayloadError:
        return PayloadError(
            f"The argument `{name}` of the step `{self._name}` {what}.",
            path=f"{self._name}.{name}",
            hint="The step was changed after the call; start the run anew.",
        )

    def _hints(self) -> dict[str, Any]:
        try:
            return self._evaluated(self._function)
        except Exception:  # noqa: BLE001 - an annotation is any expression
            return {name: self._hint(name) for name in self._function.__annotations__}

    def _hint(self, name: str) -> Any:
        """Evaluate one annotation alone, to say which one it is."""
        annotation = self._function.__annotations__[name]
        try:
            return self._evaluated(SimpleNamespace(__annotations__={name: annotation}))[name]
        except Exception as error:  # noqa: BLE001 - as above
            raise self._meaningless(name, annotation, str(error)) from None

    def _evaluated(self, holder: Any) -> dict[str, Any]:
        outer = inspect.getclosurevars(self._function).nonlocals
        return typing.get_type_hints(
            holder, self._function.__globals__, dict(outer), include_extras=True
        )

    def _adapter(self, name: str, hint: Any) -> TypeAdapter[Any]:
        try:
            return adapter_of(hint)
        except (*UNUSABLE, TypeError) as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise self._meaningless(name, hint, said) from None

    def _meaningless(self, name: str, annotation: object, said: str) -> RegistrationError:
        text = annotation if isinstance(annotation, str) else repr(annotation)
        where = "return annotation" if name == RETURN else f"annotation of `{name}`"
        return RegistrationError(
            f"The {where} of the step `{self._name}`, {text}, cannot be used: {said}.",
            hint="Define or import its types at the top level, before the step is first used.",
        )

    def _json_schema(self, name: str) -> dict[str, Any]:
        adapter = self.adapters.get(name)
        if adapter is None:
            return {}
        try:
            return adapter.json_schema(
                mode="serialization" if name == RETURN else "validation",
                schema_generator=_Schemas,
            )
        except UNUSABLE:  # a type that JSON cannot say
            return {"description": str(self._function.__annotations__[name])}


class _Schemas(GenerateJsonSchema):
    """Names the classes that pydantic only knows by isinstance."""

    @override
    def is_instance_schema(self, schema: IsInstanceSchema) -> dict[str, Any]:
        cls = schema["cls"]
        return {"description": f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}"}


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in _MANY


def _whole(hint: Any, kind: Any) -> Any:
    """Return the type of all that `*args` or `**kwargs` take; the hint is that of one of them."""
    if kind not in _MANY:
        return hint
    if get_origin(hint) is typing.Unpack:  # *args: *Ts, **kwargs: Unpack[Options]
        return get_args(hint)[0]
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return tuple.__class_getitem__((hint, ...))
    return dict.__class_getitem__((str, hint))
