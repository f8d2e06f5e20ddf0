"""Steps for tests that do what the test says, under the names and ids of the real ones."""

from __future__ import annotations

import difflib
import inspect
from collections import deque
from collections.abc import Mapping
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from wf_notebook.definition.functions import is_alias
from wf_notebook.definition.given import steps_by_alias
from wf_notebook.definition.steps import Step, StepOptions
from wf_notebook.errors import FatalError, RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wf_notebook.definition.given import Steps

__all__ = ["InTurn", "Stubs", "in_turn", "stub_steps"]

MODULE: Final = "stub"  # of a stub that stands for no real step: its id is `step//stub//<alias>`

Calls = list[dict[str, Any]]


class InTurn:
    """Outcomes, one for each attempt; made by `in_turn()`."""

    def __init__(self, outcomes: Sequence[object]) -> None:
        self._count = len(outcomes)
        self._left = deque(outcomes)

    def next(self, alias: str) -> object:
        """Take the next outcome.

        Raises:
            FatalError: none is left.
        """
        if self._left:
            return self._left.popleft()
        msg = f"The stub of `{alias}` was called more often than the {self._count} times it knows."
        raise FatalError(msg)


def in_turn(*outcomes: object) -> InTurn:
    """Return what a stub does in turn: the first outcome in its first attempt, and so on.

    An attempt beyond the last one fails its step for good.

    Args:
        outcomes: as in `stub_steps`: values, exceptions, functions.
    """
    return InTurn(outcomes)


class Stubs(Mapping[str, Step]):
    """Stubs by alias: give it as `steps=` to `open_world`, and to `start` or `check`.

    Attributes:
        calls: what each alias was called with, oldest first: one map of arguments by name for each
            attempt, validated, without those that the call left out.
    """

    def __init__(self, steps: Mapping[str, Step], calls: Mapping[str, Calls]) -> None:
        self._steps = steps
        self.calls = MappingProxyType(calls)

    def __getitem__(self, alias: str) -> Step:
        return self._steps[alias]

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __repr__(self) -> str:
        return f"<stubs {', '.join(self._steps)}>"


def stub_steps(outcomes: Mapping[str, Any], *, like: Steps = ()) -> Stubs:
    """Return stubs of steps: what runs in their place in a test.

    The process-wide registry is left alone: the stubs run in a world that is opened with them, and
    no other step runs there. All stubs run on one thread, a plain function too, so that attempts
    end in the order in which they began; a stub that blocks holds up the others. The world's clock
    times back-off; a step's own timeout is real time, so raise TimeoutError instead.

    Args:
        outcomes: for each alias what its attempts come to. An exception, or its class, is raised;
            `in_turn(...)` is one outcome after the other; a function, plain or async, is called
            with the step's arguments; anything else is returned, a list too.
        like: the real steps, a list or a map alias to step. A stub keeps the id, the parameters,
            the annotations and the options of its step: a source has the hash and the workflow id
            that it has with them, arguments and results are validated as theirs, attempts are
            retried as theirs. One without an outcome fails when it is called. Without `like`, a
            stub has the parameters of its function, or takes any arguments.

    Raises:
        RegistrationError: an alias is no name or not one of `like`, or a step has two aliases.

    >>> from wf_notebook import open_world, step
    >>> @step(retries=2)
    ... def charge(order_id: str, amount: int = 0) -> str: ...
    >>> stubs = stub_steps({"charge": in_turn(ConnectionError("down"), "paid")}, like=[charge])
    >>> source = '''
    ... async def workflow(order_id):
    ...     "use workflow"
    ...     await sleep("30d")
    ...     return await steps.charge(order_id, amount=20)
    ... '''
    >>> from wf_notebook.testing import VirtualClock
    >>> with open_world(":memory:", clock=VirtualClock(autojump=True), steps=stubs) as world:
    ...     world.start(source, ("A-17",), steps=stubs).result(timeout=60)
    'paid'
    >>> stubs.calls["charge"]
    [{'order_id': 'A-17', 'amount': 20}, {'order_id': 'A-17', 'amount': 20}]
    """
    real = steps_by_alias(like) if like else {}
    if real:
        _check_aliases(outcomes, real)
    calls: dict[str, Calls] = {alias: [] for alias in {**real, **outcomes}}
    steps = {
        alias: _stub(alias, outcomes.get(alias, _unexpected(alias)), real.get(alias), calls[alias])
        for alias in calls
    }
    _check_ids(steps)
    return Stubs(steps, calls)


def _stub(alias: str, outcome: object, real: Step | None, calls: Calls) -> Step:
    base = real or _base(alias, outcome)
    signature = inspect.signature(base.function)

    async def attempt(*args: Any, **kwargs: Any) -> Any:
        calls.append(dict(signature.bind(*args, **kwargs).arguments))
        return await _come_to(outcome, alias, args, kwargs)

    return base.with_function(attempt)


async def _come_to(
    outcome: Any, alias: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    if isinstance(outcome, InTurn):
        return await _come_to(outcome.next(alias), alias, args, kwargs)
    if isinstance(outcome, BaseException):
        raise outcome.with_traceback(None)  # one that is raised again would gather lines
    if inspect.isclass(outcome) and issubclass(outcome, BaseException):
        raise outcome
    result = outcome(*args, **kwargs) if callable(outcome) else outcome
    return await result if inspect.isawaitable(result) else result


def _unexpected(alias: str) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        msg = f"The test gave no outcome for the step `{alias}`, but it was called."
        raise FatalError(msg)

    return fail


# ------------------------------------------------------------------- stubs of nothing in particular


def _base(alias: str, outcome: object) -> Step:
    """Return the step that a stub stands for if no real one was given."""
    if isinstance(outcome, Step):
        return cast("Step", outcome)
    if not is_alias(alias):
        msg = f"{alias!r} cannot be the alias of a stub."
        hint = "Aliases are ASCII identifiers, no keywords, without a leading underscore."
        raise RegistrationError(msg, code="WF154", hint=hint)
    function = outcome if isinstance(outcome, FunctionType) else cast("FunctionType", _anything)
    return Step(_named(function, alias), StepOptions(name=alias))


async def _anything(*args: Any, **kwargs: Any) -> Any: ...


def _named(function: FunctionType, alias: str) -> FunctionType:
    """Return a function again under another name: a lambda has none, and ids are made of names."""
    named = FunctionType(
        function.__code__, function.__globals__, alias, function.__defaults__, function.__closure__
    )
    named.__kwdefaults__ = function.__kwdefaults__
    named.__annotations__ = function.__annotations__
    named.__qualname__, named.__module__ = alias, MODULE
    return named


# ------------------------------------------------------------------------------ what is refused


def _check_aliases(outcomes: Mapping[str, object], real: Mapping[str, Step]) -> None:
    for alias in outcomes:
        if alias not in real:
            close = difflib.get_close_matches(str(alias), real, n=1)
            guess = f"Did you mean `{close[0]}`?" if close else f"There are {', '.join(real)}."
            raise RegistrationError(f"`like` has no step called {alias!r}.", hint=guess)


def _check_ids(steps: Mapping[str, Step]) -> None:
    aliases: dict[str, str] = {}
    for alias, stub in steps.items():
        first = aliases.setdefault(stub.step_id, alias)
        if first != alias:
            msg = f"`{first}` and `{alias}` are one step, {stub.step_id}: it can have one stub."
            hint = "Give the test two steps, or one alias; runs know a step by its id."
            raise RegistrationError(msg, hint=hint)
