"""How a source runs: start it, deliver one event, collect what it asks for, deliver the next.

There is no I/O here. The outcome is decided outside the body: once the entry has ended, asked for
too much, or been given an event that it never asked for, nothing it does can change that.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from wf_notebook.guest.aio import asyncio_face
from wf_notebook.guest.calendar import calendar_faces, clock_faces
from wf_notebook.guest.calls import to_tree, to_value
from wf_notebook.guest.chance import Chance
from wf_notebook.guest.failures import describe
from wf_notebook.guest.journal import Halt, Journal
from wf_notebook.guest.loop import DeterministicLoop
from wf_notebook.guest.modules import make_builtins, make_modules
from wf_notebook.guest.surface import Prints, Surface
from wf_notebook.guest.transform import compile_ordered
from wf_notebook.guest.values import Unencodable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from types import FrameType

    from wf_notebook.guest.journal import Asked

__all__ = ["MODULE_NAME", "Machine"]

MODULE_NAME: Final = "__workflow__"
"""What a source is called as a module; it is found in sys.modules while it runs."""

_COLLECT_EVERY: Final = 4096  # events; see `Machine.__init__`
_MAX_CLOSES: Final = 1000  # of one task: one that catches everything never ends


class Machine:
    r"""One run of one source.

    >>> machine = Machine({
    ...     "source": "async def hello(name):\n    return await steps.greet(name)\n",
    ...     "entry": "hello", "filename": "<cell>", "seed": "00", "now_us": 0, "commands": 10,
    ...     "steps": {"greet": [["name", "POSITIONAL_OR_KEYWORD", True]]}, "schemas": [],
    ...     "args": ["Ada"], "kwargs": {},
    ... })
    >>> machine.advance()
    [{'op': 'step', 'alias': 'greet', 'args': {'name': 'Ada'}, 'line': 2, 'n': 1, 'after': 0}]
    >>> machine.deliver({"type": "step_completed", "n": 1, "time_us": 5, "value": "Hi Ada"})
    []
    >>> machine.reply()["result"]
    'Hi Ada'
    """

    def __init__(self, start: Mapping[str, Any], *, collect: Callable[[], object] | None = None):
        """Prepare a run from a start message; its `events` are left to the caller.

        Args:
            start: the message.
            collect: the garbage collector, called after a fixed number of events. Whoever turns
                the automatic collection off makes the moment at which abandoned generators
                close the same on every replay.
        """
        self._start = start
        self._filename: str = start["filename"]
        self._collect = collect
        self._outcome: dict[str, Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = False
        self._prints = Prints()
        self._journal = Journal(
            filename=self._filename,
            now_us=start["now_us"],
            limit=start["commands"],
            exhausted=self._too_much,
        )
        # typeshed wants all of AbstractEventLoop; asyncio uses what is there.
        self._loop = DeterministicLoop(self._journal, self._prints.add)  # type: ignore[abstract]
        # A context of its own: a decimal precision that one run sets is not seen by another.
        self._context = contextvars.Context()
        self._module = ModuleType(MODULE_NAME)
        vars(self._module)["__builtins__"] = self._builtins()

    def _builtins(self) -> dict[str, object]:
        chance = Chance(self._start["seed"])
        surface = Surface(
            loop=self._loop,
            journal=self._journal,
            chance=chance,
            prints=self._prints,
            schemas=self._start["schemas"],
        )
        modules = make_modules({
            **chance.faces(),
            "asyncio": asyncio_face(surface.sleep_seconds, self._journal.line),
            "datetime": calendar_faces(surface.now),
            "time": clock_faces(surface.now),
        })  # fmt: skip
        return make_builtins(modules, surface.names(self._start["steps"], modules))

    # ------------------------------------------------------------------ running

    def advance(self) -> list[dict[str, Any]]:
        """Run until nothing is ready; return the commands that were asked for."""
        with self._entered():
            if not self._begun:
                self._begun = True
                # held until the end: a loop doesn't, and what nothing can wake would be collected
                self._task = self._loop.create_task(
                    self._main(), name="workflow", context=self._context
                )
            return self._run()

    def deliver(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Deliver one event, run until nothing is ready, return the commands."""
        with self._entered():
            return self._deliver(event)

    def deliver_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Deliver events one by one, each until nothing is ready."""
        with self._entered():
            for event in events:
                self._deliver(event)

    @contextmanager
    def _entered(self) -> Generator[None]:
        outer = sys.modules.get(MODULE_NAME)
        sys.modules[MODULE_NAME] = self._module  # dataclasses look their classes' module up
        try:
            with self._loop.entered():
                yield
        finally:
            del sys.modules[MODULE_NAME]
            if outer is not None:
                sys.modules[MODULE_NAME] = outer

    def _run(self) -> list[dict[str, Any]]:
        try:
            self._loop.run_until_quiet()
        except (Halt, SystemExit, KeyboardInterrupt) as error:
            self._failed(error)
        self._prints.rest()
        return self._journal.settle()

    def _deliver(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        journal = self._journal
        journal.delivered += 1
        if self._outcome is not None:
            return []
        journal.now_us = event["time_us"]
        asked = journal.find(event["n"])
        if asked is None or not asked.receive(event):
            self._diverged(event, asked)
            return []
        commands = self._run()
        if self._collect is not None and journal.delivered % _COLLECT_EVERY == 0:
            self._collect()
        return commands

    async def _main(self) -> None:
        try:
            result = await self._body()
        except BaseException as error:  # noqa: BLE001 - whatever the source raises is its outcome
            self._failed(error)
        else:
            self._returned(result)

    def _returned(self, result: object) -> None:
        try:
            tree = to_tree(result, "result")
        except Unencodable as error:
            self._failed(error, "PAYLOAD_ERROR")
        except BaseException as error:  # noqa: BLE001 - a property of the source's may raise anything
            self._failed(error)
        else:
            self._end({"status": "completed", "result": tree})

    async def _body(self) -> object:
        start, names = self._start, vars(self._module)
        exec(compile_ordered(start["source"], self._filename), names)  # noqa: S102 - our purpose
        entry = names[start["entry"]]
        args = [to_value(tree) for tree in start["args"]]
        kwargs = {name: to_value(tree) for name, tree in start["kwargs"].items()}
        return await entry(*args, **kwargs)

    # ----------------------------------------------------------------- outcomes

    def _end(self, outcome: dict[str, Any]) -> None:
        """Take the first outcome for good and let nothing run any more."""
        if self._outcome is None:
            self._outcome = {**outcome, "ended_after": self._journal.delivered}
        self._task = None
        self._journal.halt()
        self._loop.stop()

    def _failed(self, error: BaseException, code: str = "") -> None:
        if self._outcome is not None:
            return
        lines = self._start["source"].splitlines()
        failure = describe(error, filename=self._filename, lines=lines)
        if isinstance(error, MemoryError):
            failure["message"] = "the run needs more memory than it may use"
        if isinstance(error, MemoryError | RecursionError):
            code = "BUDGET_EXCEEDED"
        if not failure["frames"]:
            failure["frames"] = self._entry_frame()
        self._end({"status": "failed", "code": code or "USER_ERROR", "error": failure})

    def _entry_frame(self) -> list[list[Any]]:
        """Return where the entry is defined: a wrong call of it has no place of its own."""
        entry = vars(self._module).get(self._start["entry"])
        code = getattr(entry, "__code__", None)
        return [_frame(code.co_firstlineno, code.co_qualname)] if code else []

    def _too_much(self, line: int | None) -> None:
        limit = self._start["commands"]
        self._stopped(
            "BUDGET_EXCEEDED",
            "BudgetExceeded",
            f"more than {limit} steps, sleeps and hooks were asked for at once",
            [] if line is None else [line],
        )

    def _diverged(self, event: Mapping[str, Any], asked: Asked | None) -> None:
        kind, n = event["type"], event["n"]
        if asked is None:
            what = f"the source has asked for {self._journal.asked} things only"
        else:
            what = "that is not what the source asked for there"
        message = f"the log has {kind} for position {n}, but {what}"
        self._stopped("DIVERGENCE", "Divergence", message, self.where())

    def _stopped(self, code: str, kind: str, message: str, lines: Iterable[int]) -> None:
        frames = [_frame(line, "") for line in lines]
        error = {"type": kind, "message": message, "frames": frames, "cause": None, "parts": []}
        self._journal.drop()
        self._end({"status": "failed", "code": code, "error": error})

    # ------------------------------------------------------------ what is shown

    @property
    def ended(self) -> bool:
        """Whether the entry has ended, or was ended."""
        return self._outcome is not None

    def reply(self) -> dict[str, Any]:
        """Return what the activations since the last reply came to: the host's `Reply`."""
        commands, self._journal.commands = self._journal.commands, []
        reply: dict[str, Any] = {"status": "suspended", "after": self._journal.delivered}
        return {
            **reply,
            "commands": commands,
            "prints": self._prints.take(),
            **(self._outcome or {}),
        }

    def where(self) -> list[int]:
        """Return the lines of the source at which tasks are waiting, sorted."""
        waiting = (self._line_of(task.get_coro()) for task in asyncio.all_tasks(self._loop))
        return sorted({line for line in waiting if line is not None})

    def _line_of(self, awaited: Any) -> int | None:
        """Follow a coroutine to what it waits for, and return its innermost line of the source."""
        line = None
        while awaited is not None:
            frame, inner = _suspended(awaited)
            if frame is not None and frame.f_code.co_filename == self._filename:
                line = frame.f_lineno
            awaited = inner
        return line

    def discard(self) -> None:
        """Throw the coroutines away without letting them do anything.

        Python runs a `finally` of a coroutine that it closes; here it can neither ask for
        anything nor print, and what it raises is lost.
        """
        self._end({"status": "suspended"})
        self._prints = Prints()
        with self._entered():
            for task in asyncio.all_tasks(self._loop):
                _close(task.get_coro())


def _frame(line: int, function: str) -> list[Any]:
    return [line, None, None, None, function]


def _close(coroutine: Any) -> None:
    """Close a coroutine, from the innermost that it awaits outwards.

    One that waits while it closes, as TaskGroup does, is closed again: what is left half closed
    would be closed, and complain, whenever it is collected.
    """
    for _ in range(_MAX_CLOSES):
        innermost = _innermost(coroutine)
        if innermost is None:
            return
        with suppress(BaseException):
            innermost.close()


def _innermost(awaited: Any) -> Any:
    """Follow a coroutine to what it waits for; return the last that can run, or None."""
    found = None
    while awaited is not None:
        frame, inner = _suspended(awaited)
        if frame is not None:
            found = awaited
        awaited = inner
    return found


def _suspended(awaited: Any) -> tuple[FrameType | None, Any]:
    """Return the frame of a coroutine or generator, and what it waits for."""
    for prefix in ("cr", "gi"):
        if hasattr(awaited, f"{prefix}_frame"):
            inner = "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await"
            return getattr(awaited, f"{prefix}_frame"), getattr(awaited, inner)
    return None, None
