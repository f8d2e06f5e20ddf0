"""What CPython itself makes of a source: plain asyncio, plain builtins, scripted answers.

The reference for what the guest does. Nothing here is the guest's but the values that cross, the
exceptions that a source names, and the run's time and chance, which are part of the script. What
happens next is decided by one rule on both sides: when nothing is ready, the oldest step or hook is
answered; if there is none, the clock jumps to the earliest timer.
"""

from __future__ import annotations

import asyncio
import builtins
import importlib
import json
import math
import sys
from asyncio.base_events import BaseEventLoop
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Self

from wf_notebook.guest import problems
from wf_notebook.guest.calendar import calendar_faces, clock_faces
from wf_notebook.guest.calls import to_tree, to_value
from wf_notebook.guest.chance import Chance
from wf_notebook.guest.durations import parse_duration
from wf_notebook.guest.language import compile_source
from wf_notebook.guest.machine import MODULE_NAME, Machine
from wf_notebook.guest.values import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START_US: Final = 10**15
SEED: Final = "00"
ANY_KIND: Final = [["args", "VAR_POSITIONAL", False], ["kwargs", "VAR_KEYWORD", False]]
MAX_ANSWERS: Final = 2_000


class Script:
    """What the world answers: read from the JSON file beside a source.

    `steps` maps an alias to a value, to `{"each": [...]}` for one call after the other (the last
    one repeats), to `{"by": {...}}` for what the text of the first argument chooses, or to
    `{"raise": TYPE, "message": TEXT}`; `hooks` lists the payloads of each hook, in order. Values
    are trees, as they cross.
    """

    def __init__(self, text: str) -> None:
        data = json.loads(text)
        self.args: list[Any] = data.pop("args", [])
        self.kwargs: dict[str, Any] = data.pop("kwargs", {})
        self.raises: str | None = data.pop("raises", None)
        self._steps: dict[str, Any] = data.pop("steps", {})
        self._hooks: list[list[Any]] = data.pop("hooks", [])
        assert not data, f"what is {', '.join(data)} in a script?"
        self._calls: dict[int, int] = {}
        self._opened = 0

    @classmethod
    def beside(cls, path: Path) -> Script:
        return cls(path.with_suffix(".json").read_text("utf-8"))

    def step(self, alias: str, args: list[Any]) -> Any:
        """The answer to the next call of a step."""
        return self._chosen(self._steps[alias], args)

    def _chosen(self, answer: Any, args: list[Any]) -> Any:
        match answer:
            case {"each": list(answers)}:
                count = self._calls.get(id(answer), 0)
                self._calls[id(answer)] = count + 1
                return self._chosen(answers[min(count, len(answers) - 1)], args)
            case {"by": dict(answers)}:
                return self._chosen(answers[str(args[0])], args)
            case _:
                return answer

    def hook(self) -> list[Any]:
        """The payloads of the next hook that is opened; none if the script has no more."""
        self._opened += 1
        return self._hooks[self._opened - 1] if self._opened <= len(self._hooks) else []


@dataclass
class Told:
    """What a run came to: what the guest and CPython must have in common."""

    status: str = "suspended"
    result: Any = None
    error: tuple[str, str] | None = None
    printed: str = ""
    calls: list[Any] = field(default_factory=list)


def canonical(tree: Any) -> Any:
    """A tree whose sets are sorted: CPython's have no order."""
    if isinstance(tree, list):
        return [canonical(item) for item in tree]
    if isinstance(tree, dict):
        plain = {key: canonical(value) for key, value in tree.items()}
        if plain.get("$t") in ("set", "frozenset"):
            plain["v"] = sorted(plain["v"], key=json.dumps)
        return plain
    return tree


# --------------------------------------------------------------------------------- the reference


class PlainLoop(BaseEventLoop):
    """CPython's own loop, with a clock that jumps and no system below it."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self.now_us = START_US
        self.waiting: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._numbers = 0
        self._left = MAX_ANSWERS

    def select(self, timeout: float | None) -> list[Any]:
        """Called by CPython's loop between two turns; not to wait means that something is ready."""
        if timeout != 0:
            self._left -= 1
            assert self._left, "it asks for more than a script should have to answer"
            self._next()
        return []

    def _next(self) -> None:
        while self.waiting:
            self.waiting.popleft()()
            if self._ready:
                return
        self._timers = sorted(t for t in self._timers if not t[2].cancelled())
        if not self._timers:
            raise _Stuck
        due, _, handle = self._timers.pop(0)
        self.now_us = max(self.now_us, due)
        self._ready.append(handle)

    def _process_events(self, events: list[Any]) -> None: ...
    def _write_to_self(self) -> None: ...
    def _timer_handle_cancelled(self, handle: Any) -> None: ...
    def call_exception_handler(self, context: Any) -> None: ...

    def time(self) -> float:
        return (self.now_us - START_US) / 1e6

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        if when <= self.time():
            return self.call_soon(callback, *args, context=context)
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._numbers += 1
        due = self.now_us + math.ceil(round((when - self.time()) * 1e6, 1))
        self._timers.append((due, self._numbers, handle))
        return handle

    def create_task(self, coro: Any, **options: Any) -> Any:
        """A task; also of what has begun already, which CPython's loop refuses."""
        return super().create_task(coro if asyncio.iscoroutine(coro) else _await(coro), **options)


