"""What a step is: a Python function with options, registered under the id that runs record."""

from __future__ import annotations

import copy
import functools
import inspect
import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, overload

from typing_extensions import ParamSpec, TypeVar

from wf_notebook.definition.functions import (
    checked_function,
    implementation_digest,
    is_alias,
    step_id,
)
from wf_notebook.definition.model import StepBinding
from wf_notebook.definition.signatures import Signature
from wf_notebook.errors import RegistrationError
from wf_notebook.guest.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from wf_notebook.definition.model import Parameter
    from wf_notebook.guest.values import Tree

__all__ = ["REGISTRY", "Backoff", "Step", "StepOptions", "StepRegistry", "step"]

P = ParamSpec("P", default=...)
R_co = TypeVar("R_co", default=Any, covariant=True)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the next attempt: `initial * factor ** n`, at most `maximum`.

    Attributes:
        initial: seconds before the second attempt.
        factor: by which each further wait is longer.
        maximum: seconds, the longest wait.

    Raises:
        RegistrationError: a number is not one that time can be made of (WF159).
    """

    initial: float = 1.0
    factor: float = 2.0
    maximum: float = 300.0

    def __post_init__(self) -> None:
        finite = all(map(_is_finite, (self.initial, self.factor, self.maximum)))
        if not finite or self.initial < 0 or self.factor < 1:
            raise _bad_option(
                "backoff", self, "waits of 0 or more seconds and a factor of 1 or more"
            )


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and math.isfinite(number)


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How a step is run.

    Attributes:
        retries: further attempts after the first one failed.
        timeout: seconds that an attempt may take, or None.
        backoff: the waits between attempts.
        concurrency: attempts of this step at once in a world, or None.
        name: what it is called in a source, or None for the function's name.
    """

    retries: int = 3
    timeout: float | None = None
    backoff: Backoff = field(default_factory=Backoff)
    concurrency: int | None = None
    name: str | None = None


class Step(Generic[P, R_co]):
    """A registered step. Calling it calls the function, here and now, as in a test.

    Attributes:
        function: what was decorated.
        options: how it is run.
        step_id: `step//<module>//<qualname>`.
        name: what it is called in a source, unless an alias is given.
        is_async: whether the function is `async def`.
    """

    def __init__(self, function: Callable[P, R_co], options: StepOptions) -> None:
        plain = checked_function(function)
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options
        self.step_id = step_id(plain)
        self.name = options.name or plain.__name__
        self.is_async = inspect.iscoroutinefunction(function)
        self._digest = implementation_digest(plain)
        self._signature = Signature(plain, self.name)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<step {self.name}: {self.step_id}>"

    @property
    def digest(self) -> str:
        """sha256 of the function's source text as it was when it was decorated, hex."""
        return self._digest

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Names and kinds of its parameters, in order."""
        return self._signature.parameters

    def binding(self, alias: str) -> StepBinding:
        """Return what a definition records of it under an alias."""
        return StepBinding(alias, self.step_id, self.parameters, self.digest)

    def with_function(self, function: Callable[..., Any]) -> Step:
        """Return a step that is this one to every source and every run, but calls another function.

        Id, name, parameters, annotations, options and digest stay; nothing is registered.
        """
        other: Step = copy.copy(self)
        other.function = function
        other.is_async = inspect.iscoroutinefunction(function)
        return other

    def prepare(self) -> None:
        """Build the validators, if they aren't yet.

        Raises:
            RegistrationError: an annotation means nothing here (WF150).
        """
        _ = self._signature.adapters

    def bind(self, args: Mapping[str, Tree]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments for the function, validated.

        Args:
            args: trees by parameter name, as the guest bound them.

        Raises:
            PayloadError: an argument doesn't fit; the message names step and argument.
            RegistrationError: an annotation means nothing here.
        """
        return self._signature.bind(args)

    def encode(self, result: object) -> Tree:
        """Return the tree of a result, validated through the return annotation.

        Raises:
            PayloadError: it doesn't fit the annotation, or cannot cross.
            RegistrationError: an annotation means nothing here.
        """
        return self._signature.encode(result)

    def schema(self) -> dict[str, Any]:
        """Return its entry in a catalogue.

        `{"name", "step_id", "doc", "signature", "async", "parameters": JSON Schema of an object,
        "return": JSON Schema}`.

        Raises:
            RegistrationError: an annotation means nothing here.
        """
        return {
            "name": self.name,
            "step_id": self.step_id,
            "doc": inspect.getdoc(self.function) or "",
            "signature": f"{self.name}{inspect.signature(self.function)}",
            "async": self.is_async,
            **self._signature.schema(),
        }


