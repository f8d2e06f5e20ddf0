"""What `steps.x(...)` does: it binds the arguments, asks for the step, returns a started future."""

from __future__ import annotations

import asyncio
import difflib
import inspect
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from wf_notebook.guest.aio import Started
from wf_notebook.guest.loop import GuestFuture
from wf_notebook.guest.measure import check_length
from wf_notebook.guest.ordered import OrderedFrozenSet, OrderedSet
from wf_notebook.guest.problems import step_error
from wf_notebook.guest.values import Tree, Unencodable, decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wf_notebook.guest.journal import Journal
    from wf_notebook.guest.loop import DeterministicLoop

__all__ = ["AskedFuture", "StepCall", "make_steps", "to_tree", "to_value"]


def to_value(tree: Tree) -> object:
    """Return a value as a source sees it: its sets have an order."""
    return decode(tree, make_set=OrderedSet, make_frozenset=OrderedFrozenSet)


def to_tree(value: object, path: str) -> Tree:
    """Return the tree of a source's value.

    Raises:
        Unencodable: it cannot cross, or is too long; `path` says where in it.
    """
    tree = encode(value, default=_hint, path=path)
    check_length(tree, path)
    return tree


def _hint(value: Any) -> Tree:
    """Say what to do about things that people forget to await; leave the rest to `encode`."""
    if inspect.iscoroutine(value):
        msg = f"the coroutine {value.__qualname__}() has not been awaited; write `await` before it"
        raise Unencodable(msg)
    if isinstance(value, (Started, asyncio.Future)):
        msg = f"{cast('object', value)!r} has not been awaited; write `await` before it"
        raise Unencodable(msg)
    if isinstance(value, (GeneratorType, map, filter, zip)):
        name = type(cast("object", value)).__name__
        msg = f"a {name} cannot be recorded; make a list of it"
        raise Unencodable(msg)
    return cast("Tree", NotImplemented)


class AskedFuture(GuestFuture, Started):
    """The future of a step or a sleep: it has begun; cancelling it withdraws it."""

    __slots__ = ("journal", "line", "n", "open", "subject", "withdrawal")
    journal: Journal
    line: int | None
    n: int
    open: bool
    subject: str
    withdrawal: str

    @classmethod
    def begin(
        cls, loop: DeterministicLoop, journal: Journal, command: dict[str, Any], subject: str
    ) -> AskedFuture:
        """Ask for something; `subject` names it."""
        future = cls(loop=loop)
        future.number = loop.next_number()
        future.journal = journal
        future.n = 0
        future.open = True
        future.line = command["line"]
        future.subject = subject
        future.withdrawal = f"{command['op']}_cancel"
        journal.ask(future, command)
        return future

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it; the step or the wait is withdrawn."""
        cancelled = super().cancel(msg)
        if cancelled and self.open:
            self.journal.withdraw(self, self.withdrawal)
        return cancelled

    def receive(self, event: Mapping[str, Any]) -> bool:
        """Take the outcome."""
        kind = event["type"]
        if kind not in _OUTCOMES[self.withdrawal]:
            return False
        if not self.open:
            return True  # cancelled meanwhile: nobody waits for it
        self.open = False
        if self.done():
            return True
        if kind == "step_failed":
            alias = self.subject.removeprefix("steps.")
            self.set_exception(step_error(event["error"], alias, self.n))
        else:
            self.set_result(to_value(event["value"]) if kind == "step_completed" else None)
        return True

    def __repr__(self) -> str:
        return f"<{self.subject} {'done' if self.done() else 'pending'}>"


_OUTCOMES = {
    "step_cancel": ("step_completed", "step_failed"),
    "wait_cancel": ("wait_completed",),
}


class StepCall:
    """One step of a run, as the source calls it."""

    __slots__ = ("_alias", "_journal", "_loop", "_shapes", "_signature")

    def __init__(
        self,
        alias: str,
        parameters: Sequence[tuple[str, str, bool]],
        *,
        loop: DeterministicLoop,
        journal: Journal,
    ):
        """Know a step by its alias and its parameters: name, inspect's kind, required."""
        self._alias = alias
        self._loop = loop
        self._journal = journal
        self._signature = _signature(parameters)
        # Calls of one shape bind alike; inspect takes longer than all the rest of a call.
        self._shapes: dict[tuple[Any, ...], tuple[str, ...]] = {}

    def __call__(self, /, *args: Any, **kwargs: Any) -> AskedFuture:
        """Start the step.

        Raises:
            TypeError: the arguments don't fit the step, or one cannot be recorded.
        """
        command: dict[str, Any] = {
            "op": "step",
            "alias": self._alias,
            "args": self._encoded(self._bound(args, kwargs)),
            "line": self._journal.line(),
        }
        return AskedFuture.begin(self._loop, self._journal, command, f"steps.{self._alias}")

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any]:
        shape = (len(args), *kwargs)
        names = self._shapes.get(shape)
        if names is not None:
            return dict(zip(names, (*args, *kwargs.values()), strict=True))
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            msg = f"steps.{self._alias}(): {error}; it is called as {self._alias}{self._signature}"
            raise TypeError(msg) from None
        parameters = self._signature.parameters
        if not _VARIABLE.isdisjoint(parameter.kind for parameter in parameters.values()):
            return bound.arguments
        self._shapes[shape] = (*list(parameters)[: len(args)], *kwargs)
        return self._bound(args, kwargs)

    def _encoded(self, bound: Mapping[str, Any]) -> dict[str, Tree]:
        return {name: to_tree(value, f"{self._alias}.{name}") for name, value in bound.items()}

    def __repr__(self) -> str:
        return f"<step {self._alias}>"


_VARIABLE = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


class _Default:
    """Stands for a default that only the host knows."""

    def __repr__(self) -> str:
        return "..."


def _signature(parameters: Sequence[tuple[str, str, bool]]) -> inspect.Signature:
    return inspect.Signature([_parameter(*parameter) for parameter in parameters])


def _parameter(name: str, kind: str, required: bool) -> inspect.Parameter:  # noqa: FBT001 - data
    how = getattr(inspect.Parameter, kind)
    given = required or how in _VARIABLE
    return inspect.Parameter(name, how, default=inspect.Parameter.empty if given else _Default())


class _Steps:
    """The steps of a run, by alias."""

    __slots__ = ()

    def __getattr__(self, alias: str) -> NoReturn:
        offered = dir(self)
        close = difflib.get_close_matches(alias, offered, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(offered)}"
        msg = f"this run has no step {alias!r}; {hint}"
        raise AttributeError(msg)

    def __setattr__(self, alias: str, value: object) -> NoReturn:
        msg = f"steps are read-only: cannot set {alias!r}"
        raise AttributeError(msg)

    def __delattr__(self, alias: str) -> NoReturn:
        msg = f"steps are read-only: cannot delete {alias!r}"
        raise AttributeError(msg)

    def __dir__(self) -> list[str]:
        return sorted(name for name in vars(type(self)) if not name.startswith("_"))

    def __repr__(self) -> str:
        return f"<steps {', '.join(dir(self))}>"


def make_steps(
    offered: Mapping[str, Sequence[tuple[str, str, bool]]],
    *,
    loop: DeterministicLoop,
    journal: Journal,
) -> object:
    """Return the name `steps`: an attribute for each alias, and nothing else."""
    calls = {
        alias: StepCall(alias, parameters, loop=loop, journal=journal)
        for alias, parameters in offered.items()
    }
    # As attributes of a class they are found without a Python call.
    return type("Steps", (_Steps,), {**calls, "__slots__": ()})()