class _Stuck(BaseException):
    """Nothing can happen any more."""


async def _await(started: Any) -> Any:
    return await started


class PlainHook:
    """A hook that is answered from the script."""

    def __init__(self, loop: PlainLoop, token: str, payloads: list[Any], timeout: Any):
        self.token = token
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._known = asyncio.Event()
        self._open = True
        loop.waiting.append(lambda: self._opened(loop, payloads))
        self._timer = None
        if timeout is not None:
            self._timer = loop.call_later(parse_duration(timeout), self._expire)

    def _opened(self, loop: PlainLoop, payloads: list[Any]) -> None:
        self._known.set()
        loop.waiting.extendleft([lambda p=p: self._received(p) for p in reversed(payloads)])

    def _received(self, payload: Any) -> None:
        if self._open:
            if self._timer is not None:
                self._timer.cancel()
            self._queue.put_nowait((decode(payload),))

    def _expire(self) -> None:
        if self._open:
            self._open = False
            self._queue.put_nowait(TimeoutError(f"nobody resumed the hook {self.token!r} in time"))

    async def _next(self) -> Any:
        got = await self._queue.get()
        if isinstance(got, BaseException):
            raise got
        return got[0]

    def __await__(self) -> Iterator[Any]:
        return self._next().__await__()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if self._queue.empty() and not self._open:
            raise StopAsyncIteration
        return await self._next()

    async def conflict(self) -> None:
        await self._known.wait()

    def dispose(self) -> None:
        self._open = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        self.dispose()