class StepRegistry:
    """The steps that this process knows, by id. Safe to use from any thread."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._lock = threading.Lock()
        self._steps = {known.step_id: known for known in steps}
        self._callbacks: list[Callable[[], None]] = []

    def register(self, registered: Step) -> None:
        """Add a step; one of the same id is replaced."""
        with self._lock:
            # put last, so that the latest of two steps with one name is found by it
            self._steps.pop(registered.step_id, None)
            self._steps[registered.step_id] = registered
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def get(self, step_id: str) -> Step | None:
        """Return the step of an id, or None."""
        with self._lock:
            return self._steps.get(step_id)

    def by_name(self, name: str) -> Step | None:
        """Return the step of a name, the one registered last if there are several, or None."""
        with self._lock:
            found = [known for known in self._steps.values() if known.name == name]
        return found[-1] if found else None

    def names(self) -> list[str]:
        """Return the names of all steps, sorted."""
        with self._lock:
            return sorted({known.name for known in self._steps.values()})

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each registration, on its thread; return what ends that."""
        with self._lock:
            self._callbacks.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return unsubscribe


REGISTRY: Final = StepRegistry()
"""Where `@step` registers."""


@overload
def step(function: Callable[P, R_co], /) -> Step[P, R_co]: ...


@overload
def step(
    *,
    retries: int = 3,
    timeout: float | str | timedelta | None = None,
    backoff: Backoff | None = None,
    concurrency: int | None = None,
    name: str | None = None,
) -> Callable[[Callable[P, R_co]], Step[P, R_co]]: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    retries: int = 3,
    timeout: float | str | timedelta | None = None,
    backoff: Backoff | None = None,
    concurrency: int | None = None,
    name: str | None = None,
) -> Any:
    """Make a function a step that sources may call.

    Args:
        function: a plain function, sync or async, when used without parentheses.
        retries: further attempts after the first one failed.
        timeout: how long an attempt may take: seconds, "30s" or a timedelta.
        backoff: the waits between attempts.
        concurrency: attempts of this step at once in a world.
        name: what a source calls it, if not by the function's name.

    Raises:
        RegistrationError: the function can't be a step (WF158), or an option is wrong (WF159).

    >>> @step(retries=1, timeout="30s")
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> double(21), double.name, double.options.timeout
    (42, 'double', 30.0)
    """
    options = StepOptions(
        retries=_whole_number("retries", retries, least=0),
        timeout=_timeout(timeout),
        backoff=_backoff(backoff),
        concurrency=None if concurrency is None else _whole_number("concurrency", concurrency),
        name=_name(name),
    )
    if function is None:
        return functools.partial(_registered, options=options)
    return _registered(function, options=options)


def _registered(function: Callable[P, R_co], *, options: StepOptions) -> Step[P, R_co]:
    made = Step(function, options)
    REGISTRY.register(made)
    return made


# -------------------------------------------------------------------------------------- options


def _bad_option(name: str, value: object, wanted: str) -> RegistrationError:
    return RegistrationError(
        f"The option {name}={value!r} of a step is wrong.", code="WF159", hint=f"Give {wanted}."
    )


def _whole_number(name: str, value: object, *, least: int = 1) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise _bad_option(name, value, f"a whole number, {least} or more")


def _timeout(value: float | str | timedelta | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = parse_duration(value)
    except (ValueError, TypeError) as error:
        raise _bad_option("timeout", value, f"seconds or a duration: {error}") from None
    if seconds <= 0:
        raise _bad_option("timeout", value, "a duration longer than nothing, or None")
    return seconds


def _backoff(value: object) -> Backoff:
    if value is None:
        return Backoff()
    if isinstance(value, Backoff):
        return value
    raise _bad_option("backoff", value, "a Backoff(initial=…, factor=…, maximum=…)")


def _name(value: object) -> str | None:
    if value is None or is_alias(value):
        return value
    wanted = "an ASCII identifier that is no keyword and has no leading underscore"
    raise _bad_option("name", value, wanted)