class Reference:
    """One run of a source under CPython."""

    def __init__(self, script: Script, aliases: tuple[str, ...]) -> None:
        self.told = Told()
        self._script = script
        self._loop = PlainLoop()
        self._chance = Chance(SEED)
        self._over = False  # what is done from then on counts as little as in the guest
        self._modules = self._own_modules()
        self._steps = type("Steps", (), {alias: self._step(alias) for alias in aliases})()

    def _own_modules(self) -> dict[str, ModuleType]:
        own = {
            **self._chance.faces(),
            "datetime": calendar_faces(self._now),
            "time": clock_faces(self._now),
        }
        found: dict[str, ModuleType] = {}
        for name, members in own.items():
            found[name] = ModuleType(name)
            vars(found[name]).update({**vars(importlib.import_module(name)), **members})
        return found

    def _names(self) -> dict[str, Any]:
        names: dict[str, Any] = {
            name: getattr(problems, name)
            for name in ("FatalError", "RetryableError", "StepError", "HookConflictError")
        }
        return {
            **vars(builtins),
            **names,
            "steps": self._steps,
            "sleep": self._sleep,
            "create_hook": self._create_hook,
            "now": self._now,
            "uuid4": self._chance.uuid4,
            "random": self._modules["random"],
            "asyncio": asyncio,
            "print": self._print,
            "__import__": self._import,
        }

    def _import(self, name: str, *rest: Any) -> Any:
        return self._modules.get(name) or builtins.__import__(name, *rest)

    def _now(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._loop.now_us)

    def _print(self, *values: Any, file: Any = None, **options: Any) -> None:
        print(*values, file=file or self, **options)

    def write(self, text: str) -> None:
        if not self._over:
            self.told.printed += text

    def flush(self) -> None: ...

    # ------------------------------------------------------------------------------ the surface

    def _step(self, alias: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> asyncio.Future[Any]:
            future = self._loop.create_future()
            answer = self._script.step(alias, list(args))
            trees = [to_tree(list(args), "args"), to_tree(kwargs, "kwargs")]
            if not self._over:
                self.told.calls.append([alias, *canonical(trees)])
            position = len(self.told.calls)
            self._loop.waiting.append(lambda: self._answer(future, alias, answer, position))
            return future

        return staticmethod(call)

    def _answer(self, future: asyncio.Future[Any], alias: str, answer: Any, n: int) -> None:
        if future.done():
            return
        if isinstance(answer, dict) and "raise" in answer:
            future.set_exception(problems.step_error(failure(answer), alias, n))
        else:
            future.set_result(decode(answer))

    def _sleep(self, duration: Any) -> asyncio.Future[None]:
        future = self._loop.create_future()
        if isinstance(duration, datetime):
            duration = (duration - self._now()).total_seconds()
        when = self._loop.time() + parse_duration(duration)
        self._loop.call_at(when, lambda: future.done() or future.set_result(None))
        return future

    def _create_hook(
        self,
        token: Any = None,
        schema: Any = None,
        timeout: Any = None,
        title: Any = None,
        *,
        metadata: Any = None,
    ) -> PlainHook:
        token = token or self._chance.token()
        self.told.calls.append(["hook", token, schema, title])
        return PlainHook(self._loop, token, self._script.hook(), timeout)

    # --------------------------------------------------------------------------------- running

    def run(self, source: str, entry: str) -> Told:
        module = ModuleType(MODULE_NAME)
        vars(module)["__builtins__"] = self._names()
        sys.modules[MODULE_NAME] = module
        try:
            self._loop.run_until_complete(self._main(source, entry, vars(module)))
        except _Stuck:
            self.told.status = "suspended"
        finally:
            self._close()
            del sys.modules[MODULE_NAME]
        return self.told

    async def _main(self, source: str, entry: str, names: dict[str, Any]) -> None:
        try:
            exec(compile_source(source, "<cell>"), names)
            args = [decode(tree) for tree in self._script.args]
            kwargs = {name: decode(tree) for name, tree in self._script.kwargs.items()}
            result = to_tree(await names[entry](*args, **kwargs), "result")
        except Exception as error:  # noqa: BLE001 - whatever the source raises is its outcome
            self.told.status = "failed"
            self.told.error = (type(error).__name__, str(error))
        else:
            self.told.status = "completed"
            self.told.result = canonical(result)
        self._over = True

    def _close(self) -> None:
        self._over = True
        for task in asyncio.all_tasks(self._loop):
            with suppress(BaseException):
                task.get_coro().close()
        self._loop.close()


def failure(answer: dict[str, Any]) -> dict[str, Any]:
    """A scripted failure as the host records it."""
    message = answer.get("message", "")
    return {"type": answer["raise"], "message": message, "cause": None, "parts": []}


# ------------------------------------------------------------------------------------- the guest


class Guest:
    """The same run on the guest's machine."""

    def __init__(self, script: Script, aliases: tuple[str, ...], schemas: tuple[str, ...]):
        self._script = script
        self._start = {
            "filename": "<cell>",
            "seed": SEED,
            "now_us": START_US,
            "commands": 1_000,
            "steps": dict.fromkeys(aliases, ANY_KIND),
            "schemas": list(schemas),
            "args": script.args,
            "kwargs": script.kwargs,
        }
        self._queue: deque[dict[str, Any]] = deque()
        self._waits: dict[int, dict[str, Any]] = {}
        self._closed: set[int] = set()
        self._now_us = START_US
        self.code: str | None = None  # why the run failed
        self.told = Told()

    def run(self, source: str, entry: str) -> Told:
        self._machine = Machine({**self._start, "source": source, "entry": entry})
        self._take(self._machine.advance())
        left = MAX_ANSWERS
        while not self._machine.ended and self._answer_one():
            left -= 1
            assert left, "it asks for more than a script should have to answer"
        reply = self._machine.reply()
        self._machine.discard()
        self.told.status = reply["status"]
        self.told.printed = "".join(text for _, text in reply["prints"])
        self.told.result = canonical(reply.get("result"))
        self.code = reply.get("code")
        if "error" in reply:
            self.told.error = (reply["error"]["type"], reply["error"]["message"])
        return self.told

    def _answer_one(self) -> bool:
        while self._queue:
            command = self._queue.popleft()
            if command["n"] in self._closed:
                continue
            self._answer(command)
            return True
        if not self._waits:
            return False
        n = min(self._waits, key=lambda n: (self._waits[n]["due_us"], n))
        self._now_us = max(self._now_us, self._waits.pop(n)["due_us"])
        self._deliver(n, "wait_completed", woken=False)
        return True

    def _answer(self, command: dict[str, Any]) -> None:
        n = command["n"]
        if command["op"] == "step":
            answer = command["answer"]
            if isinstance(answer, dict) and "raise" in answer:
                self._deliver(n, "step_failed", error=failure(answer))
            else:
                self._deliver(n, "step_completed", value=answer)
            return
        self._deliver(n, "hook_created")
        for payload in command["answer"]:
            if n not in self._closed:
                self._deliver(n, "hook_received", value=payload)

    def _deliver(self, n: int, kind: str, **more: Any) -> None:
        event = {"type": kind, "n": n, "time_us": self._now_us, **more}
        self._take(self._machine.deliver(event))

    def _take(self, commands: list[dict[str, Any]]) -> None:
        for command in commands:
            match command["op"]:
                case "step":
                    args = command["args"].get("args", {"v": []})["v"]
                    kwargs = command["args"].get("kwargs", {})
                    values = [to_value(tree) for tree in args]
                    answer = self._script.step(command["alias"], values)
                    self.told.calls.append([command["alias"], *canonical([args, kwargs])])
                    self._queue.append({**command, "answer": answer})
                case "hook":
                    told = [command["token"], command["schema"], command["title"]]
                    self.told.calls.append(["hook", *told])
                    self._queue.append({**command, "answer": self._script.hook()})
                case "wait":
                    self._waits[command["n"]] = command
                case "step_cancel" | "hook_dispose" | "wait_cancel":
                    self._closed.add(command["n"])
                    self._waits.pop(command["n"], None)
